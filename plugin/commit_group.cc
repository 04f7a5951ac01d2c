#include "plugin/commit_group.h"

#include <optional>
#include <utility>

namespace drawbridge {

void CommitGroup::add(std::function<Outcome()> const& handle, Answer answer) {
  Result<void> const begun = is_open_ ? Result<void>() : store_.begin();
  if (!begun) {
    answer(fail(begun.error()));
    return;
  }
  is_open_ = true;
  Outcome outcome = handle();
  std::optional<Error> const lost = !outcome && outcome.error().code == Errc::store
                                        ? std::optional(outcome.error())
                                        : std::nullopt;
  members_.push_back({std::move(outcome), std::move(answer)});
  if (lost) {
    lose(*lost);
  } else if (members_.size() >= most_members) {
    finish();
  }
}

void CommitGroup::finish() {
  if (!is_open_) {
    return;
  }
  if (Result<void> const committed = store_.commit(); !committed) {
    lose(committed.error());
    return;
  }
  for (Member const& member : close()) {
    member.answer(member.outcome);
  }
}

/// An answer may open the next group.
std::vector<CommitGroup::Member> CommitGroup::close() {
  is_open_ = false;
  return std::exchange(members_, {});
}

void CommitGroup::lose(Error const& reason) {
  store_.roll_back();
  on_lost_();
  for (Member const& member : close()) {
    member.answer(member.outcome ? fail(reason) : member.outcome);
  }
}

}  // namespace drawbridge
