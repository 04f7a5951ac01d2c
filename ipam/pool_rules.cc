#include "ipam/pool_rules.h"

#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

namespace drawbridge {
namespace {

struct Lengths {
  int shortest;
  int longest;
};

/// SPEC "IPAM". A network needs a gateway and a container, so /32 and /128 are no subnets.
constexpr Lengths lengths_of(Family family) {
  return family == Family::ipv4 ? Lengths{8, 31} : Lengths{48, 127};
}

std::string_view name_of(Family family) {
  return family == Family::ipv4 ? "IPv4" : "IPv6";
}

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

PoolSource const* find_source(PoolConfig const& config, std::string_view name) {
  auto const found = std::find_if(config.sources.begin(), config.sources.end(),
                                  [&](PoolSource const& source) { return source.name == name; });
  return found == config.sources.end() ? nullptr : &*found;
}

std::string source_name(PoolConfig const& config, PoolRequest const& request) {
  auto const option = request.options.find("pool");
  return option == request.options.end() ? config.default_source : option->second;
}

Result<int> parse_length(std::string_view text, Family family) {
  auto const [shortest, longest] = lengths_of(family);
  int length = -1;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  bool const is_number = error == std::errc{} && end == text.data() + text.size();
  if (!is_number || length < shortest || length > longest) {
    return fail(
        Errc::invalid_argument,
        fmt::format("ipam option prefix: \"{}\" is not an {} prefix length between {} and {}", text,
                    name_of(family), shortest, longest));
  }
  return length;
}

/// returns  the length to carve: by option, by 0.0.0.0/N, or the source's own
Result<int> carve_length(PoolSource const& source, PoolRequest const& request) {
  if (auto const option = request.options.find("prefix"); option != request.options.end()) {
    return parse_length(option->second, request.family);
  }
  return request.prefix                   ? request.prefix->length
         : request.family == Family::ipv4 ? source.carve_length_ipv4
                                          : source.carve_length_ipv6;
}

std::vector<IpPrefix> prefixes_of(PoolSource const& source, Family family) {
  std::vector<IpPrefix> prefixes;
  std::copy_if(source.prefixes.begin(), source.prefixes.end(), std::back_inserter(prefixes),
               [&](IpPrefix const& prefix) { return prefix.family() == family; });
  return prefixes;
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

struct ForbiddenSpace {
  IpPrefix prefix;
  std::string_view reason;
};

/// Where no container network can be, by the IANA special-purpose address registries.
Result<void> check_space(IpPrefix const& subnet) {
  static ForbiddenSpace const forbidden[] = {
      {*IpPrefix::parse("0.0.0.0/8"), "addresses that mean \"this host\""},
      {*IpPrefix::parse("127.0.0.0/8"), "the loopback addresses"},
      {*IpPrefix::parse("169.254.0.0/16"), "the link-local addresses"},
      {*IpPrefix::parse("224.0.0.0/4"), "the multicast addresses"},
      {*IpPrefix::parse("255.255.255.255/32"), "the broadcast address"},
      {*IpPrefix::parse("::/8"), "the loopback and IPv4-mapped addresses"},
      {*IpPrefix::parse("fe80::/10"), "the link-local addresses"},
      {*IpPrefix::parse("ff00::/8"), "the multicast addresses"},
  };
  for (ForbiddenSpace const& space : forbidden) {
    if (subnet.overlaps(space.prefix)) {
      return fail(Errc::invalid_argument,
                  fmt::format("subnet {} lies in {}, {}: choose private space such as {}",
                              subnet.to_string(), space.prefix.to_string(), space.reason,
                              subnet.family() == Family::ipv4 ? "10.0.0.0/8" : "fd00::/8"));
    }
  }
  return {};
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
  auto const [shortest, longest] = lengths_of(family);
  if (subnet.length < shortest || subnet.length > longest) {
    return fail(Errc::invalid_argument,
                fmt::format("subnet {} has an impossible length: {} networks are /{} to /{}",
                            subnet.to_string(), name_of(family), shortest, longest));
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
  std::string const name = source_name(config, request);
  if (find_source(config, name) != nullptr) {
    return {};
  }
  std::vector<std::string_view> names;
  for (PoolSource const& source : config.sources) {
    names.push_back(source.name);
  }
  return fail(unknown_name("pool", name, names));
}

Result<CarveOrder> carve_order(PoolConfig const& config, PoolRequest const& request) {
  PoolSource const& source = *find_source(config, source_name(config, request));
  CarveOrder order{source.name, prefixes_of(source, request.family), 0};
  if (order.supplies.empty()) {
    return fail(no_prefix_of_family(source.name, request.family));
  }
  Result<int> const length = carve_length(source, request);
  if (!length) {
    return fail(length.error());
  }
  order.length = *length;
  std::erase_if(order.supplies, [&](IpPrefix const& supply) { return supply.length > *length; });
  if (order.supplies.empty()) {
    return fail(Errc::invalid_argument,
                fmt::format("pool \"{}\" has no prefix as wide as /{}: ask for a longer one",
                            source.name, *length));
  }
  return order;
}

bool wants_any_subnet(PoolRequest const& request) {
  auto const [shortest, longest] = lengths_of(request.family);
  return !request.prefix ||
         (request.prefix->address == IpAddress{request.family, 0} &&
          request.prefix->length >= shortest && request.prefix->length <= longest);
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
