// Options of a network that say the contrary of each other, or of its flags. Pure.
//
// docs/options.md is the user's page.
#pragma once

#include "base/result.h"
#include "model/network.h"

#include <map>
#include <string>

namespace drawbridge {

using OptionMap = std::map<std::string, std::string>;

/// Keys that contradict others.
namespace option_key {
inline constexpr char const* driver_mtu = "com.docker.network.driver.mtu";
inline constexpr char const* enable_icc = "com.docker.network.bridge.enable_icc";
inline constexpr char const* gateway_mode_ipv4 = "com.docker.network.bridge.gateway_mode_ipv4";
inline constexpr char const* gateway_mode_ipv6 = "com.docker.network.bridge.gateway_mode_ipv6";
}  // namespace option_key

/// returns  KEY=VALUE as messages show it
std::string shown_option(std::string const& key, std::string const& value);

/// returns  invalid_argument with the option in front of the reason
tl::unexpected<Error> refused_option(std::string const& key, std::string const& value,
                                     std::string const& reason);

/// options  of the request, with the defaults of the configuration
/// spec     what they mean, each by itself
/// errors   invalid_argument   the text names both sides and what to do
Result<void> check_together(NetworkRequest const& request, OptionMap const& options,
                            NetworkSpec const& spec);

}  // namespace drawbridge
