// Who may reach whom: what the policy options of a network mean. What follows from them in the
// kernel is decided in driver/policy_elements.h. docs/policy.md is the user's page.
#pragma once

#include "model/address.h"
#include "model/matching.h"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace drawbridge {

/// Both ends included. TCP, UDP and SCTP ports.
struct PortRange {
  std::uint16_t first = 0;
  std::uint16_t last = 65535;

  auto operator<=>(PortRange const&) const = default;
};

/// Protocol numbers, both ends included. source: RFC 5237, IANA "protocol-numbers"
struct ProtocolRange {
  std::uint8_t first = 0;
  std::uint8_t last = 255;

  auto operator<=>(ProtocolRange const&) const = default;
};

/// What of a peer: "tcp/80-90"; all of it unless something is named.
struct Service {
  ProtocolRange protocols;
  PortRange ports;

  auto operator<=>(Service const&) const = default;
};

/// A network by its name or its id, not necessarily one that exists.
struct NetworkPeer {
  std::string name_or_id;

  auto operator<=>(NetworkPeer const&) const = default;
};

/// An entry of `allow_from`: who may open connections into a network, and to what.
struct Permission {
  std::variant<NetworkPeer, IpPrefix> from;
  Service service;

  auto operator<=>(Permission const&) const = default;
};

/// An entry of a list of `egress`.
struct Destination {
  IpPrefix to;
  Service service;

  auto operator<=>(Destination const&) const = default;
};

/// `isolation`: who of one network reaches whom of it.
enum class Isolation : std::uint8_t {
  network,  // every member every other
  members,  // no member another, but for the hubs
  project,  // members of one compose project each other, and everybody the hubs
};

/// `egress`: where members may open connections to, beyond their own network and its peers.
enum class Egress : std::uint8_t { all, internet, listed, none };

/// source: Docker's com.docker.network.bridge.gateway_mode_ipv4 and _ipv6
enum class GatewayMode : std::uint8_t { nat, nat_unprotected, routed, isolated };

/// An entry of `hubs`: a container by name, those of a compose project, or those with a label.
struct Hub {
  enum class Kind : std::uint8_t { container, project, label };

  Kind kind = Kind::container;
  std::string name;                  // of the container, of the project, or the label's key
  std::optional<std::string> value;  // of the label; absent: whatever it is

  auto operator<=>(Hub const&) const = default;
};

/// `publish`: who reaches published ports.
enum class Publish : std::uint8_t {
  all,
  host,    // processes of this host
  listed,  // they, and some addresses
  none,
};

/// `connlimit`: new connections to published ports, for each source address.
struct ConnLimit {
  std::uint32_t per_second = 0;
  std::uint32_t burst = 0;  // so many at once

  auto operator<=>(ConnLimit const&) const = default;
};

/// `ports`: where each member gets one port of this host.
struct PortPool {
  PortRange host_ports;
  std::uint16_t container_port = 0;
  std::uint8_t protocol = 0;

  auto operator<=>(PortPool const&) const = default;
};

struct Policy {
  Isolation isolation = Isolation::network;
  std::vector<Hub> hubs;
  std::string team;  // empty: none
  std::vector<Permission> allow_from;
  Egress egress = Egress::all;
  std::vector<Destination> egress_list;  // of Egress::listed
  GatewayMode mode_ipv4 = GatewayMode::nat;
  GatewayMode mode_ipv6 = GatewayMode::nat;
  bool masquerade = true;              // where the mode is nat or nat_unprotected
  std::optional<IpAddress> host_ipv4;  // source of outbound packets instead of masquerading
  std::optional<IpAddress> host_ipv6;
  Publish publish = Publish::all;
  std::vector<IpPrefix> publish_list;          // of Publish::listed
  std::optional<ConnLimit> connlimit;          // absent: none
  std::optional<PortPool> ports;               // absent: only what `-p` asks for
  std::optional<IpAddress> host_binding_ipv4;  // where `-p` names no address
  std::uint64_t rate_bits_per_second = 0;      // of each member and direction; 0: no limit
  std::vector<std::string> proxies;            // names of containers that reach what is routable
  ProxyMode proxy_mode = ProxyMode::route;
  std::vector<Match> attach;  // containers that are made members

  bool operator==(Policy const&) const = default;
};

}  // namespace drawbridge
