// Removals that the state file refused: the engine forgets what it asked to be removed whatever the
// answer is, so they are asked for again here until they are done.
//
// A full disk, mostly. Until then everything is as it was, in memory as on disk. One thread.
// source: docs/PROTOCOL.md "Network driver", docs/STATE.md
#pragma once

#include "base/result.h"
#include "model/ids.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

class Unfinished {
 public:
  /// Takes in how a request went: notes a removal that the state file refused, and forgets the
  /// taking back of ports that were published again since.
  void note(std::string_view path, std::string_view body, Result<std::string> const& outcome);

  bool is_empty() const { return requests_.empty(); }

  using Run = std::function<Result<std::string>(std::string_view path, std::string_view body)>;
  /// Runs what is left, in the order in which it was asked for, until the state file refuses again.
  ///
  /// returns  a line for each that is over
  std::vector<std::string> retry(Run const& run);

 private:
  struct Request {
    std::string path;
    std::string body;

    bool operator==(Request const&) const = default;
  };

  void forget_unpublishing(std::string_view body);

  std::vector<Request> requests_;
};

}  // namespace drawbridge
