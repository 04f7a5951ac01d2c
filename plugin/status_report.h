// How the daemon fares: JSON of GET /status on the control socket. Pure. docs/operations.md names
// the members.
#pragma once

#include "base/result.h"
#include "ipam/pool_report.h"
#include "plugin/looks.h"
#include "plugin/pool_listing.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

/// What is heard of the Docker API.
struct DockerContact {
  std::string socket;  // empty: it is not asked
  std::optional<std::chrono::seconds>
      first;                                 // so long ago it answered first, in this daemon's life
  std::optional<std::chrono::seconds> last;  // and last

  bool operator==(DockerContact const&) const = default;
};

/// Where the daemon has what.
struct ServedPaths {
  std::string plugin_socket;
  std::string control_socket;
  std::string state_dir;
  std::string config;

  bool operator==(ServedPaths const&) const = default;
};

struct StatusReport {
  std::string version;
  std::chrono::seconds uptime{0};
  std::size_t networks = 0;
  std::size_t endpoints = 0;
  std::size_t published_ports = 0;  // mappings
  PoolListing pools;
  DockerContact docker;
  LookCounters looks;
  ServedPaths paths;
  std::vector<std::string> troubles;  // a line each
};

/// returns  JSON: an object
std::string encode_status(StatusReport const& report);

/// errors  malformed   not what encode_status() makes; the text says what is wrong
Result<StatusReport> decode_status(std::string_view body);

}  // namespace drawbridge
