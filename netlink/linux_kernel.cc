#include "netlink/linux_kernel.h"

#include "base/log.h"
#include "netlink/conntrack.h"
#include "netlink/sysctl.h"

#include <utility>

namespace drawbridge {
namespace {

/// A step that changes the rules of a thousand networks must not fill a page of the log.
std::string brief(Operation const& operation) {
  constexpr std::size_t longest = 160;
  std::string text = describe(operation);
  if (text.size() > longest) {
    text.resize(longest);
    text.append(" ...");
  }
  return text;
}

std::string joined(std::set<std::string> const& names) {
  std::string out;
  for (std::string const& name : names) {
    out.append(" ").append(name);
  }
  return out;
}

std::string joined(std::set<IpAddress> const& addresses) {
  std::string out;
  for (IpAddress const& address : addresses) {
    out.append(" ").append(address.to_string());
  }
  return out;
}

/// Who does which operation.
struct Runner {
  OwnedLinks& links;
  NftTable& table;

  Result<void> operator()(ChangeElements const& step) {
    return table.change(step.remove, step.add);
  }
  Result<void> operator()(EnableForwarding const& step) { return enable_forwarding(step.family); }
  template <class LinkStep>
  Result<void> operator()(LinkStep const& step) {
    return links.run(step);
  }
};

}  // namespace

LinuxKernel::LinuxKernel(OwnedLinks links, RouteMonitor routes, NftTable table, Resolvers resolvers)
    : links_(std::move(links)),
      routes_(std::move(routes)),
      table_(std::move(table)),
      resolvers_(std::move(resolvers)) {}

Result<std::unique_ptr<LinuxKernel>> LinuxKernel::open(std::filesystem::path const& resolv_conf) {
  Result<OwnedLinks> links = OwnedLinks::open();
  if (!links) {
    return fail(links.error());
  }
  Result<RouteMonitor> routes = RouteMonitor::open();
  if (!routes) {
    return fail(routes.error());
  }
  Result<NftTable> table = NftTable::open();
  if (!table) {
    return fail(table.error());
  }
  return std::unique_ptr<LinuxKernel>(new LinuxKernel(std::move(*links), std::move(*routes),
                                                      std::move(*table), Resolvers(resolv_conf)));
}

Result<KernelState> LinuxKernel::observe(std::set<std::string> const& links) {
  KernelState state;
  Result<void> const seen = links_.observe(links, state);
  if (!seen) {
    return fail(seen.error());
  }
  Result<std::set<Family>> forwarded = forwarded_families();
  if (!forwarded) {
    return fail(forwarded.error());
  }
  state.forwarding = std::move(*forwarded);
  return state;
}

Result<KernelState> LinuxKernel::observe_owned() {
  Result<KernelState> state = observe({});
  if (!state) {
    return state;
  }
  Result<void> const seen = links_.observe_all(*state);
  if (!seen) {
    return fail(seen.error());
  }
  Result<TableView> view = table_.look();
  if (!view) {
    return fail(view.error());
  }
  state->are_tables_known = view->are_known;
  state->astray_rules = std::move(view->astray);
  state->elements = std::move(view->elements);
  return state;
}

Result<std::set<Element>> LinuxKernel::held_elements() {
  return table_.held();
}

Result<void> LinuxKernel::apply(Plan const& plan) {
  for (std::size_t done = 0; done < plan.size(); ++done) {
    Result<void> const step = run(plan[done]);
    if (!step) {
      return fail(undo(plan, done, step.error().within(brief(plan[done]))));
    }
  }
  return {};
}

Error LinuxKernel::undo(Plan const& plan, std::size_t done, Error error) {
  ErrorList errors;
  errors.add(std::move(error));
  while (done-- > 0) {
    std::optional<Operation> const back = inverse(plan[done]);
    if (!back) {
      continue;
    }
    Result<void> const undone = run(*back);
    if (!undone) {
      errors.add(undone.error().within("undo: " + brief(*back)));
    }
  }
  return errors.joined();
}

Result<void> LinuxKernel::run(Operation const& operation) {
  return std::visit(Runner{links_, table_}, operation);
}

Result<void> LinuxKernel::replace_ruleset(std::set<Element> const& elements) {
  Result<bool> const refreshed = refresh_uplinks();
  if (!refreshed) {
    return fail(refreshed.error());
  }
  Result<bool> const read = refresh_resolvers();
  if (!read) {
    return fail(read.error());
  }
  return table_.replace(elements);
}

Result<std::vector<std::string>> LinuxKernel::mend() {
  Result<std::vector<std::string>> repairs = table_.mend();
  if (!repairs) {
    return repairs;
  }
  Result<bool> const refreshed = refresh_uplinks();
  if (!refreshed) {
    return fail(refreshed.error());
  }
  if (*refreshed) {
    repairs->push_back("uplinks are now:" + joined(uplinks_));
  }
  Result<bool> const read = refresh_resolvers();
  if (!read) {
    return fail(read.error());
  }
  if (*read) {
    repairs->push_back("name servers are now:" + joined(resolver_addresses_));
  }
  return repairs;
}

/// returns  true when they have changed
Result<bool> LinuxKernel::refresh_uplinks() {
  Result<std::set<std::string>> now = routes_.default_route_interfaces();
  if (!now) {
    return fail(now.error());
  }
  if (*now == uplinks_) {
    return false;
  }
  Result<void> const written = table_.set_uplinks(*now);
  if (!written) {
    return fail(written.error());
  }
  uplinks_ = std::move(*now);
  return true;
}

/// returns  true when they have changed
Result<bool> LinuxKernel::refresh_resolvers() {
  std::set<IpAddress> const& now = resolvers_.current();
  if (now == resolver_addresses_) {
    return false;
  }
  Result<void> const written = table_.set_resolvers(now);
  if (!written) {
    return fail(written.error());
  }
  resolver_addresses_ = now;
  return true;
}

Result<std::size_t> LinuxKernel::cut_flows(std::function<bool(Flow const&)> const& is_to_be_cut) {
  return drawbridge::cut_flows(is_to_be_cut);
}

Result<std::size_t> LinuxKernel::forget_flows(std::vector<FlowPattern> const& patterns) {
  return drawbridge::forget_flows(patterns);
}

bool LinuxKernel::reap() {
  Result<void> const reaped = links_.reap();
  if (!reaped) {
    log::debug("reap: {}", reaped.error().message);
  }
  return links_.has_retired();
}

Result<HostRoutes const*> LinuxKernel::host_routes() {
  return routes_.current();
}

Disturbance LinuxKernel::take_disturbance() {
  NftNews const news = table_.take_news();
  bool const links = routes_.take_disturbance();
  return {news.ours || links, news.any};
}

Result<std::uint32_t> LinuxKernel::default_mtu_bytes() {
  return routes_.default_mtu_bytes();
}

Result<Removed> LinuxKernel::remove_everything() {
  ErrorList errors;
  Result<std::size_t> const links = links_.remove_all();
  Result<std::size_t> const accept_rules = table_.remove_all();
  for (Result<std::size_t> const& removed : {links, accept_rules}) {
    if (!removed) {
      errors.add(removed.error());
    }
  }
  return errors.empty() ? Result<Removed>(Removed{*links, *accept_rules}) : fail(errors.joined());
}

}  // namespace drawbridge
