// Socket filters as the kernel would run them: both forms of a program, on packets, in an
// interpreter that knows no more than what they may use.
#include "ports/socket_filter.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace drawbridge {
namespace {

using Packet = std::vector<std::uint8_t>;

Packet packet_from(std::string const& source) {
  IpAddress const address = IpAddress::parse(source).value();
  bool const is_ipv4 = address.family == Family::ipv4;
  Packet packet(is_ipv4 ? 20 : 40);
  packet[0] = is_ipv4 ? 0x45 : 0x60;
  int const size = bits_of(address.family) / 8;
  for (int at = 0; at < size; ++at) {
    packet[static_cast<std::size_t>((is_ipv4 ? 12 : 8) + at)] =
        static_cast<std::uint8_t>(address.bits >> (8 * (size - 1 - at)));
  }
  return packet;
}

/// returns  what a load from the network header finds; code is the same in both forms
std::uint32_t loaded(Packet const& packet, int code, std::uint32_t where) {
  std::size_t const at = where - static_cast<std::uint32_t>(SKF_NET_OFF);
  if (BPF_SIZE(code) == BPF_B) {
    return packet.at(at);
  }
  return static_cast<std::uint32_t>(packet.at(at)) << 24 | packet.at(at + 1) << 16 |
         packet.at(at + 2) << 8 | packet.at(at + 3);
}

/// returns  how much of the packet the program keeps
std::uint32_t run(SocketFilter const& filter, Packet const& packet) {
  std::uint32_t a = 0;
  std::array<std::uint32_t, BPF_MEMWORDS> memory{};
  for (std::size_t at = 0;; ++at) {
    sock_filter const& step = filter.at(at);
    switch (step.code) {
      case BPF_LD | BPF_B | BPF_ABS:
      case BPF_LD | BPF_W | BPF_ABS:
        a = loaded(packet, step.code, step.k);
        break;
      case BPF_ST:
        memory.at(step.k) = a;
        break;
      case BPF_LD | BPF_MEM:
        a = memory.at(step.k);
        break;
      case BPF_ALU | BPF_RSH | BPF_K:
        a >>= step.k;
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        a &= step.k;
        break;
      case BPF_JMP | BPF_JA:
        at += step.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += a == step.k ? step.jt : step.jf;
        break;
      default:
        EXPECT_EQ(step.code, BPF_RET | BPF_K);
        return step.k;
    }
  }
}

std::uint32_t run(std::vector<bpf_insn> const& program, Packet const& packet) {
  std::uint32_t a = 0;
  std::array<std::uint32_t, 4> stack{};
  auto const slot = [&](bpf_insn const& each) -> std::uint32_t& {
    return stack.at(static_cast<std::size_t>(-each.off / 4 - 1));
  };
  for (std::size_t at = 1;; ++at) {  // the first keeps the packet for the loads
    bpf_insn const& each = program.at(at);
    auto const immediate = static_cast<std::uint32_t>(each.imm);
    switch (each.code) {
      case BPF_LD | BPF_B | BPF_ABS:
      case BPF_LD | BPF_W | BPF_ABS:
        a = loaded(packet, each.code, immediate);
        break;
      case BPF_STX | BPF_MEM | BPF_W:
        slot(each) = a;
        break;
      case BPF_LDX | BPF_MEM | BPF_W:
        a = slot(each);
        break;
      case BPF_ALU | BPF_RSH | BPF_K:
        a >>= immediate;
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        a &= immediate;
        break;
      case BPF_ALU | BPF_MOV | BPF_K:
        a = immediate;
        break;
      case BPF_JMP | BPF_JA:
        at += static_cast<std::size_t>(each.off);
        break;
      case BPF_JMP32 | BPF_JNE | BPF_K:
        at += a != immediate ? static_cast<std::size_t>(each.off) : 0;
        break;
      default:
        EXPECT_EQ(each.code, BPF_JMP | BPF_EXIT);
        return a;
    }
  }
}

bool passes(SocketFilter const& filter, std::string const& source) {
  Packet const packet = packet_from(source);
  bool const passed = run(filter, packet) != 0;
  EXPECT_EQ(run(extended(filter), packet) != 0, passed) << source;
  return passed;
}

std::vector<IpPrefix> prefixes(std::vector<std::string> const& texts) {
  std::vector<IpPrefix> parsed;
  for (std::string const& text : texts) {
    parsed.push_back(IpPrefix::parse(text).value());
  }
  return parsed;
}

TEST(SocketFilter, LetsNothingPassWhereNothingIsNamed) {
  SocketFilter const filter = filter_of({});
  EXPECT_FALSE(passes(filter, "10.1.0.2"));
  EXPECT_FALSE(passes(filter, "::1"));
  EXPECT_EQ(filter.size(), 1U);
}

TEST(SocketFilter, LetsOneAddressPassAndNoNeighbourOfIt) {
  SocketFilter const filter = filter_of(prefixes({"::1/128"}));
  EXPECT_TRUE(passes(filter, "::1"));
  EXPECT_FALSE(passes(filter, "::"));
  EXPECT_FALSE(passes(filter, "::2"));
  EXPECT_FALSE(passes(filter, "1::1"));
  EXPECT_FALSE(passes(filter, "0:0:0:1::1"));
  EXPECT_FALSE(passes(filter, "0.0.0.1"));
}

TEST(SocketFilter, TellsPrefixesOfAnyLength) {
  SocketFilter const filter =
      filter_of(prefixes({"10.1.0.0/16", "192.0.2.128/25", "fd01:0:0:4::/62", "2001:db8::/32"}));
  for (char const* source : {"10.1.0.0", "10.1.255.255", "192.0.2.128",
                             "fd01:0:0:7:ffff::", "fd01:0:0:4::1", "2001:db8:ffff::1"}) {
    EXPECT_TRUE(passes(filter, source)) << source;
  }
  for (char const* source : {"10.0.255.255", "10.2.0.0", "192.0.2.127",
                             "fd01:0:0:8::", "fd01:0:0:3:ffff::", "2001:db9::", "a01::"}) {
    EXPECT_FALSE(passes(filter, source)) << source;
  }
}

TEST(SocketFilter, AWholeFamilyIsNotTheOther) {
  EXPECT_TRUE(passes(filter_of(prefixes({"::/0"})), "2001:db8::1"));
  EXPECT_FALSE(passes(filter_of(prefixes({"::/0"})), "192.0.2.1"));
  EXPECT_TRUE(passes(filter_of(prefixes({"0.0.0.0/0", "::1/128"})), "192.0.2.1"));
  EXPECT_FALSE(passes(filter_of(prefixes({"0.0.0.0/0", "::1/128"})), "::2"));
}

TEST(SocketFilter, IsNoLongerThanTheKernelTakesForAsManyAsItTellsApart) {
  std::vector<IpPrefix> passing;
  for (std::size_t count = 0; count < most_filtered_prefixes; ++count) {
    passing.push_back(IpPrefix::parse("fd01::" + std::to_string(count) + "/127").value());
    passing.push_back(IpPrefix::parse("10.1." + std::to_string(count) + ".0/24").value());
  }
  SocketFilter const filter = filter_of(passing);
  EXPECT_LE(filter.size(), std::size_t{BPF_MAXINSNS});
  EXPECT_TRUE(passes(filter, "fd01::99"));
  EXPECT_FALSE(passes(filter, "fd02::"));
  EXPECT_TRUE(passes(filter, "10.1.99.1"));
  EXPECT_FALSE(passes(filter, "10.1.100.1"));
}

TEST(SocketFilter, LetsAFamilyPassThatHasTooManyToTellApart) {
  std::vector<IpPrefix> const passing = prefixes({"10.1.0.0/16", "10.3.0.0/16", "::1/128"});
  EXPECT_FALSE(passes(filter_of(passing, 2), "10.2.0.1"));
  EXPECT_TRUE(passes(filter_of(passing, 1), "10.2.0.1"));
  EXPECT_FALSE(passes(filter_of(passing, 1), "::2"));
}

}  // namespace
}  // namespace drawbridge
