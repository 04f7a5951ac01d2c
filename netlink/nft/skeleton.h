// The static half of tables `inet drawbridge` and `bridge drawbridge`: chains, rules, and the names
// of their sets and maps.
//
// A network is elements of these sets (elements.h), never a rule. docs/firewall.md shows the
// tables as `nft list` prints them and says what each chain is for.
#pragma once

#include "model/policy.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

class NftBatch;

inline constexpr char const* nft_table_name = "drawbridge";

/// The sets and maps: the contract between these tables and driver/policy_elements.h. A key's parts
/// are written as nft(8) calls their types; where one says "range" the set holds intervals, and
/// prefixes and ranges are taken.
namespace nft_set {

// Table inet. {key}, or {key : value} of a map.
inline constexpr char const* nets = "nets";    // {ifname}: our bridges
inline constexpr char const* pair = "pair";    // {ifname . ifname : verdict}: from . to
inline constexpr char const* teams = "teams";  // {ifname . devgroup}: into . from bridges of
inline constexpr char const* gateways4 = "gateways4";  // {ipv4_addr}: addresses of our bridges
inline constexpr char const* gateways6 = "gateways6";  // {ipv6_addr}
inline constexpr char const* doors = "doors";          // {ifname . ether_addr}: of bridges apart
inline constexpr char const* uplinks = "uplinks";      // {ifname}: they carry a default route

/// Who may come in to what: {ifname . ifname . protocol range . port range}: from . to
inline constexpr char const* from_network = "from_network";
/// {address range . ifname . protocol range . port range}: from . to
inline constexpr char const* from_address4 = "from_address4";
inline constexpr char const* from_address6 = "from_address6";
/// {ifname . ipv4_addr . ipv4_addr}: a proxy, where it comes from . a member that it reaches
inline constexpr char const* proxied4 = "proxied4";
inline constexpr char const* proxied6 = "proxied6";

/// What a network may open beyond itself and its peers: {ifname : verdict}, absent: everything
inline constexpr char const* egress = "egress";
/// The same towards this host. {ifname : verdict}
inline constexpr char const* to_host = "to_host";
inline constexpr char const* limited = "limited";  // {ifname}: those that to_host has
/// {ifname . address range . protocol range . port range}: from . to
inline constexpr char const* egress_to4 = "egress_to4";
inline constexpr char const* egress_to6 = "egress_to6";
inline constexpr char const* resolvers4 = "resolvers4";  // {ipv4_addr . protocol . port}
inline constexpr char const* resolvers6 = "resolvers6";

/// By gateway mode: {ifname} of networks whose members are reached from outside as they are, all
/// of their ports (nat-unprotected), or their published ports and ICMP (routed).
inline constexpr char const* open4 = "open4";
inline constexpr char const* open6 = "open6";
inline constexpr char const* routed4 = "routed4";
inline constexpr char const* routed6 = "routed6";

/// Published ports. {ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service}: of one
/// address; without the first part: of every address of this host
inline constexpr char const* ports4 = "ports4";
inline constexpr char const* ports6 = "ports6";
inline constexpr char const* ports_any4 = "ports_any4";
inline constexpr char const* ports_any6 = "ports_any6";
/// {ipv4_addr range . inet_proto range . inet_service range : ipv4_addr}: they keep their numbers
inline constexpr char const* port_ranges4 = "port_ranges4";
inline constexpr char const* port_ranges6 = "port_ranges6";
/// {ifname . address range . inet_proto range . inet_service range}: what members of this bridge
/// ask there the daemon relays, because the bridge lets no frame from one such member to another
inline constexpr char const* relayed4 = "relayed4";
inline constexpr char const* relayed6 = "relayed6";
inline constexpr char const* itself4 = "itself4";  // {ipv4_addr . ipv4_addr}: an address twice
inline constexpr char const* itself6 = "itself6";
inline constexpr char const* turns = "turns";  // {ifname . ifname}: a bridge twice
/// Of routed networks. {ipv4_addr . inet_proto range . inet_service range}
inline constexpr char const* routed_ports4 = "routed_ports4";
inline constexpr char const* routed_ports6 = "routed_ports6";

/// Who reaches the published ports of a network. {ifname : verdict}, absent: everybody
inline constexpr char const* publish = "publish";
inline constexpr char const* publish_from4 = "publish_from4";  // {ipv4_addr range . ifname}: to
inline constexpr char const* publish_from6 = "publish_from6";
/// How often. {ifname : verdict}, jumps to connlimit_chain()
inline constexpr char const* connlimit = "connlimit";
/// {ifname . ipv4_addr}, filled by the kernel: to, and who opened connections of late
inline constexpr char const* openers4 = "openers4";
inline constexpr char const* openers6 = "openers6";

inline constexpr char const* masquerade4 = "masquerade4";  // {ifname}
inline constexpr char const* masquerade6 = "masquerade6";
inline constexpr char const* host4 = "host4";  // {ifname : ipv4_addr}: instead of masquerading
inline constexpr char const* host6 = "host6";

/// {ifname}: one word, the mark of what was written (written.h); it is no interface
inline constexpr char const* written = "written";

// Table bridge. The interfaces are ports of our bridges.

/// {ifname . ether_addr . address}: what a member sends from. With its own addresses go 0.0.0.0 and
/// ::, from which it asks whether an address is free.
inline constexpr char const* sources4 = "sources4";
inline constexpr char const* sources6 = "sources6";
inline constexpr char const* targets6 = "targets6";  // {ifname . ipv6_addr}: what it answers for
inline constexpr char const* bounded = "bounded";    // {ifname}: kept to their project
inline constexpr char const* projects = "projects";  // {ifname . devgroup}: into . from ports of

}  // namespace nft_set

/// The chains that verdicts name.
namespace nft_chain {
/// In `pair`: members of one network that meet at the bridge only, never by way of the gateway.
inline constexpr char const* apart = "apart";
// In `egress`, jumps.
inline constexpr char const* egress_internet = "egress_internet";
inline constexpr char const* egress_listed = "egress_listed";
// In `to_host`, jumps.
inline constexpr char const* host_internet = "host_internet";
// In `publish`, jumps.
inline constexpr char const* publish_listed = "publish_listed";
}  // namespace nft_chain

/// The chain that drops what is more than the limit: of no network, made when an element of
/// `connlimit` first names it.
///
/// returns  "connlimit_10_20"
std::string connlimit_chain(ConnLimit const& limit);

/// returns  the family of the table that has this set: NFPROTO_INET, NFPROTO_BRIDGE
std::uint16_t family_of(std::string_view set);
/// returns  the sets and maps of the table of this family, but for those that rules fill
std::vector<char const*> sets_of(std::uint16_t family);

/// A part of a key in the kernel, which fills whole registers of four bytes.
struct KeyPart {
  enum class Kind : std::uint8_t { interface, ipv4, ipv6, mac, group, protocol, port };

  Kind kind;
  std::uint8_t bytes;
};

/// returns  the parts of the keys of this set, in their order
std::vector<KeyPart> key_parts_of(std::string_view set);

/// What a map leads to.
enum class MapValue : std::uint8_t { none, verdict, ipv4, ipv6, ipv4_target, ipv6_target };

/// returns  none for a set, too
MapValue map_value_of(std::string_view set);

/// returns  true for a set whose elements are intervals
bool holds_ranges(std::string_view set);

/// Puts our table of this family, empty of elements, in the place of whatever has its name.
void append_skeleton(NftBatch& batch, std::uint16_t family);

/// Makes a table of this family with a chain under another name, and takes it away again: the
/// kernel refuses where it cannot.
void append_trial(NftBatch& batch, std::uint16_t family);

/// Takes our table of this family away, whether it is there or not.
void append_table_removal(NftBatch& batch, std::uint16_t family);

}  // namespace drawbridge
