// `docker network create -o KEY=VALUE`: what each key means, all checked before anything is done.
//
// Keys of SPEC.md whose feature this version does not have are refused as such, unless the value is
// what happens anyway. Pure. docs/options.md is the user's page.
#pragma once

#include "base/result.h"
#include "model/network.h"

#include <map>
#include <optional>
#include <string>

namespace drawbridge {

/// defaults   option values for networks that set none: `defaults` of the configuration, each
///            checked by check_default. One counts where the request has neither the key nor
///            Docker's own way to say it: enable_icc for `isolation`, --internal for `egress`
/// returns    the options of `request` with defaults filled in
/// errors     invalid_argument   unknown key (the text names the nearest known one), bad value, two
///                               options that contradict each other
///            unsupported        a known key with a value that this version cannot do
Result<NetworkSpec> parse_network_options(NetworkRequest const& request,
                                          std::map<std::string, std::string> const& defaults = {});

/// errors  invalid_argument   `key` cannot have a default, or `value` is none for it; the text
/// begins
///                            with the key in quotes
///         unsupported        a value that this version cannot do
Result<void> check_default(std::string const& key, std::string const& value);

/// Who has which name, label or project is known by the Docker API alone.
///
/// returns  the option that cannot work without it, by its first entry that needs it:
///          "hubs=project:shop"; nothing when all of them can
std::optional<std::string> needs_docker_api(NetworkSpec const& spec);

}  // namespace drawbridge
