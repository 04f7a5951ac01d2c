// The steward's thread: hears of everything, asks for what is missing, plans, has the plan done.
//
// It never waits for Docker itself: looks and inspections, questions about endpoints that joined,
// changes and events have a thread each, and post what they learned to it. source: docs/adr/0030
#pragma once

#include "attach/host_model.h"
#include "plugin/chores.h"
#include "plugin/event_listener.h"
#include "plugin/put_off.h"
#include "plugin/steward.h"
#include "plugin/task_inbox.h"

#include <list>
#include <thread>

namespace drawbridge {

/// What the thread needs of the core thread; may be called from any.
struct StewardshipHooks {
  std::function<void(std::set<ProxyRoute>)> routes;
  std::function<void(Membership const&, std::function<void(Result<void>)>)> keep;
  std::function<void(Membership const&)> keep_no_more;
  std::function<void(std::uint64_t)> answer;  // that was put off
};

/// returns  whether a proxy wants something of this network, so that its Joins and Leaves matter
bool is_watched(OwnNetwork const& network, AttachWishes const& wishes);
/// returns  whether one wants ways in, so that its endpoints matter
bool is_routed(OwnNetwork const& network, AttachWishes const& wishes);

/// returns  whether anybody wishes anything
bool has_wishes(std::vector<OwnNetwork> const& networks, AttachWishes const& wishes);

class Stewardship {
 public:
  using Clock = std::chrono::steady_clock;

  Stewardship(std::filesystem::path socket, std::set<Membership> made, StewardshipHooks hooks,
              StewardLimits limits);
  /// Ends all calls in progress.
  ~Stewardship();

  /// From any thread.
  void configure(AttachWishes wishes);
  void networks_are(std::vector<OwnNetwork> networks);
  /// owner   whose it is, if that is known
  /// answer  that waits; absent: none does
  void joined(OwnEndpoint endpoint, std::optional<ContainerId> owner,
              std::optional<std::uint64_t> answer);
  void left(NetworkId const& network, EndpointId const& endpoint,
            std::optional<std::uint64_t> answer);
  void look();
  /// returns  the container for whom Docker is changing something on this network right now
  std::optional<ContainerId> in_progress_on(NetworkId const& network) const {
    return chores_.in_progress_on(network);
  }
  void post(std::function<void()> task) { inbox_.post(std::move(task)); }

 private:
  /// An answer that waits.
  struct Waiter {
    std::uint64_t answer;
    NetworkId network;
    EndpointId endpoint;
    bool is_join;
    Clock::time_point patience;  // until the container's environment has to be known
    Clock::time_point deadline;
    bool planned = false;  // with all that there is to know
  };
  using Fact = std::function<void(HostModel&)>;

  void run();
  Clock::time_point next_due() const;
  void tick(Clock::time_point now);
  void note(Fact fact);
  void plan_by(Clock::time_point due) { plan_due_ = std::min(plan_due_, due); }
  void plan_now() { plan_by(Clock::now()); }
  void wake_or_rest();
  bool is_needed() const;

  void heard(Heard const& what);
  void opened();
  void heard_event(DockerEvent const& event);
  void lost(Error const& reason);

  void take_look();
  void looked(Result<DockerInventory> const& seen);
  void ask_what_is_missing();
  void inspect(ContainerId const& id);
  void inspected(ContainerId const& id, Result<Container> const& container);
  void list(ContainerId const& id);
  void find(std::string const& name);
  void ask(NetworkId const& network);
  void answered(NetworkId const& network, Result<DockerNetwork> const& seen);
  std::set<std::string> routed_proxies() const;
  std::set<NetworkId> routed_networks() const;

  void plan();
  void tell_routes(std::set<ProxyRoute> const& routes);
  void complain(std::set<std::string> complaints);
  void doubt(HostView const& host);
  bool knows(Waiter const& waiter, Clock::time_point now) const;
  void answer(Clock::time_point now);
  ChoreHooks chore_hooks();
  void made(Membership const& membership);

  std::filesystem::path socket_;
  StewardshipHooks hooks_;
  StewardLimits limits_;
  TaskInbox inbox_;

  HostModel model_;
  AttachWishes wishes_;
  std::vector<OwnNetwork> networks_;
  bool looking_ = false;
  bool look_again_ = false;
  bool has_looked_ = false;
  bool has_planned_ = false;
  int losses_ = 0;  // of the stream of events, since it was open last
  bool is_outage_told_ = false;
  bool is_refusal_told_ = false;
  std::vector<Fact> since_look_;     // what was noted while a look was under way
  std::set<ContainerId> inspected_;  // asked about, whatever the answer
  std::set<ContainerId> inspecting_;
  std::set<ContainerId> listing_;
  std::set<std::string> finding_;
  std::set<std::string> sought_;      // since the last look
  std::map<NetworkId, bool> asking_;  // and whether to ask once more
  std::set<EndpointId> asked_;        // that waiters are about, and whose network was asked for
  std::map<NetworkId, int> joins_in_progress_;  // while Docker changes something for us there
  std::optional<std::set<ProxyRoute>> routes_;
  std::set<std::string> complaints_;
  std::list<Waiter> waiters_;
  Clock::time_point plan_due_ = Clock::time_point::max();
  Clock::time_point look_due_ = Clock::time_point::max();
  Clock::time_point retry_due_ = Clock::time_point::max();

  std::unique_ptr<EventListener> listener_;  // while there is something to do
  ApiThread asker_;                          // about endpoints that joined
  ApiThread looker_;
  Chores chores_;
  std::thread thread_;
};

}  // namespace drawbridge
