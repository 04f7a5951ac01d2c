// In which order the ports of a network's range are handed out, and who has which.
#include "driver/port_pool.h"

#include "driver/port_index.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

using Numbers = std::vector<std::uint16_t>;

TEST(PortPool, TheLowestComesFirst) {
  EXPECT_EQ(pool_candidates({{30000, 30003}, {}, {}, ""}), (Numbers{30000, 30001, 30002, 30003}));
}

TEST(PortPool, ItsOwnComesBackAndThoseOfOthersComeLast) {
  PortLeases const leases{{"web", 30001}, {"db", 30000}, {"old", 30002}, {"far", 40000}};
  EXPECT_EQ(pool_candidates({{30000, 30003}, {}, leases, "web"}),
            (Numbers{30001, 30003, 30000, 30002}));
  EXPECT_EQ(pool_candidates({{30000, 30003}, {}, leases, ""}),
            (Numbers{30003, 30000, 30001, 30002}));
}

TEST(PortPool, ReservedPortsAreSkippedUnlessTheReservationIsForTheRange) {
  EXPECT_EQ(pool_candidates({{30000, 30003}, {{30001, 30002}}, {}, ""}), (Numbers{30000, 30003}));
  EXPECT_EQ(pool_candidates({{30000, 30003}, {{30002, 40000}, {29000, 30001}}, {}, ""}).size(), 4u);
  EXPECT_EQ(pool_candidates({{65534, 65535}, {{65535, 65535}}, {}, ""}), (Numbers{65534}));
}

TEST(PortPool, ARangeThatConnectionsUseIsToBeReserved) {
  PortRange const ephemeral{32768, 60999};
  EXPECT_EQ(reservation_advice({30000, 39999}, ephemeral, {{8080, 8080}, {9000, 9010}}),
            "connections of this host may take ports of 30000-39999 for themselves (32768-60999 "
            "are theirs): reserve them with sysctl -w "
            "net.ipv4.ip_local_reserved_ports=8080,9000-9010,30000-39999");
  EXPECT_EQ(reservation_advice({30000, 32767}, ephemeral, {}), std::nullopt);
  EXPECT_EQ(reservation_advice({30000, 39999}, ephemeral, {{30000, 34999}, {35000, 39999}}),
            std::nullopt);
}

TEST(PortIndex, KnowsWhoHasAPort) {
  auto const endpoint = [](std::string const& id, std::vector<PublishedPort> ports) {
    Endpoint made;
    made.id = {id};
    made.network = {"net1"};
    made.ports = std::move(ports);
    return made;
  };
  IpAddress const loopback = *IpAddress::parse("127.0.0.1");
  Endpoint const web = endpoint("web", {{6, {}, {80, 80}, 80}, {6, loopback, {90, 90}, 80}});
  Endpoint const many = endpoint("many", {{6, {}, {1000, 1999}, 1000}});
  PortIndex index;
  index.add(web);
  index.add(many);
  auto const owner = [&index](PublishedPort const& port) {
    PortOwner const* const found = index.find(port, {"me"});
    return found == nullptr ? "nobody" : found->endpoint.value;
  };
  EXPECT_EQ(owner({6, loopback, {80, 80}, 1}), "web");
  EXPECT_EQ(owner({17, loopback, {80, 80}, 1}), "nobody");
  EXPECT_EQ(owner({6, *IpAddress::parse("127.0.0.2"), {90, 90}, 1}), "nobody");
  EXPECT_EQ(owner({6, {}, {85, 95}, 1}), "web");
  EXPECT_EQ(owner({6, {}, {1999, 2005}, 1}), "many");
  EXPECT_EQ(owner({6, {}, {2000, 2005}, 1}), "nobody");
  EXPECT_EQ(index.find({6, {}, {80, 80}, 1}, {"web"}), nullptr);
  index.remove(web);
  index.remove(many);
  EXPECT_EQ(owner({6, {}, {1, 65535}, 1}), "nobody");
}

}  // namespace
}  // namespace drawbridge
