// What a look at everything finds and repairs.
#include "driver/reconciler.h"

#include "tests/support/expect_ok.h"
#include "tests/support/fake_kernel.h"

#include <gtest/gtest.h>

#include <functional>

namespace drawbridge {
namespace {

IpPrefix const gateway4 = *IpPrefix::parse("10.249.1.1/24");
IpPrefix const gateway6 = *IpPrefix::parse("fd00:249::1/64");

KernelState one_network() {
  KernelState state;
  Bridge bridge;
  bridge.name = "db-web";
  bridge.owner = "0123456789abcdef";
  bridge.addresses = {gateway4, gateway6};
  state.bridges[bridge.name] = bridge;
  Veth veth;
  veth.host_end = "dv-one";
  veth.owner = "fedcba9876543210";
  veth.bridge = "db-web";
  veth.mac = *MacAddress::parse("02:db:0a:f9:01:02");
  veth.isolated = true;
  state.veths[veth.host_end] = veth;
  state.elements = {{"nets", {"db-web"}}, {"pair", {"db-web", "db-web"}, Verdict{}}};
  state.forwarding = {Family::ipv4};
  return state;
}

std::vector<std::string> texts(std::vector<Repair> const& repairs) {
  std::vector<std::string> lines;
  for (Repair const& repair : repairs) {
    lines.push_back(repair.kind + ": " + repair.text +
                    (repair.failure.empty() ? "" : " BUT " + repair.failure));
  }
  return lines;
}

using Lines = std::vector<std::string>;

/// Everything is there, and was looked at once.
class ReconcilerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    kernel.state = wanted;
    ASSERT_EQ(texts(reconciler.bring_all_to(wanted)), Lines{});
    ASSERT_EQ(kernel.rulesets_replaced, 1) << "the tables were not known";
  }

  /// The dry run tells the damage and leaves it; the look tells the same and repairs it.
  void expect_told_and_repaired(std::function<void(KernelState&)> const& damage,
                                Lines const& lines) {
    damage(kernel.state);
    KernelState const damaged = kernel.state;
    Result<std::vector<Repair>> const told = reconciler.compare_all(wanted);
    ASSERT_OK(told);
    EXPECT_EQ(texts(*told), lines);
    EXPECT_EQ(kernel.state, damaged);
    EXPECT_EQ(texts(reconciler.bring_all_to(wanted)), lines);
    EXPECT_EQ(kernel.state, wanted);
    EXPECT_EQ(texts(reconciler.bring_all_to(wanted)), Lines{});
  }

  KernelState const wanted = one_network();
  FakeKernel kernel;
  Reconciler reconciler{kernel};
};

TEST_F(ReconcilerTest, NothingIsWrittenWhenNothingDiffers) {
  EXPECT_EQ(texts(reconciler.bring_all_to(wanted)), Lines{});
  EXPECT_EQ(kernel.rulesets_replaced, 1);
  EXPECT_EQ(kernel.printed_text(), "");
}

TEST_F(ReconcilerTest, ABridgeThatIsDownComesUp) {
  expect_told_and_repaired([](KernelState& state) { state.bridges["db-web"].up = false; },
                           {"bridge: bridge db-web was down"});
  EXPECT_EQ(kernel.rulesets_replaced, 1);
}

TEST_F(ReconcilerTest, TheIpv6AddressesThatABridgeLostByGoingDownAreNoDamageOfTheirOwn) {
  expect_told_and_repaired(
      [](KernelState& state) {
        state.bridges["db-web"].up = false;
        state.bridges["db-web"].addresses.erase(gateway6);
      },
      {"bridge: bridge db-web was down"});
}

TEST_F(ReconcilerTest, ABridgeThatIsGoneIsMadeAndGetsItsPortsBack) {
  expect_told_and_repaired(
      [](KernelState& state) {
        state.bridges.clear();
        state.veths["dv-one"].bridge.clear();
        state.veths["dv-one"].mac = {};
        state.veths["dv-one"].isolated = false;
      },
      {"bridge: bridge db-web of network 0123456789ab was gone"});
}

TEST_F(ReconcilerTest, ABridgeWithAnotherMacIsMadeAnew) {
  expect_told_and_repaired(
      [](KernelState& state) {
        state.bridges["db-web"].mac = *MacAddress::parse("02:00:00:00:00:09");
      },
      {"bridge: bridge db-web had address 02:00:00:00:00:09 and not 00:00:00:00:00:00"});
}

TEST_F(ReconcilerTest, AddressesComeAndGo) {
  expect_told_and_repaired(
      [](KernelState& state) {
        state.bridges["db-web"].addresses = {gateway6, *IpPrefix::parse("10.9.9.9/8")};
      },
      {"address: address 10.9.9.9/8 was not ours on db-web",
       "address: address 10.249.1.1/24 was missing on db-web"});
}

TEST_F(ReconcilerTest, APortComesBackToItsBridgeAndIsIsolated) {
  expect_told_and_repaired([](KernelState& state) { state.veths["dv-one"].bridge.clear(); },
                           {"port: port dv-one was off its bridge db-web"});
  expect_told_and_repaired([](KernelState& state) { state.veths["dv-one"].isolated = false; },
                           {"port: port dv-one was not isolated"});
}

TEST_F(ReconcilerTest, ElementsArePutRightInOneGo) {
  expect_told_and_repaired(
      [](KernelState& state) {
        state.elements.erase({"pair", {"db-web", "db-web"}, Verdict{}});
        state.elements.insert({"nets", {"eth9"}});
      },
      {"element: element pair { db-web . db-web : accept } was missing",
       "element: element nets { eth9 } was not ours"});
  EXPECT_EQ(kernel.rulesets_replaced, 2);
}

TEST_F(ReconcilerTest, TenElementsAreNamedAndTheOthersCounted) {
  for (int i = 0; i < 13; ++i) {
    kernel.state.elements.insert({"nets", {"eth" + std::to_string(100 + i)}});
  }
  Lines const lines = texts(reconciler.bring_all_to(wanted));
  ASSERT_EQ(lines.size(), 11u);
  EXPECT_EQ(lines[9], "element: element nets { eth109 } was not ours");
  EXPECT_EQ(lines[10], "element: and 3 more elements");
}

TEST_F(ReconcilerTest, RulesThatAreAstrayAreReplacedBeforeLinks) {
  kernel.state.bridges["db-web"].up = false;
  expect_told_and_repaired(
      [](KernelState& state) { state.astray_rules = {"table inet drawbridge was gone"}; },
      {"rules: table inet drawbridge was gone", "bridge: bridge db-web was down"});
  EXPECT_EQ(kernel.rulesets_replaced, 2);
}

TEST_F(ReconcilerTest, APairThatIsGoneStaysAway) {
  kernel.state.veths.clear();
  EXPECT_EQ(texts(reconciler.bring_all_to(wanted)), Lines{});
  EXPECT_TRUE(kernel.state.veths.empty());
}

TEST_F(ReconcilerTest, ForeignLinksAreInNoPlan) {
  kernel.state.foreign = {"eth0", "docker0", "br-1"};
  EXPECT_EQ(texts(reconciler.bring_all_to(wanted)), Lines{});
  EXPECT_EQ(kernel.printed_text(), "");
}

TEST_F(ReconcilerTest, AForeignLinkInThePlaceOfABridgeIsToldAndLeftAlone) {
  kernel.state.bridges.clear();
  kernel.state.veths["dv-one"].bridge.clear();
  kernel.state.foreign = {"db-web"};
  Lines const lines{
      "bridge: bridge db-web of network 0123456789ab was gone BUT interface db-web exists and is "
      "not drawbridge's: remove it or rename it"};
  Result<std::vector<Repair>> const told = reconciler.compare_all(wanted);
  ASSERT_OK(told);
  EXPECT_EQ(texts(*told), lines);
  EXPECT_EQ(texts(reconciler.bring_all_to(wanted)), lines);
  EXPECT_EQ(kernel.printed_text(), "");
  kernel.state.foreign.clear();
  EXPECT_EQ(texts(reconciler.bring_all_to(wanted)),
            Lines{"bridge: bridge db-web of network 0123456789ab was gone"});
  EXPECT_EQ(kernel.state, wanted);
}

TEST_F(ReconcilerTest, ForwardingThatWasOnIsSwitchedOnAgain) {
  expect_told_and_repaired([](KernelState& state) { state.forwarding.clear(); },
                           {"forwarding: forwarding of ipv4 was off"});
}

TEST_F(ReconcilerTest, ForwardingThatWasNeverSeenIsLeftToTheEngine) {
  FakeKernel quiet;
  quiet.state = wanted;
  quiet.state.forwarding.clear();
  Reconciler fresh(quiet);
  EXPECT_EQ(texts(fresh.bring_all_to(wanted)), Lines{});
  EXPECT_TRUE(quiet.state.forwarding.empty());
}

TEST_F(ReconcilerTest, WhatCannotBeRepairedIsToldWithItsReasonAndTheRestIsRepaired) {
  kernel.state.bridges["db-web"].up = false;
  kernel.state.veths["dv-one"].isolated = false;
  kernel.fail_after(0);
  EXPECT_EQ(texts(reconciler.bring_all_to(wanted)),
            (Lines{"bridge: bridge db-web was down BUT bring up db-web: told to fail",
                   "port: port dv-one was not isolated"}));
}

TEST_F(ReconcilerTest, APortOfABridgeThatCannotBeMadeIsToldToo) {
  kernel.state.bridges.clear();
  kernel.state.veths["dv-one"].bridge.clear();
  kernel.fail_after(0);
  EXPECT_EQ(
      texts(reconciler.bring_all_to(wanted)),
      (Lines{"bridge: bridge db-web of network 0123456789ab was gone BUT create bridge db-web "
             "10.249.1.1/24 fd00:249::1/64: told to fail",
             "port: port dv-one was off its bridge db-web BUT attach dv-one to db-web: link "
             "db-web is not there"}));
}

TEST_F(ReconcilerTest, ARulesetThatCannotBeWrittenIsTriedAtTheNextLook) {
  kernel.state.elements.clear();
  kernel.fail_always(true);
  EXPECT_EQ(texts(reconciler.bring_all_to(wanted)),
            Lines{"rules: element nets { db-web } was missing BUT told to fail"});
  kernel.fail_always(false);
  EXPECT_EQ(reconciler.bring_all_to(wanted).size(), 2u);
  EXPECT_EQ(kernel.state, wanted);
}

}  // namespace
}  // namespace drawbridge
