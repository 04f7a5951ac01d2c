#include "netlink/flow_question.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

IpAddress const container = *IpAddress::parse("10.1.0.2");
IpAddress const host = *IpAddress::parse("192.0.2.1");
IpAddress const container6 = *IpAddress::parse("fd00::2");
IpAddress const host6 = *IpAddress::parse("2001:db8::1");

using Questions = std::set<FlowQuestion>;

TEST(FlowQuestion, APartyIsAskedForOnBothSides) {
  EXPECT_EQ(questions_of({{container, {}, {}, {}}}),
            (Questions{{Family::ipv4, container, {}, {}, {}, {}},
                       {Family::ipv4, {}, {}, container, {}, {}}}));
}

TEST(FlowQuestion, APublishedPortIsAskedForByAddressAndNumber) {
  EXPECT_EQ(questions_of({{{}, 17, host, PortRange{53, 53}}}),
            (Questions{{Family::ipv4, {}, host, {}, 17, 53}}));
}

TEST(FlowQuestion, APublishedPortOfAContainerIsAskedForOnce) {
  FlowPattern pattern{{}, 6, {}, PortRange{80, 80}};
  pattern.end = container;
  EXPECT_EQ(questions_of({pattern}), (Questions{{Family::ipv4, {}, {}, container, 6, 80}}));
  pattern.end = container6;
  EXPECT_EQ(questions_of({pattern}), (Questions{{Family::ipv6, {}, {}, {}, 6, 80}}));
}

TEST(FlowQuestion, APortOfEveryAddressIsAskedForInBothFamilies) {
  EXPECT_EQ(questions_of({{{}, 6, {}, PortRange{80, 80}}}),
            (Questions{{Family::ipv4, {}, {}, {}, 6, 80}, {Family::ipv6, {}, {}, {}, 6, 80}}));
}

TEST(FlowQuestion, WhatTheKernelDoesNotCompareIsLeftOut) {
  EXPECT_EQ(questions_of({{{}, 6, host, PortRange{80, 81}}}),
            (Questions{{Family::ipv4, {}, host, {}, 6, {}}}));
  EXPECT_EQ(questions_of({{{}, 132, host, PortRange{80, 80}}}),
            (Questions{{Family::ipv4, {}, host, {}, 132, {}}}));
  EXPECT_EQ(questions_of({{{}, {}, host, PortRange{80, 80}}}),
            (Questions{{Family::ipv4, {}, host, {}, {}, {}}}));
  EXPECT_EQ(questions_of({{{}, 17, host6, PortRange{53, 53}}}),
            (Questions{{Family::ipv6, {}, {}, {}, 17, 53}}));
}

TEST(FlowQuestion, AllOfIpv6IsAskedForOnce) {
  EXPECT_EQ(questions_of({{container6, {}, {}, {}}, {host6, {}, {}, {}}}),
            (Questions{{Family::ipv6, {}, {}, {}, {}, {}}}));
}

TEST(FlowQuestion, APatternOfBothFamiliesAsksNothingOfAnAddressOfTheOther) {
  EXPECT_EQ(questions_of({{container, 6, host6, {}}}),
            (Questions{{Family::ipv4, container, {}, {}, 6, {}},
                       {Family::ipv4, {}, {}, container, 6, {}}}));
}

TEST(FlowQuestion, NoPatternAsksNothing) {
  EXPECT_EQ(questions_of({}), Questions{});
}

TEST(FlowQuestion, PaysWhenThereAreFewOfThemAndManyConnections) {
  EXPECT_TRUE(questions_pay(1, 100));
  EXPECT_FALSE(questions_pay(2, 3000));
  EXPECT_TRUE(questions_pay(2, 4000));
  EXPECT_FALSE(questions_pay(8, 50000));
  EXPECT_TRUE(questions_pay(8, 100000));
  EXPECT_FALSE(questions_pay(13, 1000000));
}

}  // namespace
}  // namespace drawbridge
