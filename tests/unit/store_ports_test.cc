// Published ports and the ports that are kept for containers.
#include "store/store.h"
#include "tests/support/store_samples.h"
#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace drawbridge {
namespace {

std::int64_t rows_of_ports(std::filesystem::path const& directory) {
  Result<Database> database = Database::open(directory / "state.db");
  EXPECT_OK(database);
  return database->number("SELECT count(*) FROM endpoint_ports").value();
}

class StorePorts : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(store_->save(network("ab12")));
    publishing_.ports = some_ports();
    ASSERT_OK(store_->save(publishing_));
    ASSERT_EQ(rows_of_ports(directory_.path()), 4);
  }

  std::vector<Endpoint> endpoints() { return store_->load_endpoints().value(); }

  TempDirectory directory_;
  std::unique_ptr<Store> store_ = open(directory_.path());
  Endpoint publishing_ = endpoint("e1", "ab12");
};

TEST_F(StorePorts, AreReplacedWithTheirEndpoint) {
  publishing_.ports = {{17, std::nullopt, {53, 53}, 53}};
  ASSERT_OK(store_->save(publishing_));
  EXPECT_EQ(endpoints(), std::vector<Endpoint>{publishing_});
  publishing_.ports.clear();
  ASSERT_OK(store_->save(publishing_));
  EXPECT_EQ(endpoints(), std::vector<Endpoint>{publishing_});
  EXPECT_EQ(rows_of_ports(directory_.path()), 0);
}

TEST_F(StorePorts, StayWhenTheirNetworkIsSavedAgain) {
  ASSERT_OK(store_->save(network("ab12")));
  EXPECT_EQ(endpoints(), std::vector<Endpoint>{publishing_});
}

TEST_F(StorePorts, GoWithTheirEndpointAndNotWithAnother) {
  Endpoint other = endpoint("e2", "ab12");
  other.ports = some_ports();
  ASSERT_OK(store_->save(other));
  ASSERT_OK(store_->remove(publishing_.id));
  EXPECT_EQ(endpoints(), std::vector<Endpoint>{other});
  EXPECT_EQ(rows_of_ports(directory_.path()), 4);
}

TEST_F(StorePorts, GoWithTheirNetwork) {
  ASSERT_OK(store_->remove(NetworkId{"ab12"}));
  EXPECT_EQ(rows_of_ports(directory_.path()), 0);
}

TEST_F(StorePorts, ArePartOfAGroup) {
  Endpoint changed = publishing_;
  changed.ports.pop_back();
  ASSERT_OK(store_->begin());
  ASSERT_OK(store_->save(changed));
  store_->roll_back();
  EXPECT_EQ(endpoints(), std::vector<Endpoint>{publishing_});
  ASSERT_OK(store_->begin());
  ASSERT_OK(store_->save(changed));
  ASSERT_OK(store_->commit());
  EXPECT_EQ(endpoints(), std::vector<Endpoint>{changed});
}

TEST_F(StorePorts, OfAContainerAreKeptUntilTheyAreRemoved) {
  FakeStore fake;
  ASSERT_OK(fake.save(network("ab12")));
  PortLease const web{{"ab12"}, "web", 9001};
  PortLease const app{{"ab12"}, "app", 9000};
  for (Store* each : {static_cast<Store*>(&fake), store_.get()}) {
    ASSERT_OK(each->save(PortLease{{"ab12"}, "web", 9002}));
    ASSERT_OK(each->save(web));
    ASSERT_OK(each->save(app));
    EXPECT_EQ(each->load_port_leases().value(), (std::vector<PortLease>{app, web}));
    ASSERT_OK(each->remove(app));
    EXPECT_EQ(each->load_port_leases().value(), std::vector<PortLease>{web});
    ASSERT_OK(each->remove(NetworkId{"ab12"}));
    EXPECT_TRUE(each->load_port_leases().value().empty());
  }
}

}  // namespace
}  // namespace drawbridge
