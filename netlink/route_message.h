// One rtnetlink request under construction: a header and typed attributes.
//
// Internal to this folder: it shows libnl types, so only .cc files of netlink/ include it. A
// message is a few hundred bytes in a page, so running out of room is a bug and not an error.
#pragma once

#include "base/handle.h"
#include "model/address.h"

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <cstdint>
#include <string>
#include <vector>

namespace drawbridge {

class RouteMessage {
 public:
  /// type, flags   RTM_… and NLM_F_…; `header` is the family's own: ifinfomsg, ifaddrmsg, rtmsg
  template <class Header>
  RouteMessage(int type, int flags, Header const& header)
      : RouteMessage(type, flags, &header, sizeof header) {}

  RouteMessage& put(int attribute, std::uint32_t number);
  RouteMessage& put(int attribute, std::uint8_t number);
  RouteMessage& put(int attribute, std::string const& text);
  RouteMessage& put(int attribute, MacAddress const& mac);
  RouteMessage& put(int attribute, IpAddress const& address);
  /// Puts a structure of the kernel's as it lies in memory.
  template <class Struct>
  RouteMessage& put_struct(int attribute, Struct const& value) {
    put_bytes(attribute, &value, sizeof value);
    return *this;
  }

  /// Puts what `fill` puts inside a nested attribute.
  template <class Fill>
  RouteMessage& nest(int attribute, Fill fill) {
    nlattr* const start = open_nest(attribute);
    fill();
    nla_nest_end(message_.get(), start);
    return *this;
  }
  /// A header inside a nested attribute, as VETH_INFO_PEER wants it.
  template <class Header>
  RouteMessage& append(Header header) {
    append_bytes(&header, sizeof header);
    return *this;
  }

  /// The answer with this code, a positive NLE_…, will count as success.
  RouteMessage& forgive(int code);
  bool forgives(int code) const;

  nlmsghdr* header() const { return nlmsg_hdr(message_.get()); }

 private:
  RouteMessage(int type, int flags, void const* header, std::size_t size);
  nlattr* open_nest(int attribute);
  void append_bytes(void* bytes, std::size_t size);
  void put_bytes(int attribute, void const* bytes, std::size_t size);

  Handle<nl_msg, nlmsg_free> message_;
  std::vector<int> forgiven_;
};

}  // namespace drawbridge
