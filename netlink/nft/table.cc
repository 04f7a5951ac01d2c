#include "netlink/nft/table.h"

#include "netlink/nft/connlimit.h"
#include "netlink/nft/elements.h"
#include "netlink/nft/forward_accept.h"
#include "netlink/nft/skeleton.h"
#include "netlink/nft/socket.h"
#include "netlink/nft/written.h"

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
  explicit State(NftSocket socket) : socket_(std::move(socket)), tables_(socket_) {}

  Result<void> replace(std::set<Element> elements);
  Result<void> change(std::set<Element> const& remove, std::set<Element> const& add);
  Result<void> set_uplinks(std::set<std::string> const& interfaces);
  Result<void> set_resolvers(std::set<IpAddress> const& addresses);
  Result<std::vector<std::string>> mend();
  Result<void> remove_all();

 private:
  Result<void> write(std::set<Element> elements);
  void sign();
  Result<bool> rules_are_right();
  Result<void> fill(std::set<Element> elements);
  Result<void> replace_part(std::set<Element> const& before, std::set<Element> const& after);
  Result<void> accept_named(Change const& change);
  Result<void> commit(Change const& change, std::set<std::string> const& missing);
  Result<std::vector<std::string>> mend_tables();
  Result<std::vector<std::string>> mend_accept_rules(std::set<std::string> const& named_bridges);

  NftSocket socket_;
  WrittenTables tables_;
  std::array<ForwardAccept, 2> accept_rules_{ForwardAccept(Family::ipv4),
                                             ForwardAccept(Family::ipv6)};
  std::set<Element> elements_;                         // what the tables hold
  std::optional<std::uint32_t> seen_foreign_changes_;  // as of the last look
};

Result<void> NftTable::State::write(std::set<Element> elements) {
  elements.erase(tables_.mark());
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
  for (char const* set : host_sets) {
    elements.merge(part_of(elements_, set));
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
  if (!tables_.are_known()) {
    return std::vector<std::string>{};
  }
  Result<std::vector<std::string>> astray = tables_.astray(socket_);
  if (!astray || astray->empty()) {
    return astray;
  }
  Result<void> const written = write(elements_);
  return written ? std::move(astray) : fail(written.error());
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
  for (std::uint16_t const family : tables_.families()) {
    append_table_removal(batch, family);
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
  tables_.forget();
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
