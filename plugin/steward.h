// Keeps proxies and attachments as the rules say: listens to Docker, plans (attach/plan.h), and
// does what the plan says.
//
// A thread of its own asks Docker, listens to its events and connects and disconnects; what is to
// change in our rules is posted to the core thread. Calls come from the core thread. Without a
// docker_socket there is no steward, and everything else works. source: docs/adr/0030
#pragma once

#include "attach/own.h"
#include "attach/plan.h"
#include "base/result.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {

/// What the steward has the core thread do; each is called there.
struct StewardHooks {
  std::function<void(std::function<void()>)> post_to_core;  // from any thread
  std::function<void(std::set<ProxyRoute>)> on_routes;      // all that should be; when they changed
  std::function<Result<void>(Membership const&)> on_made;   // keep it, before it is made
  std::function<void(Membership const&)> on_ended;          // keep it no more
};

struct StewardLimits {
  std::chrono::milliseconds call{8'000};   // of the Docker API
  std::chrono::milliseconds answer{300};   // that a Join or Leave waits at most
  std::chrono::milliseconds gather{20};    // after an event, for more of them
  std::chrono::milliseconds look{30'000};  // between two looks at everything
  std::chrono::milliseconds inspect{250};  // that asking for a container's environment takes
  std::chrono::milliseconds patience{50};  // of a Join for that
  std::chrono::milliseconds doubt{1'000};  // before a look at who left without a reason
  std::chrono::milliseconds first_retry{200};
  std::chrono::milliseconds longest_retry{30'000};
};

class Steward {
 public:
  /// Starts the threads with the first wish; without any there is no call and no thread. `made` is
  /// what the store holds.
  Steward(std::filesystem::path socket, AttachWishes wishes, std::vector<OwnNetwork> networks,
          std::set<Membership> made, StewardHooks hooks, StewardLimits limits = {});
  /// Ends the calls in progress, on the core thread. Answers that wait are posted there.
  ~Steward();

  /// Takes over what the configuration wishes now, and looks at everything.
  void configure(AttachWishes wishes);
  /// Takes over which networks there are, and what they wish.
  void networks_are(std::vector<OwnNetwork> networks);

  /// Says that an endpoint joined or is leaving. `done` is called on the core thread when whatever
  /// follows from it is done, at the latest after limits.answer.
  void joined(OwnEndpoint endpoint, std::function<void()> done);
  void left(NetworkId const& network, EndpointId const& endpoint, std::function<void()> done);

  /// Looks at everything soon.
  void look();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drawbridge
