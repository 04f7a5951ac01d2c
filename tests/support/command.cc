#include "tests/support/command.h"

#include "base/handle.h"

#include <array>
#include <cstdio>

namespace drawbridge {

std::string output_of(std::string const& command) {
  std::string output;
  Handle<FILE, pclose> const pipe(popen((command + " 2>&1").c_str(), "r"));
  std::array<char, 4096> piece{};
  while (pipe && fgets(piece.data(), piece.size(), pipe.get()) != nullptr) {
    output += piece.data();
  }
  return output;
}

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
