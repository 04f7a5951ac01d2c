// Networks that the kernel has and the store does not: kept as they are, until the store has them
// again or Docker says that they are gone. docs/adr/0029-rebuilding-state.md
#include "driver/about.h"
#include "driver/driver.h"
#include "driver/kept.h"

#include <utility>

namespace drawbridge {

void Driver::keep(KernelState observed) {
  kept_ = {};
  kept_.bridges = std::move(observed.bridges);
  kept_.veths = std::move(observed.veths);
  kept_.elements = std::move(observed.elements);
}

/// What is known again is not kept any more; without a bridge that is, nothing is.
void Driver::let_go_of_known() {
  for (auto const& [id, entry] : networks_) {
    take_network(kept_, id);
  }
  if (kept_.bridges.empty()) {
    kept_ = {};
  }
}

Result<std::vector<std::string>> Driver::load_rebuilt() {
  std::set<NetworkId> before;
  for (auto const& [id, entry] : networks_) {
    before.insert(id);
  }
  if (Result<void> const loaded = load(); !loaded) {
    return fail(loaded.error());
  }
  let_go_of_known();
  std::vector<std::string> report;
  for (auto const& [id, entry] : networks_) {
    if (!before.contains(id)) {
      hold_ports(entry, report);
      flows_may_be_left_over_ = true;
    }
  }
  return report;
}

/// Takes away what was kept of something that is gone; what cannot be taken away stays kept.
Result<void> Driver::remove_kept(KernelState const& gone) {
  if (gone.bridges.empty() && gone.veths.empty()) {
    return {};
  }
  Result<void> removed = reconciler_.bring_to(gone, {});
  if (!removed) {
    add_kept(kept_, gone);
  } else if (kept_.bridges.empty()) {
    kept_ = {};
  }
  return removed;
}

Result<void> Driver::delete_unknown(NetworkId const& id) {
  Result<void> const removed = remove_kept(take_network(kept_, id));
  return removed ? removed : fail(about(id, removed.error()));
}

Result<void> Driver::delete_unknown(EndpointId const& id) {
  Result<void> const removed = remove_kept(take_endpoint(kept_, id));
  return removed ? removed : fail(about(id, removed.error()));
}

}  // namespace drawbridge
