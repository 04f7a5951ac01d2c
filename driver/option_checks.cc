#include "driver/option_checks.h"

#include "base/text.h"
#include "driver/policy_options.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

namespace drawbridge {
namespace {

constexpr std::uint32_t min_ipv6_mtu_bytes = 1280;  // RFC 8200, section 5

bool has_ipv6(NetworkRequest const& request) {
  return std::any_of(request.subnets.begin(), request.subnets.end(),
                     [](Subnet const& subnet) { return subnet.prefix.family() == Family::ipv6; });
}

tl::unexpected<Error> contradiction(OptionMap const& options, std::string const& key,
                                    std::string const& other) {
  return refused_option(
      key, options.at(key),
      fmt::format("contradicts {}: leave one of them out", shown_option(other, options.at(other))));
}

Result<void> check_icc(OptionMap const& options, NetworkSpec const& spec) {
  if (!options.contains(option_key::enable_icc) || !options.contains("isolation")) {
    return {};
  }
  Result<bool> const icc = parse_docker_bool(options.at(option_key::enable_icc));
  Isolation const said = *icc ? Isolation::network : Isolation::members;
  return said == spec.policy.isolation
             ? Result<void>()
             : contradiction(options, "isolation", option_key::enable_icc);
}

Result<void> check_mtu(NetworkRequest const& request, OptionMap const& options,
                       NetworkSpec const& spec) {
  bool const has_both = options.contains("mtu") && options.contains(option_key::driver_mtu);
  if (has_both && options.at("mtu") != options.at(option_key::driver_mtu)) {
    return contradiction(options, "mtu", option_key::driver_mtu);
  }
  if (has_ipv6(request) && spec.mtu_bytes < min_ipv6_mtu_bytes) {
    return fail(Errc::invalid_argument, fmt::format("mtu {} is too small for IPv6: give {} or more",
                                                    spec.mtu_bytes, min_ipv6_mtu_bytes));
  }
  return {};
}

/// source  Docker's bridge driver, which needs --internal for the mode "isolated" too
Result<void> check_internal(NetworkRequest const& request, OptionMap const& options,
                            NetworkSpec const& spec) {
  Policy const& policy = spec.policy;
  if (request.internal) {
    bool const has_way_out = policy.egress == Egress::internet || policy.egress == Egress::listed;
    return has_way_out
               ? refused_option("egress", options.at("egress"),
                                "contradicts --internal, which leaves no way out: leave one of "
                                "them out")
               : Result<void>();
  }
  std::pair<GatewayMode, char const*> const modes[] = {
      {policy.mode_ipv4, option_key::gateway_mode_ipv4},
      {policy.mode_ipv6, option_key::gateway_mode_ipv6}};
  for (auto const& [mode, key] : modes) {
    if (mode == GatewayMode::isolated) {
      return refused_option(
          key, options.at(key),
          "needs an internal network: add --internal, or give nat, nat-unprotected or "
          "routed");
    }
  }
  return {};
}

bool is_translated(Policy const& policy, Subnet const& subnet) {
  GatewayMode const mode =
      subnet.prefix.family() == Family::ipv4 ? policy.mode_ipv4 : policy.mode_ipv6;
  return mode == GatewayMode::nat || mode == GatewayMode::nat_unprotected;
}

/// A port of the range is one of this host, which leads into the network by its gateway.
Result<void> check_ports(NetworkRequest const& request, OptionMap const& options,
                         NetworkSpec const& spec) {
  if (!spec.policy.ports) {
    return {};
  }
  std::string const& value = options.at("ports");
  if (request.internal) {
    return refused_option("ports", value,
                          "contradicts --internal, which leaves no gateway that ports could lead "
                          "through: leave one of them out");
  }
  if (!spec.is_default_route) {
    return refused_option("ports", value,
                          "needs the network to be a way out: leave ports out, or give "
                          "gateway=auto");
  }
  bool const has_host_ports =
      request.subnets.empty() ||
      std::any_of(request.subnets.begin(), request.subnets.end(),
                  [&spec](Subnet const& subnet) { return is_translated(spec.policy, subnet); });
  return has_host_ports
             ? Result<void>()
             : refused_option("ports", value,
                              "contradicts gateway mode routed, in which no port of this host is "
                              "used: leave one of them out");
}

}  // namespace

std::string shown_option(std::string const& key, std::string const& value) {
  return in_quotes(key + "=" + value);
}

tl::unexpected<Error> refused_option(std::string const& key, std::string const& value,
                                     std::string const& reason) {
  return fail(Errc::invalid_argument,
              fmt::format("option {}: {}", shown_option(key, value), reason));
}

Result<void> check_together(NetworkRequest const& request, OptionMap const& options,
                            NetworkSpec const& spec) {
  for (Result<void> const& checked :
       {check_icc(options, spec), check_mtu(request, options, spec),
        check_internal(request, options, spec), check_ports(request, options, spec)}) {
    if (!checked) {
      return checked;
    }
  }
  return {};
}

}  // namespace drawbridge
