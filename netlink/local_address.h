// Whether an address is one of this host.
#pragma once

#include "model/address.h"

namespace drawbridge {

/// Costs four short system calls.
///
/// returns  false where it cannot be found out
bool is_address_of_this_host(IpAddress const& address);

}  // namespace drawbridge
