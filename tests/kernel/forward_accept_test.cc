#include "netlink/nft/table.h"
#include "tests/support/expect_ok.h"
#include "tests/support/holds.h"
#include "tests/support/netns.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace drawbridge {
namespace {

using Lines = std::vector<std::string>;

constexpr char const* in_docker_user = "chain DOCKER-USER of ip filter: accept rules put in order";
constexpr char const* in_forward = "chain FORWARD of ip filter: accept rules put in order";

std::string const in = "-i db-+ -m comment --comment drawbridge -j ACCEPT\n";
std::string const out = "-o db-+ -m comment --comment drawbridge -j ACCEPT\n";

/// returns  the rules of a chain as iptables lists them, without the chain's own line
std::string rules(std::string const& chain, char const* iptables = "iptables") {
  std::string const listed = shell(std::string(iptables) + " -S " + chain);
  return listed.substr(listed.find('\n') + 1);
}

/// As the Docker engine leaves it when it starts with forwarding off.
void drop_as_docker_does() {
  shell(
      "iptables -P FORWARD DROP; iptables -N DOCKER-USER;"
      "iptables -A DOCKER-USER -j RETURN; iptables -I FORWARD -j DOCKER-USER");
}

class ForwardAcceptTest : public NetnsTest {
 protected:
  NftTable nft_ = NftTable::open().value();

  void SetUp() override {
    NetnsTest::SetUp();
    nft_ = NftTable::open().value();  // the socket belongs to the namespace that it was opened in
    ASSERT_OK(nft_.replace({}));
  }

  /// What is told beforehand is what is done.
  Lines mend() {
    Result<Lines> const astray = nft_.astray_accept_rules();
    EXPECT_OK(astray);
    Result<Lines> repairs = nft_.mend();
    EXPECT_OK(repairs);
    Lines accepted = repairs.value_or(Lines{});
    std::erase_if(accepted, [](std::string const& line) { return line.starts_with("table "); });
    EXPECT_EQ(astray.value_or(Lines{}), accepted);
    return repairs.value_or(Lines{});
  }
};

TEST_F(ForwardAcceptTest, AddsNothingWhereThePolicyIsAcceptAndThereIsNoDockerUser) {
  shell("iptables -P FORWARD ACCEPT; ip6tables -P FORWARD ACCEPT");

  EXPECT_EQ(mend(), Lines{});

  EXPECT_EQ(rules("FORWARD"), "");
  EXPECT_EQ(rules("FORWARD", "ip6tables"), "");
}

TEST_F(ForwardAcceptTest, WhereThePolicyIsAcceptItAcceptsInDockerUserAlone) {
  drop_as_docker_does();
  shell("iptables -P FORWARD ACCEPT; iptables -I DOCKER-USER -s 192.0.2.1 -j DROP");

  EXPECT_EQ(mend(), (Lines{in_docker_user}));

  EXPECT_EQ(rules("DOCKER-USER"),
            "-A DOCKER-USER -s 192.0.2.1/32 -j DROP\n"
            "-A DOCKER-USER " +
                in + "-A DOCKER-USER " + out + "-A DOCKER-USER -j RETURN\n");
  EXPECT_EQ(rules("FORWARD"), "-A FORWARD -j DOCKER-USER\n");
  shell("iptables -F DOCKER-USER");
  EXPECT_EQ(mend(), (Lines{in_docker_user}));
}

TEST_F(ForwardAcceptTest, TheRulesOfForwardStayWhenThePolicyBecomesAccept) {
  drop_as_docker_does();
  mend();
  std::string const before = rules("FORWARD");

  shell("iptables -P FORWARD ACCEPT");

  EXPECT_EQ(mend(), Lines{});
  EXPECT_EQ(rules("FORWARD"), before);
}

TEST_F(ForwardAcceptTest, AcceptsBehindTheUsersRulesAndAtTheEndOfForward) {
  drop_as_docker_does();
  shell("iptables -I DOCKER-USER -s 192.0.2.1 -j DROP; iptables -A FORWARD -i docker0 -j DROP");

  EXPECT_EQ(mend(), (Lines{in_docker_user, in_forward}));

  EXPECT_EQ(rules("DOCKER-USER"),
            "-A DOCKER-USER -s 192.0.2.1/32 -j DROP\n"
            "-A DOCKER-USER " +
                in + "-A DOCKER-USER " + out + "-A DOCKER-USER -j RETURN\n");
  EXPECT_EQ(rules("FORWARD"),
            "-A FORWARD -j DOCKER-USER\n"
            "-A FORWARD -i docker0 -j DROP\n"
            "-A FORWARD " +
                in + "-A FORWARD " + out);
}

TEST_F(ForwardAcceptTest, AddsToForwardAloneWhereThereIsNoDockerUser) {
  shell("ip6tables -P FORWARD DROP");

  EXPECT_EQ(mend(), (Lines{"chain FORWARD of ip6 filter: accept rules put in order"}));

  EXPECT_EQ(rules("FORWARD", "ip6tables"), "-A FORWARD " + in + "-A FORWARD " + out);
  EXPECT_EQ(rules("FORWARD", "iptables"), "");
}

TEST_F(ForwardAcceptTest, FollowsThePolicyWhenItBecomesDrop) {
  shell("iptables -P FORWARD ACCEPT");
  EXPECT_EQ(mend(), Lines{});

  drop_as_docker_does();

  EXPECT_EQ(mend(), (Lines{in_docker_user, in_forward}));
  EXPECT_EQ(mend(), Lines{});
}

TEST_F(ForwardAcceptTest, IptablesFindsAndDeletesTheRules) {
  drop_as_docker_does();
  mend();

  EXPECT_EQ(shell("iptables -C DOCKER-USER " + in), "");
  EXPECT_EQ(shell("iptables -D DOCKER-USER " + in), "");

  EXPECT_EQ(mend(), (Lines{in_docker_user}));
  EXPECT_EQ(shell("iptables -C DOCKER-USER " + in), "");
}

TEST_F(ForwardAcceptTest, KnowsItsRulesAgainAfterSaveAndRestore) {
  drop_as_docker_does();
  mend();
  std::string const before = shell("iptables -S");

  shell("iptables-save | iptables-restore");

  EXPECT_EQ(mend(), Lines{});
  EXPECT_EQ(shell("iptables -S"), before);
}

TEST_F(ForwardAcceptTest, KnowsTheRulesOfAnEarlierRun) {
  drop_as_docker_does();
  mend();
  std::string const before = shell("iptables -S");

  nft_ = NftTable::open().value();

  EXPECT_EQ(mend(), Lines{});
  EXPECT_EQ(shell("iptables -S"), before);
}

TEST_F(ForwardAcceptTest, PutsBackWhatAFlushTookAway) {
  drop_as_docker_does();
  mend();

  shell("iptables -F DOCKER-USER");

  EXPECT_EQ(mend(), (Lines{in_docker_user}));
  EXPECT_EQ(rules("DOCKER-USER"), "-A DOCKER-USER " + in + "-A DOCKER-USER " + out);
}

TEST_F(ForwardAcceptTest, PutsBackOneLostRuleWithoutDoublingTheOther) {
  drop_as_docker_does();
  mend();

  shell("iptables -D FORWARD " + in);

  EXPECT_EQ(mend(), (Lines{in_forward}));
  EXPECT_EQ(rules("FORWARD"), "-A FORWARD -j DOCKER-USER\n-A FORWARD " + out + "-A FORWARD " + in);
}

TEST_F(ForwardAcceptTest, TakesDoublesAway) {
  drop_as_docker_does();
  shell("iptables -A FORWARD " + in);
  shell("iptables -A FORWARD " + in);

  mend();

  EXPECT_EQ(rules("FORWARD"), "-A FORWARD -j DOCKER-USER\n-A FORWARD " + in + "-A FORWARD " + out);
}

TEST_F(ForwardAcceptTest, StaysWhenDockerTakesItsJumpOutAndIn) {
  drop_as_docker_does();
  mend();

  shell("iptables -D FORWARD -j DOCKER-USER; iptables -I FORWARD -j DOCKER-USER");

  EXPECT_EQ(mend(), Lines{});
}

TEST_F(ForwardAcceptTest, ReturnsWithTheTableAfterAFlushOfEverything) {
  drop_as_docker_does();
  mend();

  shell("nft flush ruleset");
  drop_as_docker_does();

  EXPECT_EQ(mend(), (Lines{"table inet drawbridge was gone", "table bridge drawbridge was gone",
                           in_docker_user, in_forward}));
}

TEST_F(ForwardAcceptTest, ABridgeWithANameOfItsOwnHasAPairWhileItExists) {
  drop_as_docker_does();
  mend();
  std::string const before = shell("iptables -S");
  Element const bridge{"nets", {"backbone"}};

  ASSERT_OK(nft_.change({}, {bridge}));
  for (char const* chain : {"DOCKER-USER", "FORWARD"}) {
    for (char const* direction : {"-i", "-o"}) {
      std::string const rule = std::string(chain) + " " + direction +
                               " backbone -m comment --comment drawbridge -j ACCEPT\n";
      EXPECT_TRUE(holds(shell("iptables -S"), rule));
    }
  }

  ASSERT_OK(nft_.change({bridge}, {}));
  EXPECT_EQ(shell("iptables -S"), before);
}

TEST_F(ForwardAcceptTest, RemovesPairsOfBridgesThatAreGone) {
  drop_as_docker_does();
  ASSERT_OK(nft_.replace({Element{"nets", {"backbone"}}}));
  mend();
  EXPECT_TRUE(holds(rules("FORWARD"), "-i backbone "));

  ASSERT_OK(nft_.replace({}));
  mend();

  EXPECT_TRUE(lacks(shell("iptables -S"), "backbone"));
}

TEST_F(ForwardAcceptTest, RemovesExactlyItsOwnRules) {
  drop_as_docker_does();
  shell(
      "iptables -A FORWARD -i db-+ -j ACCEPT;"
      "iptables -A FORWARD -i db-+ -m comment --comment mine -j ACCEPT;"
      "iptables -A FORWARD ! -i db-+ -m comment --comment drawbridge -j ACCEPT;"
      "iptables -A FORWARD -i db-+ -m comment --comment drawbridge -j DROP;"
      "iptables -A FORWARD -i db-+ -p tcp -m comment --comment drawbridge -j ACCEPT");
  std::string const before = shell("iptables -S");
  mend();
  EXPECT_NE(shell("iptables -S"), before);

  ASSERT_OK(nft_.remove_all());

  EXPECT_EQ(shell("iptables -S"), before);
}

TEST_F(ForwardAcceptTest, WarnsOnceOfTheOlderIptables) {
  shell("XTABLES_LOCKFILE=/dev/null iptables-legacy -S || true");
  if (!holds(shell("cat /proc/net/ip_tables_names || true"), "filter")) {
    GTEST_SKIP() << "this kernel or this machine has no legacy iptables";
  }

  testing::internal::CaptureStderr();
  EXPECT_EQ(mend(), Lines{}) << "it repairs nothing";
  EXPECT_TRUE(holds(testing::internal::GetCapturedStderr(),
                    "warning iptables-legacy has a filter table: if its FORWARD chain drops, let "
                    "interfaces db-+ through there"));

  shell("iptables -N ANY");
  testing::internal::CaptureStderr();
  EXPECT_EQ(mend(), Lines{});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace drawbridge
