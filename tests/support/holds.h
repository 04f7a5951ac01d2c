// What a long text must hold, with the whole text in the report when it does not.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace drawbridge {

testing::AssertionResult holds(std::string const& text, std::string_view words);
testing::AssertionResult lacks(std::string const& text, std::string_view words);

}  // namespace drawbridge
