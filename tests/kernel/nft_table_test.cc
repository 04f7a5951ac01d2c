#include "netlink/nft_table.h"

#include "tests/support/expect_ok.h"
#include "tests/support/holds.h"
#include "tests/support/netns.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {
namespace {

using Lines = std::vector<std::string>;

Element element(char const* set, std::vector<KeyField> key) {
  return {set, std::move(key)};
}

IpAddress address(char const* text) {
  return IpAddress::parse(text).value();
}

std::set<Element> const one_network{
    element("nets", {"db-one"}),
    element("pair", {"db-one", "db-one"}),
    element("gateways4", {address("10.249.1.1")}),
    element("gateways6", {address("fd00:1::1")}),
};

std::string list(std::string const& what) {
  return shell("nft -s list " + what);
}

std::string table() {
  return list("table inet drawbridge");
}

std::string set(std::string const& name) {
  return list((name == "pair" ? "map" : "set") + std::string(" inet drawbridge ") + name);
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

TEST_F(NftTableTest, WritesTheTableOfTheGolden) {
  std::ifstream file(DRAWBRIDGE_SOURCE_DIR "/tests/golden/skeleton.nft");
  std::string const golden((std::istreambuf_iterator<char>(file)), {});

  ASSERT_OK(nft_.replace({}));

  EXPECT_EQ(table(), golden);
}

TEST_F(NftTableTest, ListsTheElementsOfANetwork) {
  ASSERT_OK(nft_.replace(one_network));

  EXPECT_TRUE(holds(set("nets"), "elements = { \"db-one\" }"));
  EXPECT_TRUE(holds(set("pair"), "elements = { \"db-one\" . \"db-one\" : accept }"));
  EXPECT_TRUE(holds(set("gateways4"), "elements = { 10.249.1.1 }"));
  EXPECT_TRUE(holds(set("gateways6"), "elements = { fd00:1::1 }"));
}

TEST_F(NftTableTest, ReplacesWhatWasThereBefore) {
  shell("nft 'add table inet drawbridge; add chain inet drawbridge old'");
  ASSERT_OK(nft_.replace(one_network));

  ASSERT_OK(nft_.replace({element("nets", {"db-two"})}));

  EXPECT_TRUE(lacks(table(), "old"));
  EXPECT_TRUE(lacks(table(), "db-one"));
  EXPECT_TRUE(holds(set("nets"), "elements = { \"db-two\" }"));
}

TEST_F(NftTableTest, RemovesAndAddsElements) {
  ASSERT_OK(nft_.replace(one_network));

  ASSERT_OK(nft_.change({element("nets", {"db-one"})},
                        {element("nets", {"db-two"}), element("internal", {"db-two"})}));

  EXPECT_TRUE(holds(set("nets"), "elements = { \"db-two\" }"));
  EXPECT_TRUE(holds(set("internal"), "elements = { \"db-two\" }"));
  EXPECT_TRUE(holds(set("pair"), "\"db-one\" . \"db-one\""));
}

TEST_F(NftTableTest, RemovingWhatIsGoneAndAddingWhatIsThereIsSuccess) {
  ASSERT_OK(nft_.replace(one_network));
  std::string const before = table();

  ASSERT_OK(nft_.change({element("nets", {"db-never"})}, {element("nets", {"db-one"})}));
  ASSERT_OK(nft_.change({element("nets", {"db-one"})}, {element("nets", {"db-one"})}));

  EXPECT_EQ(table(), before);
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
  EXPECT_TRUE(holds(set("pair"), "\"db-one\""));
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
  std::string const before = table();
  shell("nft flush ruleset");

  EXPECT_EQ(mend(), (Lines{"table inet drawbridge was gone: written again"}));

  EXPECT_EQ(table(), before);
  EXPECT_EQ(mend(), Lines{});
}

TEST_F(NftTableTest, MendWritesATableThatOthersChanged) {
  ASSERT_OK(nft_.replace(one_network));
  std::string const before = table();
  for (char const* command :
       {"nft flush table inet drawbridge", "nft insert rule inet drawbridge forward accept",
        "nft 'delete table inet drawbridge; add table inet drawbridge'"}) {
    shell(command);

    EXPECT_EQ(mend(), (Lines{"table inet drawbridge was changed by others: written again"}));

    EXPECT_EQ(table(), before) << command;
  }
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
