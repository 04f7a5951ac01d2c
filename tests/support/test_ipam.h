// Ipam over a FakeStore, asked and answered in text: `host.pool("subnet=10.1.0.0/16
// pool=services")` gives "10.1.0.0/16" or "conflict: subnet 10.1.0.0/16 overlaps …".
#pragma once

#include "ipam/ipam.h"
#include "tests/support/fake_store.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

/// returns  the request that words such as "global v6 subnet=… range=… KEY=VALUE" stand for; keys
///          that are none of these are ipam options
PoolRequest pool_request(std::string const& words);

class TestIpam {
 public:
  explicit TestIpam(PoolConfig config = default_pool_config());

  /// returns  the subnet that was leased, or "KIND: TEXT" of the error
  std::string pool(std::string const& words = "");
  /// returns  "ok" or the error
  std::string release_pool(std::string_view subnet);
  void release_all();

  /// returns  the address that was leased, or the error
  std::string gateway(std::string_view subnet, std::string_view preferred = "");
  /// owner  the container's name, as newer engines send it
  std::string address(std::string_view subnet, std::string_view preferred = "",
                      std::string_view owner = "");
  std::string release_address(std::string_view subnet, std::string_view address);

  /// returns  what the last pool() that succeeded warned of, a line each
  std::string const& warnings() const { return warnings_; }

  /// The host gains a route: one of its own addresses, or one behind a next hop; or one of its
  /// bridges does, of another driver or of ours.
  void connect(std::string_view prefix, std::string_view interface);
  void route(std::string_view prefix, std::string_view interface);
  void bridge(std::string_view prefix, std::string_view interface);
  void own_bridge(std::string_view prefix);
  void remove_own_bridge(std::string_view prefix);

  /// Lets `time` pass.
  void wait(std::chrono::milliseconds time) { now_ += time; }

  /// A new daemon with the same store.
  void restart();
  /// The same daemon, whose latest changes could not be stored.
  void invalidate() { ipam_->invalidate(); }

  /// returns  every pool in use with its number of addresses: "10.249.1.0/24 2, 10.249.2.0/24 0"
  std::string usage() const;

  FakeStore store;

 private:
  std::string request(AddressRequest request, std::string_view preferred);
  PoolId id_of(std::string_view subnet) const;
  void add_route(std::string_view prefix, std::string_view interface, RouteKind kind);

  PoolConfig config_;
  std::unique_ptr<Ipam> ipam_;
  HostRoutes routes_;
  std::string warnings_;
  WallTime now_ = WallTime(std::chrono::hours(24 * 365 * 50));
};

}  // namespace drawbridge
