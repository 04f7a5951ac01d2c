#include "netlink/route_message.h"

#include <algorithm>
#include <cassert>

namespace drawbridge {

RouteMessage::RouteMessage(int type, int flags, void const* header, std::size_t size)
    : message_(nlmsg_alloc_simple(type, flags)) {
  assert(message_ != nullptr);
  // libnl takes what it copies from by a pointer to non-const.
  append_bytes(const_cast<void*>(header), size);
}

void RouteMessage::append_bytes(void* bytes, std::size_t size) {
  int const code = nlmsg_append(message_.get(), bytes, size, NLMSG_ALIGNTO);
  assert(code == 0);
}

void RouteMessage::put_bytes(int attribute, void const* bytes, std::size_t size) {
  int const code = nla_put(message_.get(), attribute, static_cast<int>(size), bytes);
  assert(code == 0);
}

nlattr* RouteMessage::open_nest(int attribute) {
  nlattr* const start = nla_nest_start(message_.get(), attribute);
  assert(start != nullptr);
  return start;
}

RouteMessage& RouteMessage::put(int attribute, std::uint32_t number) {
  put_bytes(attribute, &number, sizeof number);
  return *this;
}

RouteMessage& RouteMessage::put(int attribute, std::uint8_t number) {
  put_bytes(attribute, &number, sizeof number);
  return *this;
}

RouteMessage& RouteMessage::put(int attribute, std::string const& text) {
  put_bytes(attribute, text.c_str(), text.size() + 1);
  return *this;
}

RouteMessage& RouteMessage::put(int attribute, MacAddress const& mac) {
  put_bytes(attribute, mac.bytes.data(), mac.bytes.size());
  return *this;
}

RouteMessage& RouteMessage::put(int attribute, IpAddress const& address) {
  std::uint8_t bytes[16];
  std::size_t const size = address.family == Family::ipv4 ? 4 : 16;
  AddressBits bits = address.bits;
  for (std::size_t i = size; i-- > 0; bits >>= 8) {
    bytes[i] = static_cast<std::uint8_t>(bits & 0xff);
  }
  put_bytes(attribute, bytes, size);
  return *this;
}

RouteMessage& RouteMessage::forgive(int code) {
  forgiven_.push_back(code);
  return *this;
}

bool RouteMessage::forgives(int code) const {
  return std::find(forgiven_.begin(), forgiven_.end(), code) != forgiven_.end();
}

}  // namespace drawbridge
