// The daemon is a fake server on a unix socket.
#include "plugin/ports_command.h"

#include "plugin/port_listing.h"
#include "tests/support/expect_ok.h"
#include "tests/support/fake_engine.h"
#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace drawbridge {
namespace {

class PortsCommandTest : public testing::Test {
 protected:
  /// returns  the JSON of port 8080 leading to `web`
  static std::string one_port() {
    ListedPort port;
    port.network_name = "shop";
    port.listing.container = "web";
    port.listing.port = {6, *IpAddress::parse("0.0.0.0"), {8080, 8080}, 80};
    port.listing.ipv4 = *IpAddress::parse("10.249.1.2");
    return encode_ports({port});
  }

  PortsCommand command(bool as_json = false) const { return {directory_ / "c.sock", as_json}; }

  TempDirectory directory_;
};

TEST_F(PortsCommandTest, PrintsATable) {
  FakeEngine daemon(command().control_socket);
  daemon.give("/ports", one_port());
  Result<std::string> const listed = list_ports(command());
  ASSERT_OK(listed);
  EXPECT_EQ(*listed,
            "CONTAINER   NETWORK   PUBLISHED      TO                  REACHED BY\n"
            "web         shop      0.0.0.0:8080   10.249.1.2:80/tcp   all\n");
  EXPECT_EQ(daemon.asked(), std::vector<std::string>{"/ports"});
}

TEST_F(PortsCommandTest, PrintsTheDaemonsJson) {
  FakeEngine daemon(command().control_socket);
  daemon.give("/ports", one_port());
  EXPECT_EQ(list_ports(command(true)).value(), one_port() + "\n");
}

TEST_F(PortsCommandTest, SaysOnOneLineWhatToDoWhereNoDaemonAnswers) {
  Result<std::string> const listed = list_ports(command());
  EXPECT_TRUE(
      fails_with(listed, Errc::kernel, "c.sock: connect: No such file or directory: start"));
  EXPECT_TRUE(fails_with(listed, Errc::kernel, "\"drawbridge serve\""));
  EXPECT_EQ(listed.error().message.find('\n'), std::string::npos);
}

TEST_F(PortsCommandTest, SaysWhenTheDaemonIsOlder) {
  FakeEngine daemon(command().control_socket);
  EXPECT_TRUE(fails_with(list_ports(command()), Errc::unsupported,
                         "status 404 for the list of ports: the daemon is of another version"));
  daemon.give("/ports", "{}");
  EXPECT_TRUE(fails_with(list_ports(command()), Errc::malformed, "not a list of ports"));
  EXPECT_TRUE(fails_with(list_ports(command(true)), Errc::malformed, "not a list of ports"));
}

TEST_F(PortsCommandTest, IsAVerbWithTwoFlags) {
  std::array<char const*, 2> const plain{"drawbridge", "ports"};
  std::array<char const*, 5> const full{"drawbridge", "ports", "--json", "--control-socket",
                                        "/run/c.sock"};
  PortsCommand const defaults = std::get<PortsCommand>(parse_command_line(2, plain.data()));
  PortsCommand const given = std::get<PortsCommand>(parse_command_line(5, full.data()));
  EXPECT_EQ(defaults.control_socket, "/run/drawbridge/control.sock");
  EXPECT_FALSE(defaults.as_json);
  EXPECT_EQ(given.control_socket, "/run/c.sock");
  EXPECT_TRUE(given.as_json);
}

TEST_F(PortsCommandTest, RefusesWhatItDoesNotKnow) {
  std::array<char const*, 3> const wrong{"drawbridge", "ports", "--yaml"};
  EXPECT_EQ(std::get<ExitCommand>(parse_command_line(3, wrong.data())).code, 2);
}

}  // namespace
}  // namespace drawbridge
