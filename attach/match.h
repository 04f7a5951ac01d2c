// Whether a container is meant by a pattern, and whether it is routable. Pure.
#pragma once

#include "model/container.h"
#include "model/matching.h"

#include <string_view>
#include <vector>

namespace drawbridge {

/// Routable by SPEC: environment VIRTUAL_HOST not empty, or a label `traefik.*` while
/// `traefik.enable` is not "false", or a label `caddy` (also `caddy_N` and `caddy.*`), or
/// `drawbridge.proxy=true`. `drawbridge.proxy=false` and one-off containers of compose never are.
/// Without a known environment only the labels count.
bool is_routable(Container const& container);

/// returns  whether an environment that is not known yet could make it routable
bool could_become_routable(Container const& container);

bool matches(Match const& match, Container const& container);

/// returns  true when one of them does
bool matches(std::vector<Match> const& any_of, Container const& container);

/// '*' stands for any characters, '?' for one; everything else for itself.
bool matches_glob(std::string_view pattern, std::string_view text);

}  // namespace drawbridge
