#include "plugin/stewardship.h"

#include "base/log.h"
#include "docker/container_calls.h"
#include "docker/inventory.h"
#include "plugin/event_facts.h"

#include <algorithm>
#include <utility>

namespace drawbridge {
namespace {

constexpr auto never = std::chrono::steady_clock::time_point::max();
constexpr int losses_until_told = 5;  // an engine that is starting needs some

Result<DockerInventory> fetch_all(ApiClient& api) {
  Result<std::vector<DockerNetwork>> networks = fetch_networks(api);
  if (!networks) {
    return fail(networks.error());
  }
  Result<std::vector<Container>> containers = fetch_containers(api);
  if (!containers) {
    return fail(containers.error());
  }
  return DockerInventory{*std::move(networks), *std::move(containers)};
}

ListenerLimits listener_limits(StewardLimits const& limits) {
  ListenerLimits listener;
  listener.first_retry = limits.first_retry;
  listener.longest_retry = limits.longest_retry;
  return listener;
}

bool is_about_our_networks(ProxyRule const& rule) {
  return std::find(rule.drivers.begin(), rule.drivers.end(), "drawbridge") != rule.drivers.end();
}

}  // namespace

bool is_watched(OwnNetwork const& network, AttachWishes const& wishes) {
  return !network.proxies.empty() ||
         std::any_of(wishes.proxies.begin(), wishes.proxies.end(), is_about_our_networks);
}

bool is_routed(OwnNetwork const& network, AttachWishes const& wishes) {
  bool const is_own = !network.proxies.empty() && network.proxy_mode == ProxyMode::route;
  return is_own || std::any_of(wishes.proxies.begin(), wishes.proxies.end(), [](auto const& rule) {
           return rule.mode == ProxyMode::route && is_about_our_networks(rule);
         });
}

bool has_wishes(std::vector<OwnNetwork> const& networks, AttachWishes const& wishes) {
  return wishes != AttachWishes{} ||
         std::any_of(networks.begin(), networks.end(), [](OwnNetwork const& each) {
           return !each.proxies.empty() || !each.attach.empty();
         });
}

Stewardship::Stewardship(std::filesystem::path socket, std::set<Membership> made,
                         StewardshipHooks hooks, StewardLimits limits)
    : socket_(std::move(socket)),
      hooks_(std::move(hooks)),
      limits_(limits),
      asker_(socket_, limits.answer),
      looker_(socket_, limits.call),
      chores_(socket_, limits.call, RetryLimits{3, limits.first_retry, limits.longest_retry},
              std::move(made), chore_hooks()),
      thread_([this] { run(); }) {}

Stewardship::~Stewardship() {
  inbox_.close();
  thread_.join();
}

void Stewardship::configure(AttachWishes wishes) {
  post([this, wishes = std::move(wishes)] {
    wishes_ = wishes;
    wake_or_rest();
    if (has_looked_) {
      take_look();
    }
  });
}

void Stewardship::networks_are(std::vector<OwnNetwork> networks) {
  post([this, networks = std::move(networks)] {
    networks_ = networks;
    note([networks](HostModel& model) { model.own_networks_are(networks); });
    wake_or_rest();
    plan_by(Clock::now() + limits_.gather);
  });
}

void Stewardship::joined(OwnEndpoint endpoint, std::optional<ContainerId> owner,
                         std::optional<std::uint64_t> answer) {
  Clock::time_point const now = Clock::now();
  post([this, endpoint = std::move(endpoint), owner, answer, now] {
    note([endpoint](HostModel& model) { model.joined(endpoint); });
    if (answer) {
      waiters_.push_back({*answer, endpoint.network, endpoint.endpoint, true,
                          now + limits_.patience, now + limits_.answer});
    }
    if (!owner) {
      ask(endpoint.network);
      return;
    }
    note([endpoint, owner](HostModel& model) { model.is_of(endpoint.endpoint, *owner); });
    ++joins_in_progress_[endpoint.network];
    plan_by(Clock::now() + limits_.gather);
  });
}

void Stewardship::left(NetworkId const& network, EndpointId const& endpoint,
                       std::optional<std::uint64_t> answer) {
  Clock::time_point const now = Clock::now();
  post([this, network, endpoint, answer, now] {
    note([endpoint](HostModel& model) { model.left(endpoint); });
    asked_.erase(endpoint);
    if (answer) {
      waiters_.push_back({*answer, network, endpoint, false, now, now + limits_.answer});
    }
    plan_now();
  });
}

void Stewardship::look() {
  post([this] { take_look(); });
}

void Stewardship::run() {
  while (inbox_.run(next_due())) {
    tick(Clock::now());
  }
  listener_.reset();
}

Stewardship::Clock::time_point Stewardship::next_due() const {
  Clock::time_point due = std::min({plan_due_, look_due_, retry_due_});
  Clock::time_point const now = Clock::now();
  for (Waiter const& waiter : waiters_) {
    due = std::min(due, waiter.deadline);
    due = waiter.patience > now ? std::min(due, waiter.patience) : due;
  }
  return due;
}

void Stewardship::tick(Clock::time_point now) {
  if (look_due_ <= now) {
    take_look();
  }
  for (Waiter const& waiter : waiters_) {
    if (!waiter.planned && knows(waiter, now)) {
      plan_by(now);
    }
  }
  bool const has_to_wait = !has_planned_ && !inspecting_.empty();
  if (std::min(plan_due_, retry_due_) <= now && has_looked_ && !has_to_wait) {
    plan();
  } else if (std::min(plan_due_, retry_due_) <= now) {
    plan_due_ = never;  // the look plans
    retry_due_ = never;
  }
  answer(now);
}

/// A look does not show what happened since it began.
void Stewardship::note(Fact fact) {
  fact(model_);
  if (looking_) {
    since_look_.push_back(std::move(fact));
  }
}

bool Stewardship::is_needed() const {
  bool const is_something_left = !chores_.made().empty() || (routes_ && !routes_->empty());
  return has_wishes(networks_, wishes_) || is_something_left;
}

void Stewardship::wake_or_rest() {
  if (is_needed() && !listener_) {
    listener_ = std::make_unique<EventListener>(
        socket_, [this](Heard what) { post([this, what = std::move(what)] { heard(what); }); },
        listener_limits(limits_));
  } else if (!is_needed() && listener_) {
    listener_.reset();
    has_looked_ = false;
    has_planned_ = false;
    look_due_ = never;
  }
}

void Stewardship::heard(Heard const& what) {
  if (!listener_) {
    return;  // told before it was ended
  }
  if (auto const* const event = std::get_if<DockerEvent>(&what)) {
    heard_event(*event);
  } else if (auto const* const end = std::get_if<StreamLost>(&what)) {
    lost(end->reason);
  } else {
    opened();
  }
}

void Stewardship::opened() {
  losses_ = 0;
  if (std::exchange(is_outage_told_, false)) {
    log::info("docker tells its events again");
  }
  chores_.hurry();
  take_look();
}

void Stewardship::heard_event(DockerEvent const& event) {
  if (!is_fact(event)) {
    return;
  }
  note([event](HostModel& model) { tell(model, event); });
  ContainerId const id{event.id};
  if (event.action == "start") {
    inspected_.erase(id);  // what was in the way before is over
  }
  // At once: soon the container's start takes its lock.
  if (has_looked_ && model_.is_to_be_inspected(id) && inspected_.insert(id).second) {
    inspect(id);
  }
  plan_by(Clock::now() + limits_.gather);
}

void Stewardship::lost(Error const& reason) {
  log::debug("docker's events: {}", reason.message);
  bool const is_refused = reason.code == Errc::unsupported;
  if (is_refused && look_due_ == never) {
    take_look();
  }
  ++losses_;
  bool const is_long = is_refused || losses_ >= losses_until_told;
  if (is_long && !std::exchange(is_outage_told_, true)) {
    log::warn(
        "docker does not tell its events: {}; proxies and attachments follow late, or stay as "
        "they are, until it does",
        reason.message);
  }
}

void Stewardship::take_look() {
  look_due_ = never;
  if (looking_) {
    look_again_ = true;
    return;
  }
  looking_ = true;
  looker_.push([this](ApiClient& api) {
    Result<DockerInventory> seen = fetch_all(api);
    post([this, seen = std::move(seen)] { looked(seen); });
  });
}

void Stewardship::looked(Result<DockerInventory> const& seen) {
  looking_ = false;
  look_due_ = Clock::now() + limits_.look;
  if (!seen) {
    bool const is_refused = seen.error().code == Errc::unsupported;
    if (is_refused && !std::exchange(is_refusal_told_, true)) {
      log::warn("{}; the socket that docker_socket names has to allow this call",
                seen.error().message);
    }
    log::debug("no look at docker: {}", seen.error().message);
  } else {
    model_.looked(seen->networks, seen->containers);
    for (Fact const& fact : since_look_) {
      fact(model_);
    }
    has_looked_ = true;
    is_refusal_told_ = false;
    routes_.reset();
    sought_.clear();
    inspected_ = inspecting_;
    ask_what_is_missing();
    plan_now();
  }
  since_look_.clear();
  if (std::exchange(look_again_, false)) {
    take_look();
  }
}

void Stewardship::ask_what_is_missing() {
  for (ContainerId const& id : model_.to_inspect()) {
    if (inspected_.insert(id).second) {
      inspect(id);
    }
  }
  for (ContainerId const& id : model_.to_list(routed_proxies(), routed_networks())) {
    if (listing_.insert(id).second) {
      list(id);
    }
  }
  for (NetworkId const& id : model_.to_ask()) {
    if (!asking_.contains(id)) {
      ask(id);
    }
  }
  for (std::string const& name : model_.to_find()) {
    if (sought_.insert(name).second) {
      find(name);
    }
  }
}

/// A container that is being started answers only afterwards: it is asked about again then.
void Stewardship::inspect(ContainerId const& id) {
  inspecting_.insert(id);
  looker_.push([this, id](ApiClient& api) {
    api.end_by(Clock::now() + limits_.inspect);
    Result<Container> container = inspect_container(api, id);
    api.end_by(never);
    post([this, id, container = std::move(container)] { inspected(id, container); });
  });
}

void Stewardship::inspected(ContainerId const& id, Result<Container> const& container) {
  inspecting_.erase(id);
  if (container) {
    note([known = *container](HostModel& model) { model.inspected(known); });
  } else {
    log::debug("container {} is not known: {}", id.brief(), container.error().message);
    if (model_.has_started(id) && container.error().code != Errc::not_found) {
      look_due_ = std::min(look_due_, Clock::now() + limits_.doubt);
    }
  }
  plan_now();
}

void Stewardship::list(ContainerId const& id) {
  looker_.push([this, id](ApiClient& api) {
    Result<std::vector<Container>> listed = fetch_containers(api, id);
    post([this, id, listed = std::move(listed)] {
      listing_.erase(id);
      bool const is_there = listed && !listed->empty();
      std::optional<Container> const seen =
          is_there ? std::optional(listed->front()) : std::nullopt;
      note([id, seen](HostModel& model) { model.listed(id, seen); });
      plan_now();
    });
  });
}

/// The event of its creation is on its way, or was lost.
void Stewardship::find(std::string const& name) {
  finding_.insert(name);
  asker_.push([this, name](ApiClient& api) {
    Result<std::vector<Container>> listed = fetch_containers(api, std::string_view(name));
    post([this, name, listed = std::move(listed)] {
      finding_.erase(name);
      for (Container const& each : listed.value_or(std::vector<Container>{})) {
        note([each](HostModel& model) { model.listed(each.id, each); });
      }
      plan_now();
    });
  });
}

/// Several that join at once are found with one call.
void Stewardship::ask(NetworkId const& network) {
  if (auto const found = asking_.find(network); found != asking_.end()) {
    found->second = true;
    return;
  }
  asking_[network] = false;
  asker_.push([this, network](ApiClient& api) {
    Result<DockerNetwork> seen = fetch_network(api, network);
    post([this, network, seen = std::move(seen)] { answered(network, seen); });
  });
}

void Stewardship::answered(NetworkId const& network, Result<DockerNetwork> const& seen) {
  bool const is_again = asking_.extract(network).mapped();
  if (seen) {
    note([known = *seen](HostModel& model) { model.saw(known); });
  } else if (seen.error().code == Errc::not_found) {
    note([network](HostModel& model) { model.network_gone(network); });
  } else {
    log::debug("network {} is not known: {}", network.brief(), seen.error().message);
  }
  if (is_again) {
    ask(network);
  }
  for (Waiter const& waiter : waiters_) {
    if (waiter.network == network && (!is_again || model_.has_owner(waiter.endpoint))) {
      asked_.insert(waiter.endpoint);
    }
  }
  ask_what_is_missing();
  plan_now();
}

}  // namespace drawbridge
