// Tells a table that we wrote from any other of its name. Internal to netlink/.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge {

class NftSocket;

/// As long as the host runs, the kernel gives no handle of a table twice, nor one in a table.
/// Elements are not looked at.
struct Fingerprint {
  std::uint64_t table = 0;
  std::uint32_t flags = 0;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> chains;  // handle, policy
  std::vector<std::uint64_t> rules;
  std::set<std::string> connlimit_chains = {};  // which of the chains were made on demand

  bool operator==(Fingerprint const&) const = default;
};

/// family   NFPROTO_INET, NFPROTO_BRIDGE
/// returns  nothing where no table of this family has our name
/// errors   kernel   refused
Result<std::optional<Fingerprint>> fingerprint_of(NftSocket& socket, std::uint16_t family);

}  // namespace drawbridge
