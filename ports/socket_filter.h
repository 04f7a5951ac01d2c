// Classic BPF programs that let a socket see packets of some sources only, from nothing but the
// list of these. Attached to a socket, all others are as if they had never come.
//
// source: Documentation/networking/filter.rst, socket(7) SO_ATTACH_FILTER
#pragma once

#include "model/address.h"

#include <cstddef>
#include <vector>

#include <linux/bpf.h>
#include <linux/filter.h>

namespace drawbridge {

using SocketFilter = std::vector<sock_filter>;

/// Prefixes of one family that a filter tells apart.
inline constexpr std::size_t most_filtered_prefixes = 100;

/// most   of one family; where there are more of it, all its packets pass
///
/// returns  a program for TCP, UDP and SCTP sockets of either family, or of both; empty `passing`
///          lets nothing pass
SocketFilter filter_of(std::vector<IpPrefix> const& passing,
                       std::size_t most = most_filtered_prefixes);

/// returns  the same program as the kernel's own machine has it, which sockets can share
/// source   Documentation/bpf/classic_vs_extended.rst
std::vector<bpf_insn> extended(SocketFilter const& filter);

}  // namespace drawbridge
