#include "tests/fuzz/targets.h"
#include "tests/support/corpus.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

TEST(PolicyCorpus, HoldsForEveryValueCutAnywhere) {
  run_over_corpus("policy_options", fuzz_policy_options);
}

}  // namespace
}  // namespace drawbridge
