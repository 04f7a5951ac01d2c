// A network with two members whose ports are published: what the tests of it share.
#pragma once

#include "driver/driver.h"
#include "tests/support/expect_ok.h"
#include "tests/support/fake_host_ports.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/fake_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <netinet/in.h>

namespace drawbridge {

inline std::string const shop_id = "111111111111aaaa";
inline std::string const web = "aaaaaaaaaaaa1111";
inline std::string const api = "bbbbbbbbbbbb2222";

inline IpAddress ip(std::string const& text) {
  return *IpAddress::parse(text);
}

inline PortRequest ask(std::uint16_t host_port, std::uint16_t container_port,
                       std::optional<IpAddress> host = {}) {
  return {IPPROTO_TCP, host, {host_port, host_port}, container_port};
}

inline PublishedPort port(std::uint16_t host_port, std::uint16_t container_port,
                          std::optional<IpAddress> host = {}) {
  return {IPPROTO_TCP, host, {host_port, host_port}, container_port};
}

/// The network shop and what is behind it.
class PortShop : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(driver.start()); }

  /// The network shop and its members web (10.249.1.2) and api (10.249.1.3), joined.
  void given_members(std::map<std::string, std::string> options = {}) {
    NetworkRequest request;
    request.id = {shop_id};
    request.subnets = {{*IpPrefix::parse("10.249.1.0/24"), ip("10.249.1.1")}};
    request.options = std::move(options);
    ASSERT_OK(driver.create_network(request));
    join(web, "10.249.1.2/24");
    join(api, "10.249.1.3/24");
    driver.settle();
    kernel.forgotten.clear();
    kernel.printed.clear();
  }

  void join(std::string const& endpoint, std::string const& address) {
    Endpoint made;
    made.id = {endpoint};
    made.network = {shop_id};
    made.ipv4 = *IpPrefix::parse(address);
    ASSERT_OK(driver.create_endpoint(made, {}));
    ASSERT_OK(driver.join({shop_id}, {endpoint}));
  }

  Result<std::vector<PublishedPort>> publish(std::string const& endpoint,
                                             std::vector<PortRequest> requests) {
    return driver.publish({{shop_id}, {endpoint}, std::move(requests)});
  }

  /// Publishes for a container by its name, of a network that gives ports.
  Result<std::vector<PublishedPort>> publish_named(
      std::string const& endpoint, std::string const& container,
      std::optional<std::set<std::string>> containers = {}) {
    PublishRequest request{{shop_id}, {endpoint}, {}};
    request.container = container;
    request.containers = std::move(containers);
    return driver.publish(request);
  }

  bool holds(PublishedPort const& held) const { return ports.held.contains(held); }
  bool has_element(std::string const& set) const {
    return std::any_of(kernel.state.elements.begin(), kernel.state.elements.end(),
                       [&set](Element const& element) { return element.set == set; });
  }
  std::vector<PublishedPort> stored(std::string const& endpoint) const {
    return store.contents.endpoints.at({endpoint}).ports;
  }

  FakeKernel kernel;
  FakeStore store;
  FakeHostPorts ports;
  Driver driver{kernel, store, ports};
};

}  // namespace drawbridge
