// Changes of several requests that become durable by one commit, and the answers that wait for it.
//
// A commit costs a write that reaches the disk, whether it holds one change or fifty. Nothing is
// answered before it is on disk. docs/adr/0016-group-commit.md
#pragma once

#include "base/result.h"
#include "store/store.h"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace drawbridge {

class CommitGroup {
 public:
  using Outcome = Result<std::string>;
  using Answer = std::function<void(Outcome const&)>;

  /// store    outlives the object
  /// on_lost  called when a group could not be stored and nothing of it was kept: what memory has
  ///          of it is wrong then
  CommitGroup(Store& store, std::function<void()> on_lost)
      : store_(store), on_lost_(std::move(on_lost)) {}

  /// Runs `handle`, whose changes belong to the group. `answer` is called once they are durable; or
  /// with the reason why they are not, for which another member of the group may be to blame.
  void add(std::function<Outcome()> const& handle, Answer answer);

  /// Ends the group that is open, if there is one: no answer waits any more.
  void finish();

 private:
  struct Member {
    Outcome outcome;
    Answer answer;
  };
  static constexpr std::size_t most_members = 64;

  std::vector<Member> close();
  void lose(Error const& reason);

  Store& store_;
  std::function<void()> on_lost_;
  bool is_open_ = false;
  std::vector<Member> members_;
};

}  // namespace drawbridge
