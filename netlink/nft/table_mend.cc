// What others did to our tables: seen, and put right.
#include "netlink/damage.h"
#include "netlink/diff.h"
#include "netlink/nft/elements.h"
#include "netlink/nft/table_look.h"
#include "netlink/nft/table_state.h"

namespace drawbridge {

/// returns  how often others changed a table of this host: every commit of ours adds one to the
///          generation, so it differs by as many, or others were there
Result<std::uint32_t> NftTable::State::foreign_changes() {
  Result<std::uint32_t> const generation = socket_.generation();
  return generation ? Result<std::uint32_t>(*generation - socket_.commits())
                    : fail(generation.error());
}

Result<TableView> NftTable::State::look() {
  Result<std::uint32_t> const others = foreign_changes();
  if (!others) {
    return fail(others.error());
  }
  TableView view{tables_.are_known(), {}, network_part_of(elements_)};
  if (view.are_known && right_since_ == *others) {
    return view;
  }
  Result<std::vector<std::string>> astray =
      view.are_known ? tables_.astray(socket_) : tables_.absent(socket_);
  if (!astray) {
    return fail(astray.error());
  }
  view.astray = std::move(*astray);
  bool const is_readable = view.are_known && view.astray.empty();
  if (Result<void> read = is_readable ? read_elements(view) : Result<void>(); !read) {
    return fail(read.error());
  }
  if (is_readable && view.astray.empty() && view.elements == network_part_of(elements_)) {
    right_since_ = *others;
  }
  return view;
}

/// Those of the host are compared here: nobody else knows what they should be.
Result<void> NftTable::State::read_elements(TableView& view) {
  Result<std::set<Element>> held = elements_held(socket_, elements_, tables_.families());
  if (!held && is_astray(held.error())) {
    view.astray.emplace_back("sets of tables drawbridge were changed");
    return {};
  }
  if (!held) {
    return fail(held.error());
  }
  ChangeElements const damage = difference(host_part_of(elements_), host_part_of(*held));
  for (Element const& element : damage.remove) {
    view.astray.push_back(missing_text(element));
  }
  for (Element const& element : damage.add) {
    view.astray.push_back(not_ours_text(element));
  }
  view.elements = network_part_of(std::move(*held));
  return {};
}

Result<std::vector<std::string>> NftTable::State::mend() {
  Result<std::uint32_t> const others = foreign_changes();
  if (!others) {
    return fail(others.error());
  }
  if (seen_foreign_changes_ == *others) {
    return std::vector<std::string>{};
  }
  Result<std::vector<std::string>> repairs = mend_tables(*others);
  if (!repairs) {
    return repairs;
  }
  Result<std::vector<std::string>> more = mend_accept_rules(named_bridges(elements_));
  if (!more) {
    return more;
  }
  repairs->insert(repairs->end(), more->begin(), more->end());
  seen_foreign_changes_ = *others;
  return repairs;
}

/// others  foreign_changes()
Result<std::vector<std::string>> NftTable::State::mend_tables(std::uint32_t others) {
  if (!tables_.are_known() || right_since_ == others) {
    return std::vector<std::string>{};
  }
  Result<std::vector<std::string>> astray = tables_.astray(socket_);
  if (!astray || astray->empty()) {
    return astray;
  }
  Result<void> const written = write(elements_);
  if (written) {
    right_since_ = others;
  }
  return written ? std::move(astray) : fail(written.error());
}

Result<std::vector<std::string>> NftTable::State::astray_accept_rules() {
  std::vector<std::string> lines;
  for (ForwardAccept& rules : accept_rules_) {
    Result<std::vector<std::string>> const astray = rules.astray(socket_, named_bridges(elements_));
    if (!astray) {
      return fail(Errc::kernel, "accept rules: " + astray.error().message);
    }
    lines.insert(lines.end(), astray->begin(), astray->end());
  }
  return lines;
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

}  // namespace drawbridge
