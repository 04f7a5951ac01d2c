#include "driver/limit_options.h"

#include "driver/option_text.h"

#include <array>
#include <charconv>
#include <optional>

namespace drawbridge {
namespace {

constexpr std::string_view digits = "0123456789";

struct Unit {
  std::string_view name;
  std::uint64_t bits;
};
constexpr std::array<Unit, 4> units{
    {{"bit", 1}, {"kbit", 1'000}, {"mbit", 1'000'000}, {"gbit", 1'000'000'000}}};

constexpr std::uint64_t lowest_rate = 8'000;
constexpr std::uint64_t highest_rate = 100'000'000'000;
constexpr std::uint32_t most_connections = 1'000'000;

tl::unexpected<Error> no_rate() {
  return bad_value("is no rate: write a whole number and bit, kbit, mbit or gbit, such as 8mbit");
}

tl::unexpected<Error> no_connlimit() {
  return bad_value(
      "is no limit: write N/s or N/s:BURST, such as 10/s:20; both go from 1 to 1000000, and N is "
      "for "
      "each second");
}

std::optional<std::uint64_t> bits_in(std::string_view unit) {
  for (Unit const& known : units) {
    if (known.name == unit) {
      return known.bits;
    }
  }
  return std::nullopt;
}

/// returns  nothing for what is no number, or is above `highest`
std::optional<std::uint64_t> number_in(std::string_view text, std::uint64_t highest) {
  std::uint64_t number = 0;
  char const* const end = text.data() + text.size();
  auto const [stop, code] = std::from_chars(text.data(), end, number);
  bool const is_good = code == std::errc() && stop == end && number <= highest;
  return is_good ? std::optional(number) : std::nullopt;
}

std::optional<std::uint32_t> connections_in(std::string_view text) {
  std::optional<std::uint64_t> const number = number_in(text, most_connections);
  return number && *number != 0 ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
}

}  // namespace

Result<std::uint64_t> parse_rate(std::string_view text) {
  std::size_t const behind_number = text.find_first_not_of(digits);
  if (behind_number == 0 || behind_number == std::string_view::npos) {
    return no_rate();
  }
  std::optional<std::uint64_t> const unit = bits_in(text.substr(behind_number));
  if (!unit) {
    return no_rate();
  }
  std::optional<std::uint64_t> const number =
      number_in(text.substr(0, behind_number), highest_rate / *unit);
  if (!number || *number * *unit < lowest_rate) {
    return bad_value("is out of range: 8kbit is the lowest rate and 100gbit the highest");
  }
  return *number * *unit / 8 * 8;
}

Result<ConnLimit> parse_connlimit(std::string_view text) {
  std::size_t const slash = text.find('/');
  std::string_view const behind = slash == std::string_view::npos ? "" : text.substr(slash + 1);
  if (behind.substr(0, behind.find(':')) != "s") {
    return no_connlimit();
  }
  std::optional<std::uint32_t> const per_second = connections_in(text.substr(0, slash));
  std::optional<std::uint32_t> const burst =
      behind == "s" ? per_second : connections_in(behind.substr(2));
  if (!per_second || !burst) {
    return no_connlimit();
  }
  return ConnLimit{*per_second, *burst};
}

}  // namespace drawbridge
