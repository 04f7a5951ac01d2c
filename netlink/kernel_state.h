// What the kernel holds, or should hold, for us: links and the elements of our nftables sets.
//
// Plain values, compared by diff.h. What observes and changes the kernel is kernel.h.
#pragma once

#include "model/address.h"
#include "model/policy.h"

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

/// How the names of the host's ends of veth pairs begin; only frames from there are looked at.
inline constexpr std::string_view port_prefix = "dv-";

/// A number that links share (`ip link show group`); 0 is what every link has that nobody put into
/// one. Pairs of groups are keys of sets. The numbers from 2^31 up are the reaper's (reaper.h).
struct LinkGroup {
  std::uint32_t number = 0;

  auto operator<=>(LinkGroup const&) const = default;
};

struct Bridge {
  std::string name;
  std::string owner;  // network id; the link's ifalias is "drawbridge:<owner>"
  MacAddress mac;
  std::uint32_t mtu_bytes = 1500;
  std::set<IpPrefix> addresses;
  bool up = true;
  LinkGroup group = {};  // of its team
  /// Packets from 127.0.0.0/8 may leave by it: for published ports on 127.0.0.1. Once on, it stays.
  bool route_localnet = false;

  bool operator==(Bridge const&) const = default;
};

struct Veth {
  std::string host_end;
  std::string container_end;  // its name until the engine moves it into the sandbox
  std::string owner;          // endpoint id; the ends' ifaliases are in mark.h
  std::string bridge;         // empty: the host end is no port of any bridge
  std::uint32_t mtu_bytes = 1500;
  bool up = true;  // of the host end
  /// Of the container's end. The bridge knows it for ever and learns no other at this port, and
  /// sends nothing here that is for an address it does not know.
  MacAddress mac = {};
  bool isolated = false;  // exchanges no frame with other isolated ports of its bridge
  LinkGroup group = {};   // of its compose project, where the network keeps projects apart
  bool hairpin = false;   // sends frames back where they came from: a container at its own port
  /// Of each direction, in whole bytes: a multiple of 8. 0: no limit.
  std::uint64_t rate_bits_per_second = 0;

  bool operator==(Veth const&) const = default;
};

/// The rate of a veth of whose limit only a part is there. Nobody wants it, so it is made whole, or
/// taken away.
inline constexpr std::uint64_t unsound_rate = 1;

/// One part of a set element's key. Prefixes and ranges are for sets that hold intervals
/// (nft/skeleton.h).
using KeyField =
    std::variant<std::string, IpAddress, MacAddress, LinkGroup, IpPrefix, ProtocolRange, PortRange>;

/// What a verdict map says: accept, drop, or go on in a chain (and come back, if it is a jump).
struct Verdict {
  enum class Kind : std::uint8_t { accept, drop, jump, go_to };

  Kind kind = Kind::accept;
  std::string chain;  // of jump and go_to; nft/skeleton.h names them

  auto operator<=>(Verdict const&) const = default;
};

/// Where a map of published ports leads.
struct Target {
  IpAddress address;
  std::uint16_t port = 0;

  auto operator<=>(Target const&) const = default;
};

/// One element of a set or map of our tables (nft/skeleton.h names them). In a set it has no value.
struct Element {
  std::string set;
  std::vector<KeyField> key;
  std::variant<std::monostate, Verdict, IpAddress, Target> value = {};

  auto operator<=>(Element const&) const = default;
};

struct KernelState {
  std::map<std::string, Bridge> bridges;  // by name
  std::map<std::string, Veth> veths;      // by host end
  std::set<Element> elements;
  std::set<Family> forwarding;    // families that this host forwards
  std::set<std::string> foreign;  // names of links without our mark: never touched

  /// Only of what was observed: a line for each damage to our tables that `elements` do not show,
  /// and whether the tables are known for ours at all, as they are once they were replaced.
  std::vector<std::string> astray_rules = {};
  bool are_tables_known = true;

  bool operator==(KernelState const&) const = default;
};

}  // namespace drawbridge
