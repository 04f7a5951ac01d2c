#include "netlink/nft/table.h"

#include "netlink/nft/connlimit.h"
#include "netlink/nft/element_reading.h"
#include "netlink/nft/elements.h"
#include "netlink/nft/skeleton.h"
#include "netlink/nft/table_state.h"

#include <array>
#include <cstdint>
#include <utility>

#include <linux/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

namespace drawbridge {
Result<void> NftTable::State::write(std::set<Element> elements) {
  right_since_.reset();
  erase_part(elements, nft_set::written);
  NftBatch batch;
  for (std::uint16_t const family : tables_.families()) {
    append_skeleton(batch, family);
    append_connlimit_chains(batch, connlimit_chains_of(elements), family);
    append_additions(batch, elements, family);
  }
  if (Result<void> written = socket_.commit(batch); !written) {
    return fail(Errc::kernel, "write tables drawbridge: " + written.error().message);
  }
  elements_.swap(elements);
  seen_foreign_changes_.reset();  // among the elements may be bridges that need accept rules
  sign();
  return {};
}

// The mark comes last: when the daemon dies before, the next one writes the tables again.
void NftTable::State::sign() {
  tables_.remember(socket_);
  Change const change(elements_, part_of(elements_, nft_set::written), {tables_.mark()});
  NftBatch batch;
  append_removals(batch, change.gone, NFPROTO_INET);
  append_additions(batch, change.fresh, NFPROTO_INET);
  if (socket_.commit(batch)) {
    change.apply_to(elements_);
  }
}

Result<void> NftTable::State::replace(std::set<Element> elements) {
  elements.merge(host_part_of(elements_));
  erase_part(elements, nft_set::written);  // fill() knows which mark there is
  Result<std::uint32_t> const others = foreign_changes();
  if (!others) {
    return fail(others.error());
  }
  bool const is_first = !tables_.are_known();
  Result<bool> const right = rules_are_right();
  if (!right) {
    return fail(right.error());
  }
  Result<void> replaced = *right ? fill(std::move(elements)) : write(std::move(elements));
  if (!replaced && is_first) {
    tables_.forget();
  }
  if (replaced) {
    right_since_ = *others;
  }
  return replaced;
}

/// returns  true when every rule is the one that this build writes: that we wrote, or the daemon
///          before us
Result<bool> NftTable::State::rules_are_right() {
  if (!tables_.are_known()) {
    return tables_.recognise(socket_);
  }
  Result<std::vector<std::string>> const astray = tables_.astray(socket_);
  return astray ? Result<bool>(astray->empty()) : fail(astray.error());
}

// A packet that is half way through the rules when they are replaced finds their sets empty. So
// rules that are right stay, and elements that are right, too: an element that is there already is
// no error, and only what is there and should not be is taken out.
Result<void> NftTable::State::fill(std::set<Element> elements) {
  elements.insert(tables_.mark());
  std::set<std::string> const missing = tables_.missing_chains(elements);
  NftBatch batch;
  Result<void> filled;
  for (std::uint16_t const family : tables_.families()) {
    if (filled) {
      filled = append_removals_beyond(batch, socket_, elements, family);
    }
    append_connlimit_chains(batch, missing, family);
    append_openers_removal(batch, family);
    append_additions(batch, elements, family);
  }
  if (filled) {
    filled = socket_.commit(batch);
  }
  if (!filled && is_astray(filled.error())) {
    return write(std::move(elements));
  }
  if (!filled) {
    return fail(filled.error().within("fill tables drawbridge"));
  }
  elements_.swap(elements);
  seen_foreign_changes_.reset();  // among the elements may be bridges that need accept rules
  if (!missing.empty()) {
    sign();
  }
  return {};
}

Result<void> NftTable::State::change(std::set<Element> const& remove,
                                     std::set<Element> const& add) {
  Change const change(elements_, remove, add);
  if (Result<void> accepted = accept_named(change); !accepted) {
    return accepted;
  }
  std::set<std::string> const missing = tables_.missing_chains(change.fresh);
  Result<void> const changed = commit(change, missing);
  if (!changed && is_astray(changed.error())) {
    std::set<Element> elements = elements_;
    change.apply_to(elements);
    return write(std::move(elements));
  }
  if (!changed) {
    return fail(changed.error().within("change tables drawbridge"));
  }
  change.apply_to(elements_);
  if (!missing.empty()) {
    sign();
  }
  return {};
}

/// missing  chains that are made on demand. The tables are signed with them, so all else has to be
///          as it was written
/// errors   not_found, already_exists   they are not
Result<void> NftTable::State::commit(Change const& change, std::set<std::string> const& missing) {
  Result<bool> const right = missing.empty() ? Result<bool>(true) : rules_are_right();
  if (!right || !*right) {
    return fail(right ? Error{Errc::not_found, "the rules are not as they were written"}
                      : right.error());
  }
  NftBatch batch;
  for (std::uint16_t const family : tables_.families()) {
    append_connlimit_chains(batch, missing, family);
    append_removals(batch, change.gone, family);
    append_additions(batch, change.fresh, family);
    if (!part_of(change.gone, nft_set::connlimit).empty()) {
      append_openers_removal(batch, family);
    }
  }
  return socket_.commit(batch);
}

Result<void> NftTable::State::set_uplinks(std::set<std::string> const& interfaces) {
  std::set<Element> uplinks;
  for (std::string const& interface : interfaces) {
    uplinks.insert(Element{nft_set::uplinks, {interface}});
  }
  return replace_part(part_of(elements_, nft_set::uplinks), uplinks);
}

// DNS is asked by UDP, and by TCP where the answer is long.
Result<void> NftTable::State::set_resolvers(std::set<IpAddress> const& addresses) {
  constexpr PortRange domain{53, 53};
  constexpr std::array<std::uint8_t, 2> protocols{IPPROTO_TCP, IPPROTO_UDP};
  std::set<Element> resolvers;
  for (IpAddress const& address : addresses) {
    bool const is_ipv4 = address.family == Family::ipv4;
    char const* const set = is_ipv4 ? nft_set::resolvers4 : nft_set::resolvers6;
    for (std::uint8_t const protocol : protocols) {
      resolvers.insert({set, {address, ProtocolRange{protocol, protocol}, domain}});
    }
  }
  std::set<Element> before = part_of(elements_, nft_set::resolvers4);
  before.merge(part_of(elements_, nft_set::resolvers6));
  return replace_part(before, resolvers);
}

Result<void> NftTable::State::replace_part(std::set<Element> const& before,
                                           std::set<Element> const& after) {
  if (tables_.are_known()) {
    return change(before, after);
  }
  Change(elements_, before, after).apply_to(elements_);
  return {};
}

// Before the elements: a rule that waits for its bridge does no harm, the other way round would.
Result<void> NftTable::State::accept_named(Change const& change) {
  std::set<std::string> const gone = named_bridges(change.gone);
  std::set<std::string> fresh = named_bridges(change.fresh);
  if (gone.empty() && fresh.empty()) {
    return {};
  }
  for (std::string const& name : named_bridges(elements_)) {
    if (!gone.contains(name)) {
      fresh.insert(name);
    }
  }
  seen_foreign_changes_.reset();  // if the change fails, the next mend() puts these back
  Result<std::vector<std::string>> const mended = mend_accept_rules(fresh);
  if (!mended) {
    return fail(mended.error());
  }
  return {};
}

Result<std::set<Element>> NftTable::State::held() {
  return elements_in_tables(socket_, tables_.families());
}

Result<std::size_t> NftTable::State::remove_all() {
  NftBatch batch;
  for (std::uint16_t const family : tables_.families()) {
    append_table_removal(batch, family);
  }
  Result<void> const removed = socket_.commit(batch);
  ErrorList errors;
  if (!removed) {
    errors.add(removed.error().within("remove tables drawbridge"));
  }
  std::size_t accept_rules = 0;
  for (ForwardAccept& rules : accept_rules_) {
    Result<std::size_t> const gone = rules.remove_all(socket_);
    if (gone) {
      accept_rules += *gone;
    } else {
      errors.add(gone.error());
    }
  }
  tables_.forget();
  elements_.clear();
  right_since_.reset();
  seen_foreign_changes_.reset();
  return errors.empty() ? Result<std::size_t>(accept_rules) : fail(errors.joined());
}

NftTable::NftTable(std::unique_ptr<State> state) : state_(std::move(state)) {}
NftTable::NftTable(NftTable&&) noexcept = default;
NftTable& NftTable::operator=(NftTable&&) noexcept = default;
NftTable::~NftTable() = default;

Result<NftTable> NftTable::open() {
  Result<NftSocket> socket = NftSocket::open();
  if (!socket) {
    return fail(socket.error());
  }
  Result<NftMonitor> monitor = NftMonitor::open(socket->port());
  if (!monitor) {
    return fail(monitor.error());
  }
  return NftTable(std::make_unique<State>(std::move(*socket), std::move(*monitor)));
}

Result<void> NftTable::replace(std::set<Element> const& elements) {
  return state_->replace(elements);
}

Result<void> NftTable::change(std::set<Element> const& remove, std::set<Element> const& add) {
  return state_->change(remove, add);
}

Result<void> NftTable::set_uplinks(std::set<std::string> const& interfaces) {
  return state_->set_uplinks(interfaces);
}

Result<void> NftTable::set_resolvers(std::set<IpAddress> const& addresses) {
  return state_->set_resolvers(addresses);
}

Result<std::vector<std::string>> NftTable::mend() {
  return state_->mend();
}

Result<TableView> NftTable::look() {
  return state_->look();
}

Result<std::vector<std::string>> NftTable::astray_accept_rules() {
  return state_->astray_accept_rules();
}

Result<std::set<Element>> NftTable::held() {
  return state_->held();
}

NftNews NftTable::take_news() {
  return state_->take_news();
}

int NftTable::news_descriptor() const {
  return state_->news_descriptor();
}

Result<std::size_t> NftTable::remove_all() {
  return state_->remove_all();
}

}  // namespace drawbridge
