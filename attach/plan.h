// Which containers should be on which networks, and which proxies reach which containers: what is,
// what is wished, and the plan between them. Pure.
//
// Everything that a proxy or an attachment causes is decided here, whatever brought it about: a
// start of the daemon, an event, a Join, a look. Applying a plan and planning again gives an empty
// one.
#pragma once

#include "attach/host_view.h"
#include "model/proxy_route.h"

#include <set>
#include <string>
#include <vector>

namespace drawbridge {

/// `proxies` of the configuration, and one for each name in a network's `proxy`.
struct ProxyRule {
  std::string container;  // its name
  ProxyMode mode = ProxyMode::route;
  std::vector<std::string> drivers = {"drawbridge"};  // of the networks that are meant: or "bridge"
  std::vector<Match> routable = {{}};                 // any of these

  bool operator==(ProxyRule const&) const = default;
};

/// `attachments` of the configuration, and one for each entry of a network's `attach`.
struct AttachRule {
  Match match;
  std::string network;  // its name

  bool operator==(AttachRule const&) const = default;
};

/// `ensure_networks` of the configuration.
struct EnsuredNetwork {
  std::string name;
  NetworkSettings settings;

  bool operator==(EnsuredNetwork const&) const = default;
};

struct AttachWishes {
  std::vector<ProxyRule> proxies;
  std::vector<AttachRule> attachments;
  std::vector<EnsuredNetwork> networks;

  bool operator==(AttachWishes const&) const = default;
};

struct AttachPlan {
  std::vector<EnsuredNetwork> create;
  std::set<Membership> connect;
  std::set<Membership> disconnect;
  std::set<Membership> forget;       // of those that were made: ended by others
  std::set<ProxyRoute> routes;       // all that should be
  std::set<std::string> complaints;  // a line for each thing that stands in the way; said once

  bool operator==(AttachPlan const&) const = default;
};

/// What is not known yet ends nothing: while a container's environment could make it match, or it
/// is not known whether it keeps a place that it left, memberships stay as they are.
///
/// made  memberships that were made by earlier plans
AttachPlan plan_attachments(HostView const& host, AttachWishes const& wishes,
                            std::set<Membership> const& made);

}  // namespace drawbridge
