#include "driver/network_options.h"

#include "base/text.h"
#include "driver/names.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <string_view>
#include <vector>

namespace drawbridge {
namespace {

constexpr std::uint32_t min_mtu_bytes = 576;
constexpr std::uint32_t min_ipv6_mtu_bytes = 1280;  // RFC 8200, section 5
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

/// Keys that the engine itself reads and only passes on.
Result<void> ignore(NetworkSpec&, std::string_view) {
  return {};
}

struct Option {
  std::string_view key;
  Setter set;                                       // null: the feature is not there yet
  std::vector<std::string_view> already_true = {};  // values that ask for what happens anyway
};

std::vector<Option> const& options() {
  static std::vector<Option> const table = {
      {"mtu", set_mtu},
      {"com.docker.network.driver.mtu", set_mtu},
      {"com.docker.network.bridge.name", set_bridge},
      {"com.docker.network.container_iface_prefix", set_interface_prefix},
      {"com.docker.network.advertise_addr_nmsgs", ignore},
      {"com.docker.network.advertise_addr_ms", ignore},
      {"com.docker.network.enable_ipv4", ignore},
      {"com.docker.network.enable_ipv6", ignore},
      {"isolation", nullptr, {"network"}},
      {"hubs", nullptr},
      {"team", nullptr},
      {"allow_from", nullptr},
      {"egress", nullptr, {"all"}},
      {"publish", nullptr},
      {"ports", nullptr},
      {"proxy", nullptr},
      {"proxy_mode", nullptr},
      {"attach", nullptr},
      {"gateway", nullptr, {"auto"}},
      {"rate", nullptr},
      {"connlimit", nullptr},
      {"balance", nullptr},
      {"com.docker.network.bridge.enable_icc", nullptr, {"true", "1", "t", "T", "TRUE", "True"}},
      {"com.docker.network.bridge.enable_ip_masquerade",
       nullptr,
       {"true", "1", "t", "T", "TRUE", "True"}},
      {"com.docker.network.bridge.host_binding_ipv4", nullptr, {"0.0.0.0"}},
      {"com.docker.network.bridge.gateway_mode_ipv4", nullptr, {"nat"}},
      {"com.docker.network.bridge.gateway_mode_ipv6", nullptr, {"nat"}},
      {"com.docker.network.bridge.inhibit_ipv4",
       nullptr,
       {"false", "0", "f", "F", "FALSE", "False"}},
      {"com.docker.network.host_ipv4", nullptr},
      {"com.docker.network.host_ipv6", nullptr},
  };
  return table;
}

tl::unexpected<Error> unknown_key(std::string const& key) {
  std::vector<std::string_view> keys;
  std::transform(options().begin(), options().end(), std::back_inserter(keys),
                 [](Option const& option) { return option.key; });
  std::optional<std::string_view> const meant = nearest(key, keys);
  std::string const hint =
      meant ? fmt::format("did you mean \"{}\"", *meant) : "docs/options.md lists the known ones";
  return fail(Errc::invalid_argument, fmt::format("unknown option \"{}\": {}", key, hint));
}

Result<void> apply_option(NetworkSpec& spec, std::string const& key, std::string const& value) {
  auto const option = std::find_if(options().begin(), options().end(),
                                   [&](Option const& each) { return each.key == key; });
  if (option == options().end()) {
    return unknown_key(key);
  }
  std::vector<std::string_view> const& already = option->already_true;
  if (std::find(already.begin(), already.end(), value) != already.end()) {
    return {};
  }
  if (option->set == nullptr) {
    return fail(Errc::unsupported,
                fmt::format("option \"{}={}\" is not supported by this version", key, value));
  }
  Result<void> const done = option->set(spec, value);
  if (!done) {
    return fail(done.error().within(fmt::format("option \"{}={}\"", key, value)));
  }
  return {};
}

bool has_ipv6(NetworkRequest const& request) {
  return std::any_of(request.subnets.begin(), request.subnets.end(),
                     [](Subnet const& subnet) { return subnet.prefix.family() == Family::ipv6; });
}

}  // namespace

Result<NetworkSpec> parse_network_options(NetworkRequest const& request) {
  NetworkSpec spec;
  spec.bridge = bridge_name(request.id);
  spec.mtu_bytes = std::clamp(request.default_mtu_bytes, min_mtu_bytes, max_mtu_bytes);
  for (auto const& [key, value] : request.options) {
    Result<void> const done = apply_option(spec, key, value);
    if (!done) {
      return fail(done.error());
    }
  }
  if (has_ipv6(request) && spec.mtu_bytes < min_ipv6_mtu_bytes) {
    return fail(Errc::invalid_argument, fmt::format("mtu {} is too small for IPv6: give {} or more",
                                                    spec.mtu_bytes, min_ipv6_mtu_bytes));
  }
  return spec;
}

}  // namespace drawbridge
