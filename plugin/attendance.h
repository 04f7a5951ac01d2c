// Who is told of every Join and Leave before it is answered, so that a container that is up is
// reached by its proxies, and one that is gone is not in anybody's way.
#pragma once

#include "model/ids.h"

#include <functional>

namespace drawbridge {

class Attendance {
 public:
  virtual ~Attendance() = default;

  /// Both on the core thread. `done` is called there, once, when what follows is done or has taken
  /// too long: at once or later.
  virtual void joined(NetworkId const& network, EndpointId const& endpoint,
                      std::function<void()> done) = 0;
  virtual void left(NetworkId const& network, EndpointId const& endpoint,
                    std::function<void()> done) = 0;
};

}  // namespace drawbridge
