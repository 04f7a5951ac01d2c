// Networks of ours, bridges of others and a machine outside, as namespaces that send packets.
#pragma once

#include "base/file_descriptor.h"
#include "netlink/nft/table.h"
#include "tests/support/netns.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>

namespace drawbridge {

/// How long is waited for what is to arrive, as a busy machine may take its time, and for what is
/// not.
inline constexpr int passing_ms = 3000;
inline constexpr int refusal_ms = 100;

/// Somebody with an address: a container, this host, or a machine outside.
struct Party {
  std::optional<Netns> netns;  // none: this host
  std::string address;
  std::string address6 = {};

  template <class Work>
  void run(Work work) const {
    netns ? netns->run(work) : work();
  }
};

/// The port that datagrams go to unless another is named.
inline constexpr std::uint16_t discard_port = 9;

/// Sends one datagram to an address of `to`.
///
/// returns  true when it arrives; waits for it as long as a busy machine may take
bool reaches(Party const& from, Party const& to, std::string const& address,
             std::uint16_t port = discard_port);
bool reaches(Party const& from, Party const& to, std::uint16_t port = discard_port);

/// returns  true when it has not arrived after a while; needs a control that does
bool is_refused(Party const& from, Party const& to, std::string const& address,
                std::uint16_t port = discard_port);
bool is_refused(Party const& from, Party const& to, std::uint16_t port = discard_port);

/// returns  the source address that a datagram arrived with; empty when none did
std::string source_seen(Party const& from, Party const& to, std::string const& address);

/// returns  true when the address answers to an ICMP echo request; waits as reaches() does
bool pings(Party const& from, std::string const& address);
/// returns  true when it has not answered after a while; needs a control that does
bool is_refused_ping(Party const& from, std::string const& address);

/// Two networks of ours, an internal one, a bridge of somebody else, and a machine outside.
///
///   db-a 10.1.0.0/24 fd01::/64: a1 .2, a2 .3     docker0 172.17.0.0/24 fd17::/64: docker .2
///   db-b 10.2.0.0/24 fd02::/64: b1 .2            br0 192.0.2.0/24 2001:db8::/64: outside .2, and
///   db-in 10.3.0.0/24 fd03::/64: in1 .2, in2 .3  the host .1
class PartiesTest : public NetnsTest {
 protected:
  void SetUp() override;

  static void set(char const* sysctl, char const* value);
  /// returns  a namespace on a port of the bridge; the port's name is "p" and the IPv4 address
  static Party member(char const* bridge, std::string const& address, std::string const& address6);
  static std::string port_of(Party const& party) { return "p" + party.address; }

  /// returns  what three plain networks put in, the last of them internal
  static std::set<Element> plain_elements();
  /// Writes the tables: plain_elements() without `less`, and `more`.
  Result<void> write_tables(std::set<Element> const& more = {}, std::set<Element> const& less = {});

  NftTable nft_ = NftTable::open().value();
  Party host_{std::nullopt, "192.0.2.1", "2001:db8::1"};
  Party a1_, a2_, b1_, in1_, in2_, docker_, outside_;
};

}  // namespace drawbridge
