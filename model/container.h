// Containers as the Docker API lists them: who is on which network, and what decides about proxies
// and attachments.
//
// What Docker asks of drawbridge is in network.h and pool.h. source: Docker Engine API v1.40,
// GET /containers/json, GET /containers/{id}/json and GET /events
#pragma once

#include "model/address.h"
#include "model/ids.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace drawbridge {

/// A container's place in one network. A container that does not run keeps its place; endpoint and
/// addresses come with the start.
struct Attachment {
  NetworkId network;    // empty while only the name is known: connected since it ran last (20.10)
  EndpointId endpoint;  // empty: none
  std::optional<IpPrefix> ipv4;
  std::optional<IpPrefix> ipv6;
  std::string network_name = {};
  std::optional<MacAddress> mac = {};
  std::vector<IpAddress> chosen = {};  // what its owner asked for (`--ip`), running or not
  // The endpoint is gone or going, of a container that is said to run: whether the place is kept is
  // not known until it stopped, or is listed.
  bool left = false;

  bool operator==(Attachment const&) const = default;
};

/// Running is also what is paused. Restarting is between two starts: what it lists may be gone.
enum class RunState : std::uint8_t { created, running, restarting, stopped };

struct Container {
  ContainerId id;
  std::string name;  // without the slash
  std::map<std::string, std::string> labels;
  std::optional<std::vector<std::string>> environment;  // "KEY=VALUE"; absent: not asked for yet
  RunState state = RunState::created;
  std::string network_mode;             // "default", "host", "none", "container:ID"
  std::vector<Attachment> attachments;  // one for each of its networks

  /// returns  whether it runs, or will again by itself
  bool is_running() const { return state == RunState::running || state == RunState::restarting; }

  bool operator==(Container const&) const = default;
};

}  // namespace drawbridge
