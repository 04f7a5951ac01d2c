#include "tests/fuzz/targets.h"
#include "tests/support/corpus.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

TEST(DockerCorpus, HoldsForEveryReplyCutAnywhere) {
  run_over_corpus("http_reply", fuzz_http_reply);
}

TEST(DockerCorpus, HoldsForEveryNetworkCutAnywhere) {
  run_over_corpus("docker_networks", fuzz_docker_networks);
}

TEST(DockerCorpus, HoldsForEveryContainerCutAnywhere) {
  run_over_corpus("docker_containers", fuzz_docker_containers);
}

TEST(DockerCorpus, HoldsForEveryEventCutAnywhere) {
  run_over_corpus("docker_events", fuzz_docker_events);
}

}  // namespace
}  // namespace drawbridge
