#include "netlink/diff.h"

#include "tests/support/fake_kernel.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

IpPrefix prefix(char const* text) {
  return *IpPrefix::parse(text);
}

Element element(std::string set, std::string key) {
  return {std::move(set), {std::move(key)}};
}

void add_bridge(KernelState& state, std::string const& name, char const* address) {
  Bridge bridge;
  bridge.name = name;
  bridge.owner = "id-of-" + name;
  bridge.mac = MacAddress{{2, 0, 0, 0, 0, 1}};
  bridge.addresses = {prefix(address)};
  state.bridges[name] = bridge;
  state.elements.insert(element("nets", name));
}

void add_veth(KernelState& state, std::string const& name, std::string const& bridge) {
  Veth veth{name, "c-" + name, "id-of-" + name, bridge, 1500, true};
  veth.mac = {{2, 0, 0, 0, 1, static_cast<std::uint8_t>(name.back())}};
  state.veths[name] = veth;
}

KernelState two_networks() {
  KernelState state;
  add_bridge(state, "db-1", "10.249.1.1/24");
  add_bridge(state, "db-2", "10.249.2.1/24");
  add_veth(state, "dv-1", "db-1");
  add_veth(state, "dv-2", "db-2");
  state.forwarding = {Family::ipv4};
  return state;
}

std::string plan_text(KernelState const& observed, KernelState const& desired) {
  return describe(diff(observed, desired));
}

TEST(Diff, IsEmptyWhenNothingDiffers) {
  EXPECT_EQ(plan_text(two_networks(), two_networks()), "");
}

TEST(Diff, MakesTheRulesThenTheBridgesThenTheVeths) {
  EXPECT_EQ(plan_text({}, two_networks()),
            "change elements +{nets db-1} +{nets db-2}\n"
            "enable forwarding of ipv4\n"
            "create bridge db-1 10.249.1.1/24\n"
            "create bridge db-2 10.249.2.1/24\n"
            "create veth dv-1 with c-dv-1 on db-1\n"
            "create veth dv-2 with c-dv-2 on db-2\n");
}

TEST(Diff, RetiresTheVethsThenTheBridgesThenTheRules) {
  EXPECT_EQ(plan_text(two_networks(), {}),
            "retire veth dv-1\n"
            "retire veth dv-2\n"
            "retire bridge db-1\n"
            "retire bridge db-2\n"
            "change elements -{nets db-1} -{nets db-2}\n");
}

TEST(Diff, ExchangesElementsInOneStepAndFirst) {
  KernelState observed;
  KernelState desired;
  add_bridge(observed, "db-1", "10.249.1.1/24");
  add_bridge(desired, "db-2", "10.249.1.1/24");
  EXPECT_EQ(plan_text(observed, desired),
            "change elements -{nets db-1} +{nets db-2}\n"
            "retire bridge db-1\n"
            "create bridge db-2 10.249.1.1/24\n");
}

TEST(Diff, RepairsABridgeInPlace) {
  KernelState observed = two_networks();
  observed.bridges["db-1"].addresses = {prefix("10.9.9.9/24")};
  observed.bridges["db-1"].mtu_bytes = 9000;
  observed.bridges["db-1"].up = false;
  EXPECT_EQ(plan_text(observed, two_networks()),
            "remove address 10.9.9.9/24 from db-1\n"
            "add address 10.249.1.1/24 to db-1\n"
            "set mtu of db-1 from 9000 to 1500\n"
            "bring up db-1\n");
}

TEST(Diff, RepairsAVethInPlace) {
  KernelState observed = two_networks();
  observed.veths["dv-2"].bridge = "";
  observed.veths["dv-2"].mtu_bytes = 1400;
  observed.veths["dv-2"].up = false;
  EXPECT_EQ(plan_text(observed, two_networks()),
            "attach dv-2 to db-2\n"
            "set mtu of dv-2 from 1400 to 1500\n"
            "bring up dv-2\n");
}

TEST(Diff, IsolatesAPortAndJoinsItAgain) {
  KernelState apart = two_networks();
  apart.veths["dv-1"].isolated = true;
  EXPECT_EQ(plan_text(two_networks(), apart), "set isolation of dv-1 on\n");
  EXPECT_EQ(plan_text(apart, two_networks()), "set isolation of dv-1 off\n");
}

TEST(Diff, PutsLinksIntoTheirGroups) {
  KernelState grouped = two_networks();
  grouped.bridges["db-2"].group = {7};
  grouped.veths["dv-1"].group = {8};
  EXPECT_EQ(plan_text(two_networks(), grouped),
            "set group of db-2 from 0 to 7\n"
            "set group of dv-1 from 0 to 8\n");
}

TEST(Diff, APortWhoseBridgeDoesNotKnowItsMacIsAttachedAgain) {
  KernelState observed = two_networks();
  observed.veths["dv-1"].mac = {};
  observed.veths["dv-2"].mac = MacAddress{{2, 9, 9, 9, 9, 9}};
  EXPECT_EQ(plan_text(observed, two_networks()),
            "attach dv-1 to db-1\n"
            "attach dv-2 to db-2\n");
}

TEST(Diff, AnAttachedPortNeedsNoFurtherStep) {
  KernelState observed = two_networks();
  observed.veths["dv-1"].bridge = "";
  observed.veths["dv-1"].mac = {};
  KernelState desired = two_networks();
  desired.veths["dv-1"].isolated = true;
  desired.veths["dv-1"].group = {8};
  Plan const plan = diff(observed, desired);
  EXPECT_EQ(describe(plan), "attach dv-1 to db-1\n");
  FakeKernel kernel;
  kernel.state = observed;
  ASSERT_TRUE(kernel.apply(plan));
  EXPECT_EQ(kernel.state, desired);
}

TEST(Diff, OffABridgeThereIsNoPortToCompare) {
  KernelState observed = two_networks();
  KernelState desired = two_networks();
  observed.veths["dv-1"].bridge = desired.veths["dv-1"].bridge = "";
  observed.veths["dv-1"].mac = {};
  desired.veths["dv-1"].isolated = true;
  EXPECT_EQ(plan_text(observed, desired), "");
}

TEST(Diff, ABridgeThatVanishedIsMadeAgainAndGetsItsPortsBack) {
  KernelState observed = two_networks();
  observed.bridges.erase("db-1");
  observed.veths["dv-1"].bridge = "";
  EXPECT_EQ(plan_text(observed, two_networks()),
            "create bridge db-1 10.249.1.1/24\n"
            "attach dv-1 to db-1\n");
}

TEST(Diff, ABridgeOfAnotherOwnerIsReplacedAndGetsItsPortsBack) {
  KernelState observed = two_networks();
  observed.bridges["db-1"].owner = "another";
  EXPECT_EQ(plan_text(observed, two_networks()),
            "retire bridge db-1\n"
            "create bridge db-1 10.249.1.1/24\n"
            "attach dv-1 to db-1\n");
}

TEST(Diff, AVethOfAnotherOwnerIsReplaced) {
  KernelState observed = two_networks();
  observed.veths["dv-1"].owner = "another";
  EXPECT_EQ(plan_text(observed, two_networks()),
            "retire veth dv-1\n"
            "create veth dv-1 with c-dv-1 on db-1\n");
}

TEST(Diff, AContainerEndThatMovedIntoItsSandboxIsNoDifference) {
  KernelState observed = two_networks();
  observed.veths["dv-1"].container_end = "";
  EXPECT_EQ(plan_text(observed, two_networks()), "");
}

TEST(Diff, ALinkThatIsUpWithoutNeedStaysUp) {
  KernelState desired = two_networks();
  desired.bridges["db-1"].up = false;
  desired.veths["dv-1"].up = false;
  EXPECT_EQ(plan_text(two_networks(), desired), "");
}

TEST(Diff, NeverTurnsForwardingOff) {
  KernelState desired = two_networks();
  desired.forwarding.clear();
  EXPECT_EQ(plan_text(two_networks(), desired), "");
}

TEST(Diff, LeavesForeignLinksAlone) {
  KernelState observed;
  observed.foreign = {"db-1", "dv-2"};
  EXPECT_EQ(plan_text(observed, two_networks()),
            "change elements +{nets db-1} +{nets db-2}\n"
            "enable forwarding of ipv4\n"
            "create bridge db-2 10.249.2.1/24\n");
}

TEST(Diff, PutsNoPortOnAForeignBridge) {
  KernelState observed = two_networks();
  observed.bridges.erase("db-1");
  observed.foreign = {"db-1"};
  observed.veths["dv-1"].bridge = "";
  EXPECT_EQ(plan_text(observed, two_networks()), "");
}

/// Pairs of states whose plans, between them, hold every operation that has an inverse.
std::vector<std::pair<KernelState, KernelState>> transitions() {
  KernelState changed = two_networks();
  changed.bridges["db-1"].addresses = {prefix("10.9.9.9/24"), prefix("fd00::1/64")};
  changed.bridges["db-1"].mtu_bytes = 9000;
  changed.bridges["db-1"].group = {7};
  changed.veths["dv-1"].mtu_bytes = 9000;
  changed.veths["dv-1"].isolated = true;
  changed.veths["dv-1"].group = {8};
  KernelState other;
  add_bridge(other, "db-3", "10.249.3.1/24");
  add_veth(other, "dv-3", "db-3");
  KernelState nothing;
  for (KernelState* state : {&changed, &other, &nothing}) {
    state->forwarding = {Family::ipv4};
  }
  return {{nothing, two_networks()}, {two_networks(), nothing}, {two_networks(), changed},
          {changed, two_networks()}, {two_networks(), other},   {other, changed}};
}

TEST(Diff, ItsPlanLeadsFromOneStateToTheOther) {
  for (auto const& [before, after] : transitions()) {
    FakeKernel kernel;
    kernel.state = before;
    ASSERT_TRUE(kernel.apply(diff(before, after)));
    EXPECT_EQ(kernel.state, after) << kernel.printed_text();
  }
}

TEST(Diff, APlanThatFailsAtAnyStepLeavesEverythingAsItWas) {
  for (auto const& [before, after] : transitions()) {
    Plan const plan = diff(before, after);
    ASSERT_FALSE(plan.empty());
    for (std::size_t step = 0; step < plan.size(); ++step) {
      FakeKernel kernel;
      kernel.state = before;
      kernel.fail_after(step);
      Result<void> const applied = kernel.apply(plan);
      ASSERT_FALSE(applied);
      EXPECT_EQ(applied.error().message, describe(plan[step]) + ": told to fail");
      EXPECT_EQ(kernel.state, before) << kernel.printed_text();
    }
  }
}

TEST(Diff, RepairsStayWhenALaterStepFails) {
  KernelState observed = two_networks();
  observed.bridges["db-1"].up = false;
  observed.veths["dv-1"].bridge = "";
  observed.veths["dv-2"].mtu_bytes = 1400;
  Plan const plan = diff(observed, two_networks());
  FakeKernel kernel;
  kernel.state = observed;
  kernel.fail_after(plan.size() - 1);
  ASSERT_FALSE(kernel.apply(plan));
  EXPECT_EQ(describe(diff(kernel.state, two_networks())), "set mtu of dv-2 from 1400 to 1500\n");
}

}  // namespace
}  // namespace drawbridge
