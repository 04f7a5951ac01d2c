// What follows from what the steward knows: plans, what is told of them, and answers that waited.
#include "base/log.h"
#include "plugin/stewardship.h"

#include <algorithm>
#include <utility>

namespace drawbridge {
namespace {

constexpr auto no_moment = std::chrono::steady_clock::time_point::max();

}  // namespace

void Stewardship::plan() {
  Clock::time_point const now = Clock::now();
  plan_due_ = no_moment;
  has_planned_ = true;
  ask_what_is_missing();
  HostView const host = model_.view();
  AttachPlan const plan = plan_attachments(host, wishes_, chores_.made());
  tell_routes(plan.routes);
  // A container that is being started holds its lock until its Joins are answered.
  chores_.carry_out(plan, host, wishes_,
                    [this](ContainerId const& id) { return model_.has_started(id); });
  complain(plan.complaints);
  doubt(host);
  for (Waiter& waiter : waiters_) {
    waiter.planned = waiter.planned || knows(waiter, now);
  }
  retry_due_ = chores_.next_due(now);
  wake_or_rest();
}

void Stewardship::tell_routes(std::set<ProxyRoute> const& routes) {
  if (routes_ != routes) {
    routes_ = routes;
    hooks_.routes(routes);
  }
}

/// Each is said once while it lasts.
void Stewardship::complain(std::set<std::string> complaints) {
  for (std::string const& complaint : complaints) {
    if (!complaints_.contains(complaint)) {
      log::warn("{}", complaint);
    }
  }
  complaints_ = std::move(complaints);
}

/// Who left a network where it was put may be about to stop, or somebody took it off: the event of
/// its end would tell soon, otherwise a look does.
void Stewardship::doubt(HostView const& host) {
  for (Membership const& each : chores_.made()) {
    auto const container = host.containers.find(each.container);
    if (container == host.containers.end()) {
      continue;
    }
    for (Attachment const& place : container->second.attachments) {
      if (place.network == each.network && place.left) {
        look_due_ = std::min(look_due_, Clock::now() + limits_.doubt);
      }
    }
  }
}

/// returns  whether there is nothing to learn that could change what follows from the Join or Leave
bool Stewardship::knows(Waiter const& waiter, Clock::time_point now) const {
  if (!waiter.is_join) {
    return true;
  }
  if (!asked_.contains(waiter.endpoint) || !finding_.empty()) {
    return false;
  }
  return !model_.has_owner(waiter.endpoint) || model_.is_understood(waiter.endpoint) ||
         waiter.patience <= now;
}

void Stewardship::answer(Clock::time_point now) {
  for (auto waiter = waiters_.begin(); waiter != waiters_.end();) {
    bool const is_done = waiter->planned && !chores_.is_busy_on(waiter->network);
    if (is_done || waiter->deadline <= now) {
      hooks_.answer(waiter->answer);
      asked_.erase(waiter->endpoint);
      waiter = waiters_.erase(waiter);
    } else {
      ++waiter;
    }
  }
}

ChoreHooks Stewardship::chore_hooks() {
  ChoreHooks hooks;
  hooks.post = [this](std::function<void()> task) { post(std::move(task)); };
  hooks.keep = [this](Membership const& each, std::function<void(Result<void>)> kept) {
    hooks_.keep(each, std::move(kept));
  };
  hooks.keep_no_more = [this](Membership const& each) { hooks_.keep_no_more(each); };
  hooks.changed = [this](bool wants_look) {
    plan_now();
    if (wants_look) {
      take_look();
    }
  };
  hooks.made = [this](Membership const& each) { made(each); };
  hooks.ended = [this](Membership const& each) {
    joins_in_progress_.erase(each.network);
    note([each](HostModel& model) { model.taken_off(each.network, each.container); });
  };
  hooks.network_made = [this](DockerNetwork const& network) {
    note([network](HostModel& model) { model.saw(network); });
  };
  return hooks;
}

/// Whose endpoints joined while Docker connected one is not sure where they were several.
void Stewardship::made(Membership const& membership) {
  note([membership](HostModel& model) {
    model.connected(membership.network, membership.container);
  });
  auto const joins = joins_in_progress_.extract(membership.network);
  if (joins && joins.mapped() > 1) {
    ask(membership.network);
  }
}

std::set<std::string> Stewardship::routed_proxies() const {
  std::set<std::string> names;
  for (ProxyRule const& rule : wishes_.proxies) {
    if (rule.mode == ProxyMode::route) {
      names.insert(rule.container);
    }
  }
  for (OwnNetwork const& network : networks_) {
    if (network.proxy_mode == ProxyMode::route) {
      names.insert(network.proxies.begin(), network.proxies.end());
    }
  }
  return names;
}

std::set<NetworkId> Stewardship::routed_networks() const {
  std::set<NetworkId> ids;
  for (OwnNetwork const& network : networks_) {
    if (is_routed(network, wishes_)) {
      ids.insert(network.id);
    }
  }
  return ids;
}

}  // namespace drawbridge
