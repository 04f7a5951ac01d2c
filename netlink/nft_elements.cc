#include "netlink/nft_elements.h"

#include "netlink/nft_skeleton.h"
#include "netlink/nft_socket.h"

#include <libnftnl/set.h>

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

namespace drawbridge {
namespace {

using ElementIterator = std::set<Element>::const_iterator;
using Set = Handle<nftnl_set, nftnl_set_free>;
using SetElement = Handle<nftnl_set_elem, nftnl_set_elem_free>;

// A message's list of elements is one attribute, of at most 64 KiB; these need less than 32.
constexpr std::size_t elements_per_message = 256;

/// The bytes of one key. The kernel's own limit is 64.
struct Key {
  std::array<char, NFT_REG32_COUNT * 4> bytes{};
  std::uint32_t size = 0;

  void add(std::string const& interface);
  void add(IpAddress const& address);
  void add(MacAddress const& address);
  void add(LinkGroup const& group);
  void add(IpPrefix const& prefix) { add(prefix.first()); }
  void add(ProtocolRange const& range) { add_bytes(&range.first, 1); }
  void add(PortRange const& range);

 private:
  void add_bytes(void const* from, std::size_t count);
};

void Key::add(std::string const& interface) {
  assert(interface.size() < IFNAMSIZ && size + IFNAMSIZ <= bytes.size());
  interface.copy(bytes.data() + size, interface.size());
  size += IFNAMSIZ;
}

void Key::add(IpAddress const& address) {
  auto const count = static_cast<std::uint32_t>(bits_of(address.family)) / 8;
  assert(size + count <= bytes.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    bytes[size + i] = static_cast<char>(address.bits >> (8 * (count - 1 - i)) & 0xff);
  }
  size += count;
}

void Key::add(MacAddress const& address) {
  add_bytes(address.bytes.data(), address.bytes.size());
}

void Key::add(LinkGroup const& group) {
  add_bytes(&group.number, sizeof group.number);
}

void Key::add(PortRange const& range) {
  std::uint16_t const port = htons(range.first);
  add_bytes(&port, sizeof port);
}

/// Each part of a key fills whole registers of four bytes.
void Key::add_bytes(void const* from, std::size_t count) {
  std::memcpy(bytes.data() + size, from, count);
  size += static_cast<std::uint32_t>((count + 3) / 4 * 4);
}

Key encode(std::vector<KeyField> const& fields) {
  Key key;
  for (KeyField const& field : fields) {
    std::visit([&key](auto const& part) { key.add(part); }, field);
  }
  return key;
}

void add_to(nftnl_set* set, Element const& element, bool with_verdict) {
  SetElement entry(nftnl_set_elem_alloc());
  assert(entry);
  Key const key = encode(element.key);
  nftnl_set_elem_set(entry.get(), NFTNL_SET_ELEM_KEY, key.bytes.data(), key.size);
  if (with_verdict) {
    nftnl_set_elem_set_u32(entry.get(), NFTNL_SET_ELEM_VERDICT, NF_ACCEPT);
  }
  nftnl_set_elem_add(set, entry.release());
}

/// returns  the end of the elements that go into one message: of one set, and not too many
ElementIterator end_of_message(ElementIterator first, ElementIterator last) {
  std::string const& name = first->set;
  std::size_t count = 0;
  while (first != last && first->set == name && count < elements_per_message) {
    ++first;
    ++count;
  }
  return first;
}

Set gather(ElementIterator first, ElementIterator last) {
  Set set(nftnl_set_alloc());
  assert(set);
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, nft_table_name);
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, first->set.c_str());
  bool const with_verdict = is_verdict_map(first->set.c_str());
  for (; first != last; ++first) {
    add_to(set.get(), *first, with_verdict);
  }
  return set;
}

void append(NftBatch& batch, std::uint16_t type, std::uint16_t flags,
            std::set<Element> const& elements) {
  for (ElementIterator first = elements.begin(); first != elements.end();) {
    ElementIterator const last = end_of_message(first, elements.end());
    Set set = gather(first, last);
    nlmsghdr* message = batch.open(type, NFPROTO_INET, flags);
    nftnl_set_elems_nlmsg_build_payload(message, set.get());
    batch.close();
    first = last;
  }
}

}  // namespace

void append_additions(NftBatch& batch, std::set<Element> const& elements) {
  append(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE, elements);
}

void append_removals(NftBatch& batch, std::set<Element> const& elements) {
  append(batch, NFT_MSG_DELSETELEM, 0, elements);
}

}  // namespace drawbridge
