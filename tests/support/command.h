// Runs a program the way a person would, to see with other eyes what our code did.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace drawbridge {

/// returns  what the shell command printed, its complaints included
std::string output_of(std::string const& command);

/// returns  success when `text` holds `words`, or does not; prints the whole text otherwise
testing::AssertionResult holds(std::string const& text, std::string_view words);
testing::AssertionResult lacks(std::string const& text, std::string_view words);

}  // namespace drawbridge
