// What the files of rules of table `inet drawbridge` share: how a rule of it begins.
#pragma once

#include "netlink/nft/rule.h"
#include "netlink/nft/skeleton.h"

#include <linux/netfilter.h>

namespace drawbridge {

/// An empty rule of a chain of table inet.
inline NftRule inet_rule(char const* chain, char const* comment) {
  return NftRule({NFPROTO_INET, nft_table_name, chain}, comment);
}

}  // namespace drawbridge
