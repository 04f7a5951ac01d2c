// The rules of our two tables, a function each, above which it stands as `nft list` prints it.
//
// Internal to netlink/. docs/firewall.md says what each chain is for.
#pragma once

namespace drawbridge {

class NftBatch;

/// Into the chains of table `inet drawbridge`, which must be there: what may pass, which ports of
/// this host lead to members, and with which source address a packet goes on.
void append_filter_rules(NftBatch& batch);
void append_inbound_rules(NftBatch& batch);
void append_port_rules(NftBatch& batch);
void append_nat_rules(NftBatch& batch);

/// Into the chains of table `bridge drawbridge`, which must be there.
void append_bridge_rules(NftBatch& batch);

}  // namespace drawbridge
