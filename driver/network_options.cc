#include "driver/network_options.h"

#include "base/text.h"
#include "driver/attach_options.h"
#include "driver/limit_options.h"
#include "driver/names.h"
#include "driver/option_checks.h"
#include "driver/policy_options.h"
#include "driver/port_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace drawbridge {
namespace {

constexpr std::uint32_t min_mtu_bytes = 576;
constexpr std::uint32_t max_mtu_bytes = 65535;

using Setter = Result<void> (*)(NetworkSpec&, std::string_view value);

Result<void> set_mtu(NetworkSpec& spec, std::string_view value) {
  std::uint32_t mtu = 0;
  auto const [end, error] = std::from_chars(value.data(), value.data() + value.size(), mtu);
  if (error != std::errc{} || end != value.data() + value.size() || mtu < min_mtu_bytes ||
      mtu > max_mtu_bytes) {
    return fail(Errc::invalid_argument,
                fmt::format("give a number of bytes from {} to {}", min_mtu_bytes, max_mtu_bytes));
  }
  spec.mtu_bytes = mtu;
  return {};
}

Result<void> set_bridge(NetworkSpec& spec, std::string_view value) {
  if (!is_interface_name(value)) {
    return fail(Errc::invalid_argument,
                "give an interface name of at most 15 characters without blanks, '/' and ':'");
  }
  spec.bridge = value;
  return {};
}

Result<void> set_interface_prefix(NetworkSpec& spec, std::string_view value) {
  // The engine adds a number of up to three digits.
  if (!is_interface_name(value) || value.size() > 12) {
    return fail(Errc::invalid_argument,
                "give at most 12 characters without blanks, '/' and ':', such as eth");
  }
  spec.container_interface_prefix = value;
  return {};
}

/// Puts a value that was read in its place.
template <class T>
Result<void> put(T& target, Result<T> value) {
  if (!value) {
    return fail(value.error());
  }
  target = *std::move(value);
  return {};
}

/// Puts a value that was read where there may be none.
template <class T>
Result<void> put_some(std::optional<T>& target, Result<T> const& value) {
  if (!value) {
    return fail(value.error());
  }
  target = *value;
  return {};
}

Result<void> set_isolation(NetworkSpec& spec, std::string_view value) {
  return put(spec.policy.isolation, parse_isolation(value));
}

Result<void> set_hubs(NetworkSpec& spec, std::string_view value) {
  return put(spec.policy.hubs, parse_hubs(value));
}

Result<void> set_team(NetworkSpec& spec, std::string_view value) {
  return put(spec.policy.team, parse_team(value));
}

Result<void> set_allow_from(NetworkSpec& spec, std::string_view value) {
  return put(spec.policy.allow_from, parse_permissions(value));
}

Result<void> set_egress(NetworkSpec& spec, std::string_view value) {
  Result<EgressRule> rule = parse_egress(value);
  if (!rule) {
    return fail(rule.error());
  }
  spec.policy.egress = rule->egress;
  spec.policy.egress_list = std::move(rule->list);
  return {};
}

Result<void> set_gateway(NetworkSpec& spec, std::string_view value) {
  return put(spec.is_default_route, parse_gateway(value));
}

/// Docker's word for the one or the other. `isolation`, which is read later, is held against it.
Result<void> set_icc(NetworkSpec& spec, std::string_view value) {
  Result<bool> const icc = parse_docker_bool(value);
  if (!icc) {
    return fail(icc.error());
  }
  spec.policy.isolation = *icc ? Isolation::network : Isolation::members;
  return {};
}

Result<void> set_masquerade(NetworkSpec& spec, std::string_view value) {
  return put(spec.policy.masquerade, parse_docker_bool(value));
}

Result<void> set_mode_ipv4(NetworkSpec& spec, std::string_view value) {
  return put(spec.policy.mode_ipv4, parse_gateway_mode(value));
}

Result<void> set_mode_ipv6(NetworkSpec& spec, std::string_view value) {
  return put(spec.policy.mode_ipv6, parse_gateway_mode(value));
}

Result<void> set_inhibit_ipv4(NetworkSpec& spec, std::string_view value) {
  return put(spec.inhibit_ipv4, parse_docker_bool(value));
}

Result<void> set_host_ipv4(NetworkSpec& spec, std::string_view value) {
  return put_some(spec.policy.host_ipv4, parse_host_address(value, Family::ipv4));
}

Result<void> set_host_ipv6(NetworkSpec& spec, std::string_view value) {
  return put_some(spec.policy.host_ipv6, parse_host_address(value, Family::ipv6));
}

Result<void> set_publish(NetworkSpec& spec, std::string_view value) {
  Result<PublishRule> rule = parse_publish(value);
  if (!rule) {
    return fail(rule.error());
  }
  spec.policy.publish = rule->publish;
  spec.policy.publish_list = std::move(rule->list);
  return {};
}

Result<void> set_ports(NetworkSpec& spec, std::string_view value) {
  return put_some(spec.policy.ports, parse_port_pool(value));
}

Result<void> set_connlimit(NetworkSpec& spec, std::string_view value) {
  return put_some(spec.policy.connlimit, parse_connlimit(value));
}

Result<void> set_rate(NetworkSpec& spec, std::string_view value) {
  return put(spec.policy.rate_bits_per_second, parse_rate(value));
}

Result<void> set_proxy(NetworkSpec& spec, std::string_view value) {
  return put(spec.policy.proxies, parse_proxies(value));
}

Result<void> set_proxy_mode(NetworkSpec& spec, std::string_view value) {
  return put(spec.policy.proxy_mode, parse_proxy_mode(value));
}

Result<void> set_attach(NetworkSpec& spec, std::string_view value) {
  return put(spec.policy.attach, parse_matches(value));
}

/// Every address is what happens anyway.
Result<void> set_host_binding(NetworkSpec& spec, std::string_view value) {
  Result<IpAddress> const address = parse_host_binding(value);
  if (address && address->bits == 0) {
    return {};
  }
  return put_some(spec.policy.host_binding_ipv4, address);
}

/// Keys that the engine itself reads and only passes on.
Result<void> ignore(NetworkSpec&, std::string_view) {
  return {};
}

struct Option {
  std::string_view key;
  Setter set;  // null: the feature is not there yet
};

std::vector<Option> const& known_options() {
  static std::vector<Option> const table = {
      {"mtu", set_mtu},
      {option_key::driver_mtu, set_mtu},
      {"com.docker.network.bridge.name", set_bridge},
      {"com.docker.network.container_iface_prefix", set_interface_prefix},
      {"com.docker.network.advertise_addr_nmsgs", ignore},
      {"com.docker.network.advertise_addr_ms", ignore},
      {"com.docker.network.enable_ipv4", ignore},
      {"com.docker.network.enable_ipv6", ignore},
      {"isolation", set_isolation},
      {"hubs", set_hubs},
      {"team", set_team},
      {"allow_from", set_allow_from},
      {"egress", set_egress},
      {"publish", set_publish},
      {"ports", set_ports},
      {"proxy", set_proxy},
      {"proxy_mode", set_proxy_mode},
      {"attach", set_attach},
      {"gateway", set_gateway},
      {"rate", set_rate},
      {"connlimit", set_connlimit},
      {"balance", nullptr},
      {option_key::enable_icc, set_icc},
      {"com.docker.network.bridge.enable_ip_masquerade", set_masquerade},
      {"com.docker.network.bridge.host_binding_ipv4", set_host_binding},
      {option_key::gateway_mode_ipv4, set_mode_ipv4},
      {option_key::gateway_mode_ipv6, set_mode_ipv6},
      {"com.docker.network.bridge.inhibit_ipv4", set_inhibit_ipv4},
      {"com.docker.network.host_ipv4", set_host_ipv4},
      {"com.docker.network.host_ipv6", set_host_ipv6},
  };
  return table;
}

/// What can be set for all networks at once: who may reach whom, and how much of it.
constexpr std::string_view default_keys[] = {"isolation", "hubs",    "team",      "allow_from",
                                             "egress",    "gateway", "publish",   "connlimit",
                                             "rate",      "proxy",   "proxy_mode"};

tl::unexpected<Error> unknown_key(std::string const& key) {
  std::vector<std::string_view> keys;
  std::transform(known_options().begin(), known_options().end(), std::back_inserter(keys),
                 [](Option const& option) { return option.key; });
  std::optional<std::string_view> const meant = nearest(key, keys);
  std::string const hint =
      meant ? fmt::format("did you mean \"{}\"", *meant) : "docs/options.md lists the known ones";
  return fail(Errc::invalid_argument, fmt::format("unknown option {}: {}", in_quotes(key), hint));
}

Result<void> apply_value(NetworkSpec& spec, Option const& option, std::string const& value) {
  return option.set != nullptr ? option.set(spec, value)
                               : fail(Errc::unsupported, "is not supported by this version");
}

Option const* find_option(std::string_view key) {
  auto const option = std::find_if(known_options().begin(), known_options().end(),
                                   [&](Option const& each) { return each.key == key; });
  return option == known_options().end() ? nullptr : &*option;
}

Result<void> apply_option(NetworkSpec& spec, std::string const& key, std::string const& value) {
  Option const* const option = find_option(key);
  if (option == nullptr) {
    return unknown_key(key);
  }
  Result<void> const done = apply_value(spec, *option, value);
  if (!done && done.error().code == Errc::unsupported) {
    return fail(Errc::unsupported,
                fmt::format("option {} {}", shown_option(key, value), done.error().message));
  }
  return done ? done : refused_option(key, value, done.error().message);
}

/// returns  true where the request says in Docker's own words what the default would say
bool has_twin(NetworkRequest const& request, std::string const& key) {
  return (key == "isolation" && request.options.contains(option_key::enable_icc)) ||
         (key == "egress" && request.internal);
}

OptionMap with_defaults(NetworkRequest const& request, OptionMap const& defaults) {
  OptionMap options = request.options;
  for (auto const& [key, value] : defaults) {
    if (!has_twin(request, key)) {
      options.emplace(key, value);
    }
  }
  return options;
}

}  // namespace

Result<NetworkSpec> parse_network_options(NetworkRequest const& request,
                                          std::map<std::string, std::string> const& defaults) {
  NetworkSpec spec;
  spec.bridge = bridge_name(request.id);
  spec.mtu_bytes = std::clamp(request.default_mtu_bytes, min_mtu_bytes, max_mtu_bytes);
  OptionMap const options = with_defaults(request, defaults);
  for (auto const& [key, value] : options) {
    Result<void> const done = apply_option(spec, key, value);
    if (!done) {
      return fail(done.error());
    }
  }
  Result<void> const checked = check_together(request, options, spec);
  return checked ? Result<NetworkSpec>(std::move(spec)) : fail(checked.error());
}

Result<void> check_default(std::string const& key, std::string const& value) {
  if (std::find(std::begin(default_keys), std::end(default_keys), key) == std::end(default_keys)) {
    std::optional<std::string_view> const meant =
        nearest(key, {std::begin(default_keys), std::end(default_keys)});
    std::string const hint =
        meant ? fmt::format("did you mean \"{}\"", *meant)
              : fmt::format("those that can are {}", fmt::join(default_keys, ", "));
    return fail(Errc::invalid_argument,
                fmt::format("{} can have no default: {}", in_quotes(key), hint));
  }
  NetworkSpec spec;
  Result<void> const done = apply_value(spec, *find_option(key), value);
  return done ? done
              : fail(done.error().within(fmt::format("{}: {}", in_quotes(key), in_quotes(value))));
}

std::optional<std::string> needs_docker_api(NetworkSpec const& spec) {
  Policy const& policy = spec.policy;
  if (policy.isolation == Isolation::project) {
    return "isolation=project";
  }
  if (policy.isolation == Isolation::members && !policy.hubs.empty()) {
    return "hubs=" + to_text(policy.hubs.front());
  }
  if (!policy.proxies.empty()) {
    return "proxy=" + policy.proxies.front();
  }
  if (!policy.attach.empty()) {
    return "attach=" + to_text(policy.attach.front());
  }
  for (Permission const& permission : policy.allow_from) {
    auto const* network = std::get_if<NetworkPeer>(&permission.from);
    if (network != nullptr && !is_network_id(network->name_or_id)) {
      return "allow_from=" + network->name_or_id;
    }
  }
  return std::nullopt;
}

}  // namespace drawbridge
