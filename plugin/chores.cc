#include "plugin/chores.h"

#include "attach/words.h"
#include "base/log.h"
#include "docker/inventory.h"

#include <algorithm>
#include <utility>

namespace drawbridge {
namespace {

// Behind every network that somebody chose for the container.
constexpr int lowest_priority = -1'000;
constexpr char const* own_driver = "drawbridge";

/// What a container gets from us never becomes its way out, and takes no published port along.
ConnectOptions options_for(HostView const& host, NetworkId const& network) {
  ConnectOptions options;
  options.gateway_priority = lowest_priority;
  auto const found = host.networks.find(network);
  if (found != host.networks.end() && found->second.is_ours) {
    options.driver_options = {{"drawbridge.gateway", "none"}};
  }
  return options;
}

/// returns  the driver as this engine calls it: a managed plugin has a tag
std::string tagged(std::string const& driver, HostView const& host) {
  for (auto const& [id, network] : host.networks) {
    if (network.is_ours && driver == own_driver) {
      return network.settings.driver;
    }
  }
  return driver;
}

DockerNetworkRequest request_of(EnsuredNetwork const& network, HostView const& host) {
  NetworkSettings const& settings = network.settings;
  DockerNetworkRequest request;
  request.name = network.name;
  request.driver = tagged(settings.driver, host);
  request.options = settings.options;
  request.ipam_driver = tagged(settings.ipam_driver, host);
  request.ipam_options = settings.ipam_options;
  for (IpPrefix const& subnet : settings.subnets) {
    request.subnets.push_back({subnet});
  }
  request.internal = settings.internal;
  request.enable_ipv6 = settings.enable_ipv6;
  return request;
}

/// returns  whether somebody before the engine's socket does not allow the call, or the engine
///          cannot do it: nothing that a look would show
bool is_refusal(Error const& error) {
  auto const says = [&error](char const* status) {
    return error.message.find(status) != std::string::npos;
  };
  return error.code == Errc::unsupported && (says(" 401") || says(" 403") || says(" 405"));
}

}  // namespace

Chores::Chores(std::filesystem::path const& socket, std::chrono::milliseconds call_limit,
               RetryLimits retries, std::set<Membership> made, ChoreHooks hooks)
    : hooks_(std::move(hooks)),
      made_(std::move(made)),
      retries_(retries),
      name_retries_(retries),
      thread_(socket, call_limit) {}

void Chores::carry_out(AttachPlan const& plan, HostView const& host, AttachWishes const& wishes,
                       std::function<bool(ContainerId const&)> const& may_be_connected) {
  retries_.keep([&plan](Membership const& each) {
    return plan.connect.contains(each) || plan.disconnect.contains(each);
  });
  for (EnsuredNetwork const& network : plan.create) {
    create(network, host);
  }
  for (Membership const& each : plan.forget) {
    if (!busy_.contains(each)) {
      made_.erase(each);
      hooks_.keep_no_more(each);
    }
  }
  for (Membership const& each : plan.disconnect) {
    begin({each, Change::disconnect, {}, words_of_disconnect(host, wishes, each)});
  }
  for (Membership const& each : plan.connect) {
    if (may_be_connected(each.container)) {
      begin({each, Change::connect, options_for(host, each.network),
             words_of_connect(host, wishes, each)});
    }
  }
}

void Chores::begin(Job job) {
  if (busy_.contains(job.membership) || !retries_.is_due(job.membership, Clock::now())) {
    return;
  }
  busy_.insert(job.membership);
  if (job.change == Change::disconnect || made_.contains(job.membership)) {
    push(std::move(job));
    return;
  }
  hooks_.keep(job.membership, [this, job](Result<void> const& kept) {
    if (!kept) {
      finished(job, fail(kept.error()));
      return;
    }
    made_.insert(job.membership);
    push(job);
  });
}

void Chores::push(Job job) {
  thread_.push([this, job = std::move(job)](ApiClient& api) {
    Result<ApiChange> outcome = call(api, job);
    hooks_.post([this, job, outcome = std::move(outcome)] { finished(job, outcome); });
  });
}

/// On the thread of the calls.
Result<ApiChange> Chores::call(ApiClient& api, Job const& job) {
  {
    std::lock_guard const lock(mutex_);
    in_progress_ = job.membership;
  }
  auto const& [network, container] = job.membership;
  Result<ApiChange> outcome =
      job.change == Change::connect
          ? connect_container(api, network, container, job.options)
          : disconnect_container(api, network, container, Disconnect::normal);
  std::lock_guard const lock(mutex_);
  in_progress_.reset();
  return outcome;
}

void Chores::finished(Job const& job, Result<ApiChange> const& outcome) {
  busy_.erase(job.membership);
  if (outcome) {
    succeeded(job, *outcome == ApiChange::made);
  } else if (outcome.error().code == Errc::not_found) {
    // Network or container are gone; the events are on their way, or were lost.
    retries_.failed(job.membership, Clock::now());
    hooks_.changed(true);
  } else {
    failed(job, outcome.error());
  }
}

void Chores::succeeded(Job const& job, bool is_news) {
  retries_.succeeded(job.membership);
  refused_.erase(job.change == Change::connect ? "connect" : "disconnect");
  if (is_news) {
    log::info("{}", job.news);
  }
  if (job.change == Change::connect) {
    hooks_.made(job.membership);
  } else {
    made_.erase(job.membership);
    hooks_.keep_no_more(job.membership);
    hooks_.ended(job.membership);
  }
  hooks_.changed(false);
}

void Chores::failed(Job const& job, Error const& error) {
  bool const is_connect = job.change == Change::connect;
  int const failures = retries_.failed(job.membership, Clock::now());
  if (is_refusal(error)) {
    if (refused_.insert(is_connect ? "connect" : "disconnect").second) {
      log::warn("{}; the socket that docker_socket names has to allow this call", error.message);
    }
  } else {
    say_once(is_connect ? "cannot connect" : "cannot disconnect", failures, error);
  }
  hooks_.changed(false);
}

void Chores::create(EnsuredNetwork const& network, HostView const& host) {
  if (busy_names_.contains(network.name) || !name_retries_.is_due(network.name, Clock::now())) {
    return;
  }
  busy_names_.insert(network.name);
  thread_.push([this, network, request = request_of(network, host)](ApiClient& api) {
    Result<NetworkId> const id = create_network(api, request);
    Result<DockerNetwork> made = id ? fetch_network(api, *id) : fail(id.error());
    hooks_.post([this, network, made = std::move(made)] { created(network, made); });
  });
}

void Chores::created(EnsuredNetwork const& network, Result<DockerNetwork> const& made) {
  busy_names_.erase(network.name);
  if (made) {
    name_retries_.succeeded(network.name);
    refused_.erase("create");
    log::info("network {} made: ensure_networks wants it", network.name);
    hooks_.network_made(*made);
    hooks_.changed(false);
    return;
  }
  int const failures = name_retries_.failed(network.name, Clock::now());
  bool const is_there = made.error().code == Errc::already_exists;
  if (is_refusal(made.error()) && refused_.insert("create").second) {
    log::warn("{}; the socket that docker_socket names has to allow this call",
              made.error().message);
  } else if (!is_there && !is_refusal(made.error())) {
    say_once("cannot make network " + network.name, failures, made.error());
  }
  hooks_.changed(is_there);
}

/// One that comes right by itself is nobody's business.
void Chores::say_once(std::string const& what, int failures, Error const& error) {
  constexpr int told_at = 3;
  if (failures == told_at) {
    log::warn("{}: {}; it is tried again until it succeeds", what, error.message);
  } else {
    log::debug("{}: {}", what, error.message);
  }
}

bool Chores::is_busy_on(NetworkId const& network) const {
  return std::any_of(busy_.begin(), busy_.end(),
                     [&network](Membership const& each) { return each.network == network; });
}

void Chores::hurry() {
  retries_.hurry();
  name_retries_.hurry();
}

std::optional<ContainerId> Chores::in_progress_on(NetworkId const& network) const {
  std::lock_guard const lock(mutex_);
  return in_progress_ && in_progress_->network == network ? std::optional(in_progress_->container)
                                                          : std::nullopt;
}

Chores::Clock::time_point Chores::next_due(Clock::time_point when) const {
  return std::min(retries_.next_due(when), name_retries_.next_due(when));
}

}  // namespace drawbridge
