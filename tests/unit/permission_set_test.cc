#include "driver/permission_set.h"

#include "driver/policy_options.h"
#include "tests/support/expect_ok.h"
#include "tests/support/permission_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace drawbridge {
namespace {

std::string normalised(std::string_view list) {
  Result<std::vector<Permission>> const permissions = parse_permissions(list);
  EXPECT_OK(permissions);
  return permissions ? text_of(*permissions) : "";
}

TEST(PermissionSet, PortsOfOnePeerAndProtocolAreJoined) {
  std::pair<char const*, char const*> const lists[] = {
      {"web,web", "web"},
      {"web:tcp/80,web:tcp/80", "web:tcp/80"},
      {"web:tcp/80-90,web:tcp/85-100", "web:tcp/80-100"},
      {"web:tcp/90,web:tcp/80-89", "web:tcp/80-90"},
      {"web:tcp/80-100,web:tcp/85-90", "web:tcp/80-100"},
      {"web:tcp/80,web:tcp/82", "web:tcp/80, web:tcp/82"},
      {"web:tcp/80,web:udp/80", "web:tcp/80, web:udp/80"},
      {"web:tcp/80,db:tcp/81", "db:tcp/81, web:tcp/80"},
      {"web:tcp/65535,web:tcp/1-65534", "web:tcp/1-65535"},
      {"web:tcp/65535,web:tcp/65534,web:tcp/65535", "web:tcp/65534-65535"},
  };
  for (auto const& [list, expected] : lists) {
    EXPECT_EQ(normalised(list), expected) << list;
  }
}

TEST(PermissionSet, APeerWithoutPortsSwallowsItsOthers) {
  EXPECT_EQ(normalised("web:tcp/80,web,web:udp"), "web");
  EXPECT_EQ(normalised("web:tcp/80,web:tcp,web:udp/53"), "web:tcp, web:udp/53");
  EXPECT_EQ(normalised("10.0.0.0/8:tcp/80,10.0.0.0/8"), "10.0.0.0/8");
  EXPECT_EQ(normalised("web:tcp/80,db"), "db, web:tcp/80");
}

TEST(PermissionSet, WhatAnOuterPrefixPermitsIsNotSaidAgain) {
  std::pair<char const*, char const*> const lists[] = {
      {"10.1.0.0/16,10.0.0.0/8", "10.0.0.0/8"},
      {"10.1.2.3,10.0.0.0/8:tcp,10.1.2.3:tcp/80",
       "10.0.0.0/8:tcp, 10.1.2.3/32:0-5, "
       "10.1.2.3/32:7-255"},
      {"10.0.0.0/8:tcp/80,10.1.0.0/16:tcp/70-90",
       "10.0.0.0/8:tcp/80, 10.1.0.0/16:tcp/70-79, 10.1.0.0/16:tcp/81-90"},
      {"10.0.0.0/8:tcp/80,10.1.0.0/16:udp/80", "10.0.0.0/8:tcp/80, 10.1.0.0/16:udp/80"},
      {"10.0.0.0/8:tcp/80,10.1.0.0/16:tcp/80-90", "10.0.0.0/8:tcp/80, 10.1.0.0/16:tcp/81-90"},
      {"10.0.0.0/8:tcp/80-90,10.1.0.0/16:tcp/85-100,10.1.2.0/24:tcp/95-110",
       "10.0.0.0/8:tcp/80-90, 10.1.0.0/16:tcp/91-100, 10.1.2.0/24:tcp/101-110"},
      {"10.0.0.0/8:tcp/80,10.1.0.0/16",
       "10.0.0.0/8:tcp/80, 10.1.0.0/16:0-5, 10.1.0.0/16:tcp/0-79, 10.1.0.0/16:tcp/81-65535, "
       "10.1.0.0/16:7-255"},
      {"0.0.0.0/0,::/0,fd00::/8,10.0.0.1", "0.0.0.0/0, ::/0"},
      {"fd00::/8:tcp/80,fd00::1:tcp/1-80", "fd00::/8:tcp/80, fd00::1/128:tcp/1-79"},
      {"0.0.0.0/0,web", "web, 0.0.0.0/0"},
  };
  for (auto const& [list, expected] : lists) {
    EXPECT_EQ(normalised(list), expected) << list;
  }
}

TEST(PermissionSet, PeersThatBecomeTheSameAreJoinedBySayingItAgain) {
  std::vector<Permission> permissions = *parse_permissions("web:tcp/80-90,0123456789ab:tcp/85-100");
  EXPECT_EQ(text_of(permissions), "0123456789ab:tcp/85-100, web:tcp/80-90");
  for (Permission& permission : permissions) {
    permission.from = NetworkPeer{"0123456789ab"};
  }
  EXPECT_EQ(text_of(without_overlaps(permissions)), "0123456789ab:tcp/80-100");
}

struct Packet {
  std::variant<NetworkPeer, IpAddress> from;
  int protocol = 0;
  int port = 0;
};

bool is_permitted(Permission const& permission, Packet const& packet) {
  auto const* network = std::get_if<NetworkPeer>(&packet.from);
  auto const* prefix = std::get_if<IpPrefix>(&permission.from);
  bool const is_from =
      network != nullptr ? permission.from == std::variant<NetworkPeer, IpPrefix>(*network)
                         : prefix != nullptr && prefix->contains(std::get<IpAddress>(packet.from));
  Service const& service = permission.service;
  return is_from && service.protocols.first <= packet.protocol &&
         packet.protocol <= service.protocols.last && service.ports.first <= packet.port &&
         packet.port <= service.ports.last;
}

/// Lists over few addresses, protocols and ports, so that entries meet in every way.
class Lists {
 public:
  std::vector<Permission> some() {
    std::vector<Permission> permissions;
    for (int entries = below(10); entries >= 0; --entries) {
      permissions.push_back(entry());
    }
    return permissions;
  }

 private:
  int below(int end) { return std::uniform_int_distribution<int>(0, end - 1)(random_); }

  Permission entry() {
    Permission permission;
    if (below(4) == 0) {
      permission.from = NetworkPeer{below(2) == 0 ? "web" : "db"};
    } else {
      permission.from =
          IpPrefix{{Family::ipv4, static_cast<AddressBits>(below(8))}, 29 + below(4)}.network();
    }
    if (below(3) == 0) {
      return permission;
    }
    auto const protocol = static_cast<std::uint8_t>(below(2) == 0 ? 6 : 17);
    permission.service.protocols = {protocol, protocol};
    if (below(4) != 0) {
      auto const first = static_cast<std::uint16_t>(1 + below(6));
      permission.service.ports = {first, static_cast<std::uint16_t>(first + below(4))};
    }
    return permission;
  }

  std::mt19937 random_{20'26};
};

/// What is tried: addresses of the lists' prefixes, both networks, each protocol's kind and port.
std::vector<Packet> packets() {
  std::vector<std::variant<NetworkPeer, IpAddress>> froms{NetworkPeer{"web"}, NetworkPeer{"db"}};
  for (unsigned host = 0; host < 9; ++host) {
    froms.push_back(IpAddress{Family::ipv4, host});
  }
  std::vector<Packet> packets;
  for (auto const& from : froms) {
    for (int const protocol : {0, 1, 6, 17, 255}) {
      for (int const port : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 65535}) {
        packets.push_back({from, protocol, port});
      }
    }
  }
  return packets;
}

TEST(PermissionSet, PermitsTheSameAndEachPacketOnce) {
  Lists lists;
  std::vector<Packet> const tried = packets();
  for (int round = 0; round < 40; ++round) {
    std::vector<Permission> const given = lists.some();
    std::vector<Permission> const made = without_overlaps(given);
    SCOPED_TRACE(text_of(given) + " -> " + text_of(made));
    EXPECT_EQ(without_overlaps(made), made);
    for (Packet const& packet : tried) {
      auto const permits = [&](Permission const& each) { return is_permitted(each, packet); };
      bool const wanted = std::any_of(given.begin(), given.end(), permits);
      EXPECT_EQ(std::count_if(made.begin(), made.end(), permits), wanted ? 1 : 0);
    }
  }
}

}  // namespace
}  // namespace drawbridge
