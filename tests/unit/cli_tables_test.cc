// What people read of the daemon: tables and texts, values in, text out.
#include "cli/network_table.h"
#include "cli/pool_table.h"
#include "cli/repair_text.h"
#include "cli/status_text.h"
#include "cli/table.h"
#include "cli/uninstall.h"
#include "tests/support/control_samples.h"
#include "tests/support/expect_ok.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

TEST(Table, IsAsWideAsItsCellsAndShowsEmptyOnes) {
  EXPECT_EQ(table({"A", "LONG TITLE"}, {{"wide cell", ""}, {"", "x"}}),
            "A           LONG TITLE\n"
            "wide cell   -\n"
            "-           x\n");
  EXPECT_EQ(table({"A", "B"}, {}), "A   B\n");
}

TEST(Table, HasNothingInItThatATerminalActsOn) {
  EXPECT_EQ(table({"A"}, {{"shop\x1b[2J\n"}}), "A\nshop?[2J?\n");
}

TEST(NetworkTable, IsInTheOrderOfNames) {
  ListedNetwork nameless;
  nameless.listing.id = {"1111222233334444"};
  nameless.listing.bridge = "db-111122223333";
  EXPECT_EQ(network_table({shop_network(), nameless}),
            "NAME           ID             SUBNETS                     GATEWAY               "
            " BRIDGE            ENDPOINTS   ISOLATION   OPTIONS\n"
            "111122223333   111122223333   -                           -                     "
            " db-111122223333   0           network     -\n"
            "shop           8f3a00000000   10.249.1.0/24,fd00:1::/64   10.249.1.1,fd00:1::1  "
            " db-8f3a00000000   2           members     internal isolation=members mtu=1400\n");
}

TEST(EndpointTable, IsInTheOrderOfContainers) {
  ListedEndpoint created;
  created.listing.id = {"c300000000000000"};
  created.listing.network = {"1111222233334444"};
  created.listing.link = "dv-c30000000000";
  EXPECT_EQ(endpoint_table({web_endpoint(), created}),
            "CONTAINER      NETWORK        ADDRESSES                    MAC                 P"
            "ORT              STATE     PUBLISHED\n"
            "c30000000000   111122223333   -                            00:00:00:00:00:00   d"
            "v-c30000000000   created   0\n"
            "web            shop           10.249.1.2/24,fd00:1::2/64   02:db:0a:f9:01:02   d"
            "v-b20000000000   joined    3\n");
}

TEST(FindNetwork, TakesANameAnIdOrTheBeginningOfOne) {
  ListedNetwork other = shop_network();
  other.name = "8f3a";  // a name goes before the beginning of an id
  other.listing.id = {"77aa000000000000"};
  std::vector<ListedNetwork> const networks = {shop_network(), other};
  EXPECT_EQ(find_network(networks, "shop").value(), shop_network().listing.id);
  EXPECT_EQ(find_network(networks, "8f3a0").value(), shop_network().listing.id);
  EXPECT_EQ(find_network(networks, "8f3a").value(), other.listing.id);
  EXPECT_TRUE(fails_with(find_network(networks, "none"), Errc::not_found, "\"none\""));
  EXPECT_TRUE(fails_with(find_network({shop_network(), shop_network()}, "shop"), Errc::conflict,
                         "2 networks are called \"shop\": give an id"));
}

TEST(PoolTable, HasALineForEachFamily) {
  PoolListing const listing = some_pools();
  EXPECT_EQ(pool_table(listing.pools),
            "POOL             PREFIXES        LENGTH   SUBNETS   LEASED   ON ROUTES   KEPT BA"
            "CK   FREE   NEXT            OVERFLOW\n"
            "pods (default)   10.249.0.0/16   /24      256       1        1           0      "
            "     254    10.249.3.0/24   dense\n"
            "ula              fd00:1:2::/48   /64      65536     65536    0           0      "
            "     0      -               -\n");
}

TEST(PoolText, SaysWhatIsFreeAndWhoHasTheRest) {
  EXPECT_EQ(explain_pools(some_pools()),
            "pool pods (default), IPv4: 256 /24 subnets of 10.249.0.0/16\n"
            "  free: 254, next is 10.249.3.0/24\n"
            "  leased: 1\n"
            "    10.249.1.0/24 by network shop (8f3a00000000), 3 addresses in use\n"
            "  on host routes: 1\n"
            "    10.249.2.0/24 routed through interface tun0\n"
            "  10.0.0.0/8 routed through interface tun1 covers 10.249.0.0/16, and is not stepped "
            "around\n"
            "pool ula, IPv6: 65536 /64 subnets of fd00:1:2::/48\n"
            "  free: 0: a network that asks this pool is refused\n"
            "  leased: 65536\n"
            "in no pool\n"
            "  leased:\n"
            "    192.168.7.0/24 by no network yet, 0 addresses in use\n");
}

TEST(PoolText, OfOnePoolHasOnlyWhatIsItsOwn) {
  Result<PoolListing> const only = only_pool(some_pools(), "ula");
  ASSERT_OK(only);
  EXPECT_EQ(only->pools.size(), 1U);
  EXPECT_TRUE(only->leased.empty());
  EXPECT_TRUE(fails_with(only_pool(some_pools(), "pod"), Errc::not_found,
                         "no pool is called \"pod\": did you mean \"pods\""));
}

TEST(StatusText, IsLinesOfKeysAndValues) {
  EXPECT_EQ(status_text(some_status()),
            "version: 0.1.0\n"
            "uptime: 1 h 2 min\n"
            "networks: 2\n"
            "endpoints: 3\n"
            "published ports: 4\n"
            "pool pods: IPv4 10.249.0.0/16, 1 of 256 /24 subnets leased, next is 10.249.3.0/24\n"
            "pool ula: IPv6 fd00:1:2::/48, 65536 of 65536 /64 subnets leased, none free\n"
            "docker: /var/run/docker.sock answered first 1 h 0 min ago, last 9 s ago\n"
            "looks: 12, the last took 1.5 ms of CPU\n"
            "repaired: bridge 1, rules 2\n"
            "not repaired: address 1\n"
            "plugin socket: /run/docker/plugins/drawbridge.sock\n"
            "control socket: /run/drawbridge/control.sock\n"
            "state: /var/lib/drawbridge/state.db\n"
            "configuration: /etc/drawbridge/drawbridge.json\n"
            "trouble: port 0.0.0.0:80/tcp is not held: taken\n");
}

TEST(StatusText, OfADaemonThatJustBeganAsksNobodyAndHasNoTroubles) {
  StatusReport report;
  report.version = "0.1.0";
  std::string const text = status_text(report);
  for (char const* line : {"uptime: 0 s\n", "docker: not asked: docker_socket is not set\n",
                           "looks: none yet\n", "repaired: nothing\n", "troubles: none\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << text;
  }
  EXPECT_EQ(text.find("not repaired"), std::string::npos);
  report.docker.socket = "/run/docker.sock";
  EXPECT_NE(status_text(report).find("docker: /run/docker.sock has not answered yet\n"),
            std::string::npos);
}

TEST(StatusText, ShowsTheTwoGreatestUnitsOfATime) {
  using std::chrono::seconds;
  EXPECT_EQ(duration_text(seconds(7)), "7 s");
  EXPECT_EQ(duration_text(seconds(125)), "2 min 5 s");
  EXPECT_EQ(duration_text(seconds(86400 * 3 + 3600 * 4 + 59)), "3 d 4 h");
}

TEST(RepairText, HasALineForEach) {
  std::vector<Repair> const repairs = {{"bridge", "bridge db-1 was gone", ""},
                                       {"address", "address was missing", "no such device"}};
  EXPECT_EQ(repair_text(repairs, false),
            "repaired: bridge db-1 was gone\n"
            "cannot repair: address was missing: no such device\n");
  EXPECT_EQ(repair_text({repairs[0]}, true), "to repair: bridge db-1 was gone\n");
  EXPECT_EQ(repair_text({}, true), "nothing to repair\n");
}

TEST(RepairText, EndsWithOneWhereSomethingIsStillWrong) {
  Repair const done{"bridge", "bridge db-1 was gone", ""};
  Repair const failed{"bridge", "bridge db-1 was gone", "no such device"};
  EXPECT_EQ(exit_code_of({}, false), 0);
  EXPECT_EQ(exit_code_of({}, true), 0);
  EXPECT_EQ(exit_code_of({done}, false), 0);
  EXPECT_EQ(exit_code_of({done}, true), 1);
  EXPECT_EQ(exit_code_of({done, failed}, false), 1);
}

TEST(UninstallText, SaysWhatWasRemovedAndWhatIsLeft) {
  EXPECT_EQ(uninstall_text({5, 4, {"/run/drawbridge/control.sock"}, "/var/lib/drawbridge"}),
            "removed 5 links and 4 accept rules; no table of drawbridge's is left\n"
            "removed /run/drawbridge/control.sock\n"
            "state is left in /var/lib/drawbridge\n");
  EXPECT_EQ(uninstall_text({}).find("state is left"), std::string::npos);
}

}  // namespace
}  // namespace drawbridge
