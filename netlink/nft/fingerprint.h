// Tells a table that we wrote from any other of its name. Internal to netlink/.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace drawbridge {

class NftSocket;

/// The kernel never gives a handle twice. Elements are not looked at.
struct Fingerprint {
  std::uint64_t table = 0;
  std::vector<std::uint64_t> rules;

  bool operator==(Fingerprint const&) const = default;
};

/// family   NFPROTO_INET, NFPROTO_BRIDGE
/// returns  nothing where no table of this family has our name
/// errors   kernel   refused
Result<std::optional<Fingerprint>> fingerprint_of(NftSocket& socket, std::uint16_t family);

}  // namespace drawbridge
