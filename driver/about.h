// Says in an error which network or endpoint it is about.
#pragma once

#include "base/error.h"
#include "model/ids.h"

#include <string>

namespace drawbridge {

inline Error about(NetworkId const& id, Error const& error) {
  return error.within(std::string("network ").append(id.brief()));
}

inline Error about(EndpointId const& id, Error const& error) {
  return error.within(std::string("endpoint ").append(id.brief()));
}

}  // namespace drawbridge
