// The static half of table `inet drawbridge`: chains, rules, and the names of its sets and maps.
//
// A network is elements of these sets (nft_elements.h), never a rule. docs/firewall.md shows the
// table as `nft list` prints it and says what each chain is for.
#pragma once

namespace drawbridge {

class NftBatch;

inline constexpr char const* nft_table_name = "drawbridge";

/// The sets and maps: the contract between this table and driver/desired_state.h.
namespace nft_set {
inline constexpr char const* nets = "nets";            // {ifname}: our bridges
inline constexpr char const* internal = "internal";    // {ifname}: those of --internal networks
inline constexpr char const* pair = "pair";            // {ifname . ifname : accept}: from . to
inline constexpr char const* gateways4 = "gateways4";  // {ipv4_addr}: addresses of our bridges
inline constexpr char const* gateways6 = "gateways6";  // {ipv6_addr}
inline constexpr char const* uplinks = "uplinks";      // {ifname}: they carry a default route
}  // namespace nft_set

/// returns  true for a map whose elements carry a verdict
bool is_verdict_map(char const* set);

/// Puts our table, empty of elements, in the place of whatever has its name.
void append_skeleton(NftBatch& batch);

/// Takes our table away, whether it is there or not.
void append_table_removal(NftBatch& batch);

}  // namespace drawbridge
