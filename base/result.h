// Result<T>: a value or an Error, never dropped unseen.
//
// tl::expected is std::expected for C++20 compilers without it; the class only adds [[nodiscard]].
#pragma once

#include "base/error.h"

#include <tl/expected.hpp>

#include <string>
#include <utility>

namespace drawbridge {

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

/// What a failing function returns: `return fail(Errc::not_found, "network " + id);`
inline tl::unexpected<Error> fail(Errc code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

}  // namespace drawbridge
