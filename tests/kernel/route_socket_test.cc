#include "netlink/route_socket.h"

#include "tests/support/expect_ok.h"
#include "tests/support/netns.h"

#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

namespace drawbridge {
namespace {

using testing::AssertionResult;

class RouteSocketTest : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    Result<RouteSocket> opened = RouteSocket::open();
    ASSERT_OK(opened);
    socket_ = std::make_unique<RouteSocket>(std::move(*opened));
  }

  Link find(std::string const& name) {
    Result<std::optional<Link>> const link = socket_->find(name);
    EXPECT_OK(link);
    EXPECT_TRUE(*link) << name << " is not there";
    return link->value_or(Link{});
  }

  bool exists(std::string const& name) {
    Result<std::optional<Link>> const link = socket_->find(name);
    EXPECT_OK(link);
    return link->has_value();
  }

  RouteSocket& socket() { return *socket_; }

 private:
  std::unique_ptr<RouteSocket> socket_;
};

IpPrefix prefix(char const* text) {
  return *IpPrefix::parse(text);
}

Bridge a_bridge(char const* name = "db-1") {
  Bridge bridge;
  bridge.name = name;
  bridge.owner = "0123456789abcdef";
  bridge.mac = *MacAddress::parse("02:db:0a:f9:01:01");
  bridge.addresses = {prefix("10.249.1.1/24")};
  return bridge;
}

Veth a_veth(char const* host_end = "dv-1", char const* container_end = "dc-1") {
  return {host_end, container_end, "fedcba9876543210", "", 1500, true};
}

AssertionResult has(std::string const& text, char const* part) {
  if (text.find(part) != std::string::npos) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << part << " is not in:\n" << text;
}

AssertionResult has_no(std::string const& text, char const* part) {
  if (text.find(part) == std::string::npos) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure() << part << " is in:\n" << text;
}

TEST_F(RouteSocketTest, FindsLinksByNameAndByIndex) {
  shell("ip link add br0 address 02:00:00:00:00:07 mtu 1400 type bridge");
  shell("ip link add v0 mtu 1400 type veth peer name v1 && ip link set v0 master br0");
  Link const bridge = find("br0");
  EXPECT_EQ(bridge.kind, "bridge");
  EXPECT_EQ(bridge.mac.to_string(), "02:00:00:00:00:07");
  EXPECT_EQ(bridge.mtu_bytes, 1400U);
  EXPECT_FALSE(bridge.up);
  Link const veth = **socket().find(find("v0").index);
  EXPECT_EQ(veth.name, "v0");
  EXPECT_EQ(veth.kind, "veth");
  EXPECT_EQ(veth.master, bridge.index);
  EXPECT_EQ(veth.peer, find("v1").index);
  EXPECT_TRUE(find("lo").up);
}

TEST_F(RouteSocketTest, FindsNothingWhereThereIsNothing) {
  EXPECT_FALSE(exists("db-1"));
  EXPECT_EQ(*socket().find(std::uint32_t{4711}), std::nullopt);
  EXPECT_TRUE(socket().addresses_of(4711)->empty());
}

TEST_F(RouteSocketTest, ListsLinksAndAddresses) {
  shell("ip link add br0 up type bridge && ip address add 10.1.2.3/24 dev br0");
  shell("ip address add fd00::5/64 dev br0 nodad && ip address add fe80::5/64 dev br0 nodad");
  EXPECT_EQ(socket().links()->size(), 2U);
  EXPECT_EQ(socket().addresses()->size(), 4U);  // two of them on lo
  EXPECT_EQ(*socket().addresses_of(find("br0").index),
            (std::set<IpPrefix>{prefix("10.1.2.3/24"), prefix("fd00::5/64")}));
}

TEST_F(RouteSocketTest, CreatesABridgeThatIsMarkedAndUp) {
  ASSERT_OK(socket().create_bridge(a_bridge()));
  std::string const link = shell("ip -details link show db-1");
  EXPECT_TRUE(has(link, "UP"));
  EXPECT_TRUE(has(link, "mtu 1500"));
  EXPECT_TRUE(has(link, "02:db:0a:f9:01:01"));
  EXPECT_TRUE(has(link, "alias drawbridge:0123456789abcdef"));
  EXPECT_TRUE(has(link, "stp_state 0"));
  EXPECT_TRUE(has(link, "addrgenmode none"));
  EXPECT_TRUE(has(link, "group default"));
  EXPECT_TRUE(has(shell("ip address show db-1"), "inet 10.249.1.1/24 scope global"));
  EXPECT_TRUE(has(shell("ip route"), "10.249.1.0/24 dev db-1"));
}

TEST_F(RouteSocketTest, ABridgeWithoutIpv6CarriesNoLinkLocalAddress) {
  ASSERT_OK(socket().create_bridge(a_bridge()));
  shell("ip link add p0 up master db-1 type veth peer name p1 && ip link set p1 up");
  EXPECT_TRUE(has_no(shell("ip -6 address show db-1"), "fe80"));
}

TEST_F(RouteSocketTest, ABridgeWithIpv6DerivesItsLinkLocalAddressFromItsMac) {
  Bridge bridge = a_bridge();
  bridge.addresses = {prefix("fd00:db::1/64")};
  ASSERT_OK(socket().create_bridge(bridge));
  shell("ip link add p0 up master db-1 type veth peer name p1 && ip link set p1 up");
  std::string const addresses = shell("ip -6 address show db-1");
  EXPECT_TRUE(has(addresses, "inet6 fd00:db::1/64 scope global"));
  EXPECT_TRUE(has(addresses, "inet6 fe80::db:aff:fef9:101/64"));
  EXPECT_TRUE(has_no(addresses.substr(0, addresses.find("fe80")), "tentative"));
}

TEST_F(RouteSocketTest, ABridgeKeepsItsMtuWhateverPortsComeAndGo) {
  for (std::uint32_t const mtu_bytes : {576U, 1280U, 9000U, 65535U}) {
    Bridge bridge = a_bridge();
    bridge.mtu_bytes = mtu_bytes;
    ASSERT_OK(socket().create_bridge(bridge)) << mtu_bytes;
    shell("ip link add p0 mtu 1400 master db-1 type veth peer name p1");
    EXPECT_EQ(find("db-1").mtu_bytes, mtu_bytes);
    shell("ip link del p0");
    EXPECT_EQ(find("db-1").mtu_bytes, mtu_bytes);
    shell("ip link del db-1");
  }
}

TEST_F(RouteSocketTest, AForeignLinkOfThatNameIsUntouched) {
  shell("ip link add db-1 mtu 1400 type bridge && ip address add 10.249.1.9/24 dev db-1");
  std::string const before = host_snapshot();
  EXPECT_TRUE(fails_with(socket().create_bridge(a_bridge()), Errc::already_exists, "bridge db-1"));
  EXPECT_EQ(host_snapshot(), before);
}

TEST_F(RouteSocketTest, ABridgeThatFailsHalfWayLeavesNothing) {
  std::string const before = host_snapshot();
  Bridge bridge = a_bridge();
  bridge.addresses.insert(prefix("127.0.0.1/8"));
  bridge.addresses.insert(IpPrefix{prefix("10.249.2.1/24").address, 33});
  EXPECT_TRUE(fails_with(socket().create_bridge(bridge), Errc::kernel, "bridge db-1"));
  EXPECT_EQ(host_snapshot(), before);
}

/// Makes bridges until it is killed, and tells of each by a byte.
[[noreturn]] void make_bridges(int round, int told) {
  Result<RouteSocket> socket = RouteSocket::open();
  for (int number = 0; socket; ++number) {
    std::string const name = "db-" + std::to_string(round) + "-" + std::to_string(number);
    Result<void> const created = socket->create_bridge(a_bridge(name.c_str()));
    if (!created || ::write(told, "", 1) != 1) {
      break;
    }
  }
  ::_exit(1);
}

TEST_F(RouteSocketTest, AKillLeavesNoLinkWithoutItsMark) {
  for (int round = 0; round < 10; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    pid_t const child = ::fork();
    ASSERT_GE(child, 0);  // kill(-1) would be everybody's end
    if (child == 0) {
      make_bridges(round, ends[1]);
    }
    ::close(ends[1]);  // so that a child that ends early ends the reading, too
    char told = 0;
    for (int wanted = 0; wanted <= round % 3; ++wanted) {
      ASSERT_EQ(::read(ends[0], &told, 1), 1);
    }
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    ::close(ends[0]);
  }
  Result<std::vector<Link>> const links = socket().links();
  ASSERT_OK(links);
  EXPECT_GT(links->size(), 10U);
  for (Link const& link : *links) {
    EXPECT_TRUE(link.name == "lo" || !link.alias.empty()) << link.name;
  }
}

TEST_F(RouteSocketTest, CreatesAVethPairWithBothEndsMarked) {
  ASSERT_OK(socket().create_bridge(a_bridge()));
  Veth veth = a_veth();
  veth.mtu_bytes = 1400;
  ASSERT_OK(socket().create_veth(veth, find("db-1").index));
  Link const host_end = find("dv-1");
  Link const container_end = find("dc-1");
  EXPECT_EQ(host_end.alias, "drawbridge:fedcba9876543210");
  EXPECT_EQ(container_end.alias, "drawbridge:fedcba9876543210/container");
  EXPECT_EQ(host_end.master, find("db-1").index);
  EXPECT_EQ(host_end.peer, container_end.index);
  EXPECT_EQ(container_end.peer, host_end.index);
  EXPECT_EQ(host_end.mtu_bytes, 1400U);
  EXPECT_EQ(container_end.mtu_bytes, 1400U);
  EXPECT_TRUE(host_end.up);
  EXPECT_FALSE(container_end.up);
}

TEST_F(RouteSocketTest, AHostEndCarriesNoLinkLocalAddress) {
  ASSERT_OK(socket().create_veth(a_veth(), 0));
  shell("ip link set dc-1 up");
  EXPECT_TRUE(has_no(shell("ip -6 address show dv-1"), "fe80"));
}

TEST_F(RouteSocketTest, AContainerEndKeepsItsMarkInASandbox) {
  Netns const sandbox;
  ASSERT_OK(socket().create_veth(a_veth(), 0));
  sandbox.take_link("dc-1");
  EXPECT_EQ(find("dv-1").peer, 0U);
  sandbox.run([] { EXPECT_TRUE(has(shell("ip link show dc-1"), "/container")); });
}

TEST_F(RouteSocketTest, AVethPairThatFailsLeavesNothing) {
  shell("ip link add dc-2 type veth peer name other");
  std::string const before = host_snapshot();
  EXPECT_TRUE(fails_with(socket().create_veth(a_veth("dv-2", "dc-2"), 0), Errc::already_exists,
                         "veth dv-2"));
  EXPECT_FALSE(socket().create_veth(a_veth(), 4711));
  Veth veth = a_veth();
  veth.mtu_bytes = 70000;
  EXPECT_FALSE(socket().create_veth(veth, 0));
  EXPECT_EQ(host_snapshot(), before);
}

TEST_F(RouteSocketTest, AddsAndRemovesAddressesMoreThanOnce) {
  ASSERT_OK(socket().create_bridge(a_bridge()));
  std::uint32_t const index = find("db-1").index;
  for (IpPrefix const& address : {prefix("10.249.9.1/24"), prefix("fd00:9::1/64")}) {
    EXPECT_OK(socket().add_address(index, address));
    EXPECT_OK(socket().add_address(index, address));
    EXPECT_TRUE(socket().addresses_of(index)->contains(address));
    EXPECT_OK(socket().remove_address(index, address));
    EXPECT_OK(socket().remove_address(index, address));
    EXPECT_FALSE(socket().addresses_of(index)->contains(address));
  }
}

TEST_F(RouteSocketTest, ChangesALink) {
  shell("ip link add v0 type veth peer name v1");
  std::uint32_t const index = find("v0").index;
  EXPECT_OK(socket().set_mtu(index, 1300));
  EXPECT_OK(socket().bring_up(index));
  EXPECT_OK(socket().set_group(index, {7}));
  EXPECT_EQ(find("v0").mtu_bytes, 1300U);
  EXPECT_TRUE(find("v0").up);
  EXPECT_EQ(find("v0").group, 7U);
}

TEST_F(RouteSocketTest, SaysWhichLinkIsMissing) {
  EXPECT_TRUE(fails_with(socket().set_mtu(4711, 1300), Errc::not_found, "link 4711: "));
  EXPECT_TRUE(fails_with(socket().bring_up(4711), Errc::not_found, "link 4711: "));
}

TEST_F(RouteSocketTest, ARetiredBridgeFreesItsNameAndItsAddress) {
  ASSERT_OK(socket().create_bridge(a_bridge()));
  std::uint32_t const index = find("db-1").index;
  ASSERT_OK(socket().retire_bridge(index, a_bridge()));
  EXPECT_FALSE(exists("db-1"));
  Link const retired = **socket().find(index);
  EXPECT_TRUE(retired.name.starts_with("dx-"));
  EXPECT_EQ(retired.alias, "drawbridge:retired");
  EXPECT_FALSE(retired.up);
  EXPECT_TRUE(socket().addresses_of(index)->empty());
  EXPECT_EQ(shell("ip route"), "");
  ASSERT_OK(socket().create_bridge(a_bridge()));
  EXPECT_TRUE(has(shell("ip route"), "10.249.1.0/24 dev db-1"));
}

TEST_F(RouteSocketTest, ABridgeThatCannotBeRetiredStaysInUse) {
  ASSERT_OK(socket().create_bridge(a_bridge()));
  std::uint32_t const index = find("db-1").index;
  char retired_name[16];
  std::snprintf(retired_name, sizeof retired_name, "dx-%x", index);
  shell("ip link add " + std::string(retired_name) + " type bridge");
  std::string const before = host_snapshot();
  EXPECT_TRUE(fails_with(socket().retire_bridge(index, a_bridge()), Errc::already_exists, "db-1"));
  EXPECT_EQ(host_snapshot(), before);
}

TEST_F(RouteSocketTest, ARetiredVethIsOffItsBridgeAndDownUntilItIsRevived) {
  ASSERT_OK(socket().create_bridge(a_bridge()));
  ASSERT_OK(socket().create_veth(a_veth(), find("db-1").index));
  std::string const before = host_snapshot();
  ASSERT_OK(socket().retire_veth(find("dv-1").index));
  EXPECT_EQ(find("dv-1").master, 0U);
  EXPECT_FALSE(find("dv-1").up);
  EXPECT_EQ(find("dv-1").alias, "drawbridge:retired");
  ASSERT_OK(socket().revive_veth(find("dv-1").index, a_veth(), find("db-1").index));
  EXPECT_EQ(host_snapshot(), before);
}

TEST_F(RouteSocketTest, DeletesTheNamedLinksAndNoOther) {
  for (char const* name : {"1", "2", "3"}) {
    std::string const host_end = std::string("dv-") + name;
    std::string const container_end = std::string("dc-") + name;
    ASSERT_OK(socket().create_veth(a_veth(host_end.c_str(), container_end.c_str()), 0));
  }
  std::set<std::uint32_t> const doomed{find("dv-1").index, find("dv-3").index, 4711};
  EXPECT_OK(socket().delete_links(doomed, 123456));
  EXPECT_FALSE(exists("dv-1"));
  EXPECT_TRUE(exists("dv-2"));
  EXPECT_FALSE(exists("dv-3"));
  EXPECT_FALSE(exists("dc-3"));
}

TEST_F(RouteSocketTest, DeletingWhatIsGoneIsSuccess) {
  ASSERT_OK(socket().create_bridge(a_bridge()));
  std::uint32_t const index = find("db-1").index;
  EXPECT_OK(socket().delete_link(index));
  EXPECT_OK(socket().delete_link(index));
  EXPECT_OK(socket().delete_links({index}, 123456));
}

}  // namespace
}  // namespace drawbridge
