#include "tests/fuzz/targets.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace drawbridge {
namespace {

namespace fs = std::filesystem;

fs::path const corpus = DRAWBRIDGE_SOURCE_DIR "/tests/fuzz/corpus/http";

std::string contents_of(fs::path const& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(HttpCorpus, HoldsForEveryFile) {
  int files = 0;
  for (fs::directory_entry const& entry : fs::directory_iterator(corpus)) {
    SCOPED_TRACE(entry.path());
    fuzz_http_codec(contents_of(entry.path()));
    ++files;
  }
  EXPECT_GT(files, 10);
}

TEST(HttpCorpus, HoldsForEveryFileCutAnywhere) {
  for (fs::directory_entry const& entry : fs::directory_iterator(corpus)) {
    std::string const bytes = contents_of(entry.path());
    for (std::size_t size = 0; size < bytes.size() && size < 256; ++size) {
      fuzz_http_codec(std::string_view(bytes).substr(0, size));
    }
  }
}

}  // namespace
}  // namespace drawbridge
