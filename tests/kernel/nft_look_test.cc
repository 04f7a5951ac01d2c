// What others did to our tables: what a look finds, and what wakes the daemon.
#include "netlink/nft/table.h"
#include "tests/support/expect_ok.h"
#include "tests/support/holds.h"
#include "tests/support/netns.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include <poll.h>

namespace drawbridge {
namespace {

using Lines = std::vector<std::string>;

constexpr ProtocolRange tcp{6, 6};

IpAddress ip(char const* text) {
  return IpAddress::parse(text).value();
}
IpPrefix prefix(char const* text) {
  return IpPrefix::parse(text).value();
}
MacAddress mac(char const* text) {
  return MacAddress::parse(text).value();
}

/// One element at least of every form that a key and a value have.
std::set<Element> const elements{
    {"nets", {"db-one"}},
    {"pair", {"db-one", "db-one"}, Verdict{}},
    {"pair", {"db-one", "db-two"}, Verdict{Verdict::Kind::go_to, "apart"}},
    {"teams", {"db-one", LinkGroup{7}}},
    {"gateways4", {ip("10.249.1.1")}},
    {"gateways6", {ip("fd00:1::1")}},
    {"doors", {"db-one", mac("02:db:0a:f9:01:01")}},
    {"egress", {"db-one"}, Verdict{Verdict::Kind::jump, "egress_internet"}},
    {"host4", {"db-one"}, ip("192.0.2.7")},
    {"host6", {"db-one"}, ip("2001:db8::7")},
    {"from_network", {"db-one", "db-two", tcp, PortRange{80, 90}}},
    {"from_address4", {prefix("192.0.2.0/24"), "db-one", tcp, PortRange{22, 22}}},
    {"from_address6", {prefix("2001:db8::/32"), "db-one", tcp, PortRange{1, 65535}}},
    {"ports4", {ip("192.0.2.1"), tcp, PortRange{80, 80}}, Target{ip("10.249.1.2"), 8080}},
    {"ports_any4", {tcp, PortRange{81, 81}}, Target{ip("10.249.1.2"), 81}},
    {"port_ranges4", {prefix("0.0.0.0/0"), tcp, PortRange{90, 99}}, ip("10.249.1.2")},
    {"publish_from4", {prefix("10.0.0.0/8"), "db-one"}},
    {"sources4", {"dv-one", mac("02:db:0a:f9:01:02"), ip("10.249.1.2")}},
    {"targets6", {"dv-one", ip("fd00:1::2")}},
    {"projects", {"dv-one", LinkGroup{7}}},
};

class NftLookTest : public NetnsTest {
 protected:
  NftTable nft_ = NftTable::open().value();

  void SetUp() override {
    NetnsTest::SetUp();
    nft_ = NftTable::open().value();  // the socket belongs to the namespace that it was opened in
    ASSERT_OK(nft_.set_uplinks({"eth0"}));
    ASSERT_OK(nft_.set_resolvers({ip("192.0.2.53")}));
    ASSERT_OK(nft_.replace(elements));
  }

  TableView look() {
    Result<TableView> const view = nft_.look();
    EXPECT_OK(view);
    return view.value_or(TableView{});
  }

  bool is_woken() {
    pollfd descriptor{nft_.news_descriptor(), POLLIN, 0};
    return ::poll(&descriptor, 1, 0) == 1;
  }
};

TEST_F(NftLookTest, BeforeTheFirstRulesetNothingIsKnown) {
  NftTable fresh = NftTable::open().value();
  EXPECT_FALSE(fresh.look().value().are_known);
  EXPECT_EQ(fresh.look().value().astray, Lines{});
  shell("nft flush ruleset");
  EXPECT_EQ(fresh.look().value().astray,
            (Lines{"table inet drawbridge was gone", "table bridge drawbridge was gone"}));
}

TEST_F(NftLookTest, WhatIsRightIsFoundRightWhetherItIsReadOrNot) {
  for (char const* meanwhile : {"true", "nft add table inet somebody"}) {
    shell(meanwhile);
    TableView const view = look();
    EXPECT_TRUE(view.are_known);
    EXPECT_EQ(view.astray, Lines{}) << meanwhile;
    EXPECT_EQ(view.elements, elements) << meanwhile;
  }
}

TEST_F(NftLookTest, OwnChangesAreKnownWithoutReading) {
  ASSERT_OK(nft_.change({{"nets", {"db-one"}}}, {{"nets", {"db-two"}}}));
  TableView const view = look();
  EXPECT_FALSE(view.elements.contains({"nets", {"db-one"}}));
  EXPECT_TRUE(view.elements.contains({"nets", {"db-two"}}));
}

TEST_F(NftLookTest, AnElementThatIsGoneIsMissed) {
  for (Element const& element : elements) {
    std::string const family =
        element.set == "sources4" || element.set == "targets6" || element.set == "projects"
            ? "bridge"
            : "inet";
    shell("nft flush set " + family + " drawbridge " + element.set + " || nft flush map " + family +
          " drawbridge " + element.set);
    TableView const view = look();
    EXPECT_FALSE(view.elements.contains(element)) << element.set;
    EXPECT_EQ(view.astray, Lines{});
    ASSERT_OK(nft_.replace(elements));
    EXPECT_EQ(look().elements, elements);
  }
}

TEST_F(NftLookTest, AForeignElementIsSeenByItsText) {
  shell(
      "nft 'add element inet drawbridge nets { \"eth9\" };"
      "add element inet drawbridge egress_to4 { \"eth9\" . 192.0.2.0-192.0.2.9 . tcp . 1-9 };"
      "add element bridge drawbridge sources4 { \"eth9\" . 02:00:00:00:00:01 . 192.0.2.9 }'");
  std::set<Element> seen = look().elements;
  for (Element const& element : elements) {
    EXPECT_EQ(seen.erase(element), 1u);
  }
  EXPECT_EQ(seen, (std::set<Element>{
                      {"egress_to4", {"eth9", "192.0.2.0-192.0.2.9", "6", "1-9"}},
                      {"nets", {"eth9"}},
                      {"sources4", {"eth9", "02:00:00:00:00:01", "192.0.2.9"}},
                  }));
  ASSERT_OK(nft_.replace(elements));
  EXPECT_EQ(look().elements, elements);
  EXPECT_TRUE(lacks(shell("nft list ruleset"), "eth9"));
}

TEST_F(NftLookTest, AnElementWithAnotherValueIsMissedAndForeign) {
  shell(
      "nft 'delete element inet drawbridge pair { \"db-one\" . \"db-one\" };"
      "add element inet drawbridge pair { \"db-one\" . \"db-one\" : drop }'");
  std::set<Element> const seen = look().elements;
  EXPECT_FALSE(seen.contains({"pair", {"db-one", "db-one"}, Verdict{}}));
  EXPECT_TRUE(seen.contains({"pair", {"db-one", "db-one"}}));
}

TEST_F(NftLookTest, FactsOfTheHostAreAstrayWhenTheyAreGone) {
  shell("nft flush set inet drawbridge uplinks");
  EXPECT_EQ(look().astray, Lines{"element uplinks { eth0 } was missing"});
  EXPECT_EQ(look().elements, elements);
  ASSERT_OK(nft_.replace(elements));
  EXPECT_EQ(look().astray, Lines{});
  EXPECT_TRUE(holds(shell("nft list set inet drawbridge uplinks"), "eth0"));
}

TEST_F(NftLookTest, RulesThatWereChangedAreNamedOnce) {
  struct Case {
    char const* damage;
    Lines lines;
  };
  std::string const inet_rules = "rules of table inet drawbridge were changed";
  for (Case const& each : {
           Case{"flush ruleset",
                {"table inet drawbridge was gone", "table bridge drawbridge was gone"}},
           Case{"flush chain inet drawbridge forward", {inet_rules}},
           Case{"insert rule inet drawbridge forward accept", {inet_rules}},
           Case{"flush chain inet drawbridge forward; delete chain inet drawbridge forward",
                {inet_rules}},
           Case{"delete table bridge drawbridge", {"table bridge drawbridge was gone"}},
       }) {
    shell("nft '" + std::string(each.damage) + "'");
    EXPECT_EQ(look().astray, each.lines) << each.damage;
    EXPECT_EQ(look().elements, elements) << "nobody knows better";
    ASSERT_OK(nft_.replace(elements));
    EXPECT_EQ(look().astray, Lines{}) << each.damage;
    EXPECT_EQ(look().elements, elements) << each.damage;
  }
}

TEST_F(NftLookTest, ALookChangesNothing) {
  shell("nft 'flush set inet drawbridge nets; insert rule inet drawbridge forward accept'");
  std::string const before = shell("nft -a list ruleset");
  look();
  EXPECT_EQ(shell("nft -a list ruleset"), before);
}

TEST_F(NftLookTest, OwnCommitsWakeNobody) {
  nft_.take_news();
  ASSERT_OK(nft_.change({{"nets", {"db-one"}}}, {{"nets", {"db-two"}}}));
  ASSERT_OK(nft_.replace(elements));
  EXPECT_FALSE(is_woken());
}

TEST_F(NftLookTest, CommitsOfOthersWakeAndAreOursOnlyInOurTable) {
  nft_.take_news();
  struct Case {
    char const* command;
    bool is_ours;
  };
  for (Case const& each : {
           Case{"nft 'add table inet other; add chain inet other any'", false},
           Case{"nft 'add table inet drawbridge_2'", false},
           Case{"nft delete element inet drawbridge nets '{ \"db-one\" }'", true},
           Case{"nft add element inet drawbridge nets '{ \"eth9\" }'", true},
           Case{"nft insert rule bridge drawbridge forward accept", true},
           Case{"nft 'add table inet third; flush chain inet drawbridge forward'", true},
           Case{"nft flush ruleset", true},
       }) {
    shell(each.command);
    EXPECT_TRUE(is_woken()) << each.command;
    NftNews const news = nft_.take_news();
    EXPECT_TRUE(news.any) << each.command;
    EXPECT_EQ(news.ours, each.is_ours) << each.command;
    EXPECT_FALSE(is_woken()) << each.command;
  }
}

TEST_F(NftLookTest, MoreEventsThanFitMayBeOurs) {
  nft_.take_news();
  shell("nft 'add table inet other; add set inet other s { type ipv4_addr; }'");
  for (int batch = 0; batch < 40; ++batch) {
    shell("nft \"add element inet other s { $(seq -s, -f '10.9." + std::to_string(batch) +
          ".%g' 0 255) }\"");
    shell("nft \"flush set inet other s\"");
    shell("nft \"add element inet other s { $(seq -s, -f '11.9." + std::to_string(batch) +
          ".%g' 0 255) }\"");
  }
  NftNews const news = nft_.take_news();
  EXPECT_TRUE(news.any);
  EXPECT_TRUE(news.ours);
}

}  // namespace
}  // namespace drawbridge
