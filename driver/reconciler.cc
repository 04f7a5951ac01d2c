#include "driver/reconciler.h"

#include "netlink/damage.h"
#include "netlink/diff.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
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

constexpr std::size_t most_elements = 10;

void add_element_lines(std::vector<Repair>& repairs, ChangeElements const& damage) {
  std::vector<std::string> lines;
  std::transform(damage.add.begin(), damage.add.end(), std::back_inserter(lines), missing_text);
  std::transform(damage.remove.begin(), damage.remove.end(), std::back_inserter(lines),
                 not_ours_text);
  for (std::size_t i = 0; i < std::min(lines.size(), most_elements); ++i) {
    repairs.push_back({"element", lines[i], ""});
  }
  if (lines.size() > most_elements) {
    repairs.push_back(
        {"element", fmt::format("and {} more elements", lines.size() - most_elements), ""});
  }
}

/// returns  what is wrong with our tables, as far as that is known
std::vector<Repair> rule_damage(KernelState const& observed, Plan const& plan) {
  std::vector<Repair> repairs;
  for (std::string const& line : observed.astray_rules) {
    repairs.push_back({"rules", line, ""});
  }
  for (Operation const& operation : plan) {
    auto const* const elements = std::get_if<ChangeElements>(&operation);
    if (elements != nullptr && observed.are_tables_known) {
      add_element_lines(repairs, *elements);
    }
  }
  return repairs;
}

/// Adds the bridges that cannot be made, because links of others have their names: diff() leaves
/// them out.
void add_displaced(std::vector<Repair>& repairs, KernelState const& observed,
                   KernelState const& wanted) {
  for (auto const& [name, bridge] : wanted.bridges) {
    if (observed.foreign.contains(name)) {
      Damage const damage = damage_of(CreateBridge{bridge}, observed);
      repairs.push_back({damage.kind, damage.text,
                         fmt::format("interface {} exists and is not drawbridge's: remove it or "
                                     "rename it",
                                     name)});
    }
  }
}

/// Steps that follow from others of the same plan: what a bridge that is made takes the place of,
/// and its ports; and the IPv6 addresses of one that was down, which it lost with that.
class Consequences {
 public:
  explicit Consequences(Plan const& plan) {
    for (Operation const& operation : plan) {
      if (auto const* const created = std::get_if<CreateBridge>(&operation)) {
        created_.insert(created->bridge.name);
      } else if (auto const* const raised = std::get_if<BringUp>(&operation)) {
        raised_.insert(raised->link);
      }
    }
  }

  bool contain(Operation const& operation) const {
    if (auto const* const attached = std::get_if<AttachPort>(&operation)) {
      return created_.contains(attached->veth.bridge);
    }
    if (auto const* const retired = std::get_if<RetireBridge>(&operation)) {
      return created_.contains(retired->bridge.name);
    }
    auto const* const address = std::get_if<AddAddress>(&operation);
    return address != nullptr && address->address.family() == Family::ipv6 &&
           raised_.contains(address->link);
  }

 private:
  std::set<std::string> created_;
  std::set<std::string> raised_;
};

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
  seen_forwarded_.insert(observed->forwarding.begin(), observed->forwarding.end());
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

/// returns  everything of ours
Result<KernelState> Reconciler::look_at_all() {
  Result<KernelState> observed = kernel_.observe_owned();
  if (observed) {
    seen_forwarded_.insert(observed->forwarding.begin(), observed->forwarding.end());
  }
  return observed;
}

/// Without pairs: they went with their sandboxes, and new ones would connect nobody. And the engine
/// switches forwarding on at its own start and then sets a FORWARD policy of drop: were it on
/// already, the engine would leave the policy at accept and the host an open router.
Plan Reconciler::repairs_of(KernelState const& observed, KernelState const& wanted) const {
  Plan plan = diff(observed, wanted);
  std::erase_if(plan, [this](Operation const& operation) {
    auto const* const forwarding = std::get_if<EnableForwarding>(&operation);
    return std::holds_alternative<CreateVeth>(operation) ||
           (forwarding != nullptr && !seen_forwarded_.contains(forwarding->family));
  });
  return plan;
}

std::vector<Repair> Reconciler::bring_all_to(KernelState const& wanted) {
  Result<KernelState> const observed = look_at_all();
  if (!observed) {
    return {{"look", "a look at the kernel", observed.error().message}};
  }
  Plan const plan = repairs_of(*observed, wanted);
  // Rules first: no link comes up before the rules that judge its packets.
  std::vector<Repair> repairs = rule_damage(*observed, plan);
  bool const is_ruled = observed->are_tables_known && repairs.empty();
  Result<void> const ruled = is_ruled ? Result<void>() : kernel_.replace_ruleset(wanted.elements);
  if (!ruled) {
    std::string const what = repairs.empty() ? "our tables" : repairs.front().text;
    repairs.assign(1, {"rules", what, ruled.error().message});
  }
  mend_links(*observed, plan, repairs);
  add_displaced(repairs, *observed, wanted);
  return repairs;
}

/// Runs the steps of `plan` that are not about rules.
void Reconciler::mend_links(KernelState const& observed, Plan const& plan,
                            std::vector<Repair>& repairs) {
  Consequences const consequences(plan);
  for (Operation const& operation : plan) {
    if (std::holds_alternative<ChangeElements>(operation)) {
      continue;
    }
    Result<void> const done = kernel_.apply({operation});
    if (!done || !consequences.contain(operation)) {
      Damage const damage = damage_of(operation, observed);
      repairs.push_back({damage.kind, damage.text, done ? "" : done.error().message});
    }
  }
}

Result<std::vector<Repair>> Reconciler::compare_all(KernelState const& wanted) {
  Result<KernelState> const observed = look_at_all();
  if (!observed) {
    return fail(observed.error());
  }
  Plan const plan = repairs_of(*observed, wanted);
  Consequences const consequences(plan);
  std::vector<Repair> repairs = rule_damage(*observed, plan);
  for (Operation const& operation : plan) {
    if (!std::holds_alternative<ChangeElements>(operation) && !consequences.contain(operation)) {
      Damage const damage = damage_of(operation, *observed);
      repairs.push_back({damage.kind, damage.text, ""});
    }
  }
  add_displaced(repairs, *observed, wanted);
  return repairs;
}

}  // namespace drawbridge
