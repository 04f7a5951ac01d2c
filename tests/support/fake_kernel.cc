#include "tests/support/fake_kernel.h"

#include <utility>

namespace drawbridge {
namespace {

bool is_taken(KernelState const& state, std::string const& name) {
  return state.bridges.contains(name) || state.veths.contains(name) || state.foreign.contains(name);
}

Result<void> refuse_taken(KernelState const& state, std::string const& name) {
  if (is_taken(state, name)) {
    return fail(Errc::already_exists, "link " + name + " is there already");
  }
  return {};
}

Result<void> refuse_missing(std::string const& name) {
  return fail(Errc::not_found, "link " + name + " is not there");
}

/// What a bridge knew of its port goes with the bridge.
void detach(Veth& veth) {
  veth.bridge.clear();
  veth.mac = {};
  veth.isolated = false;
}

/// What one operation does to the state; the counterpart of linux_kernel.cc.
struct Runner {
  KernelState& state;
  std::size_t& retired;

  Result<void> operator()(CreateBridge const& step) {
    Result<void> const free = refuse_taken(state, step.bridge.name);
    if (free) {
      state.bridges[step.bridge.name] = step.bridge;
    }
    return free;
  }

  Result<void> operator()(RetireBridge const& step) {
    retired += state.bridges.erase(step.bridge.name);
    for (auto& [name, veth] : state.veths) {
      if (veth.bridge == step.bridge.name) {
        detach(veth);
      }
    }
    return {};
  }

  Result<void> operator()(AddAddress const& step) {
    auto const found = state.bridges.find(step.link);
    if (found == state.bridges.end()) {
      return refuse_missing(step.link);
    }
    found->second.addresses.insert(step.address);
    return {};
  }

  Result<void> operator()(RemoveAddress const& step) {
    auto const found = state.bridges.find(step.link);
    if (found != state.bridges.end()) {
      found->second.addresses.erase(step.address);
    }
    return {};
  }

  Result<void> operator()(SetMtu const& step) {
    if (auto const bridge = state.bridges.find(step.link); bridge != state.bridges.end()) {
      bridge->second.mtu_bytes = step.after_bytes;
      return {};
    }
    auto const veth = state.veths.find(step.link);
    if (veth == state.veths.end()) {
      return refuse_missing(step.link);
    }
    veth->second.mtu_bytes = step.after_bytes;
    return {};
  }

  Result<void> operator()(BringUp const& step) {
    if (auto const bridge = state.bridges.find(step.link); bridge != state.bridges.end()) {
      bridge->second.up = true;
      return {};
    }
    auto const veth = state.veths.find(step.link);
    if (veth == state.veths.end()) {
      return refuse_missing(step.link);
    }
    veth->second.up = true;
    return {};
  }

  Result<void> operator()(CreateVeth const& step) {
    if (!step.veth.bridge.empty() && !state.bridges.contains(step.veth.bridge)) {
      return refuse_missing(step.veth.bridge);
    }
    Result<void> const free = refuse_taken(state, step.veth.host_end);
    if (free) {
      state.veths[step.veth.host_end] = step.veth;
    }
    return free;
  }

  Result<void> operator()(RetireVeth const& step) {
    retired += state.veths.erase(step.veth.host_end);
    return {};
  }

  Result<void> operator()(AttachPort const& step) {
    auto const found = state.veths.find(step.veth.host_end);
    if (found == state.veths.end()) {
      return refuse_missing(step.veth.host_end);
    }
    std::string const& bridge = step.veth.bridge;
    if (!bridge.empty() && !state.bridges.contains(bridge)) {
      return refuse_missing(bridge);
    }
    detach(found->second);
    found->second.group = step.veth.group;
    if (!bridge.empty()) {
      found->second.bridge = bridge;
      found->second.mac = step.veth.mac;
      found->second.isolated = step.veth.isolated;
      found->second.hairpin = step.veth.hairpin;
    }
    return {};
  }

  Result<void> operator()(SetIsolation const& step) {
    auto const found = state.veths.find(step.port);
    if (found == state.veths.end()) {
      return refuse_missing(step.port);
    }
    found->second.isolated = step.after;
    return {};
  }

  Result<void> operator()(SetGroup const& step) {
    if (auto const bridge = state.bridges.find(step.link); bridge != state.bridges.end()) {
      bridge->second.group = step.after;
      return {};
    }
    auto const veth = state.veths.find(step.link);
    if (veth == state.veths.end()) {
      return refuse_missing(step.link);
    }
    veth->second.group = step.after;
    return {};
  }

  Result<void> operator()(SetHairpin const& step) {
    auto const found = state.veths.find(step.port);
    if (found == state.veths.end()) {
      return refuse_missing(step.port);
    }
    found->second.hairpin = step.after;
    return {};
  }

  Result<void> operator()(AllowLoopback const& step) {
    auto const found = state.bridges.find(step.bridge);
    if (found == state.bridges.end()) {
      return refuse_missing(step.bridge);
    }
    found->second.route_localnet = true;
    return {};
  }

  Result<void> operator()(SetRate const& step) {
    auto const found = state.veths.find(step.veth.host_end);
    if (found == state.veths.end()) {
      return refuse_missing(step.veth.host_end);
    }
    found->second.rate_bits_per_second = step.veth.rate_bits_per_second;
    return {};
  }

  Result<void> operator()(ChangeElements const& step) {
    for (Element const& element : step.remove) {
      state.elements.erase(element);
    }
    state.elements.insert(step.add.begin(), step.add.end());
    return {};
  }

  Result<void> operator()(EnableForwarding const& step) {
    state.forwarding.insert(step.family);
    return {};
  }
};

}  // namespace

std::string FakeKernel::printed_text() const {
  std::string out;
  for (std::string const& line : printed) {
    out.append(line).append("\n");
  }
  return out;
}

Result<KernelState> FakeKernel::observe(std::set<std::string> const& links) {
  if (is_blind) {
    return fail(Errc::kernel, "told to be blind");
  }
  KernelState seen;
  seen.forwarding = state.forwarding;
  for (std::string const& name : links) {
    if (auto const bridge = state.bridges.find(name); bridge != state.bridges.end()) {
      seen.bridges.insert(*bridge);
    } else if (auto const veth = state.veths.find(name); veth != state.veths.end()) {
      seen.veths.insert(*veth);
    } else if (state.foreign.contains(name)) {
      seen.foreign.insert(name);
    }
  }
  return seen;
}

Result<KernelState> FakeKernel::observe_owned() {
  if (is_blind) {
    return fail(Errc::kernel, "told to be blind");
  }
  KernelState seen = state;
  seen.are_tables_known = rulesets_replaced > 0;
  return seen;
}

Result<void> FakeKernel::apply(Plan const& plan) {
  for (std::size_t done = 0; done < plan.size(); ++done) {
    Result<void> const step = run(plan[done]);
    if (!step) {
      undo(plan, done);
      return fail(step.error().within(describe(plan[done])));
    }
    printed.push_back(describe(plan[done]));
  }
  return {};
}

Result<void> FakeKernel::run(Operation const& operation) {
  if (is_time_to_fail()) {
    return fail(Errc::kernel, "told to fail");
  }
  return std::visit(Runner{state, retired}, operation);
}

bool FakeKernel::is_time_to_fail() {
  if (!steps_left_) {
    return fail_always_;
  }
  if (*steps_left_ > 0) {
    --*steps_left_;
    return fail_always_;
  }
  steps_left_.reset();
  return true;
}

void FakeKernel::undo(Plan const& plan, std::size_t done) {
  while (done-- > 0) {
    std::optional<Operation> const back = inverse(plan[done]);
    if (!back) {
      continue;
    }
    Result<void> const undone = std::visit(Runner{state, retired}, *back);
    printed.push_back("undo: " + describe(*back) + (undone ? "" : ": " + undone.error().message));
  }
}

Result<void> FakeKernel::replace_ruleset(std::set<Element> const& elements) {
  if (fail_always_) {
    return fail(Errc::kernel, "told to fail");
  }
  state.elements = elements;
  state.astray_rules.clear();
  ++rulesets_replaced;
  return {};
}

Result<std::vector<std::string>> FakeKernel::mend() {
  return std::exchange(repairs, {});
}

Result<std::size_t> FakeKernel::cut_flows(std::function<bool(Flow const&)> const& is_to_be_cut) {
  if (fail_always_) {
    return fail(Errc::kernel, "told to fail");
  }
  return std::erase_if(flows, is_to_be_cut);
}

Result<std::size_t> FakeKernel::forget_flows(std::vector<FlowPattern> const& patterns) {
  if (fail_always_) {
    return fail(Errc::kernel, "told to fail");
  }
  forgotten.insert(forgotten.end(), patterns.begin(), patterns.end());
  return std::erase_if(flows, [&](Flow const& flow) {
    return std::any_of(patterns.begin(), patterns.end(), [&](FlowPattern const& pattern) {
      return matches(pattern, flow) && (!pattern.ends_here || addresses.contains(flow.destination));
    });
  });
}

bool FakeKernel::reap() {
  ++reap_calls;
  retired -= retired > 0 ? 1 : 0;
  return retired > 0;
}

Result<HostRoutes const*> FakeKernel::host_routes() {
  return &routes;
}

Result<std::uint32_t> FakeKernel::default_mtu_bytes() {
  return mtu_bytes;
}

}  // namespace drawbridge
