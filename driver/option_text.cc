#include "driver/option_text.h"

#include "base/text.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace drawbridge {
namespace {

constexpr std::size_t max_entries = 64;
constexpr std::size_t max_entry_bytes = 255;
constexpr std::string_view name_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

std::optional<std::uint16_t> read_port(std::string_view text) {
  std::uint16_t port = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  bool const is_good = error == std::errc{} && end == text.data() + text.size() && port > 0;
  return is_good ? std::optional(port) : std::nullopt;
}

std::string_view without_blanks(std::string_view text) {
  std::size_t const first = text.find_first_not_of(' ');
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

Result<void> check_entry(std::string_view entry, std::size_t number) {
  if (entry.empty()) {
    return bad_value(
        fmt::format("entry {} is empty: write entries with one comma between them", number));
  }
  if (entry.size() > max_entry_bytes) {
    return bad_value(fmt::format("entry {} has {} characters: at most {} can be", number,
                                 entry.size(), max_entry_bytes));
  }
  if (has_control_character(entry)) {
    return bad_value(fmt::format("entry {} has control characters: leave them out", number));
  }
  return {};
}

}  // namespace

tl::unexpected<Error> bad_value(std::string reason) {
  return fail(Errc::invalid_argument, std::move(reason));
}

bool has_only(std::string_view text, std::string_view characters) {
  return text.find_first_not_of(characters) == std::string_view::npos;
}

bool is_name(std::string_view text) {
  return !text.empty() && has_only(text, name_characters);
}

Result<std::uint16_t> parse_port(std::string_view text) {
  std::optional<std::uint16_t> const port = read_port(text);
  return port ? Result<std::uint16_t>(*port)
              : bad_value(
                    fmt::format("{} is no port: write a number from 1 to 65535", in_quotes(text)));
}

Result<PortRange> parse_port_range(std::string_view text) {
  std::size_t const dash = text.find('-');
  std::optional<std::uint16_t> const first = read_port(text.substr(0, dash));
  std::optional<std::uint16_t> const last =
      dash == std::string_view::npos ? first : read_port(text.substr(dash + 1));
  if (!first || !last) {
    return bad_value(fmt::format(
        "{} is no port: write 80 or 8000-8010, with numbers from 1 to 65535", in_quotes(text)));
  }
  if (*first > *last) {
    return bad_value(fmt::format("{} goes backwards: write {}-{}", in_quotes(text), *last, *first));
  }
  return PortRange{*first, *last};
}

Result<std::vector<std::string_view>> split_list(std::string_view text) {
  if (without_blanks(text).empty()) {
    return bad_value("is empty: name something, or leave the option out");
  }
  auto const commas = static_cast<std::size_t>(std::count(text.begin(), text.end(), ','));
  if (commas >= max_entries) {
    return bad_value(fmt::format("has {} entries: at most {} can be", commas + 1, max_entries));
  }
  std::vector<std::string_view> entries;
  for (std::size_t begin = 0; begin <= text.size();) {
    std::size_t const end = std::min(text.find(',', begin), text.size());
    entries.push_back(without_blanks(text.substr(begin, end - begin)));
    if (Result<void> const good = check_entry(entries.back(), entries.size()); !good) {
      return fail(good.error());
    }
    begin = end + 1;
  }
  return entries;
}

}  // namespace drawbridge
