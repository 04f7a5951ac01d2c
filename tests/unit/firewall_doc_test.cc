// docs/firewall.md shows the table as the kernel tests see it listed.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

namespace drawbridge {
namespace {

std::string read(std::string const& path) {
  std::ifstream file(std::string(DRAWBRIDGE_SOURCE_DIR "/") + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(FirewallDoc, ShowsTheGoldenTable) {
  std::string const golden = read("tests/golden/skeleton.nft");
  ASSERT_FALSE(golden.empty());

  EXPECT_NE(read("docs/firewall.md").find("```text\n" + golden + "```\n"), std::string::npos);
}

}  // namespace
}  // namespace drawbridge
