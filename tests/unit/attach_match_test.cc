#include "attach/match.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace drawbridge {
namespace {

Container with_labels(std::map<std::string, std::string> labels) {
  Container container;
  container.name = "web";
  container.labels = std::move(labels);
  return container;
}

Container with_environment(std::vector<std::string> environment) {
  Container container;
  container.environment = std::move(environment);
  return container;
}

TEST(RoutableTest, AVirtualHostMakesAContainerRoutable) {
  EXPECT_TRUE(is_routable(with_environment({"PATH=/bin", "VIRTUAL_HOST=app.local"})));
  EXPECT_FALSE(is_routable(with_environment({"VIRTUAL_HOST="})));
  EXPECT_FALSE(is_routable(with_environment({"MY_VIRTUAL_HOST=app.local"})));
  EXPECT_FALSE(is_routable(Container{}));
}

TEST(RoutableTest, LabelsOfTraefikMakeItRoutableUnlessSwitchedOff) {
  EXPECT_TRUE(is_routable(with_labels({{"traefik.http.routers.a.rule", "Host(`a`)"}})));
  EXPECT_TRUE(is_routable(with_labels({{"traefik.enable", "true"}})));
  EXPECT_FALSE(is_routable(with_labels({{"traefik.enable", "false"}, {"traefik.port", "80"}})));
  EXPECT_FALSE(is_routable(with_labels({{"traefikish", "yes"}})));
}

TEST(RoutableTest, LabelsOfCaddyAndOurOwnMakeItRoutable) {
  EXPECT_TRUE(is_routable(with_labels({{"caddy", "app.local"}})));
  EXPECT_TRUE(is_routable(with_labels({{"caddy_1", "app.local"}})));
  EXPECT_TRUE(is_routable(with_labels({{"drawbridge.proxy", "true"}})));
  EXPECT_FALSE(is_routable(with_labels({{"drawbridge.proxy", "yes"}})));
}

TEST(RoutableTest, OurLabelAndOneOffContainersOutrankEverything) {
  EXPECT_FALSE(is_routable(with_labels({{"caddy", "a"}, {"drawbridge.proxy", "false"}})));
  EXPECT_FALSE(is_routable(with_labels({{"caddy", "a"}, {"com.docker.compose.oneoff", "True"}})));
  EXPECT_TRUE(is_routable(with_labels({{"caddy", "a"}, {"com.docker.compose.oneoff", "False"}})));
}

TEST(MatchTest, LabelsAreMatchedByKeyAndByValue) {
  Container const container = with_labels({{"role", "db"}});
  EXPECT_TRUE(matches(Match{Match::Kind::label, "role", {}}, container));
  EXPECT_TRUE(matches(Match{Match::Kind::label, "role", "db"}, container));
  EXPECT_FALSE(matches(Match{Match::Kind::label, "role", "web"}, container));
  EXPECT_FALSE(matches(Match{Match::Kind::label, "rol", {}}, container));
}

TEST(MatchTest, AnyOfAListWillDo) {
  Container const container = with_labels({{"role", "db"}});
  EXPECT_TRUE(matches({{}, {Match::Kind::name, "w*", {}}}, container));
  EXPECT_FALSE(matches({{}, {Match::Kind::name, "x*", {}}}, container));
  EXPECT_FALSE(matches(std::vector<Match>{}, container));
}

TEST(GlobTest, StarsAndQuestionMarksStandForCharacters) {
  EXPECT_TRUE(matches_glob("*", ""));
  EXPECT_TRUE(matches_glob("bucket-*", "bucket-7"));
  EXPECT_TRUE(matches_glob("*-db-?", "kalpa-db-db-1"));
  EXPECT_TRUE(matches_glob("a*b*c", "aXbXbXc"));
  EXPECT_FALSE(matches_glob("bucket-?", "bucket-17"));
  EXPECT_FALSE(matches_glob("bucket", "bucket-1"));
  EXPECT_FALSE(matches_glob("", "a"));
  EXPECT_FALSE(matches_glob("a*b", "acbd"));
}

}  // namespace
}  // namespace drawbridge
