// The two address spaces that Docker is told of. Networks of this host draw from the local one; a
// swarm manager draws from the global one, and each worker then asks for the same subnet in its
// local one. source: libnetwork ipams/remote/api GetAddressSpacesResponse, docs/PROTOCOL.md
#pragma once

#include <string_view>

namespace drawbridge {

inline constexpr std::string_view local_address_space = "drawbridge-local";
inline constexpr std::string_view global_address_space = "drawbridge-global";

}  // namespace drawbridge
