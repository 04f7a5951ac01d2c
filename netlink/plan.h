// A plan: the operations that bring the kernel from one state to another, in order.
//
// A closed set of operations with an inverse each. Links are retired, not deleted: address off,
// down, out of the way, deleted when nobody waits (a bridge costs the kernel 35 ms).
#pragma once

#include "netlink/kernel_state.h"

#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace drawbridge {

struct CreateBridge {
  Bridge bridge;
  bool operator==(CreateBridge const&) const = default;
};
struct RetireBridge {
  Bridge bridge;  // whole, so that the inverse can make it again
  bool operator==(RetireBridge const&) const = default;
};
struct AddAddress {
  std::string link;
  IpPrefix address;
  bool operator==(AddAddress const&) const = default;
};
struct RemoveAddress {
  std::string link;
  IpPrefix address;
  bool operator==(RemoveAddress const&) const = default;
};
struct SetMtu {
  std::string link;
  std::uint32_t before_bytes;
  std::uint32_t after_bytes;
  bool operator==(SetMtu const&) const = default;
};
struct BringUp {
  std::string link;
  bool operator==(BringUp const&) const = default;
};
struct CreateVeth {
  Veth veth;
  bool operator==(CreateVeth const&) const = default;
};
struct RetireVeth {
  Veth veth;
  bool operator==(RetireVeth const&) const = default;
};
/// Puts the host end on its bridge, if it is not there, and tells that bridge all about the port.
struct AttachPort {
  Veth veth;  // without a bridge: off the one where it is
  bool operator==(AttachPort const&) const = default;
};
struct SetIsolation {
  std::string port;
  bool before;
  bool after;
  bool operator==(SetIsolation const&) const = default;
};
struct SetGroup {
  std::string link;
  LinkGroup before;
  LinkGroup after;
  bool operator==(SetGroup const&) const = default;
};
struct SetHairpin {
  std::string port;
  bool before;
  bool after;
  bool operator==(SetHairpin const&) const = default;
};
/// Lets packets from and to 127.0.0.0/8 leave by the bridge. Not taken back while it lives.
struct AllowLoopback {
  std::string bridge;
  bool operator==(AllowLoopback const&) const = default;
};
/// Limits what goes into the container, and out of it. 0: no limit.
struct SetRate {
  Veth veth;  // as it is to be
  std::uint64_t before_bits_per_second;
  bool operator==(SetRate const&) const = default;
};
/// One nftables transaction: no packet sees the one half without the other.
struct ChangeElements {
  std::set<Element> remove;
  std::set<Element> add;
  bool operator==(ChangeElements const&) const = default;
};
struct EnableForwarding {
  Family family;
  bool operator==(EnableForwarding const&) const = default;
};

using Operation =
    std::variant<CreateBridge, RetireBridge, AddAddress, RemoveAddress, SetMtu, BringUp, CreateVeth,
                 RetireVeth, AttachPort, SetIsolation, SetGroup, SetHairpin, AllowLoopback, SetRate,
                 ChangeElements, EnableForwarding>;
using Plan = std::vector<Operation>;

/// returns  one line without a line end: "create bridge db-0123456789ab 10.249.1.1/24"
std::string describe(Operation const& operation);
std::string describe(Element const& element);
/// returns  a line per operation
std::string describe(Plan const& plan);

/// returns  what undoes `operation`; nothing for repairs, which are right in either state
std::optional<Operation> inverse(Operation const& operation);

}  // namespace drawbridge
