#include "tests/support/holds.h"

namespace drawbridge {

testing::AssertionResult holds(std::string const& text, std::string_view words) {
  bool const found = text.find(words) != std::string::npos;
  return (found ? testing::AssertionSuccess() : testing::AssertionFailure())
         << "looked for " << words << " in:\n"
         << text;
}

testing::AssertionResult lacks(std::string const& text, std::string_view words) {
  return holds(text, words) ? testing::AssertionFailure() << words << " is in:\n"
                                                          << text
                            : testing::AssertionSuccess();
}

}  // namespace drawbridge
