// The JSON is what engine 20.10 answers, shortened; DNSNames and GwPriority are what API 1.48 adds.
#include "docker/container_calls.h"
#include "docker/containers.h"
#include "tests/support/expect_ok.h"
#include "tests/support/fake_engine.h"
#include "tests/support/temp_directory.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {
namespace {

constexpr std::string_view list = R"json([
  {"Id":"d70e","Names":["/exited"],"Image":"bb:latest","Command":"true","Created":1795303008,
   "Ports":[],"Labels":{},"State":"exited","Status":"Exited (0) 2 seconds ago",
   "HostConfig":{"NetworkMode":"net"},"NetworkSettings":{"Networks":{
     "net":{"IPAMConfig":null,"Links":null,"Aliases":null,"NetworkID":"d15f","EndpointID":"",
            "Gateway":"","IPAddress":"","IPPrefixLen":0,"IPv6Gateway":"","GlobalIPv6Address":"",
            "GlobalIPv6PrefixLen":0,"MacAddress":"","DriverOpts":null},
     "later":{"IPAMConfig":null,"NetworkID":"","EndpointID":"","Gateway":"","IPAddress":"",
             "IPPrefixLen":0,"MacAddress":""}}},"Mounts":[]},
  {"Id":"581f","Names":["/shared"],"Labels":{},"State":"running","Status":"Up 4 seconds",
   "HostConfig":{"NetworkMode":"container:507d"},"NetworkSettings":{"Networks":{}},"Mounts":[]},
  {"Id":"17f3","Names":["/paused","/other/alias"],"Labels":{},"State":"paused",
   "Status":"Up 5 seconds (Paused)","HostConfig":{"NetworkMode":"default"},
   "NetworkSettings":{"Networks":{
     "net2":{"NetworkID":"65f6","EndpointID":"3750","Gateway":"10.78.1.1","IPAddress":"10.78.1.2",
             "IPPrefixLen":24,"MacAddress":"02:42:0a:4e:01:02","DNSNames":["paused","17f3"],
             "GwPriority":-1},
     "bridge":{"NetworkID":"ee38","EndpointID":"9682","Gateway":"172.17.0.1",
               "IPAddress":"172.17.0.2","IPPrefixLen":16,"IPv6Gateway":"fd00::1",
               "GlobalIPv6Address":"fd00::2","GlobalIPv6PrefixLen":64,
               "MacAddress":"02:42:ac:11:00:02","DriverOpts":null}}},"Mounts":[]}
])json";

constexpr std::string_view app = R"json(
  {"Id":"507d","Created":"2026-11-21T23:16:45.452836408Z","Path":"sleep","Args":["1000"],
   "State":{"Status":"running","Running":true,"Paused":false,"Restarting":false,"OOMKilled":false,
            "Dead":false,"Pid":16572,"ExitCode":0,"Error":"",
            "StartedAt":"2026-11-21T23:16:46.337619651Z","FinishedAt":"0001-01-01T00:00:00Z"},
   "Name":"/app","RestartCount":0,
   "HostConfig":{"Binds":null,"NetworkMode":"net","PortBindings":{},
                 "RestartPolicy":{"Name":"unless-stopped","MaximumRetryCount":0}},
   "Config":{"Hostname":"507db075f41b","Env":["VIRTUAL_HOST=a.test","EMPTY=","OPTS=a=b","GONE"],
             "Cmd":["sleep","1000"],"Entrypoint":null,"OnBuild":null,
             "Labels":{"com.docker.compose.oneoff":"False","com.docker.compose.project":"p"}},
   "NetworkSettings":{"Bridge":"","SandboxID":"648d","Ports":{},"IPAddress":"","IPPrefixLen":0,
     "Networks":{"net":{"IPAMConfig":{"IPv4Address":"10.77.1.9"},"Links":null,
                        "Aliases":["web","507db075f41b"],"NetworkID":"d15f","EndpointID":"72b0",
                        "Gateway":"10.77.1.1","IPAddress":"10.77.1.9","IPPrefixLen":24,
                        "MacAddress":"02:42:0a:4d:01:09","DriverOpts":null}}}})json";

std::string text_of(RunState state) {
  switch (state) {
    case RunState::created:
      return "created";
    case RunState::running:
      return "running";
    case RunState::restarting:
      return "restarting";
    case RunState::stopped:
      return "stopped";
  }
  return "";
}

/// One line for a container: "581f shared running container:507d; net=d15f/72b0 10.77.1.9/24".
std::string text_of(Container const& container) {
  std::string text = fmt::format("{} {} {} {}", container.id.value, container.name,
                                 text_of(container.state), container.network_mode);
  for (Attachment const& each : container.attachments) {
    text += fmt::format("; {}={}/{}", each.network_name, each.network.value, each.endpoint.value);
    text += each.ipv4 ? " " + each.ipv4->to_string() : "";
    text += each.ipv6 ? " " + each.ipv6->to_string() : "";
  }
  return text;
}

std::string text_of(Result<std::vector<Container>> const& containers) {
  std::string text;
  for (Container const& each : containers ? *containers : std::vector<Container>()) {
    text += text_of(each) + "\n";
  }
  return containers ? text : containers.error().message;
}

std::string text_of(Result<Container> const& container) {
  return container ? text_of(*container) : container.error().message;
}

TEST(DockerContainers, AreListedWithTheirNetworks) {
  EXPECT_EQ(text_of(decode_containers(list)),
            "d70e exited stopped net; net=d15f/; later=/\n"
            "581f shared running container:507d\n"
            "17f3 paused running default; net2=65f6/3750 10.78.1.2/24; "
            "bridge=ee38/9682 172.17.0.2/16 fd00::2/64\n");
}

TEST(DockerContainers, AreListedWithoutTheirEnvironment) {
  Result<std::vector<Container>> const containers = decode_containers(list);
  ASSERT_OK(containers);
  EXPECT_EQ(containers->front().environment, std::nullopt);
}

TEST(DockerContainers, RunWhereTheEngineSaysSo) {
  auto const state_in = [](std::string_view state) {
    return decode_containers(fmt::format(R"([{{"State":"{}"}}])", state)).value().front().state;
  };
  EXPECT_EQ(state_in("created"), RunState::created);
  EXPECT_EQ(state_in("running"), RunState::running);
  EXPECT_EQ(state_in("paused"), RunState::running);
  EXPECT_EQ(state_in("restarting"), RunState::restarting);
  for (std::string_view const state : {"exited", "dead", "removing", "", "new"}) {
    EXPECT_EQ(state_in(state), RunState::stopped) << state;
  }
}

TEST(DockerContainers, AreReadWholeWithTheirEnvironment) {
  Result<Container> const container = decode_container(app);
  EXPECT_EQ(text_of(container), "507d app running net; net=d15f/72b0 10.77.1.9/24");
  EXPECT_EQ(container->environment,
            (std::vector<std::string>{"VIRTUAL_HOST=a.test", "EMPTY=", "OPTS=a=b", "GONE"}));
  EXPECT_EQ(container->labels.at("com.docker.compose.project"), "p");
}

TEST(DockerContainers, DoWithoutMembersThatAreMissing) {
  EXPECT_EQ(text_of(decode_containers(R"([{"Names":["/a"]}])")), " a stopped \n");
  EXPECT_EQ(text_of(decode_container(R"({"Id":"a","Config":{"Env":null,"Labels":null}})")),
            "a  stopped ");
}

TEST(DockerContainers, AreRefusedWhereTheyCannotBeRead) {
  EXPECT_EQ(text_of(decode_container("{}")), "a container has no \"Id\"");
  EXPECT_EQ(text_of(decode_container("[]")), "\"container\" is not an object");
  EXPECT_EQ(text_of(decode_container(R"({"Id":"a","Config":{"Env":[1]}})")),
            "\"Env\" is not a text");
  EXPECT_EQ(text_of(decode_container(R"({"Id":"a","NetworkSettings":{"Networks":[]}})")),
            "\"Networks\" is not an object");
}

TEST(DockerContainers, AreAskedFor) {
  TempDirectory const directory;
  FakeEngine engine(directory / "d.sock");
  engine.give("/v1.41/containers/json?all=1", list);
  engine.give("/v1.41/containers/app/json", app);
  engine.give("/v1.41/containers/odd%2F/json", "[]");
  ApiClient api(directory / "d.sock", std::chrono::seconds(10));
  Result<std::vector<Container>> const listed = fetch_containers(api);
  ASSERT_OK(listed);
  EXPECT_EQ(listed->size(), 3u);
  Result<Container> const inspected = inspect_container(api, {"app"});
  ASSERT_OK(inspected);
  EXPECT_EQ(inspected->id.value, "507d");
  EXPECT_TRUE(fails_with(inspect_container(api, {"absent"}), Errc::not_found, "page not found"));
  EXPECT_TRUE(fails_with(inspect_container(api, {"odd/"}), Errc::malformed,
                         "GET /containers/odd%2F/json: \"container\" is not an object"));
}

}  // namespace
}  // namespace drawbridge
