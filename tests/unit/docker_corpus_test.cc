#include "tests/fuzz/targets.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>

namespace drawbridge {
namespace {

namespace fs = std::filesystem;

using Target = std::function<void(std::string_view)>;

std::string contents_of(fs::path const& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// Runs `target` over every file of a corpus and over the beginnings of it.
void run_over(std::string const& corpus, Target const& target) {
  int files = 0;
  for (fs::directory_entry const& entry :
       fs::directory_iterator(fs::path(DRAWBRIDGE_SOURCE_DIR "/tests/fuzz/corpus") / corpus)) {
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

TEST(DockerCorpus, HoldsForEveryReplyCutAnywhere) {
  run_over("http_reply", fuzz_http_reply);
}

TEST(DockerCorpus, HoldsForEveryNetworkCutAnywhere) {
  run_over("docker_networks", fuzz_docker_networks);
}

TEST(DockerCorpus, HoldsForEveryContainerCutAnywhere) {
  run_over("docker_containers", fuzz_docker_containers);
}

}  // namespace
}  // namespace drawbridge
