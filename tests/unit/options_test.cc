#include "plugin/options.h"

#include <gtest/gtest.h>

#include <array>

namespace drawbridge {
namespace {

TEST(Options, NameTheFileOfTheNameServers) {
  std::array<char const*, 4> const named{"drawbridge", "serve", "--resolv-conf",
                                         "/run/resolv.conf"};
  std::array<char const*, 2> const plain{"drawbridge", "serve"};

  EXPECT_EQ(std::get<ServeCommand>(parse_command_line(4, named.data())).resolv_conf,
            "/run/resolv.conf");
  EXPECT_EQ(std::get<ServeCommand>(parse_command_line(2, plain.data())).resolv_conf,
            "/etc/resolv.conf");
}

}  // namespace
}  // namespace drawbridge
