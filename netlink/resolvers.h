// The name servers of this host, as the engine gives them to containers. What may ask them is
// decided in driver/policy_elements.h. source: resolv.conf(5), libnetwork resolvconf
#pragma once

#include "model/address.h"

#include <cstdint>
#include <filesystem>
#include <set>
#include <string_view>
#include <vector>

namespace drawbridge {

/// Where systemd-resolved keeps the servers behind its own 127.0.0.53.
inline constexpr char const* behind_stub_resolver = "/run/systemd/resolve/resolv.conf";

/// returns  the addresses that a resolv.conf names, loopback ones too; what it cannot read it
///          passes over, as the resolver does
std::set<IpAddress> name_servers(std::string_view resolv_conf);

/// returns  those of them that a container can reach: none on a loopback
std::set<IpAddress> without_loopback(std::set<IpAddress> const& addresses);

/// Follows the two files. A file that cannot be read names nobody.
class Resolvers {
 public:
  explicit Resolvers(std::filesystem::path resolv_conf,
                     std::filesystem::path behind_stub = behind_stub_resolver);

  /// Costs one stat(2) when nothing has changed, two where resolv.conf names loopbacks only.
  ///
  /// returns  what they are now; changed by the next call
  std::set<IpAddress> const& current();

 private:
  /// What tells a file from another one, and from itself before it was written.
  struct Identity {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size_bytes = 0;
    std::int64_t modified_s = 0;
    std::int64_t modified_ns = 0;

    bool operator==(Identity const&) const = default;
  };
  /// returns  all zero for a file that is not there
  static Identity identity_of(std::filesystem::path const& file);

  std::vector<Identity> identities() const;
  void read();

  std::filesystem::path resolv_conf_;
  std::filesystem::path behind_stub_;
  bool is_stub_ = false;  // the last one that was read
  std::set<IpAddress> servers_;
  std::vector<Identity> seen_;  // of the files that they are from; empty before the first look
};

}  // namespace drawbridge
