// docs/ipam.md quotes what the sources print: the words between the `…` of each text are theirs.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

namespace drawbridge {
namespace {

namespace fs = std::filesystem;

std::string read(fs::path const& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// returns  the sources of these layers, with literals that go on in the next line joined
std::string sources() {
  static std::regex const seam("\"[ ]*\n[ ]*\"");
  static std::regex const escaped_quote("\\\\\"");
  std::string all;
  for (char const* const layer : {"ipam", "plugin", "store", "model"}) {
    for (fs::directory_entry const& file :
         fs::directory_iterator(fs::path(DRAWBRIDGE_SOURCE_DIR) / layer)) {
      all +=
          std::regex_replace(std::regex_replace(read(file.path()), seam, ""), escaped_quote, "\"");
    }
  }
  return all;
}

/// returns  the first column of the tables below "Every text", without their heads
std::vector<std::string> quoted_texts(std::string const& page) {
  std::istringstream lines(page.substr(page.find("## Every text")));
  std::vector<std::string> texts;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("| `")) {
      texts.push_back(line.substr(3, line.find("` |") - 3));
    }
  }
  return texts;
}

std::vector<std::string> fixed_parts(std::string const& text) {
  static std::string const gap = "…";
  std::vector<std::string> parts;
  std::size_t start = 0;
  for (std::size_t end = text.find(gap); end != std::string::npos; end = text.find(gap, start)) {
    parts.push_back(text.substr(start, end - start));
    start = end + gap.size();
  }
  parts.push_back(text.substr(start));
  return parts;
}

TEST(IpamDoc, QuotesWhatTheSourcesPrint) {
  std::string const printed = sources();
  std::vector<std::string> const texts =
      quoted_texts(read(fs::path(DRAWBRIDGE_SOURCE_DIR) / "docs/ipam.md"));
  ASSERT_FALSE(texts.empty());

  for (std::string const& text : texts) {
    for (std::string const& part : fixed_parts(text)) {
      EXPECT_NE(printed.find(part), std::string::npos) << '"' << part << "\" of: " << text;
    }
  }
}

}  // namespace
}  // namespace drawbridge
