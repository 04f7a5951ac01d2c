#include "netlink/plan.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

IpPrefix prefix(char const* text) {
  return *IpPrefix::parse(text);
}

Bridge a_bridge() {
  Bridge bridge;
  bridge.name = "db-0123456789ab";
  bridge.owner = "0123456789abcdef";
  bridge.addresses = {prefix("10.249.1.1/24"), prefix("fd00::1/64")};
  return bridge;
}

Veth a_veth() {
  return {"dv-1", "dc-1", "e1", "db-1", 1500, true};
}

Veth a_detached_veth() {
  Veth veth = a_veth();
  veth.bridge.clear();
  return veth;
}

Element pair_element(char const* from, char const* to) {
  return {"pair", {std::string(from), std::string(to)}};
}

/// One of each operation there is.
Plan every_operation() {
  return {ChangeElements{{pair_element("a", "b")}, {{"nets", {std::string("a")}}}},
          RetireVeth{a_veth()},
          RetireBridge{a_bridge()},
          EnableForwarding{Family::ipv4},
          EnableForwarding{Family::ipv6},
          CreateBridge{a_bridge()},
          RemoveAddress{"db-1", prefix("10.249.2.1/24")},
          AddAddress{"db-1", prefix("10.249.1.1/24")},
          SetMtu{"db-1", 1500, 9000},
          BringUp{"db-1"},
          CreateVeth{a_veth()},
          AttachPort{a_veth()},
          AttachPort{a_detached_veth()},
          SetIsolation{"dv-1", false, true},
          SetIsolation{"dv-1", true, false},
          SetGroup{"db-1", {0}, {7}}};
}

TEST(Plan, PrintsOneOperationALine) {
  EXPECT_EQ(describe(every_operation()),
            "change elements -{pair a . b} +{nets a}\n"
            "retire veth dv-1\n"
            "retire bridge db-0123456789ab\n"
            "enable forwarding of ipv4\n"
            "enable forwarding of ipv6\n"
            "create bridge db-0123456789ab 10.249.1.1/24 fd00::1/64\n"
            "remove address 10.249.2.1/24 from db-1\n"
            "add address 10.249.1.1/24 to db-1\n"
            "set mtu of db-1 from 1500 to 9000\n"
            "bring up db-1\n"
            "create veth dv-1 with dc-1 on db-1\n"
            "attach dv-1 to db-1\n"
            "detach dv-1\n"
            "set isolation of dv-1 on\n"
            "set isolation of dv-1 off\n"
            "set group of db-1 from 0 to 7\n");
}

TEST(Plan, PrintsAVethThatIsNoPort) {
  EXPECT_EQ(describe(Operation(CreateVeth{a_detached_veth()})), "create veth dv-1 with dc-1");
}

TEST(Plan, PrintsAddressesInAnElement) {
  Element const element{"peers", {std::string("db-1"), *IpAddress::parse("10.249.1.2")}};
  EXPECT_EQ(describe(element), "peers db-1 . 10.249.1.2");
}

TEST(Plan, TheInverseOfTheInverseIsTheOperation) {
  int with_inverse = 0;
  for (Operation const& operation : every_operation()) {
    std::optional<Operation> const back = inverse(operation);
    if (back) {
      ++with_inverse;
      EXPECT_NE(*back, operation);
      EXPECT_EQ(inverse(*back), operation) << describe(operation);
    }
  }
  EXPECT_EQ(with_inverse, 11);
}

TEST(Plan, RepairsHaveNoInverse) {
  EXPECT_EQ(inverse(BringUp{"db-1"}), std::nullopt);
  EXPECT_EQ(inverse(AttachPort{a_veth()}), std::nullopt);
  EXPECT_EQ(inverse(EnableForwarding{Family::ipv4}), std::nullopt);
}

}  // namespace
}  // namespace drawbridge
