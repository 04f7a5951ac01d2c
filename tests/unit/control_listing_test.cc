// What the control socket says, as JSON, and what the command line reads of it.
#include "plugin/network_listing.h"
#include "plugin/pool_listing.h"
#include "plugin/repair_listing.h"
#include "plugin/status_report.h"
#include "plugin/verb_replies.h"
#include "tests/support/control_samples.h"
#include "tests/support/expect_ok.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace drawbridge {
namespace {

TEST(NetworkListing, IsAnObjectForEachNetwork) {
  EXPECT_EQ(encode_listed_networks({shop_network()}),
            R"([{"id":"8f3a000000000000","name":"shop","subnets":[)"
            R"({"prefix":"10.249.1.0/24","gateway":"10.249.1.1"},)"
            R"({"prefix":"fd00:1::/64","gateway":"fd00:1::1"}],"bridge":"db-8f3a00000000",)"
            R"("mtu":1400,"internal":true,"isolation":"members",)"
            R"("options":{"isolation":"members","mtu":"1400"},"endpoints":2}])");
}

TEST(NetworkListing, IsReadAsItWasWritten) {
  ListedNetwork bare;
  bare.listing.id = {"77aa"};
  bare.listing.isolation = Isolation::project;
  bare.listing.subnets = {{*IpPrefix::parse("10.1.0.0/16"), {}}};
  std::vector<ListedNetwork> const networks = {shop_network(), bare};
  EXPECT_EQ(decode_listed_networks(encode_listed_networks(networks)).value(), networks);
  EXPECT_TRUE(decode_listed_networks("[]").value().empty());
}

TEST(EndpointListing, IsAnObjectForEachEndpoint) {
  EXPECT_EQ(encode_listed_endpoints({web_endpoint()}),
            R"([{"id":"b200000000000000","container":"web","network":"8f3a000000000000",)"
            R"("network_name":"shop","addresses":["10.249.1.2/24","fd00:1::2/64"],)"
            R"("mac":"02:db:0a:f9:01:02","link":"dv-b20000000000","joined":true,)"
            R"("published_ports":3}])");
}

TEST(EndpointListing, IsReadAsItWasWritten) {
  ListedEndpoint bare;
  bare.listing.id = {"e1"};
  bare.listing.ipv6 = *IpPrefix::parse("fd00::2/64");
  std::vector<ListedEndpoint> const endpoints = {web_endpoint(), bare};
  EXPECT_EQ(decode_listed_endpoints(encode_listed_endpoints(endpoints)).value(), endpoints);
}

TEST(PoolListing, IsReadAsItWasWritten) {
  PoolListing const listing = some_pools();
  EXPECT_EQ(decode_pools(encode_pools(listing)).value(), listing);
  EXPECT_NE(encode_pools(listing).find(
                R"("covered_by":{"prefix":"10.0.0.0/8","interface":"tun1","kind":"routed",)"
                R"("covers":"10.249.0.0/16"})"),
            std::string::npos);
}

TEST(PoolListing, PutsNetworksToTheirSubnets) {
  Ipam::Usage const shop{{{"local/10.249.1.0/24"}, "local", *IpPrefix::parse("10.249.1.0/24"), {}},
                         3};
  Ipam::Usage const other{
      {{"local/192.168.7.0/24"}, "local", *IpPrefix::parse("192.168.7.0/24"), {}}, 0};
  EXPECT_EQ(list_pools(some_pools().pools, {other, shop}, {shop_network()}), some_pools());
}

TEST(StatusReport, IsReadAsItWasWritten) {
  StatusReport const report = some_status();
  std::string const written = encode_status(report);
  Result<StatusReport> const read = decode_status(written);
  ASSERT_OK(read);
  EXPECT_EQ(encode_status(*read), written);
  EXPECT_EQ(read->docker, report.docker);
  EXPECT_EQ(read->paths, report.paths);
  EXPECT_EQ(read->looks.repaired, report.looks.repaired);
  EXPECT_EQ(read->troubles, report.troubles);
  EXPECT_NE(written.find(R"("looks":{"looks":12,"last_cpu_us":1500,)"
                         R"("repaired":{"bridge":1,"rules":2},"failed":{"address":1}})"),
            std::string::npos)
      << written;
}

TEST(StatusReport, KeepsApartWhatIsNotKnownFromNothing) {
  StatusReport report = some_status();
  report.docker = {"/run/docker.sock", {}, {}};
  std::string const written = encode_status(report);
  EXPECT_NE(written.find(R"("first_answer_s_ago":null)"), std::string::npos) << written;
  EXPECT_EQ(decode_status(written).value().docker, report.docker);
}

TEST(RepairListing, IsReadAsItWasWritten) {
  std::vector<Repair> const repairs = {{"bridge", "bridge db-1 was gone", ""},
                                       {"rules", "table \"x\"", "no memory"}};
  EXPECT_EQ(encode_repairs({repairs[0]}),
            R"([{"kind":"bridge","text":"bridge db-1 was gone","failure":""}])");
  EXPECT_EQ(decode_repairs(encode_repairs(repairs)).value(), repairs);
}

TEST(VerbReplies, AreObjects) {
  EXPECT_EQ(encode_backup({"/root/copy", 15, "/var/lib/drawbridge/state.db"}),
            R"({"file":"/root/copy","bytes":15,"state":"/var/lib/drawbridge/state.db"})");
  EXPECT_EQ(encode_uninstall({5, 4, {"/run/d.sock"}, ""}),
            R"({"links":5,"accept_rules":4,"files":["/run/d.sock"],"state_dir":""})");
  EXPECT_EQ(encode_check({"x.json", "x.json: line 1"}),
            R"({"file":"x.json","good":false,"error":"x.json: line 1"})");
}

TEST(ControlListings, OfAnotherProgramAreRefused) {
  for (char const* body : {"", "oops", "{}", "[5]", R"([{"isolation":"some"}])",
                           R"([{"isolation":"network","endpoints":-1}])",
                           R"([{"isolation":"network","subnets":[{"prefix":"ten"}]}])"}) {
    EXPECT_TRUE(
        fails_with(decode_listed_networks(body), Errc::malformed, "not a list of networks: "))
        << body;
  }
  for (char const* body :
       {"{}", R"([{"addresses":["ten"]}])", R"([{"joined":1}])", R"([{"mac":"x"}])"}) {
    EXPECT_TRUE(
        fails_with(decode_listed_endpoints(body), Errc::malformed, "not a list of endpoints: "))
        << body;
  }
  for (char const* body : {"[]", R"({"pools":[{"prefixes":["ten"]}]})", R"({"leased":{}})"}) {
    EXPECT_TRUE(fails_with(decode_pools(body), Errc::malformed, "not a list of pools: ")) << body;
  }
  for (char const* body : {"[]", "{}", R"({"version":"1","looks":{"repaired":{"a":"b"}}})"}) {
    EXPECT_TRUE(fails_with(decode_status(body), Errc::malformed, "not a status: ")) << body;
  }
  EXPECT_TRUE(fails_with(decode_repairs("{}"), Errc::malformed, "not a list of repairs: "));
}

}  // namespace
}  // namespace drawbridge
