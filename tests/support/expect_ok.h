// Assertions on Result<T> that print the error: `ASSERT_OK(store->save(pool))` and
// `EXPECT_TRUE(fails_with(reply, Errc::conflict, "overlaps 10.1.0.0/16"))`.
#pragma once

#include "base/result.h"

#include <gtest/gtest.h>

#include <string_view>

namespace drawbridge {

template <class T>
testing::AssertionResult is_ok(Result<T> const& result) {
  if (result) {
    return testing::AssertionSuccess();
  }
  return testing::AssertionFailure()
         << name_of(result.error().code) << ": " << result.error().message;
}

/// returns  success when `result` is an error of this kind and its text holds `words`
template <class T>
testing::AssertionResult fails_with(Result<T> const& result, Errc code, std::string_view words) {
  if (result) {
    return testing::AssertionFailure() << "succeeded";
  }
  bool const as_expected =
      result.error().code == code && result.error().message.find(words) != std::string::npos;
  return (as_expected ? testing::AssertionSuccess() : testing::AssertionFailure())
         << name_of(result.error().code) << ": " << result.error().message;
}

}  // namespace drawbridge

// Macros because only a macro can return from the test that uses it.
#define EXPECT_OK(expression) EXPECT_TRUE(::drawbridge::is_ok(expression))
#define ASSERT_OK(expression) ASSERT_TRUE(::drawbridge::is_ok(expression))
