#include "driver/reconciler.h"

#include "netlink/diff.h"

#include <fmt/core.h>

#include <utility>
#include <variant>

namespace drawbridge {
namespace {

void add_link_names(std::set<std::string>& names, KernelState const& state) {
  for (auto const& [name, bridge] : state.bridges) {
    names.insert(name);
  }
  for (auto const& [name, veth] : state.veths) {
    names.insert(name);
  }
}

Result<void> refuse_foreign(std::set<std::string> const& foreign, KernelState const& after) {
  for (std::string const& name : foreign) {
    if (after.bridges.contains(name) || after.veths.contains(name)) {
      return fail(Errc::already_exists, fmt::format("interface {} exists and is not drawbridge's: "
                                                    "remove it or choose another name",
                                                    name));
    }
  }
  return {};
}

/// returns  what links lack, but for pairs: they went with their sandboxes, and new ones would
///          connect nobody
Plan link_repairs(KernelState observed, KernelState const& wanted) {
  observed.elements = wanted.elements;
  Plan plan = diff(observed, wanted);
  std::erase_if(plan, [](Operation const& operation) {
    return std::holds_alternative<CreateVeth>(operation);
  });
  return plan;
}

}  // namespace

/// returns  what there is of the objects, with the elements of `before`
Result<KernelState> Reconciler::look(KernelState const& before, KernelState const& after) {
  std::set<std::string> links;
  add_link_names(links, before);
  add_link_names(links, after);
  Result<KernelState> observed = kernel_.observe(links);
  if (!observed) {
    return observed;
  }
  if (Result<void> const clear = refuse_foreign(observed->foreign, after); !clear) {
    return fail(clear.error());
  }
  observed->elements = before.elements;
  return observed;
}

Result<void> Reconciler::bring_to(KernelState const& before, KernelState const& after) {
  Result<KernelState> const observed = look(before, after);
  return observed ? kernel_.apply(diff(*observed, after)) : fail(observed.error());
}

Result<void> Reconciler::change(KernelState const& before, KernelState const& after) {
  Result<KernelState> const observed = look(before, after);
  if (!observed) {
    return fail(observed.error());
  }
  KernelState wanted = after;
  std::erase_if(wanted.veths,
                [&](auto const& veth) { return !observed->veths.contains(veth.first); });
  return kernel_.apply(diff(*observed, wanted));
}

std::vector<Repair> Reconciler::bring_all_to(KernelState const& wanted) {
  Result<KernelState> observed = kernel_.observe_owned();
  if (!observed) {
    return {{"look", "a look at the kernel", observed.error().message}};
  }
  std::vector<Repair> repairs;
  // Rules first: no link comes up before the rules that judge its packets.
  Result<void> const ruled = kernel_.replace_ruleset(wanted.elements);
  if (!ruled) {
    repairs.push_back({"rules", "our tables", ruled.error().message});
  }
  for (Operation const& operation : link_repairs(std::move(*observed), wanted)) {
    Result<void> const done = kernel_.apply({operation});
    repairs.push_back({"link", describe(operation), done ? "" : done.error().message});
  }
  return repairs;
}

Result<std::vector<Repair>> Reconciler::compare_all(KernelState const& wanted) {
  Result<KernelState> observed = kernel_.observe_owned();
  if (!observed) {
    return fail(observed.error());
  }
  std::vector<Repair> repairs;
  for (Operation const& operation : link_repairs(std::move(*observed), wanted)) {
    repairs.push_back({"link", describe(operation), ""});
  }
  return repairs;
}

}  // namespace drawbridge
