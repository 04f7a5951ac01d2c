// How containers are called, asked for while the engine waits for a reply.
//
// Elsewhere nobody waits for the Docker API (plugin/docker_worker.h). Where containers get ports of
// their network's range they keep them by name, so here the answer is worth a little time. Only
// calls that take no lock of a container: one that is being started holds its own. On the core
// thread.
#pragma once

#include "docker/api_client.h"
#include "driver/driver.h"

#include <chrono>
#include <filesystem>
#include <utility>

namespace drawbridge {

class ContainerNames {
 public:
  /// limit  for all that one request asks
  explicit ContainerNames(std::filesystem::path socket,
                          std::chrono::milliseconds limit = std::chrono::milliseconds(300))
      : limit_(limit), api_(std::move(socket), limit) {}

  /// Fills in the name of the request's container, and those of all that there are. What Docker
  /// does not tell in time is left out, and the log says so.
  void fill(PublishRequest& request);

 private:
  Result<void> ask(PublishRequest& request);

  std::chrono::milliseconds limit_;
  ApiClient api_;
};

}  // namespace drawbridge
