#include "netlink/nft/table.h"

#include "base/log.h"
#include "netlink/nft/elements.h"
#include "netlink/nft/fingerprint.h"
#include "netlink/nft/forward_accept.h"
#include "netlink/nft/skeleton.h"
#include "netlink/nft/socket.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>

#include <linux/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

namespace drawbridge {
namespace {

std::string name_of(std::uint16_t family) {
  return family == NFPROTO_BRIDGE ? "table bridge drawbridge" : "table inet drawbridge";
}

/// A table of ours in the kernel.
struct Written {
  std::uint16_t family;
  std::optional<Fingerprint> fingerprint = {};  // as we wrote it; nothing before that
};

/// The tables that this kernel can hold. Without the bridge family members are not kept from
/// forging addresses, nor projects apart; all else holds.
std::vector<Written> tables_of(NftSocket& socket) {
  NftBatch batch;
  append_trial(batch, NFPROTO_BRIDGE);
  Result<void> const tried = socket.commit(batch);
  if (!tried) {
    log::warn(
        "this kernel has no nftables for bridges ({}): containers can forge addresses, and compose "
        "projects are not kept apart",
        tried.error().message);
    return {{NFPROTO_INET}};
  }
  return {{NFPROTO_INET}, {NFPROTO_BRIDGE}};
}

/// The sets that hold facts of this host, whatever networks there are.
constexpr std::array<char const*, 3> host_sets{nft_set::uplinks, nft_set::resolvers4,
                                               nft_set::resolvers6};

/// returns  the part of `elements` that belongs to `set`
std::set<Element> part_of(std::set<Element> const& elements, char const* set) {
  auto const first = elements.lower_bound(Element{set, {}});
  auto const last = std::find_if(first, elements.end(),
                                 [set](Element const& element) { return element.set != set; });
  return {first, last};
}

/// The bridges of `elements` that the accept rules for our prefix do not cover. Elements are in
/// order, so the many that do start with the prefix are passed over in one step.
std::set<std::string> named_bridges(std::set<Element> const& elements) {
  std::set<std::string> names;
  std::string behind_prefix(bridge_prefix);
  behind_prefix.back() += 1;
  auto next = elements.lower_bound(Element{nft_set::nets, {}});
  while (next != elements.end() && next->set == nft_set::nets) {
    auto const& name = std::get<std::string>(next->key.front());
    if (name.starts_with(bridge_prefix)) {
      next = elements.lower_bound(Element{nft_set::nets, {behind_prefix}});
    } else {
      names.insert(name);
      ++next;
    }
  }
  return names;
}

/// What an operation really changes, given what the table holds.
struct Change {
  std::set<Element> gone;
  std::set<Element> fresh;

  Change(std::set<Element> const& held, std::set<Element> const& remove,
         std::set<Element> const& add) {
    std::copy_if(remove.begin(), remove.end(), std::inserter(gone, gone.end()),
                 [&](Element const& it) { return held.contains(it) && !add.contains(it); });
    std::copy_if(add.begin(), add.end(), std::inserter(fresh, fresh.end()),
                 [&](Element const& it) { return !held.contains(it); });
  }

  void apply_to(std::set<Element>& elements) const {
    for (Element const& element : gone) {
      elements.erase(element);
    }
    elements.insert(fresh.begin(), fresh.end());
  }
};

/// returns  true when the table is not what we left behind: something is missing, or in the way
bool is_astray(Error const& error) {
  return error.code == Errc::not_found || error.code == Errc::already_exists;
}

}  // namespace

class NftTable::State {
 public:
  explicit State(NftSocket socket) : socket_(std::move(socket)), tables_(tables_of(socket_)) {}

  Result<void> replace(std::set<Element> elements);
  Result<void> change(std::set<Element> const& remove, std::set<Element> const& add);
  Result<void> set_uplinks(std::set<std::string> const& interfaces);
  Result<void> set_resolvers(std::set<IpAddress> const& addresses);
  Result<std::vector<std::string>> mend();
  Result<void> remove_all();

 private:
  bool is_written() const { return tables_.front().fingerprint.has_value(); }
  Result<void> write(std::set<Element> elements);
  Result<bool> is_as_written();
  Result<void> fill(std::set<Element> elements);
  Result<void> replace_part(std::set<Element> const& before, std::set<Element> const& after);
  Result<void> accept_named(Change const& change);
  Result<std::vector<std::string>> mend_tables();
  Result<std::vector<std::string>> mend_accept_rules(std::set<std::string> const& named_bridges);

  NftSocket socket_;
  std::vector<Written> tables_;
  std::array<ForwardAccept, 2> accept_rules_{ForwardAccept(Family::ipv4),
                                             ForwardAccept(Family::ipv6)};
  std::set<Element> elements_;                         // what the tables hold
  std::optional<std::uint32_t> seen_foreign_changes_;  // as of the last look
};

Result<void> NftTable::State::write(std::set<Element> elements) {
  NftBatch batch;
  for (Written const& table : tables_) {
    append_skeleton(batch, table.family);
    append_additions(batch, elements, table.family);
  }
  if (Result<void> written = socket_.commit(batch); !written) {
    return fail(Errc::kernel, "write tables drawbridge: " + written.error().message);
  }
  elements_.swap(elements);
  seen_foreign_changes_.reset();  // among the elements may be bridges that need accept rules
  // When a look fails the table is not known for ours, and the next mend() writes it again.
  for (Written& table : tables_) {
    table.fingerprint =
        fingerprint_of(socket_, table.family).value_or(std::nullopt).value_or(Fingerprint{});
  }
  return {};
}

Result<void> NftTable::State::replace(std::set<Element> elements) {
  for (char const* set : host_sets) {
    elements.merge(part_of(elements_, set));
  }
  Result<bool> const whole = is_as_written();
  if (!whole) {
    return fail(whole.error());
  }
  return *whole ? fill(std::move(elements)) : write(std::move(elements));
}

/// returns  true when every rule is the one that we wrote
Result<bool> NftTable::State::is_as_written() {
  if (!is_written()) {
    return false;
  }
  for (Written const& table : tables_) {
    Result<std::optional<Fingerprint>> const found = fingerprint_of(socket_, table.family);
    if (!found) {
      return fail(found.error());
    }
    if (*found != table.fingerprint) {
      return false;
    }
  }
  return true;
}

// A packet that is half way through the rules when they are replaced finds their sets empty. So
// rules that are right stay; an element that is there already is no error.
Result<void> NftTable::State::fill(std::set<Element> elements) {
  NftBatch batch;
  Change const change(elements_, elements_, elements);
  for (Written const& table : tables_) {
    append_removals(batch, change.gone, table.family);
    append_additions(batch, elements, table.family);
  }
  Result<void> const filled = socket_.commit(batch);
  if (!filled && is_astray(filled.error())) {
    return write(std::move(elements));
  }
  if (!filled) {
    return fail(filled.error().within("fill tables drawbridge"));
  }
  elements_.swap(elements);
  seen_foreign_changes_.reset();  // among the elements may be bridges that need accept rules
  return {};
}

Result<void> NftTable::State::change(std::set<Element> const& remove,
                                     std::set<Element> const& add) {
  Change const change(elements_, remove, add);
  if (Result<void> accepted = accept_named(change); !accepted) {
    return accepted;
  }
  NftBatch batch;
  for (Written const& table : tables_) {
    append_removals(batch, change.gone, table.family);
    append_additions(batch, change.fresh, table.family);
  }
  Result<void> const changed = socket_.commit(batch);
  if (!changed && is_astray(changed.error())) {
    std::set<Element> elements = elements_;
    change.apply_to(elements);
    return write(std::move(elements));
  }
  if (!changed) {
    return fail(changed.error().within("change tables drawbridge"));
  }
  change.apply_to(elements_);
  return {};
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
  if (is_written()) {
    return change(before, after);
  }
  Change(elements_, before, after).apply_to(elements_);
  return {};
}

// Every commit of ours adds one to the generation. So it differs by as many, or others were there.
Result<std::vector<std::string>> NftTable::State::mend() {
  Result<std::uint32_t> const generation = socket_.generation();
  if (!generation) {
    return fail(generation.error());
  }
  std::uint32_t const foreign_changes = *generation - socket_.commits();
  if (seen_foreign_changes_ == foreign_changes) {
    return std::vector<std::string>{};
  }
  Result<std::vector<std::string>> repairs = mend_tables();
  if (!repairs) {
    return repairs;
  }
  Result<std::vector<std::string>> more = mend_accept_rules(named_bridges(elements_));
  if (!more) {
    return more;
  }
  repairs->insert(repairs->end(), more->begin(), more->end());
  seen_foreign_changes_ = foreign_changes;
  return repairs;
}

Result<std::vector<std::string>> NftTable::State::mend_tables() {
  std::vector<std::string> repairs;
  if (!is_written()) {
    return repairs;
  }
  for (Written const& table : tables_) {
    Result<std::optional<Fingerprint>> const found = fingerprint_of(socket_, table.family);
    if (!found) {
      return fail(found.error());
    }
    if (*found != table.fingerprint) {
      repairs.push_back(name_of(table.family) + (*found ? " was changed by others: written again"
                                                        : " was gone: written again"));
    }
  }
  Result<void> const written = repairs.empty() ? Result<void>() : write(elements_);
  return written ? Result<std::vector<std::string>>(repairs) : fail(written.error());
}

Result<std::vector<std::string>> NftTable::State::mend_accept_rules(
    std::set<std::string> const& named_bridges) {
  std::vector<std::string> lines;
  for (ForwardAccept& rules : accept_rules_) {
    Result<std::vector<std::string>> const mended = rules.mend(socket_, named_bridges);
    if (!mended) {
      return fail(Errc::kernel, "accept rules: " + mended.error().message);
    }
    lines.insert(lines.end(), mended->begin(), mended->end());
  }
  return lines;
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

Result<void> NftTable::State::remove_all() {
  NftBatch batch;
  for (Written const& table : tables_) {
    append_table_removal(batch, table.family);
  }
  Result<void> const removed = socket_.commit(batch);
  ErrorList errors;
  if (!removed) {
    errors.add(removed.error().within("remove tables drawbridge"));
  }
  for (ForwardAccept& rules : accept_rules_) {
    if (Result<void> gone = rules.remove_all(socket_); !gone) {
      errors.add(gone.error());
    }
  }
  for (Written& table : tables_) {
    table.fingerprint.reset();
  }
  elements_.clear();
  seen_foreign_changes_.reset();
  return errors.empty() ? Result<void>() : fail(errors.joined());
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
  return NftTable(std::make_unique<State>(std::move(*socket)));
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

Result<void> NftTable::remove_all() {
  return state_->remove_all();
}

}  // namespace drawbridge
