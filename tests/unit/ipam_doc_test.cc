// docs/ipam.md quotes what the sources print: the words between the `…` of each text are theirs.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
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

/// returns  the text with string literals that go on in the next line joined, and quotes in them as
///          they are printed
std::string as_printed(std::string const& source) {
  std::string text;
  for (std::size_t i = 0; i < source.size(); ++i) {
    std::size_t const next = source.find_first_not_of(" \n", i + 1);
    bool const is_seam = source[i] == '"' && next != std::string::npos && source[next] == '"' &&
                         source.find('\n', i) < next;
    if (is_seam) {
      i = next;
    } else if (source.compare(i, 2, "\\\"") != 0) {
      text += source[i];
    }
  }
  return text;
}

/// returns  the sources of these layers
std::string sources() {
  std::string all;
  for (char const* const layer : {"ipam", "plugin", "store", "model"}) {
    for (fs::directory_entry const& file :
         fs::directory_iterator(fs::path(DRAWBRIDGE_SOURCE_DIR) / layer)) {
      all += as_printed(read(file.path()));
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
