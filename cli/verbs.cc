#include "cli/verbs.h"

#include "cli/control_client.h"
#include "cli/network_table.h"
#include "cli/pool_table.h"
#include "cli/port_table.h"
#include "cli/repair_text.h"
#include "cli/status_text.h"
#include "plugin/repair_listing.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

namespace drawbridge {
namespace {

/// What the daemon said, as it came and as values.
template <class T>
struct Reply {
  std::string body;
  T value;
};

template <class T>
Result<Reply<T>> ask(AskCommand const& command, ControlQuestion const& question,
                     Result<T> (*decode)(std::string_view)) {
  Result<std::string> body = ask_daemon(command.control_socket, question);
  if (!body) {
    return fail(body.error());
  }
  Result<T> value = decode(*body);
  if (!value) {
    return fail(value.error().within(command.control_socket.string()));
  }
  return Reply<T>{std::move(*body), std::move(*value)};
}

/// A verb whose text is made of all that the daemon said.
template <class T, class Text>
Result<Outcome> show(AskCommand const& command, std::string_view target,
                     Result<T> (*decode)(std::string_view), Text text_of) {
  Result<Reply<T>> reply = ask(command, {"GET", target}, decode);
  if (!reply) {
    return fail(reply.error());
  }
  return Outcome{command.as_json ? reply->body + "\n" : text_of(std::move(reply->value))};
}

/// Keeps those of one network.
Result<std::vector<ListedEndpoint>> of_network(EndpointsCommand const& command,
                                               std::vector<ListedEndpoint> const& endpoints) {
  auto const networks = ask(command, {"GET", "/networks"}, decode_listed_networks);
  if (!networks) {
    return fail(networks.error());
  }
  Result<NetworkId> const network = find_network(networks->value, command.network);
  if (!network) {
    return fail(network.error());
  }
  std::vector<ListedEndpoint> kept;
  std::copy_if(endpoints.begin(), endpoints.end(), std::back_inserter(kept),
               [&network](ListedEndpoint const& each) { return each.listing.network == *network; });
  return kept;
}

}  // namespace

Result<Outcome> run_verb(StatusCommand const& command) {
  return show(command, "/status", decode_status, status_text);
}

Result<Outcome> run_verb(NetworksCommand const& command) {
  return show(command, "/networks", decode_listed_networks, network_table);
}

Result<Outcome> run_verb(EndpointsCommand const& command) {
  if (command.network.empty()) {
    return show(command, "/endpoints", decode_listed_endpoints, endpoint_table);
  }
  auto const all = ask(command, {"GET", "/endpoints"}, decode_listed_endpoints);
  if (!all) {
    return fail(all.error());
  }
  Result<std::vector<ListedEndpoint>> kept = of_network(command, all->value);
  if (!kept) {
    return fail(kept.error());
  }
  return Outcome{command.as_json ? encode_listed_endpoints(*kept) + "\n"
                                 : endpoint_table(std::move(*kept))};
}

Result<Outcome> run_verb(PoolsCommand const& command) {
  return show(command, "/pools", decode_pools,
              [](PoolListing const& listing) { return pool_table(listing.pools); });
}

Result<Outcome> run_verb(ExplainCommand const& command) {
  if (command.pool.empty()) {
    return show(command, "/pools", decode_pools, explain_pools);
  }
  auto const all = ask(command, {"GET", "/pools"}, decode_pools);
  if (!all) {
    return fail(all.error());
  }
  Result<PoolListing> const only = only_pool(all->value, command.pool);
  if (!only) {
    return fail(only.error());
  }
  return Outcome{command.as_json ? encode_pools(*only) + "\n" : explain_pools(*only)};
}

Result<Outcome> run_verb(PortsCommand const& command) {
  return show(command, "/ports", decode_ports, port_table);
}

Result<Outcome> run_verb(ReconcileCommand const& command) {
  auto const reply = ask(command, {command.dry_run ? "GET" : "POST", "/reconcile"}, decode_repairs);
  if (!reply) {
    return fail(reply.error());
  }
  return Outcome{command.as_json ? reply->body + "\n" : repair_text(reply->value, command.dry_run),
                 exit_code_of(reply->value, command.dry_run)};
}

}  // namespace drawbridge
