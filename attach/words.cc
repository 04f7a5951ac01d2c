#include "attach/words.h"

#include "attach/match.h"

#include <algorithm>

namespace drawbridge {
namespace {

std::string name_of(HostView const& host, NetworkId const& id) {
  auto const found = host.networks.find(id);
  return found == host.networks.end() ? std::string(id.brief()) : found->second.name;
}

std::string name_of(HostView const& host, ContainerId const& id) {
  auto const found = host.containers.find(id);
  return found == host.containers.end() ? std::string(id.brief()) : found->second.name;
}

bool is_proxy_of(HostView const& host, AttachWishes const& wishes, Membership const& membership) {
  std::string const name = name_of(host, membership.container);
  auto const network = host.networks.find(membership.network);
  bool const is_own = network != host.networks.end() &&
                      std::find(network->second.proxies.begin(), network->second.proxies.end(),
                                name) != network->second.proxies.end();
  return is_own || std::any_of(wishes.proxies.begin(), wishes.proxies.end(),
                               [&name](ProxyRule const& rule) { return rule.container == name; });
}

bool is_on(Container const& container, NetworkId const& network) {
  return std::any_of(container.attachments.begin(), container.attachments.end(),
                     [&](Attachment const& each) { return each.network == network && !each.left; });
}

/// The rules of a proxy may call others routable than is_routable() does.
std::vector<Match> matches_of(HostView const& host, AttachWishes const& wishes,
                              Membership const& membership) {
  std::string const name = name_of(host, membership.container);
  std::vector<Match> any = {{}};
  for (ProxyRule const& rule : wishes.proxies) {
    if (rule.container == name) {
      any.insert(any.end(), rule.routable.begin(), rule.routable.end());
    }
  }
  return any;
}

}  // namespace

std::string words_of_connect(HostView const& host, AttachWishes const& wishes,
                             Membership const& membership) {
  std::string const who = name_of(host, membership.container);
  std::string const where = name_of(host, membership.network);
  if (!is_proxy_of(host, wishes, membership)) {
    return "container " + who + " joined network " + where + ": an attachment matches it";
  }
  std::vector<Match> const any = matches_of(host, wishes, membership);
  auto const reason =
      std::find_if(host.containers.begin(), host.containers.end(), [&](auto const& each) {
        return each.first != membership.container && each.second.is_running() &&
               is_on(each.second, membership.network) && matches(any, each.second);
      });
  std::string const why =
      reason == host.containers.end() ? "" : ": container " + reason->second.name + " is routable";
  return "proxy " + who + " joined network " + where + why;
}

std::string words_of_disconnect(HostView const& host, AttachWishes const& wishes,
                                Membership const& membership) {
  std::string const who = name_of(host, membership.container);
  std::string const where = name_of(host, membership.network);
  return is_proxy_of(host, wishes, membership)
             ? "proxy " + who + " left network " + where + ": no routable container is left"
             : "container " + who + " left network " + where + ": no attachment matches it";
}

}  // namespace drawbridge
