#include "tests/support/test_ipam.h"

#include "tests/support/expect_ok.h"

#include <fmt/format.h>

#include <sstream>
#include <utility>

namespace drawbridge {
namespace {

std::string text_of(Error const& error) {
  return fmt::format("{}: {}", name_of(error.code), error.message);
}

std::string text_of(Result<void> const& result) {
  return result ? "ok" : text_of(result.error());
}

std::string text_of(Result<IpPrefix> const& result) {
  return result ? result->to_string() : text_of(result.error());
}

void set_word(PoolRequest& request, std::string const& key, std::string const& value) {
  if (key == "global") {
    request.address_space = global_address_space;
  } else if (key == "v6") {
    request.family = Family::ipv6;
  } else if (key == "subnet") {
    request.prefix = IpPrefix::parse(value).value();
  } else if (key == "range") {
    request.sub_pool = IpPrefix::parse(value).value();
  } else {
    request.options[key] = value;
  }
}

}  // namespace

PoolRequest pool_request(std::string const& words) {
  PoolRequest request;
  request.address_space = local_address_space;
  std::istringstream stream(words);
  for (std::string word; stream >> word;) {
    std::size_t const equals = word.find('=');
    bool const has_value = equals != std::string::npos;
    set_word(request, word.substr(0, equals), has_value ? word.substr(equals + 1) : "");
  }
  return request;
}

TestIpam::TestIpam(PoolConfig config) : config_(std::move(config)) {
  restart();
}

std::string TestIpam::pool(std::string const& words) {
  Result<PoolGrant> const grant = ipam_->request_pool(pool_request(words), routes_);
  if (!grant) {
    return text_of(grant.error());
  }
  warnings_ = fmt::format("{}", fmt::join(grant->warnings, "\n"));
  return grant->pool.prefix.to_string();
}

std::string TestIpam::release_pool(std::string_view subnet) {
  return text_of(ipam_->release_pool(id_of(subnet)));
}

void TestIpam::release_all() {
  for (Ipam::Usage const& usage : ipam_->usage()) {
    EXPECT_OK(ipam_->release_pool(usage.pool.id));
  }
}

std::string TestIpam::gateway(std::string_view subnet, std::string_view preferred) {
  return request({id_of(subnet), {}, AddressKind::gateway, {}}, preferred);
}

std::string TestIpam::address(std::string_view subnet, std::string_view preferred,
                              std::string_view owner) {
  return request({id_of(subnet), {}, AddressKind::endpoint, std::string(owner)}, preferred);
}

std::string TestIpam::request(AddressRequest request, std::string_view preferred) {
  if (!preferred.empty()) {
    request.address = IpAddress::parse(preferred).value();
  }
  return text_of(ipam_->request_address(request));
}

std::string TestIpam::release_address(std::string_view subnet, std::string_view address) {
  return text_of(ipam_->release_address(id_of(subnet), IpAddress::parse(address).value(), now_));
}

void TestIpam::connect(std::string_view prefix, std::string_view interface) {
  add_route(prefix, interface, RouteKind::connected);
}

void TestIpam::route(std::string_view prefix, std::string_view interface) {
  add_route(prefix, interface, RouteKind::routed);
}

void TestIpam::bridge(std::string_view prefix, std::string_view interface) {
  add_route(prefix, interface, RouteKind::network);
}

void TestIpam::add_route(std::string_view prefix, std::string_view interface, RouteKind kind) {
  routes_.foreign.push_back({IpPrefix::parse(prefix).value(), std::string(interface), kind});
  ++routes_.generation;
}

void TestIpam::own_bridge(std::string_view prefix) {
  routes_.own.insert(IpPrefix::parse(prefix).value());
}

void TestIpam::remove_own_bridge(std::string_view prefix) {
  routes_.own.erase(IpPrefix::parse(prefix).value());
}

void TestIpam::restart() {
  ipam_ = std::make_unique<Ipam>(config_, store);
  EXPECT_OK(ipam_->load());
}

std::string TestIpam::usage() const {
  std::vector<std::string> lines;
  for (Ipam::Usage const& usage : ipam_->usage()) {
    lines.push_back(fmt::format("{} {}", usage.pool.prefix.to_string(), usage.leases));
  }
  return fmt::format("{}", fmt::join(lines, ", "));
}

/// The pool of this subnet, wherever it is; one that nobody has stands for itself.
PoolId TestIpam::id_of(std::string_view subnet) const {
  for (Ipam::Usage const& usage : ipam_->usage()) {
    if (usage.pool.prefix.to_string() == subnet) {
      return usage.pool.id;
    }
  }
  return {fmt::format("{}/{}", local_address_space, subnet)};
}

}  // namespace drawbridge
