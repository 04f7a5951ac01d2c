// `docker network create -o KEY=VALUE`: what each key means, all checked before anything is done.
//
// Keys of SPEC.md whose feature this version does not have are refused as such, unless the value is
// what happens anyway. Pure. docs/options.md is the user's page.
#pragma once

#include "base/result.h"
#include "model/network.h"

namespace drawbridge {

/// returns  the options of `request` with defaults filled in
/// errors   invalid_argument   unknown key (the text names the nearest known one), bad value
///          unsupported        a known key with a value that this version cannot do
Result<NetworkSpec> parse_network_options(NetworkRequest const& request);

}  // namespace drawbridge
