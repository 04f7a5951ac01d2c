#include "cli/pool_table.h"

#include "base/text.h"
#include "cli/table.h"
#include "ipam/pool_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace drawbridge {
namespace {

std::string prefixes_text(PoolReport const& pool) {
  std::vector<std::string> texts;
  for (IpPrefix const& prefix : pool.prefixes) {
    texts.push_back(prefix.to_string());
  }
  return joined(texts);
}

TableRow pool_row(PoolReport const& pool) {
  return {pool.name + (pool.is_default ? " (default)" : ""),
          prefixes_text(pool),
          fmt::format("/{}", pool.length),
          fmt::format("{}", pool.total),
          fmt::format("{}", pool.leased),
          fmt::format("{}", pool.on_host_routes),
          fmt::format("{}", pool.kept_back),
          fmt::format("{}", pool.free()),
          pool.next ? pool.next->to_string() : "",
          pool.overflow};
}

std::string title_of(PoolReport const& pool) {
  return fmt::format("pool {}{}, {}: {} /{} subnets of {}\n", pool.name,
                     pool.is_default ? " (default)" : "", name_of(pool.family), pool.total,
                     pool.length, prefixes_text(pool));
}

std::string next_line(PoolReport const& pool) {
  if (pool.next) {
    return fmt::format("  free: {}, next is {}\n", pool.free(), pool.next->to_string());
  }
  return pool.overflow.empty()
             ? fmt::format("  free: {}: a network that asks this pool is refused\n", pool.free())
             : fmt::format("  free: {}: pool {} goes on\n", pool.free(), pool.overflow);
}

std::string lease_line(LeasedSubnet const& leased) {
  std::string const brief(leased.network.brief());
  std::string const owner = leased.network.value.empty() ? "no network yet"
                            : leased.network_name.empty()
                                ? "network " + brief
                                : fmt::format("network {} ({})", leased.network_name, brief);
  return fmt::format("    {} by {}, {} addresses in use\n", leased.prefix.to_string(),
                     printable(owner), leased.addresses);
}

bool lies_in(LeasedSubnet const& leased, PoolReport const& pool) {
  return std::any_of(pool.prefixes.begin(), pool.prefixes.end(),
                     [&leased](IpPrefix const& each) { return each.overlaps(leased.prefix); });
}

std::string leased_lines(PoolReport const& pool, std::vector<LeasedSubnet> const& leased) {
  std::string lines = fmt::format("  leased: {}\n", pool.leased);
  for (LeasedSubnet const& each : leased) {
    lines += lies_in(each, pool) ? lease_line(each) : "";
  }
  return lines;
}

std::string route_lines(PoolReport const& pool) {
  if (pool.on_host_routes == 0 && pool.routes.empty()) {
    return {};
  }
  std::string lines = fmt::format("  on host routes: {}\n", pool.on_host_routes);
  for (HostRoute const& route : pool.routes) {
    lines += fmt::format("    {}\n", printable(text_of(route)));
  }
  return lines;
}

std::string explain(PoolReport const& pool, std::vector<LeasedSubnet> const& leased) {
  std::string text = title_of(pool) + next_line(pool) + leased_lines(pool, leased);
  text += route_lines(pool);
  if (pool.kept_back > 0) {
    text += fmt::format("  kept back, being public address space: {}\n", pool.kept_back);
  }
  if (pool.wide && pool.wide_over) {
    text += fmt::format("  {} covers {}, and is not stepped around\n",
                        printable(text_of(*pool.wide)), pool.wide_over->to_string());
  }
  return text;
}

}  // namespace

std::string pool_table(std::vector<PoolReport> const& pools) {
  std::vector<TableRow> rows;
  std::transform(pools.begin(), pools.end(), std::back_inserter(rows), pool_row);
  return table({"POOL", "PREFIXES", "LENGTH", "SUBNETS", "LEASED", "ON ROUTES", "KEPT BACK", "FREE",
                "NEXT", "OVERFLOW"},
               std::move(rows));
}

std::string explain_pools(PoolListing const& listing) {
  std::string text;
  for (PoolReport const& pool : listing.pools) {
    text += explain(pool, listing.leased);
  }
  std::string others;
  for (LeasedSubnet const& leased : listing.leased) {
    others += leased.pool.empty() ? lease_line(leased) : "";
  }
  return others.empty() ? text : text + "in no pool\n  leased:\n" + others;
}

Result<PoolListing> only_pool(PoolListing const& listing, std::string const& name) {
  PoolListing only;
  std::vector<std::string_view> names;
  for (PoolReport const& pool : listing.pools) {
    names.emplace_back(pool.name);
    if (pool.name == name) {
      only.pools.push_back(pool);
    }
  }
  if (only.pools.empty()) {
    std::optional<std::string_view> const near = nearest(name, names);
    return fail(Errc::not_found,
                fmt::format("no pool is called {}{}", in_quotes(name),
                            near ? fmt::format(": did you mean {}", in_quotes(*near))
                                 : std::string(": \"drawbridge pools\" lists them")));
  }
  std::copy_if(listing.leased.begin(), listing.leased.end(), std::back_inserter(only.leased),
               [&name](LeasedSubnet const& leased) { return leased.pool == name; });
  return only;
}

}  // namespace drawbridge
