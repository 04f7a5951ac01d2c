#include "ipam/pool_rules.h"

#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace drawbridge {
namespace {

/// returns  `unknown pool "servces": did you mean "services"? known are pods, services`
Error unknown_name(std::string_view what, std::string_view name,
                   std::vector<std::string_view> const& known) {
  std::optional<std::string_view> const meant = nearest(name, known);
  return {Errc::invalid_argument,
          fmt::format("unknown {} \"{}\":{} known are {}", what, name,
                      meant ? fmt::format(" did you mean \"{}\"?", *meant) : "",
                      fmt::join(known, ", "))};
}

Result<void> check_keys(std::map<std::string, std::string> const& options) {
  static std::vector<std::string_view> const offered = {"pool", "prefix"};
  for (auto const& [key, value] : options) {
    bool const is_known = std::find(offered.begin(), offered.end(), key) != offered.end();
    // Swarm asks for round-robin allocation by this key; it changes nothing here.
    if (!is_known && key != "com.docker.network.ipam.serial") {
      return fail(unknown_name("ipam option", key, offered));
    }
  }
  return {};
}

std::string source_name(PoolConfig const& config, PoolRequest const& request) {
  auto const option = request.options.find("pool");
  return option == request.options.end() ? config.default_source : option->second;
}

Result<int> parse_length(std::string_view text) {
  auto const [shortest4, longest4] = subnet_lengths(Family::ipv4);
  auto const [shortest6, longest6] = subnet_lengths(Family::ipv6);
  int length = -1;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  bool const is_number = error == std::errc{} && end == text.data() + text.size();
  bool const is_length = subnet_lengths(Family::ipv4).contains(length) ||
                         subnet_lengths(Family::ipv6).contains(length);
  if (!is_number || !is_length) {
    return fail(Errc::invalid_argument,
                fmt::format("ipam option prefix: \"{}\" is no length of a subnet: IPv4 has /{} to "
                            "/{}, IPv6 /{} to /{}",
                            text, shortest4, longest4, shortest6, longest6));
  }
  return length;
}

/// returns  the length that the user named, by option or by 0.0.0.0/N; nothing without one
std::optional<int> named_length(PoolRequest const& request) {
  if (auto const option = request.options.find("prefix"); option != request.options.end()) {
    int const length = parse_length(option->second).value();
    if (subnet_lengths(request.family).contains(length)) {
      return length;
    }
  }
  return request.prefix ? std::optional(request.prefix->length) : std::nullopt;
}

/// returns  what `source` and its overflows have of the family, at any length
std::vector<CarveStep> chain_from(PoolConfig const& config, std::string_view name, Family family) {
  std::vector<CarveStep> chain;
  PoolSource const* source = find_source(config, name);
  for (; source != nullptr; source = find_source(config, source->overflow)) {
    std::vector<IpPrefix> prefixes = prefixes_of(*source, family);
    if (!prefixes.empty()) {
      chain.push_back({source, family, std::move(prefixes), carve_length(*source, family)});
    }
  }
  return chain;
}

/// Leaves what subnets of `length` fit into.
void cut_to(int length, std::vector<CarveStep>& chain) {
  for (CarveStep& step : chain) {
    step.length = length;
    std::erase_if(step.supplies, [&](IpPrefix const& supply) { return supply.length > length; });
  }
  std::erase_if(chain, [](CarveStep const& step) { return step.supplies.empty(); });
}

Error no_prefix_of_family(std::string const& source, Family family) {
  if (family == Family::ipv6) {
    return {
        Errc::unsupported,
        "no pool has IPv6 subnets to choose from: give one, such as --subnet fd12:3456:789a::/64"};
  }
  return {
      Errc::invalid_argument,
      fmt::format("pool \"{}\" has no IPv4 prefix: name another with --ipam-opt pool=", source)};
}

/// what  "subnet" or "range", for the text
Result<void> check_host_bits(std::string_view what, IpPrefix const& prefix) {
  if (!prefix.has_host_bits()) {
    return {};
  }
  return fail(Errc::invalid_argument,
              fmt::format("{} {} has host bits set: write {}", what, prefix.to_string(),
                          prefix.network().to_string()));
}

Result<void> check_shape(IpPrefix const& subnet, Family family) {
  if (subnet.family() != family) {
    return fail(Errc::invalid_argument,
                fmt::format("subnet {} is not an {} subnet", subnet.to_string(), name_of(family)));
  }
  SubnetLengths const lengths = subnet_lengths(family);
  if (!lengths.contains(subnet.length)) {
    return fail(
        Errc::invalid_argument,
        fmt::format("subnet {} has an impossible length: {} networks are /{} to /{}",
                    subnet.to_string(), name_of(family), lengths.shortest, lengths.longest));
  }
  return check_host_bits("subnet", subnet);
}

Result<void> check_range(IpPrefix const& range, IpPrefix const& subnet) {
  if (!subnet.contains(range)) {
    return fail(Errc::invalid_argument, fmt::format("range {} is outside of subnet {}",
                                                    range.to_string(), subnet.to_string()));
  }
  return check_host_bits("range", range);
}

}  // namespace

Result<void> check_options(PoolConfig const& config, PoolRequest const& request) {
  if (Result<void> known = check_keys(request.options); !known) {
    return known;
  }
  if (auto const option = request.options.find("prefix"); option != request.options.end()) {
    if (Result<int> const length = parse_length(option->second); !length) {
      return fail(length.error());
    }
  }
  std::string const name = source_name(config, request);
  if (find_source(config, name) != nullptr) {
    return {};
  }
  return fail(unknown_name("pool", name, names_of(config)));
}

Result<std::vector<CarveStep>> carve_order(PoolConfig const& config, PoolRequest const& request) {
  std::string const name = source_name(config, request);
  std::vector<CarveStep> chain = chain_from(config, name, request.family);
  if (chain.empty() && request.family == Family::ipv6) {
    chain = chain_from(config, ula_pool, request.family);
  }
  if (chain.empty()) {
    return fail(no_prefix_of_family(name, request.family));
  }
  std::string const first = chain.front().source->name;
  if (std::optional<int> const length = named_length(request)) {
    cut_to(*length, chain);
    if (chain.empty()) {
      return fail(Errc::invalid_argument,
                  fmt::format("pool \"{}\" has no prefix as wide as /{}: ask for a longer one",
                              first, *length));
    }
  }
  return chain;
}

bool wants_any_subnet(PoolRequest const& request) {
  return !request.prefix || (request.prefix->address == IpAddress{request.family, 0} &&
                             subnet_lengths(request.family).contains(request.prefix->length));
}

Result<void> check_subnet(PoolRequest const& request) {
  IpPrefix const& subnet = *request.prefix;
  for (Result<void> const& check : {check_shape(subnet, request.family), check_space(subnet)}) {
    if (!check) {
      return check;
    }
  }
  return request.sub_pool ? check_range(*request.sub_pool, subnet) : Result<void>{};
}

PoolId pool_id(std::string const& address_space, IpPrefix const& prefix,
               std::optional<IpPrefix> const& sub_pool) {
  std::string const subnet = address_space + '/' + prefix.to_string();
  return {sub_pool ? subnet + '/' + sub_pool->to_string() : subnet};
}

}  // namespace drawbridge
