// What the kernel holds of networks that nobody remembers: it stays as it is until they are known
// again, or Docker says that they are gone. Pure. source: docs/adr/0029-rebuilding-state.md
#pragma once

#include "model/ids.h"
#include "netlink/kernel_state.h"

namespace drawbridge {

/// Takes what belongs to a network out of `kept`: its bridge, the ports of that, and the elements
/// that name them or, where an element names no interface, an address of theirs.
///
/// returns  what was taken; nothing when no bridge is the network's
KernelState take_network(KernelState& kept, NetworkId const& id);

/// Takes a port out, with the elements that name it or an address that its member sends from.
KernelState take_endpoint(KernelState& kept, EndpointId const& id);

/// Adds everything of `kept` to `state`.
void add_kept(KernelState& state, KernelState const& kept);

}  // namespace drawbridge
