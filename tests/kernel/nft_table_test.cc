#include "netlink/nft/table.h"
#include "tests/support/expect_ok.h"
#include "tests/support/holds.h"
#include "tests/support/netns.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {
namespace {

using Lines = std::vector<std::string>;

Element element(char const* set, std::vector<KeyField> key, decltype(Element::value) value = {}) {
  return {set, std::move(key), std::move(value)};
}

IpAddress address(char const* text) {
  return IpAddress::parse(text).value();
}

std::set<Element> const one_network{
    element("nets", {"db-one"}),
    element("pair", {"db-one", "db-one"}, Verdict{}),
    element("gateways4", {address("10.249.1.1")}),
    element("gateways6", {address("fd00:1::1")}),
};

std::string list(std::string const& what) {
  return shell("nft -s list " + what);
}

/// returns  both tables; without the mark, which is another one for every table that is written
std::string tables() {
  std::regex const mark("(set written \\{\n\t\ttype ifname\n)\t\telements = .*\n");
  return std::regex_replace(list("table inet drawbridge"), mark, "$1") +
         list("table bridge drawbridge");
}

std::string set(std::string const& name) {
  return list("set inet drawbridge " + name);
}

std::string map(std::string const& name) {
  return list("map inet drawbridge " + name);
}

std::string bridge_set(std::string const& name) {
  return list("set bridge drawbridge " + name);
}

class NftTableTest : public NetnsTest {
 protected:
  NftTable nft_ = NftTable::open().value();

  void SetUp() override {
    NetnsTest::SetUp();
    nft_ = NftTable::open().value();  // the socket belongs to the namespace that it was opened in
  }

  Lines mend() {
    Result<Lines> repairs = nft_.mend();
    EXPECT_OK(repairs);
    return repairs.value_or(Lines{});
  }
};

TEST_F(NftTableTest, WritesTheTablesOfTheGolden) {
  std::ifstream file(DRAWBRIDGE_SOURCE_DIR "/tests/golden/skeleton.nft");
  std::string const golden((std::istreambuf_iterator<char>(file)), {});

  ASSERT_OK(nft_.replace({}));

  EXPECT_EQ(tables(), golden);
}

TEST_F(NftTableTest, ListsTheElementsOfANetwork) {
  ASSERT_OK(nft_.replace(one_network));

  EXPECT_TRUE(holds(set("nets"), "elements = { \"db-one\" }"));
  EXPECT_TRUE(holds(map("pair"), "elements = { \"db-one\" . \"db-one\" : accept }"));
  EXPECT_TRUE(holds(set("gateways4"), "elements = { 10.249.1.1 }"));
  EXPECT_TRUE(holds(set("gateways6"), "elements = { fd00:1::1 }"));
}

TEST_F(NftTableTest, RulesThatAreRightStayAndEmptiedSetsAreFilled) {
  Element const range{"from_network", {"db-one", "db-two", ProtocolRange{6, 6}, PortRange{80, 90}}};
  std::set<Element> elements = one_network;
  elements.insert(range);
  ASSERT_OK(nft_.replace(elements));
  std::string const as_written = shell("nft -a list ruleset");
  shell("nft flush set inet drawbridge nets");
  ASSERT_NE(shell("nft -a list ruleset"), as_written);

  ASSERT_OK(nft_.replace(elements));

  EXPECT_EQ(shell("nft -a list ruleset"), as_written);
  elements.erase(range);
  ASSERT_OK(nft_.replace(elements));
  EXPECT_FALSE(holds(set("from_network"), "80-90"));
  EXPECT_TRUE(holds(set("nets"), "db-one"));
}

TEST_F(NftTableTest, ListsKeysOfEveryKind) {
  MacAddress const mac = MacAddress::parse("02:db:0a:f9:01:02").value();
  ProtocolRange const tcp{6, 6};
  IpPrefix const office = IpPrefix::parse("192.0.2.0/24").value();
  IpPrefix const office6 = IpPrefix::parse("2001:db8::/32").value();
  ASSERT_OK(nft_.replace({
      element("teams", {"db-a", LinkGroup{7}}),
      element("doors", {"db-one", mac}),
      element("from_network", {"db-one", "db-two", tcp, PortRange{80, 90}}),
      element("from_address4", {office, "db-one", ProtocolRange{}, PortRange{}}),
      element("from_address6", {office6, "db-one", tcp, PortRange{22, 22}}),
      element("egress_to4", {"db-one", office, tcp, PortRange{443, 443}}),
      element("resolvers6", {address("fd00::53"), tcp, PortRange{53, 53}}),
      element("sources4", {"dv-one", mac, address("10.249.1.2")}),
      element("sources6", {"dv-one", mac, address("fd00:1::2")}),
      element("targets6", {"dv-one", address("fd00:1::2")}),
      element("projects", {"dv-a", LinkGroup{3}}),
  }));

  EXPECT_TRUE(holds(set("teams"), "{ \"db-a\" . 7 }"));
  EXPECT_TRUE(holds(set("doors"), "{ \"db-one\" . 02:db:0a:f9:01:02 }"));
  EXPECT_TRUE(holds(set("from_network"), "{ \"db-one\" . \"db-two\" . tcp . 80-90 }"));
  EXPECT_TRUE(holds(set("from_address4"), "{ 192.0.2.0/24 . \"db-one\" . 0-255 . 0-65535 }"));
  EXPECT_TRUE(holds(set("from_address6"), "{ 2001:db8::/32 . \"db-one\" . tcp . 22 }"));
  EXPECT_TRUE(holds(set("egress_to4"), "{ \"db-one\" . 192.0.2.0/24 . tcp . 443 }"));
  EXPECT_TRUE(holds(set("resolvers6"), "{ fd00::53 . tcp . 53 }"));
  EXPECT_TRUE(holds(bridge_set("sources4"), "{ \"dv-one\" . 02:db:0a:f9:01:02 . 10.249.1.2 }"));
  EXPECT_TRUE(holds(bridge_set("sources6"), "{ \"dv-one\" . 02:db:0a:f9:01:02 . fd00:1::2 }"));
  EXPECT_TRUE(holds(bridge_set("targets6"), "{ \"dv-one\" . fd00:1::2 }"));
  EXPECT_TRUE(holds(bridge_set("projects"), "{ \"dv-a\" . 3 }"));
}

TEST_F(NftTableTest, ListsValuesOfEveryKind) {
  using Kind = Verdict::Kind;
  ASSERT_OK(nft_.replace({
      element("pair", {"db-one", "db-one"}, Verdict{Kind::go_to, "apart"}),
      element("egress", {"db-one"}, Verdict{Kind::jump, "egress_internet"}),
      element("to_host", {"db-one"}, Verdict{Kind::drop, {}}),
      element("host4", {"db-one"}, address("192.0.2.7")),
      element("host6", {"db-one"}, address("2001:db8::7")),
  }));

  EXPECT_TRUE(holds(map("pair"), "{ \"db-one\" . \"db-one\" : goto apart }"));
  EXPECT_TRUE(holds(map("egress"), "{ \"db-one\" : jump egress_internet }"));
  EXPECT_TRUE(holds(map("to_host"), "{ \"db-one\" : drop }"));
  EXPECT_TRUE(holds(map("host4"), "{ \"db-one\" : 192.0.2.7 }"));
  EXPECT_TRUE(holds(map("host6"), "{ \"db-one\" : 2001:db8::7 }"));
}

TEST_F(NftTableTest, ListsPublishedPorts) {
  ProtocolRange const tcp{6, 6};
  PortRange const web{8080, 8080};
  PortRange const many{9000, 9100};
  IpPrefix const any6 = IpPrefix::parse("::/0").value();
  ASSERT_OK(nft_.replace({
      element("ports4", {address("192.0.2.1"), tcp, web}, Target{address("10.249.1.2"), 80}),
      element("ports_any6", {tcp, web}, Target{address("fd00:1::2"), 80}),
      element("port_ranges6", {any6, tcp, many}, address("fd00:1::2")),
      element("relayed6", {"db-one", any6, tcp, web}),
      element("itself4", {address("10.249.1.2"), address("10.249.1.2")}),
      element("routed_ports6", {address("fd00:1::2"), tcp, many}),
      element("publish_from4", {IpPrefix::parse("192.0.2.0/24").value(), "db-one"}),
  }));

  EXPECT_TRUE(holds(map("ports4"), "{ 192.0.2.1 . tcp . 8080 : 10.249.1.2 . 80 }"));
  EXPECT_TRUE(holds(map("ports_any6"), "{ tcp . 8080 : fd00:1::2 . 80 }"));
  EXPECT_TRUE(holds(map("port_ranges6"), "{ ::/0 . tcp . 9000-9100 : fd00:1::2 }"));
  EXPECT_TRUE(holds(set("relayed6"), "{ \"db-one\" . ::/0 . tcp . 8080 }"));
  EXPECT_TRUE(holds(set("itself4"), "{ 10.249.1.2 . 10.249.1.2 }"));
  EXPECT_TRUE(holds(set("routed_ports6"), "{ fd00:1::2 . tcp . 9000-9100 }"));
  EXPECT_TRUE(holds(set("publish_from4"), "{ 192.0.2.0/24 . \"db-one\" }"));
}

TEST_F(NftTableTest, ReplacesTheValueUnderAKey) {
  Element const before = element("pair", {"db-one", "db-one"}, Verdict{});
  Element const after =
      element("pair", {"db-one", "db-one"}, Verdict{Verdict::Kind::go_to, "apart"});
  ASSERT_OK(nft_.replace({before}));

  ASSERT_OK(nft_.change({before}, {after}));

  EXPECT_TRUE(holds(map("pair"), "{ \"db-one\" . \"db-one\" : goto apart }"));
  EXPECT_EQ(mend(), Lines{});
}

TEST_F(NftTableTest, ReplacesAnIntervalByOneThatOverlapsIt) {
  auto const service = [](std::uint16_t first, std::uint16_t last) {
    return element("from_network",
                   {"db-one", "db-two", ProtocolRange{6, 6}, PortRange{first, last}});
  };
  ASSERT_OK(nft_.replace({service(80, 90)}));

  EXPECT_FALSE(nft_.change({}, {service(85, 95)}));
  ASSERT_OK(nft_.change({service(80, 90)}, {service(85, 95)}));

  EXPECT_TRUE(holds(set("from_network"), "tcp . 85-95 }"));
  EXPECT_EQ(mend(), Lines{});
}

TEST_F(NftTableTest, ReplacesWhatWasThereBefore) {
  shell("nft 'add table inet drawbridge; add chain inet drawbridge old'");
  ASSERT_OK(nft_.replace(one_network));

  ASSERT_OK(nft_.replace({element("nets", {"db-two"})}));

  EXPECT_TRUE(lacks(tables(), "old"));
  EXPECT_TRUE(lacks(tables(), "db-one"));
  EXPECT_TRUE(holds(set("nets"), "elements = { \"db-two\" }"));
}

TEST_F(NftTableTest, RemovesAndAddsElements) {
  ASSERT_OK(nft_.replace(one_network));

  ASSERT_OK(nft_.change({element("nets", {"db-one"})},
                        {element("nets", {"db-two"}), element("bounded", {"dv-two"})}));

  EXPECT_TRUE(holds(set("nets"), "elements = { \"db-two\" }"));
  EXPECT_TRUE(holds(bridge_set("bounded"), "elements = { \"dv-two\" }"));
  EXPECT_TRUE(holds(map("pair"), "\"db-one\" . \"db-one\""));
}

TEST_F(NftTableTest, RemovingWhatIsGoneAndAddingWhatIsThereIsSuccess) {
  ASSERT_OK(nft_.replace(one_network));
  std::string const before = tables();

  ASSERT_OK(nft_.change({element("nets", {"db-never"})}, {element("nets", {"db-one"})}));
  ASSERT_OK(nft_.change({element("nets", {"db-one"})}, {element("nets", {"db-one"})}));

  EXPECT_EQ(tables(), before);
}

TEST_F(NftTableTest, TakesTenThousandElementsInOneTransaction) {
  std::set<Element> many;
  for (int i = 0; i < 10'000; ++i) {
    many.insert(element("nets", {"db-" + std::to_string(i)}));
  }
  ASSERT_OK(nft_.replace({}));

  ASSERT_OK(nft_.change({}, many));
  EXPECT_TRUE(holds(set("nets"), "\"db-9999\""));
  ASSERT_OK(nft_.change(many, {}));
  EXPECT_TRUE(lacks(set("nets"), "elements"));
  ASSERT_OK(nft_.replace(many));
  EXPECT_TRUE(holds(set("nets"), "\"db-9999\""));
}

TEST_F(NftTableTest, ReplacesTheUplinks) {
  ASSERT_OK(nft_.replace({}));
  ASSERT_OK(nft_.set_uplinks({"eth0", "br0"}));

  ASSERT_OK(nft_.set_uplinks({"br0", "wlan0"}));

  EXPECT_TRUE(holds(set("uplinks"), "\"br0\""));
  EXPECT_TRUE(holds(set("uplinks"), "\"wlan0\""));
  EXPECT_TRUE(lacks(set("uplinks"), "\"eth0\""));
}

TEST_F(NftTableTest, ReplacingTheTableKeepsTheUplinks) {
  ASSERT_OK(nft_.set_uplinks({"eth0"}));
  EXPECT_EQ(list("tables"), "");  // only noted until there is a table

  ASSERT_OK(nft_.replace(one_network));
  ASSERT_OK(nft_.replace(one_network));

  EXPECT_TRUE(holds(set("uplinks"), "elements = { \"eth0\" }"));
}

TEST_F(NftTableTest, ReplacesTheResolvers) {
  ASSERT_OK(nft_.set_resolvers({address("192.0.2.53"), address("fd00::53")}));
  ASSERT_OK(nft_.replace({}));
  EXPECT_TRUE(holds(set("resolvers6"), "fd00::53 . udp . 53"));

  ASSERT_OK(nft_.set_resolvers({address("192.0.2.54")}));

  EXPECT_TRUE(holds(set("resolvers4"), "192.0.2.54 . tcp . 53"));
  EXPECT_TRUE(holds(set("resolvers4"), "192.0.2.54 . udp . 53"));
  EXPECT_TRUE(lacks(set("resolvers4"), "192.0.2.53"));
  EXPECT_TRUE(lacks(set("resolvers6"), "fd00::53"));
}

TEST_F(NftTableTest, ChangingATableThatIsGoneWritesItWhole) {
  ASSERT_OK(nft_.replace(one_network));
  shell("nft flush ruleset");

  ASSERT_OK(nft_.change({}, {element("nets", {"db-two"})}));

  EXPECT_TRUE(holds(set("nets"), "\"db-one\""));
  EXPECT_TRUE(holds(set("nets"), "\"db-two\""));
  EXPECT_EQ(mend(), Lines{});
}

TEST_F(NftTableTest, RemovingAnElementThatOthersTookAwayIsSuccess) {
  ASSERT_OK(nft_.replace(one_network));
  shell("nft flush set inet drawbridge nets");

  ASSERT_OK(nft_.change({element("nets", {"db-one"})}, {}));

  EXPECT_TRUE(lacks(set("nets"), "elements"));
  EXPECT_TRUE(holds(map("pair"), "\"db-one\""));
}

TEST_F(NftTableTest, MendHasNothingToDoAfterOurOwnChanges) {
  ASSERT_OK(nft_.replace(one_network));
  EXPECT_EQ(mend(), Lines{});

  ASSERT_OK(nft_.change({element("nets", {"db-one"})}, {element("nets", {"db-two"})}));

  EXPECT_EQ(mend(), Lines{});
}

TEST_F(NftTableTest, MendLeavesOurTableAloneWhenOthersChangeTheirs) {
  ASSERT_OK(nft_.replace(one_network));
  std::string const before = shell("nft -a list table inet drawbridge");

  shell("nft 'add table inet other; add chain inet other any'");

  EXPECT_EQ(mend(), Lines{});
  EXPECT_EQ(shell("nft -a list table inet drawbridge"), before);
}

TEST_F(NftTableTest, MendWritesATableThatIsGone) {
  ASSERT_OK(nft_.replace(one_network));
  std::string const before = tables();
  shell("nft flush ruleset");

  EXPECT_EQ(mend(), (Lines{"table inet drawbridge was gone", "table bridge drawbridge was gone"}));

  EXPECT_EQ(tables(), before);
  EXPECT_EQ(mend(), Lines{});
}

TEST_F(NftTableTest, MendWritesATableThatOthersChanged) {
  ASSERT_OK(nft_.replace(one_network));
  std::string const before = tables();
  for (std::string const family : {"inet", "bridge"}) {
    std::string const name = "table " + family + " drawbridge";
    for (std::string const& command :
         {"nft flush " + name, "nft insert rule " + family + " drawbridge forward accept",
          "nft 'delete " + name + "; add " + name + "'"}) {
      shell(command);

      EXPECT_EQ(mend(), (Lines{"rules of " + name + " were changed"}));

      EXPECT_EQ(tables(), before) << command;
    }
  }
}

TEST_F(NftTableTest, MendWritesATableThatAloneIsGone) {
  ASSERT_OK(nft_.replace(one_network));
  std::string const before = tables();
  shell("nft delete table bridge drawbridge");

  EXPECT_EQ(mend(), (Lines{"table bridge drawbridge was gone"}));

  EXPECT_EQ(tables(), before);
}

TEST_F(NftTableTest, MendBeforeTheFirstTableWritesNone) {
  EXPECT_EQ(mend(), Lines{});

  EXPECT_EQ(list("tables"), "");
}

TEST_F(NftTableTest, RemovesTheTable) {
  ASSERT_OK(nft_.replace(one_network));

  ASSERT_OK(nft_.remove_all());
  ASSERT_OK(nft_.remove_all());

  EXPECT_EQ(list("tables"), "");
  EXPECT_EQ(mend(), Lines{});
}

}  // namespace
}  // namespace drawbridge
