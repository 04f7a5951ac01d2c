// What went wrong, as a value: one kind for code, one sentence for people.
//
// Each caller that knows more puts words in front: "create network ab12: add bridge db-ab12:
// file exists". Texts are lower case, name the object, and carry no full stop.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

enum class Errc : std::uint8_t {
  malformed,         // the bytes are no request at all
  invalid_argument,  // the caller asked for something that cannot be
  not_found,
  already_exists,
  exhausted,    // nothing left of what was asked for
  conflict,     // collides with something that exists
  unsupported,  // known, but this version or this kernel cannot do it
  kernel,       // netlink, nftables or /proc said no
  store,        // the state file said no
};

/// returns  the kind as logs print it: "invalid_argument"
std::string_view name_of(Errc code);

struct Error {
  Errc code;
  std::string message;

  /// returns  the same error with "words: " in front of its message
  [[nodiscard]] Error within(std::string_view words) const;

  bool operator==(Error const&) const = default;
};

/// Failures of a clean-up that goes on past each of them.
class ErrorList {
 public:
  void add(Error error);
  bool empty() const { return errors_.empty(); }

  /// returns  the first error's kind with all messages, joined by "; ". Needs at least one error.
  Error joined() const;

 private:
  std::vector<Error> errors_;
};

}  // namespace drawbridge
