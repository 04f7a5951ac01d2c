// The real kernel: links and routes by rtnetlink, rules by nftables, connections by conntrack,
// settings below /proc/sys.
#pragma once

#include "netlink/kernel.h"
#include "netlink/nft/table.h"
#include "netlink/owned_links.h"
#include "netlink/resolvers.h"
#include "netlink/route_monitor.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {

/// What remove_everything() took away.
struct Removed {
  std::size_t links = 0;         // bridges and veth pairs
  std::size_t accept_rules = 0;  // beside the FORWARD policy of others
};

class LinuxKernel final : public Kernel {
 public:
  /// resolv_conf  names the name servers of this host
  /// errors       kernel   no netlink or nf_tables, or no right to use them
  static Result<std::unique_ptr<LinuxKernel>> open(
      std::filesystem::path const& resolv_conf = "/etc/resolv.conf");

  Result<KernelState> observe(std::set<std::string> const& links) override;
  Result<KernelState> observe_owned() override;
  Result<std::set<Element>> held_elements() override;
  Result<void> apply(Plan const& plan) override;
  Result<void> replace_ruleset(std::set<Element> const& elements) override;
  Result<std::vector<std::string>> mend() override;
  Result<std::vector<std::string>> astray_accept_rules() override {
    return table_.astray_accept_rules();
  }
  Result<std::size_t> cut_flows(std::function<bool(Flow const&)> const& is_to_be_cut) override;
  Result<std::size_t> forget_flows(std::vector<FlowPattern> const& patterns) override;
  bool reap() override;
  std::size_t links_to_reap() const override { return links_.retired(); }
  Result<HostRoutes const*> host_routes() override;
  int events_descriptor() const override { return routes_.descriptor(); }
  Disturbance take_disturbance() override;
  int rules_descriptor() const override { return table_.news_descriptor(); }
  Result<std::uint32_t> default_mtu_bytes() override;

  /// Removes every link that carries our mark, our tables and the accept rules; goes on past what
  /// fails.
  Result<Removed> remove_everything();

 private:
  LinuxKernel(OwnedLinks links, RouteMonitor routes, NftTable table, Resolvers resolvers);
  Result<void> run(Operation const& operation);
  Error undo(Plan const& plan, std::size_t done, Error error);
  Result<bool> refresh_uplinks();
  Result<bool> refresh_resolvers();

  OwnedLinks links_;
  RouteMonitor routes_;
  NftTable table_;
  std::set<std::string> uplinks_;
  Resolvers resolvers_;
  std::set<IpAddress> resolver_addresses_;
};

}  // namespace drawbridge
