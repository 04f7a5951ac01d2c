#include "ports/port_lists.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include <arpa/inet.h>

namespace drawbridge {
namespace {

constexpr std::string_view blanks = " \t\n";

/// Takes the word before the next of `separators` off the front of `text`.
std::string_view next_word(std::string_view& text, std::string_view separators) {
  std::size_t const begin = text.find_first_not_of(separators);
  text.remove_prefix(begin == std::string_view::npos ? text.size() : begin);
  std::string_view const word = text.substr(0, text.find_first_of(separators));
  text.remove_prefix(word.size());
  return word;
}

template <class Number>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
  Number number = 0;
  char const* const end = text.data() + text.size();
  auto const [last, error] = std::from_chars(text.data(), end, number, base);
  return error == std::errc() && last == end ? std::optional(number) : std::nullopt;
}

std::optional<PortRange> range_of(std::string_view first, std::string_view last) {
  auto const from = parse_number<std::uint16_t>(first);
  auto const to = parse_number<std::uint16_t>(last);
  return from && to && *from <= *to ? std::optional(PortRange{*from, *to}) : std::nullopt;
}

constexpr std::size_t word_digits = 8;
constexpr AddressBits mapped_prefix = AddressBits{0xffff} << 32;  // ::ffff:0:0/96

/// text  words of four bytes in network order, each printed as a number of this machine
std::optional<IpAddress> parse_address(std::string_view text) {
  bool const is_ipv4 = text.size() == word_digits;
  if (!is_ipv4 && text.size() != 4 * word_digits) {
    return std::nullopt;
  }
  AddressBits bits = 0;
  for (; !text.empty(); text.remove_prefix(word_digits)) {
    auto const word = parse_number<std::uint32_t>(text.substr(0, word_digits), 16);
    if (!word) {
      return std::nullopt;
    }
    bits = bits << 32 | ntohl(*word);
  }
  bool const is_mapped = !is_ipv4 && bits >> 32 == mapped_prefix >> 32;
  return is_ipv4 || is_mapped
             ? IpAddress{Family::ipv4, bits & std::numeric_limits<std::uint32_t>::max()}
             : IpAddress{Family::ipv6, bits};
}

/// line  "0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 ..."
std::optional<ListedSocket> parse_line(std::string_view line, std::uint16_t port) {
  constexpr int words_before_the_inode = 5;
  next_word(line, blanks);
  std::string_view local = next_word(line, blanks);
  std::string_view const address_text = next_word(local, ":");
  if (parse_number<std::uint16_t>(next_word(local, ":"), 16) != port) {
    return std::nullopt;
  }
  next_word(line, blanks);
  bool const listens = next_word(line, blanks) == "0A";
  for (int skipped = 0; skipped < words_before_the_inode; ++skipped) {
    next_word(line, blanks);
  }
  auto const address = parse_address(address_text);
  auto const inode = parse_number<std::uint64_t>(next_word(line, blanks));
  return address && inode ? std::optional(ListedSocket{*address, port, listens, *inode})
                          : std::nullopt;
}

}  // namespace

std::vector<PortRange> parse_reserved_ports(std::string_view text) {
  std::vector<PortRange> ranges;
  while (true) {
    std::string_view word = next_word(text, ", \t\n");
    if (word.empty()) {
      return ranges;
    }
    std::string_view const first = next_word(word, "-");
    std::string_view const last = next_word(word, "-");
    if (std::optional<PortRange> const range = range_of(first, last.empty() ? first : last)) {
      ranges.push_back(*range);
    }
  }
}

std::optional<PortRange> parse_ephemeral_ports(std::string_view text) {
  std::string_view const first = next_word(text, blanks);
  return range_of(first, next_word(text, blanks));
}

std::vector<ListedSocket> parse_sockets(std::string_view text, std::uint16_t port) {
  std::vector<ListedSocket> sockets;
  while (!text.empty()) {
    std::string_view const line = text.substr(0, text.find('\n'));
    if (std::optional<ListedSocket> const socket = parse_line(line, port)) {
      sockets.push_back(*socket);
    }
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return sockets;
}

}  // namespace drawbridge
