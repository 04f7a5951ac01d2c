// The verbs against a daemon that is a fake server on a unix socket.
#include "cli/backup.h"
#include "cli/verbs.h"
#include "plugin/control_error.h"
#include "tests/support/expect_ok.h"
#include "tests/support/fake_engine.h"
#include "tests/support/store_samples.h"
#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace drawbridge {
namespace {

class VerbsTest : public testing::Test {
 protected:
  template <class Verb>
  Verb verb(bool as_json = false) const {
    Verb command;
    command.control_socket = socket_;
    command.as_json = as_json;
    return command;
  }
  EndpointsCommand endpoints_of(std::string const& network) const {
    auto command = verb<EndpointsCommand>();
    command.network = network;
    return command;
  }
  ReconcileCommand dry_run() const {
    auto command = verb<ReconcileCommand>();
    command.dry_run = true;
    return command;
  }
  BackupCommand backup_to(std::filesystem::path const& file) const {
    auto command = verb<BackupCommand>();
    command.file = file;
    command.state_dir = directory_ / "state";
    return command;
  }
  static std::string text_in(std::filesystem::path const& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  TempDirectory directory_;
  std::filesystem::path socket_ = directory_ / "c.sock";
};

std::string const one_port =
    R"([{"network":"8f3a","network_name":"shop","endpoint":"b2","container":"web","protocol":"tcp",)"
    R"("host_address":"0.0.0.0","host_port":8080,"host_port_last":8080,)"
    R"("container_addresses":["10.249.1.2"],"container_port":80,"reach":"all","held":true}])";
std::string const two_networks =
    R"([{"id":"8f3a","name":"shop","isolation":"network"},{"id":"9c00","name":"db","isolation":"members"}])";
std::string const two_endpoints =
    R"([{"id":"e1","network":"8f3a","network_name":"shop","container":"web"},)"
    R"({"id":"e2","network":"9c00","network_name":"db","container":"sql"}])";

TEST_F(VerbsTest, PrintATable) {
  FakeEngine daemon(socket_);
  daemon.give("/ports", one_port);
  Result<Outcome> const shown = run_verb(verb<PortsCommand>());
  ASSERT_OK(shown);
  EXPECT_EQ(shown->text,
            "CONTAINER   NETWORK   PUBLISHED      TO                  REACHED BY\n"
            "web         shop      0.0.0.0:8080   10.249.1.2:80/tcp   all\n");
  EXPECT_EQ(shown->exit_code, 0);
  EXPECT_EQ(daemon.asked(), std::vector<std::string>{"/ports"});
}

TEST_F(VerbsTest, PrintTheDaemonsJson) {
  FakeEngine daemon(socket_);
  daemon.give("/ports", one_port);
  daemon.give("/networks", two_networks);
  EXPECT_EQ(run_verb(verb<PortsCommand>(true)).value().text, one_port + "\n");
  EXPECT_EQ(run_verb(verb<NetworksCommand>(true)).value().text, two_networks + "\n");
}

TEST_F(VerbsTest, KeepTheEndpointsOfOneNetwork) {
  FakeEngine daemon(socket_);
  daemon.give("/endpoints", two_endpoints);
  daemon.give("/networks", two_networks);
  for (char const* name : {"db", "9c00", "9c"}) {
    Result<Outcome> const shown = run_verb(endpoints_of(name));
    ASSERT_OK(shown);
    EXPECT_NE(shown->text.find("sql"), std::string::npos) << shown->text;
    EXPECT_EQ(shown->text.find("web"), std::string::npos) << shown->text;
  }
  EXPECT_NE(run_verb(endpoints_of("")).value().text.find("web"), std::string::npos);
  EXPECT_TRUE(fails_with(run_verb(endpoints_of("none")), Errc::not_found,
                         "no network of drawbridge is called \"none\""));
}

TEST_F(VerbsTest, SayOnOneLineWhatToDoWhereNoDaemonAnswers) {
  Result<Outcome> const shown = run_verb(verb<StatusCommand>());
  EXPECT_TRUE(fails_with(shown, Errc::not_found,
                         "c.sock: connect: No such file or directory: the daemon does not run"));
  EXPECT_TRUE(fails_with(shown, Errc::not_found, "\"drawbridge serve\""));
  EXPECT_EQ(shown.error().message.find('\n'), std::string::npos);
}

TEST_F(VerbsTest, SayThatThePathOfTheSocketCannotBeOne) {
  StatusCommand command;
  command.control_socket = "/" + std::string(120, 'x');
  EXPECT_TRUE(fails_with(run_verb(command), Errc::invalid_argument,
                         "has 121 characters, it may have 107: name its socket"));
}

TEST_F(VerbsTest, SayWhenTheDaemonIsOfAnotherVersion) {
  FakeEngine daemon(socket_);
  EXPECT_TRUE(fails_with(run_verb(verb<NetworksCommand>()), Errc::unsupported,
                         "status 404 for GET /networks: the daemon is of another version"));
  daemon.give("/networks", "{}");
  EXPECT_TRUE(
      fails_with(run_verb(verb<NetworksCommand>()), Errc::malformed, "not a list of networks"));
  EXPECT_TRUE(
      fails_with(run_verb(verb<NetworksCommand>(true)), Errc::malformed, "not a list of networks"));
}

TEST_F(VerbsTest, SayWhenWhatAnswersIsNoDrawbridge) {
  FakeEngine daemon(socket_);
  daemon.on("/status", {{"SSH-2.0-OpenSSH_9.2\r\n\r\n"}});
  EXPECT_TRUE(fails_with(run_verb(verb<StatusCommand>()), Errc::malformed, "it is not drawbridge"));
}

TEST_F(VerbsTest, SayWhyTheDaemonFailed) {
  FakeEngine daemon(socket_);
  daemon.on("/pools", {{api_reply(control_failure, R"({"Err":"list the routes: no memory"})")}});
  EXPECT_TRUE(
      fails_with(run_verb(verb<PoolsCommand>()), Errc::conflict, "list the routes: no memory"));
}

TEST_F(VerbsTest, ReconcileEndsWithWhetherAllIsInOrderNow) {
  FakeEngine daemon(socket_);
  daemon.give("/reconcile", "[]");
  EXPECT_EQ(run_verb(dry_run()).value().exit_code, 0);
  daemon.give("/reconcile", R"([{"kind":"bridge","text":"bridge db-1 was gone","failure":""}])");
  EXPECT_EQ(run_verb(dry_run()).value().text, "to repair: bridge db-1 was gone\n");
  EXPECT_EQ(run_verb(dry_run()).value().exit_code, 1);
  Outcome const repaired = run_verb(verb<ReconcileCommand>()).value();
  EXPECT_EQ(repaired.text, "repaired: bridge db-1 was gone\n");
  EXPECT_EQ(repaired.exit_code, 0);
}

TEST_F(VerbsTest, BackupWritesWhatTheDaemonSends) {
  FakeEngine daemon(socket_);
  daemon.give("/backup", "SQLite format 3");
  daemon.give("/status", R"({"version":"1","paths":{"state_dir":"/srv/state"}})");
  Result<Outcome> const done = run_verb(backup_to(directory_ / "copy"));
  ASSERT_OK(done);
  EXPECT_EQ(text_in(directory_ / "copy"), "SQLite format 3");
  EXPECT_EQ(std::filesystem::status(directory_ / "copy").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_NE(done->text.find("15 bytes, a copy of /srv/state/state.db\nto restore it: stop"),
            std::string::npos)
      << done->text;
  EXPECT_EQ(run_verb(backup_to("-")).value().text, "SQLite format 3");
}

TEST_F(VerbsTest, BackupOverwritesNothing) {
  FakeEngine daemon(socket_);
  daemon.give("/backup", "SQLite format 3");
  std::ofstream(directory_ / "copy") << "precious";
  EXPECT_TRUE(fails_with(run_verb(backup_to(directory_ / "copy")), Errc::already_exists,
                         "name a file that is not there yet"));
  EXPECT_EQ(text_in(directory_ / "copy"), "precious");
}

TEST_F(VerbsTest, BackupLeavesNothingOfACopyThatFailed) {
  FakeEngine daemon(socket_);
  daemon.on("/backup", {{api_reply(control_failure, R"({"Err":"disk full"})")}});
  EXPECT_TRUE(fails_with(run_verb(backup_to(directory_ / "copy")), Errc::conflict, "disk full"));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "copy"));
}

TEST_F(VerbsTest, BackupReadsTheStateItselfWhereNoDaemonRuns) {
  EXPECT_TRUE(fails_with(run_verb(backup_to(directory_ / "copy")), Errc::not_found,
                         "and there is no state in"));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "state"));
  fill(*open(directory_ / "state"));
  ASSERT_OK(run_verb(backup_to(directory_ / "copy")));
  std::filesystem::create_directory(directory_ / "restored");
  std::filesystem::rename(directory_ / "copy", directory_ / "restored/state.db");
  EXPECT_EQ(contents_of(*open(directory_ / "restored")), contents_of(*open(directory_ / "state")));
}

}  // namespace
}  // namespace drawbridge
