#include "driver/network_options.h"

#include "base/text.h"
#include "driver/names.h"
#include "driver/policy_options.h"

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
constexpr std::uint32_t min_ipv6_mtu_bytes = 1280;  // RFC 8200, section 5
constexpr std::uint32_t max_mtu_bytes = 65535;

constexpr char const* driver_mtu = "com.docker.network.driver.mtu";
constexpr char const* enable_icc = "com.docker.network.bridge.enable_icc";
constexpr char const* enable_ip_masquerade = "com.docker.network.bridge.enable_ip_masquerade";
constexpr char const* gateway_mode_ipv4 = "com.docker.network.bridge.gateway_mode_ipv4";
constexpr char const* gateway_mode_ipv6 = "com.docker.network.bridge.gateway_mode_ipv6";

using Options = std::map<std::string, std::string>;
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

Result<void> put_address(std::optional<IpAddress>& target, Result<IpAddress> const& address) {
  if (!address) {
    return fail(address.error());
  }
  target = *address;
  return {};
}

Result<void> set_host_ipv4(NetworkSpec& spec, std::string_view value) {
  return put_address(spec.policy.host_ipv4, parse_host_address(value, Family::ipv4));
}

Result<void> set_host_ipv6(NetworkSpec& spec, std::string_view value) {
  return put_address(spec.policy.host_ipv6, parse_host_address(value, Family::ipv6));
}

/// Keys that the engine itself reads and only passes on.
Result<void> ignore(NetworkSpec&, std::string_view) {
  return {};
}

struct Option {
  std::string_view key;
  Setter set;                                       // null: the feature is not there yet
  std::vector<std::string_view> already_true = {};  // values that ask for what happens anyway
};

std::vector<Option> const& known_options() {
  static std::vector<Option> const table = {
      {"mtu", set_mtu},
      {driver_mtu, set_mtu},
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
      {"publish", nullptr, {"all"}},
      {"ports", nullptr},
      {"proxy", nullptr},
      {"proxy_mode", nullptr},
      {"attach", nullptr},
      {"gateway", set_gateway},
      {"rate", nullptr},
      {"connlimit", nullptr},
      {"balance", nullptr},
      {enable_icc, set_icc},
      {enable_ip_masquerade, set_masquerade},
      {"com.docker.network.bridge.host_binding_ipv4", nullptr, {"0.0.0.0"}},
      {gateway_mode_ipv4, set_mode_ipv4},
      {gateway_mode_ipv6, set_mode_ipv6},
      {"com.docker.network.bridge.inhibit_ipv4", set_inhibit_ipv4},
      {"com.docker.network.host_ipv4", set_host_ipv4},
      {"com.docker.network.host_ipv6", set_host_ipv6},
  };
  return table;
}

/// What can be set for all networks at once: who may reach whom.
constexpr std::string_view default_keys[] = {"isolation", "hubs",    "team",   "allow_from",
                                             "egress",    "gateway", "publish"};

/// returns  KEY=VALUE as messages show it
std::string shown(std::string const& key, std::string const& value) {
  return in_quotes(key + "=" + value);
}

tl::unexpected<Error> refused(std::string const& key, std::string const& value,
                              std::string const& reason) {
  return fail(Errc::invalid_argument, fmt::format("option {}: {}", shown(key, value), reason));
}

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
  std::vector<std::string_view> const& already = option.already_true;
  if (std::find(already.begin(), already.end(), value) != already.end()) {
    return {};
  }
  if (option.set == nullptr) {
    return fail(Errc::unsupported, "is not supported by this version");
  }
  return option.set(spec, value);
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
                fmt::format("option {} {}", shown(key, value), done.error().message));
  }
  return done ? done : refused(key, value, done.error().message);
}

bool has_ipv6(NetworkRequest const& request) {
  return std::any_of(request.subnets.begin(), request.subnets.end(),
                     [](Subnet const& subnet) { return subnet.prefix.family() == Family::ipv6; });
}

/// returns  true where the request says in Docker's own words what the default would say
bool has_twin(NetworkRequest const& request, std::string const& key) {
  return (key == "isolation" && request.options.contains(enable_icc)) ||
         (key == "egress" && request.internal);
}

Options with_defaults(NetworkRequest const& request, Options const& defaults) {
  Options options = request.options;
  for (auto const& [key, value] : defaults) {
    if (!has_twin(request, key)) {
      options.emplace(key, value);
    }
  }
  return options;
}

tl::unexpected<Error> contradiction(Options const& options, std::string const& key,
                                    std::string const& other) {
  return refused(
      key, options.at(key),
      fmt::format("contradicts {}: leave one of them out", shown(other, options.at(other))));
}

Result<void> check_icc(Options const& options, NetworkSpec const& spec) {
  if (!options.contains(enable_icc) || !options.contains("isolation")) {
    return {};
  }
  Result<bool> const icc = parse_docker_bool(options.at(enable_icc));
  Isolation const said = *icc ? Isolation::network : Isolation::members;
  return said == spec.policy.isolation ? Result<void>()
                                       : contradiction(options, "isolation", enable_icc);
}

Result<void> check_mtu(NetworkRequest const& request, Options const& options,
                       NetworkSpec const& spec) {
  bool const has_both = options.contains("mtu") && options.contains(driver_mtu);
  if (has_both && options.at("mtu") != options.at(driver_mtu)) {
    return contradiction(options, "mtu", driver_mtu);
  }
  if (has_ipv6(request) && spec.mtu_bytes < min_ipv6_mtu_bytes) {
    return fail(Errc::invalid_argument, fmt::format("mtu {} is too small for IPv6: give {} or more",
                                                    spec.mtu_bytes, min_ipv6_mtu_bytes));
  }
  return {};
}

/// source  Docker's bridge driver, which needs --internal for the mode "isolated" too
Result<void> check_internal(NetworkRequest const& request, Options const& options,
                            NetworkSpec const& spec) {
  Policy const& policy = spec.policy;
  if (request.internal) {
    bool const has_way_out = policy.egress == Egress::internet || policy.egress == Egress::listed;
    return has_way_out ? refused("egress", options.at("egress"),
                                 "contradicts --internal, which leaves no way out: leave one of "
                                 "them out")
                       : Result<void>();
  }
  std::pair<GatewayMode, char const*> const modes[] = {{policy.mode_ipv4, gateway_mode_ipv4},
                                                       {policy.mode_ipv6, gateway_mode_ipv6}};
  for (auto const& [mode, key] : modes) {
    if (mode == GatewayMode::isolated) {
      return refused(key, options.at(key),
                     "needs an internal network: add --internal, or give nat, nat-unprotected or "
                     "routed");
    }
  }
  return {};
}

Result<void> check_together(NetworkRequest const& request, Options const& options,
                            NetworkSpec const& spec) {
  for (Result<void> const& checked : {check_icc(options, spec), check_mtu(request, options, spec),
                                      check_internal(request, options, spec)}) {
    if (!checked) {
      return checked;
    }
  }
  return {};
}

}  // namespace

Result<NetworkSpec> parse_network_options(NetworkRequest const& request,
                                          std::map<std::string, std::string> const& defaults) {
  NetworkSpec spec;
  spec.bridge = bridge_name(request.id);
  spec.mtu_bytes = std::clamp(request.default_mtu_bytes, min_mtu_bytes, max_mtu_bytes);
  Options const options = with_defaults(request, defaults);
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
  for (Permission const& permission : policy.allow_from) {
    auto const* network = std::get_if<NetworkPeer>(&permission.from);
    if (network != nullptr && !is_network_id(network->name_or_id)) {
      return "allow_from=" + network->name_or_id;
    }
  }
  return std::nullopt;
}

}  // namespace drawbridge
