// Runs the kernel tests in namespaces of their own; exits with 77, which ctest shows as skipped,
// where the host does not let them be made.
#include "tests/support/netns.h"

#include <gtest/gtest.h>

#include <cstdio>

int main(int argc, char** argv) {
  std::string const refused = drawbridge::enter_private_namespaces();
  if (!refused.empty()) {
    std::printf("skipped: no namespaces for the tests: %s\n", refused.c_str());
    return 77;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
