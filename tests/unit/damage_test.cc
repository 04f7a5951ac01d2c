#include "netlink/damage.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

Bridge bridge() {
  Bridge made;
  made.name = "db-web";
  made.owner = "0123456789abcdef";
  made.mac = *MacAddress::parse("02:db:0a:f9:01:01");
  return made;
}

Veth port() {
  Veth made;
  made.host_end = "dv-one";
  made.owner = "fedcba9876543210";
  made.bridge = "db-web";
  made.mac = *MacAddress::parse("02:db:0a:f9:01:02");
  return made;
}

Damage of(Operation const& repair, KernelState const& observed = {}) {
  return damage_of(repair, observed);
}

IpPrefix const gateway = *IpPrefix::parse("10.249.1.1/24");

TEST(Damage, NamesWhatIsWrongWithABridge) {
  EXPECT_EQ(of(CreateBridge{bridge()}),
            (Damage{"bridge", "bridge db-web of network 0123456789ab was gone"}));
  EXPECT_EQ(of(RetireBridge{bridge()}),
            (Damage{"bridge", "bridge db-web of network 0123456789ab was left over"}));
  EXPECT_EQ(of(BringUp{"db-web"}), (Damage{"bridge", "bridge db-web was down"}));
  EXPECT_EQ(of(BringUp{"mine"}), (Damage{"bridge", "bridge mine was down"}));
  EXPECT_EQ(of(SetMtu{"db-web", 1400, 1500}),
            (Damage{"bridge", "bridge db-web had mtu 1400 and not 1500"}));
  EXPECT_EQ(of(AllowLoopback{"db-web"}),
            (Damage{"bridge", "bridge db-web let no packets of 127.0.0.0/8 leave"}));
}

TEST(Damage, NamesTheAddressOfABridgeThatIsMadeAnewForIt) {
  KernelState observed;
  observed.bridges["db-web"] = bridge();
  observed.bridges["db-web"].mac = *MacAddress::parse("02:00:00:00:00:09");
  EXPECT_EQ(
      of(CreateBridge{bridge()}, observed),
      (Damage{"bridge", "bridge db-web had address 02:00:00:00:00:09 and not 02:db:0a:f9:01:01"}));
}

TEST(Damage, NamesAddresses) {
  EXPECT_EQ(of(AddAddress{"db-web", gateway}),
            (Damage{"address", "address 10.249.1.1/24 was missing on db-web"}));
  EXPECT_EQ(of(RemoveAddress{"db-web", gateway}),
            (Damage{"address", "address 10.249.1.1/24 was not ours on db-web"}));
}

TEST(Damage, NamesWhatIsWrongWithAPort) {
  EXPECT_EQ(of(CreateVeth{port()}),
            (Damage{"port", "port dv-one of endpoint fedcba987654 was gone"}));
  EXPECT_EQ(of(RetireVeth{port()}),
            (Damage{"port", "port dv-one of endpoint fedcba987654 was left over"}));
  EXPECT_EQ(of(BringUp{"dv-one"}), (Damage{"port", "port dv-one was down"}));
  EXPECT_EQ(of(SetIsolation{"dv-one", false, true}),
            (Damage{"port", "port dv-one was not isolated"}));
  EXPECT_EQ(of(SetIsolation{"dv-one", true, false}), (Damage{"port", "port dv-one was isolated"}));
  EXPECT_EQ(of(SetHairpin{"dv-one", false, true}),
            (Damage{"port", "port dv-one sent no frames back"}));
  EXPECT_EQ(of(SetHairpin{"dv-one", true, false}),
            (Damage{"port", "port dv-one sent frames back where they came from"}));
  EXPECT_EQ(of(SetGroup{"dv-one", {0}, {7}}),
            (Damage{"port", "port dv-one was in group 0 and not 7"}));
}

TEST(Damage, TellsAPortThatIsOffItsBridgeFromOneThatIsNotKnownThere) {
  KernelState observed;
  EXPECT_EQ(of(AttachPort{port()}), (Damage{"port", "port dv-one was off its bridge db-web"}));
  observed.veths["dv-one"] = port();
  observed.veths["dv-one"].bridge.clear();
  EXPECT_EQ(of(AttachPort{port()}, observed),
            (Damage{"port", "port dv-one was off its bridge db-web"}));
  observed.veths["dv-one"].bridge = "db-web";
  observed.veths["dv-one"].mac = {};
  EXPECT_EQ(
      of(AttachPort{port()}, observed),
      (Damage{"port",
              "port dv-one was not known to its bridge db-web by its address 02:db:0a:f9:01:02"}));
  Veth off = port();
  off.bridge.clear();
  EXPECT_EQ(of(AttachPort{off}, observed), (Damage{"port", "port dv-one was on bridge db-web"}));
}

TEST(Damage, NamesRates) {
  Veth limited = port();
  limited.rate_bits_per_second = 8000;
  EXPECT_EQ(of(SetRate{limited, 0}),
            (Damage{"port", "port dv-one had no limit of its rate and not a rate of 8000 bit/s"}));
  EXPECT_EQ(
      of(SetRate{limited, unsound_rate}),
      (Damage{"port",
              "port dv-one had an incomplete limit of its rate and not a rate of 8000 bit/s"}));
}

TEST(Damage, NamesForwardingAndElements) {
  EXPECT_EQ(of(EnableForwarding{Family::ipv6}),
            (Damage{"forwarding", "forwarding of ipv6 was off"}));
  Element const pair{"pair", {"db-1", "db-2"}, Verdict{}};
  EXPECT_EQ(of(ChangeElements{{}, {pair}}),
            (Damage{"element", "1 elements were missing, 0 were not ours"}));
  EXPECT_EQ(missing_text(pair), "element pair { db-1 . db-2 : accept } was missing");
  EXPECT_EQ(not_ours_text({"nets", {"eth9"}}), "element nets { eth9 } was not ours");
}

}  // namespace
}  // namespace drawbridge
