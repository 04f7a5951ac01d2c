#include "ipam/pool_config.h"

#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <utility>

namespace drawbridge {
namespace {

constexpr std::size_t max_pools = 256;

std::vector<IpPrefix> services_prefixes() {
  std::vector<IpPrefix> prefixes;
  for (char const* const text :
       {"172.30.0.0/16", "172.31.0.0/16", "172.32.0.0/16", "172.33.0.0/16", "172.34.0.0/16"}) {
    prefixes.push_back(*IpPrefix::parse(text));
  }
  return prefixes;
}

/// returns  `pool "pods": WORDS`
Error pool_error(std::string const& name, std::string const& words) {
  return Error{Errc::invalid_argument, words}.within(fmt::format("pool \"{}\"", name));
}

Result<void> check_name(std::string const& name) {
  bool const is_plain = std::all_of(name.begin(), name.end(), [](unsigned char letter) {
    return std::isalnum(letter) != 0 || letter == '-' || letter == '_' || letter == '.';
  });
  if (is_plain && !name.empty()) {
    return {};
  }
  return fail(pool_error(name, "a name has letters, digits, -, _ and . only"));
}

Result<void> check_length(PoolSource const& source, Family family) {
  int const length = carve_length(source, family);
  SubnetLengths const lengths = subnet_lengths(family);
  if (prefixes_of(source, family).empty() || lengths.contains(length)) {
    return {};
  }
  bool const is_second = family == Family::ipv6 && !prefixes_of(source, Family::ipv4).empty();
  return fail(
      pool_error(source.name, fmt::format("\"{}\": {} subnets cannot be /{}: they are /{} to /{}",
                                          is_second ? "prefix6" : "prefix", name_of(family), length,
                                          lengths.shortest, lengths.longest)));
}

Result<void> check_prefix(PoolSource const& source, IpPrefix const& prefix) {
  std::string const text = prefix.to_string();
  int const length = carve_length(source, prefix.family());
  if (prefix.has_host_bits()) {
    return fail(pool_error(source.name, fmt::format("\"{}\" has host bits set: write {}", text,
                                                    prefix.network().to_string())));
  }
  if (source.name == ula_pool && prefix.family() == Family::ipv4) {
    return fail(pool_error(source.name,
                           fmt::format("\"{}\" is not an IPv6 prefix: this pool is for networks "
                                       "with --ipv6, use another name",
                                       text)));
  }
  if (Result<void> const good = check_space(prefix); !good) {
    return fail(pool_error(source.name, fmt::format("\"{}\": {}", text, good.error().message)));
  }
  if (prefix.length > length) {
    return fail(pool_error(source.name, fmt::format("\"{}\" is narrower than /{}, the length to "
                                                    "carve: set one between {} and {}",
                                                    text, length, prefix.length,
                                                    subnet_lengths(prefix.family()).longest)));
  }
  return {};
}

Result<void> check_overflow(PoolConfig const& config, PoolSource const& source) {
  if (source.overflow.empty() || find_source(config, source.overflow) != nullptr) {
    return {};
  }
  std::optional<std::string_view> const meant = nearest(source.overflow, names_of(config));
  std::string const hint = meant ? fmt::format(": did you mean \"{}\"", *meant) : std::string();
  return fail(pool_error(source.name,
                         fmt::format("\"overflow\" names \"{}\", which is not among the pools{}",
                                     source.overflow, hint)));
}

/// Follows the overflows from `source`, all of which are there.
Result<void> check_circle(PoolConfig const& config, PoolSource const& source) {
  std::string walk = source.name;
  PoolSource const* next = &source;
  for (std::size_t steps = 0; steps < config.sources.size() && !next->overflow.empty(); ++steps) {
    walk += " -> " + next->overflow;
    if (next->overflow == source.name) {
      return fail(pool_error(source.name, fmt::format("\"overflow\" leads back to it: {}", walk)));
    }
    next = find_source(config, next->overflow);
  }
  return {};
}

struct OwnedPrefix {
  IpPrefix prefix;
  std::string_view owner;
};

Result<void> check_overlaps(PoolConfig const& config) {
  std::vector<OwnedPrefix> all;
  for (PoolSource const& source : config.sources) {
    for (IpPrefix const& prefix : source.prefixes) {
      all.push_back({prefix, source.name});
    }
  }
  // A prefix comes right before the first one inside of it.
  auto const before = [](OwnedPrefix const& a, OwnedPrefix const& b) {
    return a.prefix < b.prefix;
  };
  std::stable_sort(all.begin(), all.end(), before);
  auto const overlap = [](OwnedPrefix const& a, OwnedPrefix const& b) {
    return a.prefix.overlaps(b.prefix);
  };
  auto const found = std::adjacent_find(all.begin(), all.end(), overlap);
  if (found == all.end()) {
    return {};
  }
  auto const& [inner, owner] = *std::next(found);
  return fail(
      pool_error(std::string(owner),
                 fmt::format("\"{}\" overlaps {} of {}: an address has one pool", inner.to_string(),
                             found->prefix.to_string(),
                             found->owner == owner ? std::string("the same pool")
                                                   : fmt::format("pool \"{}\"", found->owner))));
}

struct ForbiddenSpace {
  IpPrefix prefix;
  std::string_view reason;
};

}  // namespace

std::string_view name_of(Family family) {
  return family == Family::ipv4 ? "IPv4" : "IPv6";
}

PoolConfig default_pool_config() {
  PoolSource pods{"pods", {*IpPrefix::parse("10.249.0.0/16")}};
  PoolSource services{"services", services_prefixes(), 16};
  return {{std::move(pods), std::move(services)}, "pods"};
}

PoolConfig with_ula_pool(PoolConfig config, IpPrefix const& prefix) {
  if (find_source(config, ula_pool) == nullptr) {
    config.sources.push_back({std::string(ula_pool), {prefix}});
  }
  return config;
}

PoolSource const* find_source(PoolConfig const& config, std::string_view name) {
  auto const found = std::find_if(config.sources.begin(), config.sources.end(),
                                  [&](PoolSource const& source) { return source.name == name; });
  return found == config.sources.end() ? nullptr : &*found;
}

PoolSource const* source_holding(PoolConfig const& config, IpPrefix const& subnet) {
  for (PoolSource const& source : config.sources) {
    for (IpPrefix const& prefix : source.prefixes) {
      if (prefix.contains(subnet)) {
        return &source;
      }
    }
  }
  return nullptr;
}

std::vector<IpPrefix> prefixes_of(PoolSource const& source, Family family) {
  std::vector<IpPrefix> prefixes;
  std::copy_if(source.prefixes.begin(), source.prefixes.end(), std::back_inserter(prefixes),
               [&](IpPrefix const& prefix) { return prefix.family() == family; });
  return prefixes;
}

int carve_length(PoolSource const& source, Family family) {
  return family == Family::ipv4 ? source.carve_length_ipv4 : source.carve_length_ipv6;
}

std::vector<std::string_view> names_of(PoolConfig const& config) {
  std::vector<std::string_view> names;
  for (PoolSource const& source : config.sources) {
    names.push_back(source.name);
  }
  return names;
}

Result<void> check_source(PoolSource const& source) {
  for (Result<void> const& check : {check_name(source.name), check_length(source, Family::ipv4),
                                    check_length(source, Family::ipv6)}) {
    if (!check) {
      return check;
    }
  }
  if (source.prefixes.empty()) {
    return fail(pool_error(source.name, "has no prefixes"));
  }
  for (IpPrefix const& prefix : source.prefixes) {
    if (Result<void> good = check_prefix(source, prefix); !good) {
      return good;
    }
  }
  return {};
}

Result<void> check_sources(PoolConfig const& config) {
  if (config.sources.size() > max_pools) {
    return fail(Errc::invalid_argument, fmt::format("\"pools\" has {} pools: at most {} can be",
                                                    config.sources.size(), max_pools));
  }
  for (PoolSource const& source : config.sources) {
    if (Result<void> known = check_overflow(config, source); !known) {
      return known;
    }
  }
  for (PoolSource const& source : config.sources) {
    if (Result<void> straight = check_circle(config, source); !straight) {
      return straight;
    }
  }
  return check_overlaps(config);
}

Result<void> check_space(IpPrefix const& prefix) {
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
    if (prefix.overlaps(space.prefix)) {
      return fail(Errc::invalid_argument,
                  fmt::format("subnet {} lies in {}, {}: choose private space such as {}",
                              prefix.to_string(), space.prefix.to_string(), space.reason,
                              prefix.family() == Family::ipv4 ? "10.0.0.0/8" : "fd00::/8"));
    }
  }
  return {};
}

}  // namespace drawbridge
