// Limits of rate, shown by streams between namespaces that stand for containers, and by tc(8).
#include "netlink/rate.h"

#include "netlink/diff.h"
#include "netlink/linux_kernel.h"
#include "tests/support/expect_ok.h"
#include "tests/support/holds.h"
#include "tests/support/netns.h"
#include "tests/support/streams.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cmath>

namespace drawbridge {
namespace {

constexpr std::uint64_t mbit = 1'000'000;
constexpr int refusal_ms = 200;

/// Within 15 percent; a busy machine may try three times.
testing::AssertionResult goes_at(std::uint64_t wanted, StreamEnd const& from, StreamEnd const& to) {
  auto const asked = static_cast<double>(wanted);
  double measured = 0;
  for (int attempt = 0; attempt < 3; ++attempt) {
    measured = rate_between(from, to);
    if (std::abs(measured - asked) <= 0.15 * asked) {
      return testing::AssertionSuccess();
    }
  }
  return testing::AssertionFailure()
         << fmt::format("{:.2f} Mbit/s of {:.2f}", measured / mbit, asked / mbit);
}

bool is_faster_than(std::uint64_t limit, StreamEnd const& from, StreamEnd const& to) {
  return rate_between(from, to, std::chrono::milliseconds(300)) > static_cast<double>(limit);
}

bool is_refused(StreamEnd const& from, std::string const& source, StreamEnd const& to) {
  return !reaches(from, source, to, 1, refusal_ms);
}

bool has_link(std::string const& name) {
  return holds(shell("ip -oneline link"), ": " + name + ":");
}

class RateTest : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    restart();
    Bridge bridge;
    bridge.name = "db-1";
    bridge.owner = "network1";
    bridge.mac = *MacAddress::parse("02:db:0a:f9:01:01");
    bridge.addresses = {*IpPrefix::parse("10.249.1.1/24")};
    wanted_.bridges[bridge.name] = bridge;
  }

  /// A new process, as far as the kernel can tell.
  void restart() {
    Result<std::unique_ptr<LinuxKernel>> opened = LinuxKernel::open("/nonexistent");
    ASSERT_OK(opened);
    kernel_ = std::move(*opened);
    ASSERT_OK(kernel_->replace_ruleset(wanted_.elements));
  }

  static std::string host_end(int number) { return fmt::format("dv-{}", number); }

  Veth& want(int number, std::uint64_t rate) {
    Veth& veth = wanted_.veths[host_end(number)];
    veth.host_end = host_end(number);
    veth.container_end = fmt::format("dc-{}", number);
    veth.owner = fmt::format("endpoint{}", number);
    veth.bridge = "db-1";
    veth.mac = *MacAddress::parse(fmt::format("02:42:0a:f9:01:{:02}", number));
    veth.rate_bits_per_second = rate;
    for (std::string const& address :
         {fmt::format("10.249.1.{}", number), std::string("0.0.0.0")}) {
      wanted_.elements.insert({"sources4", {veth.host_end, veth.mac, *IpAddress::parse(address)}});
    }
    return veth;
  }

  /// Brings the kernel from what it holds to what is wanted, as a start does.
  void settle() {
    KernelState observed = observe();
    observed.elements = settled_elements_;
    ASSERT_OK(kernel_->apply(diff(observed, wanted_)));
    settled_elements_ = wanted_.elements;
  }

  KernelState observe() {
    Result<KernelState> const observed = kernel_->observe_owned();
    EXPECT_OK(observed);
    return *observed;
  }
  std::uint64_t observed_rate(int number) {
    std::uint64_t const rate = observe().veths.at(host_end(number)).rate_bits_per_second;
    EXPECT_EQ(kernel_->observe({host_end(number)})->veths.at(host_end(number)).rate_bits_per_second,
              rate);
    return rate;
  }

  /// Puts the container's end into a sandbox.
  StreamEnd enter(int number) {
    Netns const& netns = *sandboxes_.emplace_back(std::make_unique<Netns>());
    std::string const link = fmt::format("dc-{}", number);
    std::string const address = fmt::format("10.249.1.{}", number);
    std::string const mac = wanted_.veths[host_end(number)].mac.to_string();
    netns.take_link(link);
    netns.run([&] {
      shell(fmt::format("ip link set {} address {} up", link, mac));
      shell(fmt::format("ip address add {}/24 dev {}", address, link));
    });
    return {&netns, address};
  }

  void reap_all() {
    while (kernel_->reap()) {
    }
  }

  LinuxKernel& kernel() { return *kernel_; }

  KernelState wanted_;
  StreamEnd const host_{nullptr, "10.249.1.1"};

 private:
  std::unique_ptr<LinuxKernel> kernel_;
  std::set<Element> settled_elements_;
  std::vector<std::unique_ptr<Netns>> sandboxes_;
};

TEST_F(RateTest, AStreamIntoAContainerAndOneOutOfItGoAtTheRateAndOthersMuchFaster) {
  want(2, 8 * mbit);
  want(3, 0);
  settle();
  StreamEnd const limited = enter(2);
  StreamEnd const free = enter(3);
  EXPECT_TRUE(goes_at(8 * mbit, host_, limited));
  EXPECT_TRUE(goes_at(8 * mbit, limited, host_));
  EXPECT_TRUE(goes_at(8 * mbit, free, limited));
  EXPECT_TRUE(goes_at(8 * mbit, limited, free));
  EXPECT_TRUE(is_faster_than(80 * mbit, host_, free));
  EXPECT_TRUE(is_faster_than(80 * mbit, free, host_));
}

TEST_F(RateTest, ALowRateAndAHighOneAreKept) {
  want(2, 1 * mbit);
  want(3, 100 * mbit);
  settle();
  StreamEnd const slow = enter(2);
  StreamEnd const fast = enter(3);
  EXPECT_TRUE(goes_at(1 * mbit, host_, slow));
  EXPECT_TRUE(goes_at(1 * mbit, slow, host_));
  EXPECT_TRUE(goes_at(100 * mbit, host_, fast));
  EXPECT_TRUE(goes_at(100 * mbit, fast, host_));
}

TEST_F(RateTest, AChangeHoldsAtOnceAndARemovalLeavesNothing) {
  want(2, 0);
  settle();
  StreamEnd const container = enter(2);
  std::string const before = host_snapshot();
  want(2, 8 * mbit);
  settle();
  want(2, 2 * mbit);
  settle();
  EXPECT_EQ(observed_rate(2), 2 * mbit);
  EXPECT_TRUE(goes_at(2 * mbit, host_, container));
  EXPECT_TRUE(goes_at(2 * mbit, container, host_));

  want(2, 0);
  settle();
  EXPECT_EQ(observed_rate(2), 0u);
  EXPECT_TRUE(is_faster_than(20 * mbit, host_, container));
  EXPECT_TRUE(is_faster_than(20 * mbit, container, host_));
  reap_all();
  EXPECT_EQ(host_snapshot(), before);
}

TEST_F(RateTest, ANewDaemonSeesWhatIsInForceAndLeavesIt) {
  want(2, 8 * mbit);
  want(3, 100'000 * mbit);
  want(4, 8'000);
  want(5, 0);
  settle();
  std::string const before = shell("tc -s qdisc; ip -oneline link");
  restart();
  EXPECT_EQ(observed_rate(2), 8 * mbit);
  EXPECT_EQ(observed_rate(3), 100'000 * mbit);
  EXPECT_EQ(observed_rate(4), 8'000u);
  EXPECT_EQ(observed_rate(5), 0u);
  settle();
  reap_all();
  EXPECT_EQ(shell("tc -s qdisc; ip -oneline link"), before);
}

TEST_F(RateTest, WhatOthersTakeAwayOrChangeIsMadeWholeAgain) {
  for (char const* damage :
       {"tc qdisc del dev dv-2 root", "tc qdisc del dev dv-2 ingress",
        "tc filter del dev dv-2 ingress", "tc qdisc del dev di-2 root", "ip link del di-2",
        "ip link set di-2 down", "tc qdisc replace dev di-2 root tbf rate 1mbit burst 9k limit 9k",
        "tc qdisc replace dev dv-2 root tbf rate 1mbit burst 9k limit 9k"}) {
    want(2, 8 * mbit);
    settle();
    ASSERT_EQ(observed_rate(2), 8 * mbit);
    shell(damage);
    EXPECT_NE(observed_rate(2), 8 * mbit) << damage;
    settle();
    EXPECT_EQ(observed_rate(2), 8 * mbit) << damage;
    shell(damage);
    want(2, 0);
    settle();
    reap_all();
    EXPECT_EQ(observed_rate(2), 0u) << damage;
    EXPECT_FALSE(holds(shell("tc qdisc show dev dv-2"), "tbf")) << damage;
    EXPECT_FALSE(holds(shell("tc qdisc show dev dv-2"), "ingress")) << damage;
    EXPECT_FALSE(has_link("di-2")) << damage;
  }
}

TEST_F(RateTest, AnIfbWhoseMakerDiedIsTakenAway) {
  want(2, 0);
  settle();
  std::string const before = host_snapshot();
  shell("ip link add di-2 type ifb; ip link set di-2 alias drawbridge:endpoint2/limit");
  shell("ip link add di-9 type ifb; ip link set di-9 alias drawbridge:gone/limit");
  restart();
  settle();
  reap_all();
  EXPECT_EQ(host_snapshot(), before);
}

TEST_F(RateTest, AnIfbOfSomebodyElseStaysAndIsNamed) {
  want(2, 0);
  settle();
  shell("ip link add di-2 type ifb");
  Veth const limited = want(2, 8 * mbit);
  EXPECT_TRUE(fails_with(kernel().apply({SetRate{limited, 0}}), Errc::already_exists,
                         "link di-2 is there and is not drawbridge's; delete or rename it"));
  EXPECT_EQ(observed_rate(2), 0u);
  EXPECT_TRUE(has_link("di-2"));
  EXPECT_TRUE(observe().foreign.contains("di-2"));
}

TEST_F(RateTest, APairThatCannotBeLimitedIsNotMade) {
  want(1, 0);
  settle();
  shell("ip link add di-2 type ifb");
  Veth const limited = want(2, 8 * mbit);
  EXPECT_TRUE(fails_with(kernel().apply({CreateVeth{limited}}), Errc::already_exists, "di-2"));
  EXPECT_FALSE(has_link("dv-2"));
}

TEST_F(RateTest, AnEndpointThatGoesTakesItsLimitWithIt) {
  want(1, 0);
  settle();
  std::string const before = host_snapshot();
  Veth const limited = want(2, 8 * mbit);
  settle();
  wanted_.veths.erase(limited.host_end);
  settle();
  reap_all();
  EXPECT_EQ(host_snapshot(), before);
}

TEST_F(RateTest, AnEndpointThatComesBackHasTheRateThatIsAskedForNow) {
  want(2, 8 * mbit);
  settle();
  StreamEnd const container = enter(2);
  for (std::uint64_t const rate : {8 * mbit, 2 * mbit, std::uint64_t{0}}) {
    wanted_.veths.erase(host_end(2));
    settle();
    want(2, rate);
    settle();
    EXPECT_EQ(observed_rate(2), rate);
    reap_all();
    EXPECT_EQ(observed_rate(2), rate);
    EXPECT_TRUE(rate == 0 ? is_faster_than(20 * mbit, container, host_)
                          : goes_at(rate, container, host_));
  }
  EXPECT_FALSE(has_link("di-2"));
}

TEST_F(RateTest, AnEndpointThatComesBackAfterItsIfbWentIsNotCutOff) {
  Veth const limited = want(2, 8 * mbit);
  settle();
  StreamEnd const container = enter(2);
  ASSERT_OK(kernel().apply({RetireVeth{limited}}));
  shell("ip link del di-2");
  Veth const free = want(2, 0);
  ASSERT_OK(kernel().apply({CreateVeth{free}}));
  EXPECT_EQ(observed_rate(2), 0u);
  EXPECT_TRUE(is_faster_than(20 * mbit, container, host_));
}

TEST_F(RateTest, APortThatMovesKeepsItsLimit) {
  Veth const veth = want(2, 8 * mbit);
  settle();
  StreamEnd const container = enter(2);
  Veth away = veth;
  away.bridge.clear();
  ASSERT_OK(kernel().apply({AttachPort{away}, AttachPort{veth}}));
  EXPECT_EQ(observed_rate(2), 8 * mbit);
  EXPECT_TRUE(goes_at(8 * mbit, container, host_));
}

TEST_F(RateTest, LargerFramesFindALargerBucket) {
  want(2, 8 * mbit);
  settle();
  StreamEnd const container = enter(2);
  want(2, 8 * mbit).mtu_bytes = 9000;
  wanted_.bridges.at("db-1").mtu_bytes = 9000;
  settle();
  EXPECT_EQ(observed_rate(2), 8 * mbit);
  container.run([] { shell("ip link set dc-2 mtu 9000"); });
  EXPECT_TRUE(reaches(container, container.address, host_, 8900));
  EXPECT_TRUE(reaches(host_, host_.address, container, 8900));
}

TEST_F(RateTest, TheGuardsOfThePortsHoldUnderALimit) {
  want(2, 8 * mbit).isolated = true;
  want(3, 8 * mbit).isolated = true;
  want(4, 8 * mbit);
  settle();
  StreamEnd const one = enter(2);
  StreamEnd const other = enter(3);
  StreamEnd const hub = enter(4);
  one.run([] {
    shell("ip address add 10.249.1.77/24 dev dc-2");
    shell("ip neigh replace 10.249.1.3 lladdr 02:42:0a:f9:01:03 dev dc-2");
  });
  EXPECT_TRUE(reaches(one, one.address, hub, 1));
  EXPECT_TRUE(is_refused(one, one.address, other));
  EXPECT_TRUE(is_refused(one, "10.249.1.77", hub));
  EXPECT_TRUE(reaches(one, one.address, hub, 1));
}

TEST_F(RateTest, UninstallTakesEverything) {
  std::string const before = host_snapshot();
  want(2, 8 * mbit);
  settle();
  shell("ip link add di-9 type ifb; ip link set di-9 alias drawbridge:gone/limit");
  ASSERT_OK(kernel().remove_everything());
  EXPECT_EQ(host_snapshot(), before);
}

}  // namespace
}  // namespace drawbridge
