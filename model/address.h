// IP and MAC addresses and prefixes as values: parse, print, compare, count.
//
// Host byte order throughout; netlink/ turns them to network order. IPv4 and IPv6 are one type,
// because every caller treats them alike; addresses of different families never compare equal.
// Text forms: RFC 4291 and RFC 5952 by way of inet_pton(3) and inet_ntop(3).
#pragma once

#include "base/result.h"

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace drawbridge {

/// Wide enough for an IPv6 address and for the size of any prefix but ::/0.
__extension__ using AddressBits = unsigned __int128;

enum class Family : std::uint8_t { ipv4, ipv6 };

/// returns  32 or 128
constexpr int bits_of(Family family) {
  return family == Family::ipv4 ? 32 : 128;
}

struct IpAddress {
  Family family = Family::ipv4;
  AddressBits bits = 0;

  /// errors  invalid_argument   neither an IPv4 nor an IPv6 address
  static Result<IpAddress> parse(std::string_view text);
  std::string to_string() const;

  auto operator<=>(IpAddress const&) const = default;
};

/// An address together with a prefix length: a subnet when the host bits are zero, an interface
/// address such as 10.249.1.2/24 when they are not.
struct IpPrefix {
  IpAddress address;
  int length = 0;

  /// errors  invalid_argument   not ADDRESS/LENGTH, or a length the family does not have
  static Result<IpPrefix> parse(std::string_view text);
  std::string to_string() const;

  Family family() const { return address.family; }
  IpAddress first() const;
  IpAddress last() const;
  /// returns  the prefix with its host bits cleared
  IpPrefix network() const { return {first(), length}; }
  bool has_host_bits() const { return address != first(); }

  bool contains(IpAddress const& other) const;
  bool contains(IpPrefix const& other) const;
  bool overlaps(IpPrefix const& other) const;

  auto operator<=>(IpPrefix const&) const = default;
};

/// returns  true for space that is not private, shared, link-local, loopback, documentation or
///          unique local: addresses that somebody on the Internet may own
bool is_public(IpPrefix const& prefix);

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  /// errors  invalid_argument   not six hex pairs with colons
  static Result<MacAddress> parse(std::string_view text);
  std::string to_string() const;

  auto operator<=>(MacAddress const&) const = default;
};

}  // namespace drawbridge
