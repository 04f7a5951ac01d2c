// The mark that says a link is ours: its ifalias. Pure.
//
//   drawbridge:<network id>              a bridge
//   drawbridge:<endpoint id>             the host end of a veth pair
//   drawbridge:<endpoint id>/container   the container's end; the ends must be told apart
//   drawbridge:<endpoint id>/limit       the ifb that limits what leaves the container (rate.h)
//   drawbridge:retired                   a bridge, a host end or an ifb that waits for deletion
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace drawbridge {

constexpr std::string_view retired_mark = "drawbridge:retired";

/// returns  the alias of a bridge, or of a host end, that belongs to `owner`
std::string mark_of(std::string_view owner);
std::string container_mark_of(std::string_view owner);
std::string limiter_mark_of(std::string_view owner);

/// returns  true for every alias of the list above
bool is_mark(std::string_view alias);
/// returns  the id in the mark of a bridge or of a host end that is in use; nothing for all else
std::optional<std::string> owner_in(std::string_view alias);

}  // namespace drawbridge
