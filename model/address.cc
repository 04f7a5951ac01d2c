#include "model/address.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>

namespace drawbridge {
namespace {

AddressBits from_network_order(unsigned char const* bytes, std::size_t count) {
  AddressBits bits = 0;
  for (std::size_t i = 0; i < count; ++i) {
    bits = (bits << 8) | bytes[i];
  }
  return bits;
}

void to_network_order(AddressBits bits, unsigned char* bytes, std::size_t count) {
  for (std::size_t i = count; i-- > 0;) {
    bytes[i] = static_cast<unsigned char>(bits & 0xff);
    bits >>= 8;
  }
}

/// The host part of a prefix: all ones below the prefix length.
AddressBits host_mask(Family family, int length) {
  int const host_bits = bits_of(family) - length;
  return host_bits >= 128 ? ~AddressBits{0} : (AddressBits{1} << host_bits) - 1;
}

}  // namespace

Result<IpAddress> IpAddress::parse(std::string_view text) {
  std::string const terminated(text.substr(0, text.find('\0')));
  if (terminated.size() != text.size()) {
    return fail(Errc::invalid_argument, "an IP address holds a NUL character");
  }
  unsigned char bytes[16];
  if (inet_pton(AF_INET, terminated.c_str(), bytes) == 1) {
    return IpAddress{Family::ipv4, from_network_order(bytes, 4)};
  }
  if (inet_pton(AF_INET6, terminated.c_str(), bytes) == 1) {
    return IpAddress{Family::ipv6, from_network_order(bytes, 16)};
  }
  return fail(Errc::invalid_argument, fmt::format("\"{}\" is not an IP address", text));
}

std::string IpAddress::to_string() const {
  unsigned char bytes[16];
  char text[INET6_ADDRSTRLEN];
  to_network_order(bits, bytes, family == Family::ipv4 ? 4 : 16);
  inet_ntop(family == Family::ipv4 ? AF_INET : AF_INET6, bytes, text, sizeof text);
  return text;
}

Result<IpPrefix> IpPrefix::parse(std::string_view text) {
  std::size_t const slash = text.find('/');
  if (slash == std::string_view::npos) {
    return fail(Errc::invalid_argument,
                fmt::format("\"{}\" is not a subnet: write ADDRESS/LENGTH", text));
  }
  Result<IpAddress> const address = IpAddress::parse(text.substr(0, slash));
  if (!address) {
    return fail(address.error());
  }
  std::string_view const digits = text.substr(slash + 1);
  int length = -1;
  auto const [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc{} || end != digits.data() + digits.size() || length < 0 ||
      length > bits_of(address->family)) {
    return fail(Errc::invalid_argument, fmt::format("\"{}\" has no prefix length between 0 and {}",
                                                    text, bits_of(address->family)));
  }
  return IpPrefix{*address, length};
}

std::string IpPrefix::to_string() const {
  return fmt::format("{}/{}", address.to_string(), length);
}

IpAddress IpPrefix::first() const {
  return {address.family, address.bits & ~host_mask(address.family, length)};
}

IpAddress IpPrefix::last() const {
  return {address.family, address.bits | host_mask(address.family, length)};
}

bool IpPrefix::contains(IpAddress const& other) const {
  return other.family == family() && first() <= other && other <= last();
}

bool IpPrefix::contains(IpPrefix const& other) const {
  return length <= other.length && contains(other.first());
}

bool IpPrefix::overlaps(IpPrefix const& other) const {
  return contains(other.first()) || other.contains(first());
}

bool is_public(IpPrefix const& prefix) {
  // IANA IPv4 and IPv6 special-purpose address registries, what a bridge network may carry.
  static IpPrefix const not_public[] = {
      *IpPrefix::parse("10.0.0.0/8"),     *IpPrefix::parse("172.16.0.0/12"),
      *IpPrefix::parse("192.168.0.0/16"), *IpPrefix::parse("100.64.0.0/10"),
      *IpPrefix::parse("169.254.0.0/16"), *IpPrefix::parse("127.0.0.0/8"),
      *IpPrefix::parse("192.0.2.0/24"),   *IpPrefix::parse("198.51.100.0/24"),
      *IpPrefix::parse("203.0.113.0/24"), *IpPrefix::parse("198.18.0.0/15"),
      *IpPrefix::parse("fc00::/7"),       *IpPrefix::parse("fe80::/10"),
      *IpPrefix::parse("2001:db8::/32"),
  };
  return std::none_of(std::begin(not_public), std::end(not_public),
                      [&](IpPrefix const& range) { return range.contains(prefix); });
}

Result<MacAddress> MacAddress::parse(std::string_view text) {
  MacAddress mac;
  bool good = text.size() == 17;
  for (std::size_t i = 0; good && i < mac.bytes.size(); ++i) {
    char const* pair = text.data() + 3 * i;
    auto const [end, error] = std::from_chars(pair, pair + 2, mac.bytes[i], 16);
    good = error == std::errc{} && end == pair + 2 && (i == 5 || pair[2] == ':');
  }
  if (!good) {
    return fail(Errc::invalid_argument, fmt::format("\"{}\" is not a MAC address", text));
  }
  return mac;
}

std::string MacAddress::to_string() const {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes[0], bytes[1], bytes[2],
                     bytes[3], bytes[4], bytes[5]);
}

}  // namespace drawbridge
