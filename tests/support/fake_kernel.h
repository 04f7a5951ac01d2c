// A kernel in memory: applies plans to a KernelState, writes down what it did, and fails on demand.
//
// It is strict: what the real kernel refuses (a name that is taken, a port of a bridge that is not
// there), it refuses. What was done before a failing step is undone by the inverses, as
// linux_kernel.h does it.
#pragma once

#include "netlink/kernel.h"

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge {

class FakeKernel : public Kernel {
 public:
  // Free for a test to set and to look at.
  KernelState state;  // `state.foreign`: links that others own; `state.astray_rules`: until the
                      // next ruleset
  HostRoutes routes;  // a test that changes routes counts the generation up
  int events = -1;    // or a descriptor of the test's own
  std::uint32_t mtu_bytes = 1500;
  std::vector<Flow> flows;             // connections through this host
  std::set<IpAddress> addresses;       // of this host
  std::vector<FlowPattern> forgotten;  // what forget_flows() was asked for
  std::vector<std::string> repairs;    // what the next mend() reports; emptied by it
  std::size_t retired = 0;             // links that wait for reap()
  Disturbance disturbance;             // what the next take_disturbance() says; emptied by it
  std::vector<std::string> printed;    // each operation; those that undo begin with "undo: "
  bool is_blind = false;               // nothing can be looked at
  int rulesets_replaced = 0;
  int reap_calls = 0;

  /// The operation that comes after `steps` successful ones fails, once. Counts over several plans.
  void fail_after(std::size_t steps) { steps_left_ = steps; }
  /// Every plan and every ruleset fails until the next call with false.
  void fail_always(bool fail) { fail_always_ = fail; }
  /// returns  the operations so far, a line each
  std::string printed_text() const;

  Result<KernelState> observe(std::set<std::string> const& links) override;
  Result<KernelState> observe_owned() override;
  Result<std::set<Element>> held_elements() override { return state.elements; }
  Result<void> apply(Plan const& plan) override;
  Result<void> replace_ruleset(std::set<Element> const& elements) override;
  Result<std::vector<std::string>> mend() override;
  Result<std::vector<std::string>> astray_accept_rules() override { return repairs; }
  Result<std::size_t> cut_flows(std::function<bool(Flow const&)> const& is_to_be_cut) override;
  Result<std::size_t> forget_flows(std::vector<FlowPattern> const& patterns) override;
  bool reap() override;
  std::size_t links_to_reap() const override { return retired; }
  Result<HostRoutes const*> host_routes() override;
  int events_descriptor() const override { return events; }
  Disturbance take_disturbance() override { return std::exchange(disturbance, {}); }
  int rules_descriptor() const override { return -1; }
  Result<std::uint32_t> default_mtu_bytes() override;

 private:
  Result<void> run(Operation const& operation);
  bool is_time_to_fail();
  void undo(Plan const& plan, std::size_t done);

  std::optional<std::size_t> steps_left_;
  bool fail_always_ = false;
};

}  // namespace drawbridge
