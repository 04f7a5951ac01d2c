// From values to the kernel's bytes and back.
#include "netlink/nft/element_reading.h"

#include "netlink/nft/skeleton.h"
#include "netlink/plan.h"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <vector>

namespace drawbridge {
namespace {

IpAddress ip(char const* text) {
  return *IpAddress::parse(text);
}
IpPrefix prefix(char const* text) {
  return *IpPrefix::parse(text);
}
MacAddress const mac = *MacAddress::parse("02:db:0a:f9:01:02");

/// One of every shape that a key and a value can have.
std::vector<Element> const elements = {
    {nft_set::nets, {"db-one"}},
    {nft_set::pair, {"db-one", "db-one"}, Verdict{Verdict::Kind::accept, {}}},
    {nft_set::pair, {"db-one", "db-two"}, Verdict{Verdict::Kind::go_to, nft_chain::apart}},
    {nft_set::publish, {"db-one"}, Verdict{Verdict::Kind::drop, {}}},
    {nft_set::egress, {"db-one"}, Verdict{Verdict::Kind::jump, nft_chain::egress_listed}},
    {nft_set::teams, {"db-one", LinkGroup{0x4000'1234}}},
    {nft_set::gateways6, {ip("fd00::1")}},
    {nft_set::doors, {"db-one", mac}},
    {nft_set::from_network, {"db-one", "db-two", ProtocolRange{6, 6}, PortRange{80, 90}}},
    {nft_set::egress_to4,
     {"db-one", prefix("10.0.0.0/8"), ProtocolRange{0, 255}, PortRange{0, 65535}}},
    {nft_set::ports4,
     {ip("127.0.0.1"), ProtocolRange{17, 17}, PortRange{53, 53}},
     Target{ip("10.249.1.2"), 5353}},
    {nft_set::ports_any6, {ProtocolRange{6, 6}, PortRange{8080, 8080}}, Target{ip("fd00::2"), 80}},
    {nft_set::port_ranges4,
     {prefix("0.0.0.0/0"), ProtocolRange{6, 6}, PortRange{8000, 8100}},
     ip("10.249.1.2")},
    {nft_set::host4, {"db-one"}, ip("192.0.2.1")},
    {nft_set::sources4, {"dv-one", mac, ip("10.249.1.2")}},
    {nft_set::targets6, {"dv-one", ip("fe80::1")}},
};

TEST(ElementReading, WhatWasWrittenIsReadAgain) {
  for (Element const& element : elements) {
    std::set<StoredElement> const stored = stored_form({element}, element.set.c_str());
    ASSERT_EQ(stored.size(), 1U) << describe(element);
    std::optional<Element> const read = element_from(element.set, *stored.begin());
    ASSERT_TRUE(read.has_value()) << describe(element);
    EXPECT_EQ(*read, element) << describe(*read) << " is not " << describe(element);
  }
}

TEST(ElementReading, BytesThatAreTooFewAreNoElement) {
  for (Element const& element : elements) {
    StoredElement cut = *stored_form({element}, element.set.c_str()).begin();
    cut.key.resize(cut.key.size() - 4);
    cut.key_end.clear();
    EXPECT_FALSE(element_from(element.set, cut).has_value()) << describe(element);
    StoredElement const empty;
    EXPECT_FALSE(element_from(element.set, empty).has_value()) << describe(element);
  }
}

}  // namespace
}  // namespace drawbridge
