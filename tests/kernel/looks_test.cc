// Looks at the real kernel: what wakes them, what they repair, what they cost.
#include "driver/reconciler.h"
#include "netlink/linux_kernel.h"
#include "tests/support/expect_ok.h"
#include "tests/support/holds.h"
#include "tests/support/netns.h"
#include "tests/support/temp_directory.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

namespace drawbridge {
namespace {

using Lines = std::vector<std::string>;

void add_network(KernelState& state, unsigned number) {
  Bridge bridge;
  bridge.name = fmt::format("db-{}", number);
  bridge.owner = fmt::format("{:016x}", number);
  bridge.mac = *MacAddress::parse("02:db:0a:f9:01:01");
  IpAddress const gateway{Family::ipv4, 0x0a000001U + (number << 8)};
  bridge.addresses = {{gateway, 24}};
  state.bridges[bridge.name] = bridge;
  state.elements.insert({"nets", {bridge.name}});
  state.elements.insert({"pair", {bridge.name, bridge.name}, Verdict{}});
  state.elements.insert({"gateways4", {gateway}});
  state.elements.insert({"masquerade4", {bridge.name}});
  state.elements.insert({"turns", {bridge.name, bridge.name}});
  for (unsigned i = 0; i < 2; ++i) {
    Veth veth;
    veth.host_end = fmt::format("dv-{}-{}", number, i);
    veth.container_end = fmt::format("dc-{}-{}", number, i);
    veth.owner = fmt::format("{:016x}", number * 2 + i);
    veth.bridge = bridge.name;
    veth.mac = {{2, 0x42, static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number),
                 1, static_cast<std::uint8_t>(i)}};
    veth.isolated = true;
    state.veths[veth.host_end] = veth;
    IpAddress const address{Family::ipv4, gateway.bits + 1 + i};
    state.elements.insert({"sources4", {veth.host_end, veth.mac, address}});
    state.elements.insert({"sources4", {veth.host_end, veth.mac, IpAddress{Family::ipv4, 0}}});
  }
}

KernelState networks(unsigned count) {
  KernelState state;
  for (unsigned number = 1; number <= count; ++number) {
    add_network(state, number);
  }
  return state;
}

/// Makes everything of ours, and pairs too.
class LooksTest : public NetnsTest {
 protected:
  void given(KernelState const& state) {
    wanted_ = state;
    Result<std::unique_ptr<LinuxKernel>> opened = LinuxKernel::open(folder_ / "resolv.conf");
    ASSERT_OK(opened);
    kernel_ = std::move(*opened);
    reconciler_ = std::make_unique<Reconciler>(*kernel_);
    ASSERT_OK(reconciler_->bring_to({}, wanted_));
    look();  // adopts
    ASSERT_EQ(look(), Lines{});
    settle();
  }

  Lines look() {
    Lines lines;
    for (Repair const& repair : reconciler_->bring_all_to(wanted_)) {
      lines.push_back(repair.text + repair.failure);
    }
    return lines;
  }

  Disturbance disturbance() {
    EXPECT_OK(kernel_->host_routes());
    return kernel_->take_disturbance();
  }
  void settle() { disturbance(); }

  /// returns  microseconds of this thread
  long cost_of_look() {
    timespec begun{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begun);
    EXPECT_EQ(look(), Lines{});
    timespec ended{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ended);
    return (ended.tv_sec - begun.tv_sec) * 1'000'000 + (ended.tv_nsec - begun.tv_nsec) / 1000;
  }

 private:
  TempDirectory folder_;
  KernelState wanted_;
  std::unique_ptr<LinuxKernel> kernel_;
  std::unique_ptr<Reconciler> reconciler_;
};

TEST_F(LooksTest, EachDamageWakesIsNamedAndIsRepaired) {
  given(networks(2));
  struct Case {
    char const* command;
    Lines lines;
  };
  for (Case const& each : {
           Case{"ip link set db-1 down", {"bridge db-1 was down"}},
           Case{"ip addr del 10.0.1.1/24 dev db-1", {"address 10.0.1.1/24 was missing on db-1"}},
           Case{"ip addr add 192.0.2.1/24 dev db-1", {"address 192.0.2.1/24 was not ours on db-1"}},
           Case{"ip link set dv-1-0 nomaster", {"port dv-1-0 was off its bridge db-1"}},
           Case{"ip link set dv-1-0 master db-2", {"port dv-1-0 was off its bridge db-1"}},
           Case{"bridge link set dev dv-1-1 isolated off", {"port dv-1-1 was not isolated"}},
           Case{"ip link set dv-1-1 down", {"port dv-1-1 was down"}},
           Case{"ip link del db-1", {"bridge db-1 of network 000000000000 was gone"}},
           Case{"nft delete element inet drawbridge pair '{ \"db-1\" . \"db-1\" }'",
                {"element pair { db-1 . db-1 : accept } was missing"}},
           Case{"nft add element inet drawbridge nets '{ \"eth9\" }'",
                {"element nets { eth9 } was not ours"}},
           Case{"nft flush chain bridge drawbridge forward",
                {"rules of table bridge drawbridge were changed"}},
           Case{"nft flush ruleset",
                {"table inet drawbridge was gone", "table bridge drawbridge was gone"}},
       }) {
    shell(each.command);
    EXPECT_TRUE(disturbance().ours) << each.command;
    EXPECT_EQ(look(), each.lines) << each.command;
    EXPECT_EQ(look(), Lines{}) << each.command;
    settle();
  }
}

TEST_F(LooksTest, WhatOthersDoToTheirsWakesNobodyAndStays) {
  given(networks(1));
  shell(
      "ip link add other type bridge && ip link set other up && ip addr add 192.0.2.1/24 dev "
      "other");
  shell("ip link add type veth && ip -6 addr add 2001:db8::1/64 dev other");
  EXPECT_FALSE(disturbance().ours);
  shell("nft add table inet other");
  Disturbance const others = disturbance();
  EXPECT_FALSE(others.ours);
  EXPECT_TRUE(others.rules);
  std::string const before = host_snapshot();
  EXPECT_EQ(look(), Lines{});
  EXPECT_EQ(host_snapshot(), before);
  EXPECT_TRUE(holds(shell("nft list tables"), "table inet other"));
}

TEST_F(LooksTest, ALinkThatAUserNamedIsKnownByItsMark) {
  KernelState state;
  Bridge bridge;
  bridge.name = "mine";
  bridge.owner = "0123456789abcdef";
  bridge.mac = *MacAddress::parse("02:db:0a:f9:01:01");
  bridge.addresses = {*IpPrefix::parse("10.249.1.1/24")};
  state.bridges["mine"] = bridge;
  given(state);
  shell("ip addr del 10.249.1.1/24 dev mine");
  EXPECT_TRUE(disturbance().ours);
  EXPECT_EQ(look(), Lines{"address 10.249.1.1/24 was missing on mine"});
  settle();
  shell("ip link del mine");
  EXPECT_TRUE(disturbance().ours);
  EXPECT_EQ(look(), Lines{"bridge mine of network 0123456789ab was gone"});
}

// DRAWBRIDGE_TEST_NETWORKS=500 measures what docs/adr/0027-looks.md says.
TEST_F(LooksTest, ALookCostsLittle) {
  char const* const asked = std::getenv("DRAWBRIDGE_TEST_NETWORKS");
  unsigned const count = asked == nullptr ? 10U : static_cast<unsigned>(std::atoi(asked));
  given(networks(count));
  long const unchanged = cost_of_look();
  shell("nft add table inet other");
  long const after_change = cost_of_look();
  fmt::print("{} networks: {} us, after a change of others {} us\n", count, unchanged,
             after_change);
  constexpr long most = 100'000;
  EXPECT_LT(unchanged, most);
  EXPECT_LT(after_change, most);
}

}  // namespace
}  // namespace drawbridge
