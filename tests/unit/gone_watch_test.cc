// Looks are tables: what is ours, what Docker shows, and what is released then, each as words.
#include "plugin/gone_watch.h"

#include "ipam/address_space.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {
namespace {

std::vector<std::string> words_of(std::string const& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) {
    words.push_back(word);
  }
  return words;
}

IpPrefix subnet(std::string_view text) {
  return *IpPrefix::parse(text);
}

PoolId pool_id(std::string_view text) {
  return {"local/" + std::string(text)};
}

/// returns  what these words name: "n1" a network, "n1:e1" an endpoint of it, "10.1.0.0/16" a pool,
///          "10.1.0.0/16:10.1.0.2" an address of it
Holdings holdings(std::string const& text) {
  Holdings ours;
  for (std::string const& word : words_of(text)) {
    std::size_t const colon = word.find(':');
    std::string const owner = word.substr(0, colon);
    std::string const part = colon == std::string::npos ? "" : word.substr(colon + 1);
    if (owner.find('/') == std::string::npos) {
      std::set<EndpointId>& endpoints = ours.networks[{owner}];
      part.empty() ? void() : void(endpoints.insert({part}));
    } else if (part.empty()) {
      ours.pools.push_back({pool_id(owner), std::string(local_address_space), subnet(owner), {}});
    } else {
      ours.leases.push_back({pool_id(owner), *IpAddress::parse(part)});
    }
  }
  return ours;
}

/// returns  a look that shows these words: "n1" a network, "n1:e1" its endpoint, "n1=10.1.0.0/16"
///          its subnet, "n1@10.1.0.2" an address on it; the network comes first
DockerInventory docker(std::string const& text) {
  DockerInventory look;
  for (std::string const& word : words_of(text)) {
    std::size_t const sign = word.find_first_of(":=@");
    if (sign == std::string::npos) {
      look.networks.emplace_back().id.value = word;
      continue;
    }
    DockerNetwork& network = look.networks.back();
    std::string const part = word.substr(sign + 1);
    if (word[sign] == '=') {
      network.subnets.push_back({subnet(part), {}, {}});
    } else if (word[sign] == ':') {
      network.endpoints.push_back({{part}, "", {}, {}});
    } else {
      network.endpoints.push_back({{"at " + part}, "", IpPrefix::parse(part + "/16").value(), {}});
    }
  }
  return look;
}

std::string text_of(Gone const& gone) {
  std::string text;
  for (NetworkId const& network : gone.networks) {
    text += network.value + " ";
  }
  for (auto const& [network, endpoint] : gone.endpoints) {
    text += network.value + ":" + endpoint.value + " ";
  }
  for (PoolId const& pool : gone.leases.pools) {
    text += pool.value.substr(6) + " ";
  }
  for (Lease const& lease : gone.leases.addresses) {
    text += lease.address.to_string() + " ";
  }
  return text.substr(0, text.size() - (text.empty() ? 0 : 1));
}

std::string text_of(std::set<NetworkId> const& networks) {
  std::string text;
  for (NetworkId const& network : networks) {
    text += (text.empty() ? "" : " ") + network.value;
  }
  return text;
}

TEST(Gone, IsWhatALookDoesNotShow) {
  struct Row {
    char const* ours;
    char const* shown;
    char const* gone;
    char const* doubtful;
  };
  std::vector<Row> const rows = {
      {"", "", "", ""},
      {"n1 n2", "n1 n2 other", "", ""},
      {"n1 n2", "n2 other", "n1", "n1"},
      {"n1", "", "n1", "n1"},
      {"n1:e1 n1:e2", "n1 n1:e2", "n1:e1", "n1"},
      {"n1:e1 n2:e2", "n2 n2:e2", "n1", "n1"},
      {"n1:e1 n2", "n1 n2 n2:e1", "n1:e1", "n1"},
      {"10.1.0.0/16", "a a=10.1.0.0/16", "", ""},
      {"10.1.0.0/16", "a a=10.2.0.0/16", "10.1.0.0/16", ""},
      {"10.1.0.0/16 10.1.0.0/16:10.1.0.2", "a a=10.1.0.0/16 a@10.1.0.2", "", ""},
      {"10.1.0.0/16 10.1.0.0/16:10.1.0.2", "a a=10.1.0.0/16 b b=0.0.0.0/16 c", "10.1.0.2", "a b"},
  };
  for (Row const& row : rows) {
    EXPECT_EQ(text_of(find_gone(holdings(row.ours), docker(row.shown))), row.gone) << row.ours;
    EXPECT_EQ(text_of(find_doubtful(holdings(row.ours), docker(row.shown))), row.doubtful)
        << row.ours;
  }
}

TEST(Gone, IsNotTheWordOfAnotherEngine) {
  struct Row {
    char const* ours;
    char const* shown;
    bool is_another;
  };
  std::vector<Row> const rows = {
      {"n1 n2", "", true},
      {"n1 n2", "other other=10.1.0.0/16", true},
      {"n1 n2", "n1", false},
      {"n1", "other", false},
      {"n1 n2 10.1.0.0/16", "other other=10.1.0.0/16", true},
      {"n1 10.1.0.0/16", "other", false},
      {"n1 10.1.0.0/16 10.2.0.0/16", "other", true},
      {"n1 10.1.0.0/16 10.2.0.0/16", "n1", false},
      {"10.1.0.0/16 10.2.0.0/16", "other", true},
      {"10.1.0.0/16 10.2.0.0/16", "other other=10.2.0.0/16", false},
      {"10.1.0.0/16", "", false},
      {"", "", false},
  };
  for (Row const& row : rows) {
    EXPECT_EQ(is_another_engine(holdings(row.ours), docker(row.shown)), row.is_another)
        << row.ours << " | " << row.shown;
  }
  EXPECT_EQ(text_of(find_doubtful(holdings("n1 n2:e1"), docker("other"))), "");
}

/// A watch over two networks: n1 with e1 and e2, and n2, each with a pool.
class GoneWatchTest : public testing::Test {
 protected:
  /// returns  what is released after a look that shows this, or what is said of it
  std::string look(std::string const& shown) { return look(shown, ours_); }
  std::string look(std::string const& shown, std::string const& ours) {
    GoneWatch::Verdict const verdict = watch_.take(holdings(ours), docker(shown));
    is_suspicious_ = verdict.is_suspicious;
    return text_of(verdict.release) + verdict.warning.value_or("") + verdict.news.value_or("");
  }

  std::string const ours_ =
      "n1:e1 n1:e2 n2 10.1.0.0/16 10.2.0.0/16 10.1.0.0/16:10.1.0.2 10.1.0.0/16:10.1.0.3";
  std::string const one_ = "n1 n1:e1 n1=10.1.0.0/16 n1@10.1.0.2 ";
  std::string const all_ = one_ + "n1:e2 n1@10.1.0.3 n2 n2=10.2.0.0/16";
  std::string const missing_ = "n2 n1:e2 10.2.0.0/16 10.1.0.3";  // at a look that shows one_
  bool is_suspicious_ = false;
  GoneWatch watch_;
};

TEST_F(GoneWatchTest, ReleasesWhatTwoLooksAgreeAbout) {
  EXPECT_EQ(look(one_), "");
  EXPECT_TRUE(is_suspicious_);
  EXPECT_EQ(look(one_), missing_);
}

TEST_F(GoneWatchTest, ReleasesNothingThatIsThere) {
  EXPECT_EQ(look(all_), "");
  EXPECT_EQ(look(all_), "");
  EXPECT_FALSE(is_suspicious_);
}

TEST_F(GoneWatchTest, GoesOn) {
  EXPECT_EQ(look(one_) + look(one_), missing_);
  EXPECT_EQ(look(all_), "");
  EXPECT_EQ(look(one_), "") << "what is back has to be missing twice again";
  EXPECT_EQ(look(one_), missing_);
}

TEST_F(GoneWatchTest, WantsTwoLooksInARow) {
  EXPECT_EQ(look(one_), "");
  EXPECT_EQ(look(all_), "");
  EXPECT_EQ(look(one_), "");
}

TEST_F(GoneWatchTest, AgreesAboutEachThingByItself) {
  EXPECT_EQ(look(one_ + "n2 n2=10.2.0.0/16"), "");
  EXPECT_EQ(look(one_), "n1:e2 10.1.0.3");
  EXPECT_EQ(look(one_, "n1:e1 n2 10.1.0.0/16 10.2.0.0/16"), "n2 10.2.0.0/16");
}

TEST_F(GoneWatchTest, ForgetsALookWhenTheNextOneFails) {
  EXPECT_EQ(look(one_), "");
  watch_.missed();
  EXPECT_EQ(look(one_), "");
  EXPECT_EQ(look(one_), missing_);
}

TEST_F(GoneWatchTest, KeepsWhatWasTouchedBetweenTheLooks) {
  struct Row {
    std::function<void(GoneWatch&)> touch;
    char const* released;
  };
  std::vector<Row> const rows = {
      {[](GoneWatch& w) { w.touched(NetworkId{"n2"}); }, "n1:e2 10.2.0.0/16 10.1.0.3"},
      {[](GoneWatch& w) { w.touched({"n1"}, {"e2"}); }, "n2 10.2.0.0/16 10.1.0.3"},
      {[](GoneWatch& w) { w.touched({"n2"}, {"e9"}); }, "n1:e2 10.2.0.0/16 10.1.0.3"},
      {[](GoneWatch& w) { w.touched(pool_id("10.2.0.0/16")); }, "n2 n1:e2 10.1.0.3"},
      {[](GoneWatch& w) { w.touched(pool_id("10.1.0.0/16")); }, "n2 n1:e2 10.2.0.0/16"},
      {[](GoneWatch& w) { w.touched(pool_id("10.1.0.0/16"), *IpAddress::parse("10.1.0.3")); },
       "n2 n1:e2 10.2.0.0/16"},
      {[](GoneWatch& w) { w.touched(pool_id("10.1.0.0/16"), *IpAddress::parse("10.1.0.2")); },
       "n2 n1:e2 10.2.0.0/16 10.1.0.3"},
      {[](GoneWatch& w) { w.touched(pool_id("10.2.0.0/16"), *IpAddress::parse("10.2.0.9")); },
       "n2 n1:e2 10.1.0.3"},
  };
  for (Row const& row : rows) {
    watch_ = GoneWatch();
    EXPECT_EQ(look(one_), "");
    row.touch(watch_);
    EXPECT_EQ(look(one_), row.released);
    EXPECT_TRUE(is_suspicious_);
  }
}

TEST_F(GoneWatchTest, CountsFromTheLookAfterWhatWasTouched) {
  watch_.touched(NetworkId{"n2"});
  EXPECT_EQ(look(one_), "");
  EXPECT_EQ(look(one_), "n1:e2 10.2.0.0/16 10.1.0.3") << "n2 may have come during the first look";
  EXPECT_TRUE(look(one_).starts_with("n2"));
}

TEST_F(GoneWatchTest, RemembersWhatWasTouchedWhileLooksFail) {
  watch_.touched(NetworkId{"n2"});
  watch_.missed();
  EXPECT_EQ(look(one_), "");
  EXPECT_EQ(look(one_), "n1:e2 10.2.0.0/16 10.1.0.3");
}

TEST_F(GoneWatchTest, ReleasesNothingByTheWordOfAnotherEngineAndSaysSoOnce) {
  EXPECT_EQ(look("other"), "");
  EXPECT_TRUE(is_suspicious_);
  EXPECT_EQ(look("other"),
            "docker_socket names an engine that knows none of the 2 networks made here: nothing is "
            "released");
  EXPECT_FALSE(is_suspicious_);
  EXPECT_EQ(look("other"), "");
  EXPECT_EQ(look(all_), "docker_socket names an engine that knows networks from here again");
  EXPECT_EQ(look(all_), "");
  EXPECT_EQ(look("other") + look("other"),
            "docker_socket names an engine that knows none of the 2 networks made here: nothing is "
            "released");
}

TEST_F(GoneWatchTest, ForgetsWhatWasMissingWhenAnotherEngineAnswers) {
  EXPECT_EQ(look(one_), "");
  EXPECT_EQ(look("other"), "");
  EXPECT_EQ(look(one_), "");
  EXPECT_EQ(look(one_), missing_);
}

TEST_F(GoneWatchTest, TellsAnotherEngineBySubnetsWhereThereAreNoNetworks) {
  std::string const pools = "10.1.0.0/16 10.2.0.0/16 10.3.0.0/16";
  EXPECT_EQ(
      look("other", pools) + look("other", pools),
      "docker_socket names an engine that knows none of the 3 subnets leased here: nothing is "
      "released");
}

TEST_F(GoneWatchTest, ReleasesTheOnlyNetwork) {
  std::string const only = "n1:e1 10.1.0.0/16 10.1.0.0/16:10.1.0.2";
  EXPECT_EQ(look("other", only), "");
  EXPECT_EQ(look("other", only), "n1 10.1.0.0/16");
}

}  // namespace
}  // namespace drawbridge
