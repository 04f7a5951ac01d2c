// What the kernel holds, or should hold, for us: links and the elements of our nftables sets.
//
// Plain values, compared by diff.h. What observes and changes the kernel is kernel.h.
#pragma once

#include "model/address.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace drawbridge {

/// How the names of bridges begin that no user chose; the accept rules beside a FORWARD policy of
/// drop match on it.
inline constexpr std::string_view bridge_prefix = "db-";

struct Bridge {
  std::string name;
  std::string owner;  // network id; the link's ifalias is "drawbridge:<owner>"
  MacAddress mac;
  std::uint32_t mtu_bytes = 1500;
  std::set<IpPrefix> addresses;
  bool up = true;

  bool operator==(Bridge const&) const = default;
};

struct Veth {
  std::string host_end;
  std::string container_end;  // its name until the engine moves it into the sandbox
  std::string owner;          // endpoint id; the ends' ifaliases are in mark.h
  std::string bridge;         // empty: the host end is no port of any bridge
  std::uint32_t mtu_bytes = 1500;
  bool up = true;  // of the host end

  bool operator==(Veth const&) const = default;
};

/// One part of a set element's key: an interface name or an address.
using KeyField = std::variant<std::string, IpAddress>;

/// One element of a set or verdict map of table `inet drawbridge` (nft_skeleton.h names them).
/// In a verdict map an element means "accept".
struct Element {
  std::string set;
  std::vector<KeyField> key;

  auto operator<=>(Element const&) const = default;
};

struct KernelState {
  std::map<std::string, Bridge> bridges;  // by name
  std::map<std::string, Veth> veths;      // by host end
  std::set<Element> elements;
  std::set<Family> forwarding;    // families that this host forwards
  std::set<std::string> foreign;  // names of links without our mark: never touched

  bool operator==(KernelState const&) const = default;
};

}  // namespace drawbridge
