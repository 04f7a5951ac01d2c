#include "netlink/diff.h"

#include <algorithm>
#include <iterator>

namespace drawbridge {
namespace {

/// Walks two sorted maps side by side: what only `left` has, what only `right` has, what both have.
template <class Map, class OnlyLeft, class OnlyRight, class Both>
// NOLINTNEXTLINE(readability-function-size): two maps, and three ways to go at each step
void merge_walk(Map const& left, Map const& right, OnlyLeft only_left, OnlyRight only_right,
                Both both) {
  auto l = left.begin();
  auto r = right.begin();
  while (l != left.end() || r != right.end()) {
    if (r == right.end() || (l != left.end() && l->first < r->first)) {
      only_left((l++)->second);
    } else if (l == left.end() || r->first < l->first) {
      only_right((r++)->second);
    } else {
      both((l++)->second, (r++)->second);
    }
  }
}

template <class Value>
std::set<Value> minus(std::set<Value> const& from, std::set<Value> const& what) {
  std::set<Value> out;
  std::set_difference(from.begin(), from.end(), what.begin(), what.end(),
                      std::inserter(out, out.end()));
  return out;
}

/// Bridges and veths by what has to happen to them.
struct Changes {
  Plan retire_veths;
  Plan retire_bridges;
  Plan create_bridges;
  Plan repair_bridges;
  Plan create_veths;
  Plan repair_veths;
  std::set<std::string> replaced;  // bridges that are made anew and so lose their ports
};

/// What no operation can change in place: somebody else's network, or a forged address.
bool needs_replacement(Bridge const& is, Bridge const& wanted) {
  return is.owner != wanted.owner || is.mac != wanted.mac;
}

void repair(Bridge const& is, Bridge const& wanted, Plan& plan) {
  for (IpPrefix const& address : minus(is.addresses, wanted.addresses)) {
    plan.push_back(RemoveAddress{wanted.name, address});
  }
  for (IpPrefix const& address : minus(wanted.addresses, is.addresses)) {
    plan.push_back(AddAddress{wanted.name, address});
  }
  if (is.mtu_bytes != wanted.mtu_bytes) {
    plan.push_back(SetMtu{wanted.name, is.mtu_bytes, wanted.mtu_bytes});
  }
  if (is.group != wanted.group) {
    plan.push_back(SetGroup{wanted.name, is.group, wanted.group});
  }
  if (wanted.route_localnet && !is.route_localnet) {
    plan.push_back(AllowLoopback{wanted.name});
  }
  if (wanted.up && !is.up) {
    plan.push_back(BringUp{wanted.name});
  }
}

void compare_bridges(KernelState const& observed, KernelState const& desired, Changes& changes) {
  auto const create = [&](Bridge const& wanted) {
    if (!observed.foreign.contains(wanted.name)) {
      changes.create_bridges.push_back(CreateBridge{wanted});
    }
  };
  auto const retire = [&](Bridge const& is) { changes.retire_bridges.push_back(RetireBridge{is}); };
  merge_walk(observed.bridges, desired.bridges, retire, create,
             [&](Bridge const& is, Bridge const& wanted) {
               if (needs_replacement(is, wanted)) {
                 retire(is);
                 create(wanted);
                 changes.replaced.insert(wanted.name);
               } else {
                 repair(is, wanted, changes.repair_bridges);
               }
             });
}

/// What only a bridge knows of its ports: off a bridge there is nothing to compare.
bool is_known_to_bridge(Veth const& is, Veth const& wanted) {
  return wanted.bridge.empty() || is.mac == wanted.mac;
}

void repair_port(Veth const& is, Veth const& wanted, Plan& plan) {
  if (!wanted.bridge.empty() && is.isolated != wanted.isolated) {
    plan.push_back(SetIsolation{wanted.host_end, is.isolated, wanted.isolated});
  }
  if (is.group != wanted.group) {
    plan.push_back(SetGroup{wanted.host_end, is.group, wanted.group});
  }
  if (!wanted.bridge.empty() && is.hairpin != wanted.hairpin) {
    plan.push_back(SetHairpin{wanted.host_end, is.hairpin, wanted.hairpin});
  }
}

void repair(Veth const& is, Veth const& wanted, bool port_lost, Plan& plan) {
  if (is.bridge != wanted.bridge || port_lost || !is_known_to_bridge(is, wanted)) {
    plan.push_back(AttachPort{wanted});
  } else {
    repair_port(is, wanted, plan);
  }
  if (is.mtu_bytes != wanted.mtu_bytes) {
    plan.push_back(SetMtu{wanted.host_end, is.mtu_bytes, wanted.mtu_bytes});
  }
  if (is.rate_bits_per_second != wanted.rate_bits_per_second) {
    plan.push_back(SetRate{wanted, is.rate_bits_per_second});
  }
  if (wanted.up && !is.up) {
    plan.push_back(BringUp{wanted.host_end});
  }
}

/// The container's end is not compared: once it is in a sandbox, it cannot be seen.
void compare_veths(KernelState const& observed, KernelState const& desired, Changes& changes) {
  auto const out_of_reach = [&](Veth const& wanted) {
    return observed.foreign.contains(wanted.host_end) || observed.foreign.contains(wanted.bridge);
  };
  auto const create = [&](Veth const& wanted) {
    if (!out_of_reach(wanted)) {
      changes.create_veths.push_back(CreateVeth{wanted});
    }
  };
  auto const retire = [&](Veth const& is) { changes.retire_veths.push_back(RetireVeth{is}); };
  merge_walk(observed.veths, desired.veths, retire, create,
             [&](Veth const& is, Veth const& wanted) {
               if (is.owner != wanted.owner) {
                 retire(is);
                 create(wanted);
               } else if (!out_of_reach(wanted)) {
                 bool const port_lost = changes.replaced.contains(wanted.bridge);
                 repair(is, wanted, port_lost, changes.repair_veths);
               }
             });
}

void append(Plan& plan, Plan&& part) {
  plan.insert(plan.end(), std::make_move_iterator(part.begin()),
              std::make_move_iterator(part.end()));
}

}  // namespace

ChangeElements difference(std::set<Element> const& before, std::set<Element> const& after) {
  return {minus(before, after), minus(after, before)};
}

Plan diff(KernelState const& observed, KernelState const& desired) {
  Changes changes;
  compare_bridges(observed, desired, changes);
  compare_veths(observed, desired, changes);
  ChangeElements const elements = difference(observed.elements, desired.elements);
  Plan plan;
  if (!elements.add.empty()) {
    plan.push_back(elements);
  }
  append(plan, std::move(changes.retire_veths));
  append(plan, std::move(changes.retire_bridges));
  for (Family const family : minus(desired.forwarding, observed.forwarding)) {
    plan.push_back(EnableForwarding{family});
  }
  append(plan, std::move(changes.create_bridges));
  append(plan, std::move(changes.repair_bridges));
  append(plan, std::move(changes.create_veths));
  append(plan, std::move(changes.repair_veths));
  if (elements.add.empty() && !elements.remove.empty()) {
    plan.push_back(elements);
  }
  return plan;
}

}  // namespace drawbridge
