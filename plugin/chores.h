// Does what plans of attach/plan.h say: makes networks, connects and disconnects containers, keeps
// the ledger of what was made, tries again what failed.
//
// Belongs to the steward's thread; what waits for Docker is done by a thread of its own. A
// membership is in the store before it is made, and until after it has ended: a crash leaves none
// that nobody knows of. source: docs/adr/0030
#pragma once

#include "attach/plan.h"
#include "docker/network_calls.h"
#include "model/docker.h"
#include "plugin/api_thread.h"
#include "plugin/retries.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

namespace drawbridge {

struct ChoreHooks {
  std::function<void(std::function<void()>)> post;  // to the steward's thread, from any
  /// Keeps it in the store, and then calls back with the outcome on the steward's thread.
  std::function<void(Membership const&, std::function<void(Result<void>)>)> keep;
  std::function<void(Membership const&)> keep_no_more;
  /// Something is otherwise now: plan again. A look is wanted where Docker said what the plan did
  /// not know.
  std::function<void(bool wants_look)> changed;
  std::function<void(Membership const&)> made;
  std::function<void(Membership const&)> ended;
  std::function<void(DockerNetwork const&)> network_made;
};

class Chores {
 public:
  using Clock = std::chrono::steady_clock;

  Chores(std::filesystem::path const& socket, std::chrono::milliseconds call_limit,
         RetryLimits retries, std::set<Membership> made, ChoreHooks hooks);

  /// Begins what the plan wants, as far as it is not being done and due; the rest is left for the
  /// next plan.
  ///
  /// may_be_connected  whether the container can be connected now
  void carry_out(AttachPlan const& plan, HostView const& host, AttachWishes const& wishes,
                 std::function<bool(ContainerId const&)> const& may_be_connected);

  /// returns  memberships that were made, as attach/plan.h wants them
  std::set<Membership> const& made() const { return made_; }
  /// returns  whether something on this network is being changed
  bool is_busy_on(NetworkId const& network) const;
  /// returns  when something that failed is tried again, of what was not due at `when`
  Clock::time_point next_due(Clock::time_point when) const;
  /// Tries everything again at once: Docker is back.
  void hurry();

  /// From any thread.
  /// returns  the container for whom Docker is changing something on this network right now, and
  ///          so calls us
  std::optional<ContainerId> in_progress_on(NetworkId const& network) const;

 private:
  enum class Change : std::uint8_t { connect, disconnect };
  struct Job {
    Membership membership;
    Change change;
    ConnectOptions options;
    std::string news;  // for the log, once it is done
  };

  void begin(Job job);
  void push(Job job);
  Result<ApiChange> call(ApiClient& api, Job const& job);
  void finished(Job const& job, Result<ApiChange> const& outcome);
  void succeeded(Job const& job, bool is_news);
  void failed(Job const& job, Error const& error);
  void create(EnsuredNetwork const& network, HostView const& host);
  void created(EnsuredNetwork const& network, Result<DockerNetwork> const& made);
  void say_once(std::string const& what, int failures, Error const& error);

  ChoreHooks hooks_;
  std::set<Membership> made_;
  std::set<Membership> busy_;
  std::set<std::string> busy_names_;  // of networks that are being made
  Retries<Membership> retries_;
  Retries<std::string> name_retries_;
  std::set<std::string> refused_;  // kinds of calls that are not allowed, as was said
  mutable std::mutex mutex_;       // of what follows
  std::optional<Membership> in_progress_;
  ApiThread thread_;  // the last: ends first
};

}  // namespace drawbridge
