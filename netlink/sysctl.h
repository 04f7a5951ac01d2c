// Kernel settings below /proc/sys/net, of the network namespace that this thread is in.
//
// A key is a path there, "ipv4/ip_forward", because interface names may hold dots.
#pragma once

#include "base/result.h"
#include "model/address.h"

#include <set>
#include <string>

namespace drawbridge {

/// returns  without the line end
/// errors   not_found   no such setting: the kernel lacks the feature, or there is no such link
Result<std::string> read_sysctl(std::string const& key);

/// Writes only what differs.
///
/// errors  not_found   no such setting
///         kernel      read-only or refused; the text names the command that an administrator runs
Result<void> write_sysctl(std::string const& key, std::string const& value);

/// returns  the families that this host forwards
Result<std::set<Family>> forwarded_families();
Result<void> enable_forwarding(Family family);

}  // namespace drawbridge
