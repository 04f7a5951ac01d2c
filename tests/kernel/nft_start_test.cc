// What a daemon does with the tables that it finds when it starts.
#include "netlink/nft/table.h"
#include "tests/support/expect_ok.h"
#include "tests/support/holds.h"
#include "tests/support/parties.h"
#include "tests/support/sockets.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <string>
#include <thread>

#include <sys/socket.h>

namespace drawbridge {
namespace {

constexpr ProtocolRange udp{17, 17};
constexpr ProtocolRange tcp{6, 6};

IpPrefix prefix(char const* text) {
  return IpPrefix::parse(text).value();
}

/// returns  the tables with the handles by which the kernel tells one rule from another, without
///          elements
std::string rules() {
  return shell(
      "nft -s -a -t list table inet drawbridge; nft -s -a -t list table bridge drawbridge");
}

std::string set(std::string const& name) {
  return shell("nft list set inet drawbridge " + name);
}

class NftStartTest : public NetnsTest {
 protected:
  std::set<Element> const before_{
      {"nets", {"db-one"}},
      {"nets", {"db-two"}},
      {"pair", {"db-one", "db-one"}, Verdict{}},
      {"pair", {"db-two", "db-two"}, Verdict{}},
      {"egress", {"db-one"}, Verdict{Verdict::Kind::jump, "egress_internet"}},
      {"host4", {"db-one"}, IpAddress::parse("192.0.2.7").value()},
      {"from_network", {"db-one", "db-two", tcp, PortRange{80, 90}}},
      {"from_address4", {prefix("192.0.2.0/24"), "db-one", tcp, PortRange{22, 22}}},
      {"sources4",
       {"dv-one", MacAddress::parse("02:db:0a:f9:01:02").value(),
        IpAddress::parse("10.249.1.2").value()}},
  };

  /// A daemon starts with these networks, and ends.
  static void start(std::set<Element> const& elements) {
    NftTable daemon = NftTable::open().value();
    ASSERT_OK(daemon.set_uplinks({"eth0"}));
    ASSERT_OK(daemon.replace(elements));
  }
};

TEST_F(NftStartTest, KeepsTheRulesAndTheElementsOfTheDaemonBefore) {
  start(before_);
  std::string const rules_then = rules();
  std::string const everything = shell("nft -a list ruleset");

  start(before_);

  EXPECT_EQ(rules(), rules_then);
  EXPECT_EQ(shell("nft -a list ruleset"), everything);
}

TEST_F(NftStartTest, TakesOutWhatTheDaemonBeforeLeftAndOthersPutIn) {
  start(before_);
  std::string const rules_then = rules();
  shell(
      "nft 'add element inet drawbridge nets { \"eth9\" };"
      "add element inet drawbridge egress_to4 { \"eth9\" . 192.0.2.0/24 . tcp . 1-9 };"
      "add element inet drawbridge to_host { \"eth9\" : accept }'");
  start({{"nets", {"db-one"}},
         {"egress", {"db-one"}, Verdict{Verdict::Kind::drop, {}}},
         {"from_network", {"db-one", "db-two", tcp, PortRange{85, 95}}}});

  EXPECT_EQ(rules(), rules_then);
  std::string const now = shell("nft list ruleset");
  EXPECT_TRUE(lacks(now, "db-two\" }"));
  EXPECT_TRUE(lacks(now, "eth9"));
  EXPECT_TRUE(lacks(now, "192.0.2."));
  EXPECT_TRUE(lacks(now, "dv-one"));
  EXPECT_TRUE(lacks(now, "80-90"));
  EXPECT_TRUE(holds(set("nets"), "elements = { \"db-one\" }"));
  EXPECT_TRUE(holds(set("from_network"), "\"db-one\" . \"db-two\" . tcp . 85-95"));
  EXPECT_TRUE(holds(now, "\"db-one\" : drop"));
  EXPECT_TRUE(holds(set("uplinks"), "\"eth0\""));
}

TEST_F(NftStartTest, PutsBackElementsThatAreGone) {
  start(before_);
  std::string const rules_then = rules();
  shell("nft 'flush set inet drawbridge from_network; flush map inet drawbridge pair'");

  start(before_);

  EXPECT_EQ(rules(), rules_then);
  EXPECT_TRUE(holds(set("from_network"), "80-90"));
  EXPECT_TRUE(holds(shell("nft list map inet drawbridge pair"), "\"db-two\" : accept"));
}

TEST_F(NftStartTest, TakesOutThousandsOfElements) {
  std::set<Element> many;
  for (int i = 0; i < 5'000; ++i) {
    many.insert({"nets", {"db-" + std::to_string(i)}});
  }
  start(many);
  std::string const rules_then = rules();

  start({{"nets", {"db-17"}}});

  EXPECT_EQ(rules(), rules_then);
  EXPECT_TRUE(holds(set("nets"), "elements = { \"db-17\" }"));
}

// Where rules were changed, or whoever wrote them died before the mark or was another build.
TEST_F(NftStartTest, WritesTablesAgainThatAreNotAsThisBuildWritesThem) {
  for (char const* change :
       {"insert rule inet drawbridge forward accept", "flush chain bridge drawbridge from4",
        "delete table bridge drawbridge", "flush ruleset", "flush set inet drawbridge written",
        "flush set inet drawbridge written; add element inet drawbridge written { \"abc\" }",
        "add element inet drawbridge written { \"abc\" }",
        "chain inet drawbridge forward { policy drop; }",
        "add chain inet drawbridge mine { type filter hook input priority 0; }",
        "add table inet drawbridge { flags dormant; }"}) {
    start(before_);
    std::string const rules_then = rules();
    std::string const shown_then = shell("nft -s -t list ruleset");
    shell("nft '" + std::string(change) + "'");

    start(before_);

    EXPECT_NE(rules(), rules_then) << change;
    EXPECT_EQ(shell("nft -s -t list ruleset"), shown_then) << change;
    EXPECT_TRUE(holds(set("nets"), "db-one")) << change;
  }
}

TEST_F(NftStartTest, MendKnowsTheRulesThatItFound) {
  start(before_);
  NftTable daemon = NftTable::open().value();
  ASSERT_OK(daemon.replace(before_));
  std::string const rules_then = rules();

  EXPECT_EQ(daemon.mend().value().size(), 0U);
  EXPECT_EQ(rules(), rules_then);

  shell("nft insert rule inet drawbridge forward accept");
  EXPECT_EQ(daemon.mend().value().size(), 1U);
  EXPECT_NE(rules(), rules_then);
}

// ---- with traffic ------------------------------------------------------------------------------

/// Datagrams, one behind the other, each a connection of its own, until the first is lost.
class Stream {
 public:
  Stream(Party const& from, Party const& to) : from_(from), to_(to) {
    to.run([this] {
      receiver_ = udp_socket();
      sockaddr_in6 const any = socket_address("::", discard_port);
      EXPECT_EQ(::bind(receiver_.get(), reinterpret_cast<sockaddr const*>(&any), sizeof any), 0);
    });
    thread_ = std::thread([this] { from_.run([this] { run(); }); });
  }
  Stream(Stream const&) = delete;
  Stream& operator=(Stream const&) = delete;
  ~Stream() { stop(); }

  void stop() {
    is_stopped_ = true;
    if (thread_.joinable()) {
      thread_.join();
    }
  }

  int arrived() const { return arrived_; }
  bool has_lost() const { return has_lost_; }

 private:
  static FileDescriptor udp_socket() {
    return FileDescriptor(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  }

  void run() {
    sockaddr_in6 const target = socket_address(to_.address, discard_port);
    while (!is_stopped_ && !has_lost_) {
      FileDescriptor const sender = udp_socket();  // with a port of its own
      ::sendto(sender.get(), "x", 1, 0, reinterpret_cast<sockaddr const*>(&target), sizeof target);
      constexpr int patience_ms = 3000;
      has_lost_ = !becomes_readable(receiver_, patience_ms);
      char byte = 0;
      arrived_ += ::recv(receiver_.get(), &byte, 1, MSG_DONTWAIT) == 1 ? 1 : 0;
    }
  }

  Party const& from_;
  Party const& to_;
  FileDescriptor receiver_;
  std::atomic<bool> is_stopped_ = false;
  std::atomic<bool> has_lost_ = false;
  std::atomic<int> arrived_ = 0;
  std::thread thread_;
};

class NftStartTrafficTest : public PartiesTest {
 protected:
  /// Daemons start one after the other, while connections are made that `permission` permits.
  void expect_no_loss(Party const& from, Party const& to, std::set<Element> const& forbidden,
                      std::set<Element> const& permitted) {
    ASSERT_OK(write_tables(forbidden));
    ASSERT_TRUE(is_refused(from, to));
    ASSERT_OK(write_tables(permitted));
    ASSERT_TRUE(reaches(from, to));
    Stream stream(from, to);
    for (int i = 0; i < 100; ++i) {
      std::set<Element> elements = changing(i);
      elements.insert(permitted.begin(), permitted.end());
      nft_ = NftTable::open().value();
      ASSERT_OK(write_tables(elements));
    }
    stream.stop();
    EXPECT_FALSE(stream.has_lost());
    EXPECT_GT(stream.arrived(), 100);
  }

 private:
  /// returns  what every other daemon has more or less than the one before it
  static std::set<Element> changing(int i) {
    std::string const name = "db-" + std::to_string(i);
    return {{"nets", {name}},
            {"pair", {name, name}, Verdict{}},
            {"from_address4", {prefix("203.0.113.0/24"), name, tcp, PortRange{22, 22}}},
            {"bounded", {"dv" + name}}};
  }
};

TEST_F(NftStartTrafficTest, NoConnectionOfAMapIsLost) {
  expect_no_loss(b1_, a1_, {}, {{"pair", {"db-b", "db-a"}, Verdict{}}});
}

TEST_F(NftStartTrafficTest, NoConnectionOfASetOfIntervalsIsLost) {
  expect_no_loss(outside_, a1_, {},
                 {{"from_address4", {prefix("192.0.2.0/24"), "db-a", udp, PortRange{1, 99}}}});
}

TEST_F(NftStartTrafficTest, NoConnectionOfASetOfTheBridgeIsLost) {
  std::set<Element> const apart{{"bounded", {port_of(a1_)}}, {"bounded", {port_of(a2_)}}};
  std::set<Element> together = apart;
  together.insert({"projects", {port_of(a2_), LinkGroup{0}}});
  together.insert({"projects", {port_of(a1_), LinkGroup{0}}});
  expect_no_loss(a1_, a2_, apart, together);
}

}  // namespace
}  // namespace drawbridge
