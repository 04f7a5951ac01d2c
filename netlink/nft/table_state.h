// The inside of NftTable, which table.cc and table_mend.cc share.
#pragma once

#include "netlink/nft/forward_accept.h"
#include "netlink/nft/mirror.h"
#include "netlink/nft/monitor.h"
#include "netlink/nft/socket.h"
#include "netlink/nft/table.h"
#include "netlink/nft/written.h"

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge {

/// returns  true when the table is not what we left behind: something is missing, or in the way
inline bool is_astray(Error const& error) {
  return error.code == Errc::not_found || error.code == Errc::already_exists;
}

class NftTable::State {
 public:
  State(NftSocket socket, NftMonitor monitor)
      : socket_(std::move(socket)), monitor_(std::move(monitor)), tables_(socket_) {}

  Result<void> replace(std::set<Element> elements);
  Result<void> change(std::set<Element> const& remove, std::set<Element> const& add);
  Result<void> set_uplinks(std::set<std::string> const& interfaces);
  Result<void> set_resolvers(std::set<IpAddress> const& addresses);
  Result<std::vector<std::string>> mend();
  Result<TableView> look();
  Result<std::vector<std::string>> astray_accept_rules();
  Result<std::set<Element>> held();
  NftNews take_news() { return monitor_.take(); }
  int news_descriptor() const { return monitor_.descriptor(); }
  Result<std::size_t> remove_all();

 private:
  Result<void> write(std::set<Element> elements);
  void sign();
  Result<bool> rules_are_right();
  Result<void> fill(std::set<Element> elements);
  Result<void> replace_part(std::set<Element> const& before, std::set<Element> const& after);
  Result<void> accept_named(Change const& change);
  Result<void> commit(Change const& change, std::set<std::string> const& missing);
  Result<std::vector<std::string>> mend_tables(std::uint32_t others);
  Result<std::uint32_t> foreign_changes();
  Result<void> read_elements(TableView& view);
  Result<std::vector<std::string>> mend_accept_rules(std::set<std::string> const& named_bridges);

  NftSocket socket_;
  NftMonitor monitor_;
  WrittenTables tables_;
  std::array<ForwardAccept, 2> accept_rules_{ForwardAccept(Family::ipv4),
                                             ForwardAccept(Family::ipv6)};
  std::set<Element> elements_;                         // what the tables hold
  std::optional<std::uint32_t> seen_foreign_changes_;  // as of the last mend()
  std::optional<std::uint32_t> right_since_;  // foreign_changes() when they held `elements_`
};

}  // namespace drawbridge
