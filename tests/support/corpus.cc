#include "tests/support/corpus.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace drawbridge {
namespace {

namespace fs = std::filesystem;

std::string contents_of(fs::path const& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

void run_over_corpus(std::string const& folder,
                     std::function<void(std::string_view)> const& target) {
  int files = 0;
  for (fs::directory_entry const& entry :
       fs::directory_iterator(fs::path(DRAWBRIDGE_SOURCE_DIR "/tests/fuzz/corpus") / folder)) {
    SCOPED_TRACE(entry.path());
    std::string const bytes = contents_of(entry.path());
    target(bytes);
    for (std::size_t size = 0; size < bytes.size() && size < 256; ++size) {
      target(std::string_view(bytes).substr(0, size));
    }
    ++files;
  }
  EXPECT_GT(files, 10);
}

}  // namespace drawbridge
