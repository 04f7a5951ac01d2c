#include "attach/plan.h"

#include "attach/match.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace drawbridge {
namespace {

constexpr char const* default_bridge_name = "bridge";

Attachment const* attachment_of(Container const& container, NetworkId const& network) {
  auto const found = std::find_if(container.attachments.begin(), container.attachments.end(),
                                  [&](Attachment const& each) { return each.network == network; });
  return found == container.attachments.end() ? nullptr : &*found;
}

/// A managed plugin's name has a tag: "drawbridge:latest".
std::string untagged(std::string const& driver) {
  return driver.substr(0, driver.find(':'));
}

/// Containers that share a network namespace with the host or with another one have no networks.
/// Empty: not known yet.
bool can_be_attached(Container const& container) {
  return !container.network_mode.empty() && container.network_mode != "host" &&
         container.network_mode != "none" && !container.network_mode.starts_with("container:");
}

/// returns  whether it could match once its environment is known
bool could_match(std::vector<Match> const& any_of, Container const& container) {
  return could_become_routable(container) &&
         std::any_of(any_of.begin(), any_of.end(),
                     [](Match const& each) { return each.kind == Match::Kind::routable; });
}

/// A container of a rule on a network that the rule means.
struct Pair {
  HostNetwork const& network;
  Container const& proxy;
};

class Planner {
 public:
  Planner(HostView const& host, AttachWishes const& wishes, std::set<Membership> const& made)
      : host_(host), wishes_(wishes), made_(made) {}

  AttachPlan plan();

 private:
  void ensure(EnsuredNetwork const& wanted);
  void follow(ProxyRule const& rule);
  void follow(ProxyRule const& rule, Container const& proxy);
  void follow(ProxyRule const& rule, Pair pair);
  void follow(Match const& match, HostNetwork const& network);
  void attach_to(AttachRule const& rule);
  bool means(ProxyRule const& rule, HostNetwork const& network) const;
  void route(HostNetwork const& network, Attachment const& target, Container const& proxy);
  void settle_memberships();
  Container const* container_named(std::string const& name) const;
  std::vector<HostNetwork const*> networks_named(std::string const& name) const;

  HostView const& host_;
  AttachWishes const& wishes_;
  std::set<Membership> const& made_;
  std::set<Membership> wanted_;
  std::set<Membership> perhaps_wanted_;  // once it is known what some containers are
  AttachPlan plan_;
};

AttachPlan Planner::plan() {
  for (EnsuredNetwork const& wanted : wishes_.networks) {
    ensure(wanted);
  }
  for (ProxyRule const& rule : wishes_.proxies) {
    follow(rule);
  }
  for (AttachRule const& rule : wishes_.attachments) {
    attach_to(rule);
  }
  for (auto const& [id, network] : host_.networks) {
    for (std::string const& proxy : network.proxies) {
      ProxyRule rule{proxy, network.proxy_mode};
      Container const* const container = container_named(proxy);
      if (container != nullptr) {
        follow(rule, Pair{network, *container});
      } else {
        plan_.complaints.insert("proxy " + proxy + " of network " + network.name +
                                " is not there: it is let in when it appears");
      }
    }
    for (Match const& match : network.attach) {
      follow(match, network);
    }
  }
  settle_memberships();
  return std::move(plan_);
}

void Planner::ensure(EnsuredNetwork const& wanted) {
  std::vector<HostNetwork const*> const same = networks_named(wanted.name);
  if (same.empty()) {
    plan_.create.push_back(wanted);
    return;
  }
  NetworkSettings is = same.front()->settings;
  is.driver = untagged(is.driver);
  is.ipam_driver = untagged(is.ipam_driver);
  if (wanted.settings.subnets.empty()) {
    is.subnets.clear();
  }
  if (is != wanted.settings) {
    plan_.complaints.insert("network " + wanted.name +
                            " has other settings than ensure_networks says: remove it, or change "
                            "the configuration");
  }
}

void Planner::follow(ProxyRule const& rule) {
  Container const* const proxy = container_named(rule.container);
  if (proxy == nullptr) {
    plan_.complaints.insert("proxy " + rule.container +
                            " is not there: it is let in when it appears");
    return;
  }
  follow(rule, *proxy);
}

void Planner::follow(ProxyRule const& rule, Container const& proxy) {
  for (auto const& [id, network] : host_.networks) {
    if (means(rule, network)) {
      follow(rule, Pair{network, proxy});
    }
  }
}

/// A network's own `proxy` is followed by itself, in its own mode.
bool Planner::means(ProxyRule const& rule, HostNetwork const& network) const {
  std::string const driver = untagged(network.settings.driver);
  bool const has_own = std::find(network.proxies.begin(), network.proxies.end(), rule.container) !=
                       network.proxies.end();
  return !has_own && network.name != default_bridge_name &&
         std::find(rule.drivers.begin(), rule.drivers.end(), driver) != rule.drivers.end();
}

/// Only our own networks have routes; any other is joined.
void Planner::follow(ProxyRule const& rule, Pair pair) {
  bool const is_routed = rule.mode == ProxyMode::route && pair.network.is_ours;
  bool const is_joined = !is_routed && can_be_attached(pair.proxy);
  for (auto const& [id, container] : host_.containers) {
    Attachment const* const target = attachment_of(container, pair.network.id);
    bool const is_there =
        target != nullptr && !target->left && id != pair.proxy.id && container.is_running();
    bool const counts = is_there && matches(rule.routable, container);
    if (counts && is_routed) {
      route(pair.network, *target, pair.proxy);
    } else if (counts && is_joined) {
      wanted_.insert({pair.network.id, pair.proxy.id});
    } else if (is_there && is_joined && could_match(rule.routable, container)) {
      perhaps_wanted_.insert({pair.network.id, pair.proxy.id});
    }
  }
}

/// From wherever the proxy is, but for networks that it shares with the container. What a container
/// lists between two starts may be somebody else's by now.
void Planner::route(HostNetwork const& network, Attachment const& target, Container const& proxy) {
  if (target.endpoint.value.empty() || proxy.state != RunState::running) {
    return;
  }
  for (Attachment const& place : proxy.attachments) {
    auto const from = host_.networks.find(place.network);
    bool const is_elsewhere = from != host_.networks.end() && place.network != network.id &&
                              !place.left && !from->second.bridge.empty();
    for (std::optional<IpPrefix> const& own : {place.ipv4, place.ipv6}) {
      if (is_elsewhere && own) {
        plan_.routes.insert({network.id, target.endpoint, from->second.bridge, own->address});
      }
    }
  }
}

void Planner::attach_to(AttachRule const& rule) {
  std::vector<HostNetwork const*> const named = networks_named(rule.network);
  if (named.empty()) {
    plan_.complaints.insert("network " + rule.network +
                            " of an attachment is not there: it is followed when it appears");
    return;
  }
  // Engines before 25 allow a name twice.
  follow(rule.match, *named.front());
}

void Planner::follow(Match const& match, HostNetwork const& network) {
  for (auto const& [id, container] : host_.containers) {
    if (can_be_attached(container) && matches(match, container)) {
      wanted_.insert({network.id, id});
    } else if (could_match({match}, container)) {
      perhaps_wanted_.insert({network.id, id});
    }
  }
}

/// What somebody else connected is his to disconnect. A container that was stopped keeps what it
/// has and gets nothing new: were the network removed meanwhile, it could not be started again.
void Planner::settle_memberships() {
  for (Membership const& each : wanted_) {
    Container const& container = host_.containers.at(each.container);
    if (container.state != RunState::stopped && attachment_of(container, each.network) == nullptr) {
      plan_.connect.insert(each);
    }
  }
  for (Membership const& each : made_) {
    auto const container = host_.containers.find(each.container);
    bool const is_there = container != host_.containers.end() &&
                          attachment_of(container->second, each.network) != nullptr;
    if (!is_there && !wanted_.contains(each)) {
      plan_.forget.insert(each);
    } else if (is_there && !wanted_.contains(each) && !perhaps_wanted_.contains(each)) {
      plan_.disconnect.insert(each);
    }
  }
}

Container const* Planner::container_named(std::string const& name) const {
  auto const found = std::find_if(host_.containers.begin(), host_.containers.end(),
                                  [&name](auto const& each) { return each.second.name == name; });
  return found == host_.containers.end() ? nullptr : &found->second;
}

/// returns  those of this name, the lowest id first
std::vector<HostNetwork const*> Planner::networks_named(std::string const& name) const {
  std::vector<HostNetwork const*> named;
  for (auto const& [id, network] : host_.networks) {
    if (network.name == name) {
      named.push_back(&network);
    }
  }
  return named;
}

}  // namespace

AttachPlan plan_attachments(HostView const& host, AttachWishes const& wishes,
                            std::set<Membership> const& made) {
  return Planner(host, wishes, made).plan();
}

}  // namespace drawbridge
