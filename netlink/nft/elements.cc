#include "netlink/nft/elements.h"

#include "netlink/nft/skeleton.h"
#include "netlink/nft/socket.h"

#include <libnftnl/set.h>

#include <algorithm>
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

/// Of an interval; a single value is both ends.
enum class End : std::uint8_t { first, last };

/// The bytes of one end of a key. The kernel's own limit is 64.
struct Key {
  End end = End::first;
  std::array<char, NFT_REG32_COUNT * 4> bytes{};
  std::uint32_t size = 0;

  void add(std::string const& interface);
  void add(IpAddress const& address);
  void add(MacAddress const& address);
  void add(LinkGroup const& group);
  void add(IpPrefix const& prefix) { add(end == End::first ? prefix.first() : prefix.last()); }
  void add(ProtocolRange const& range) {
    add_bytes(end == End::first ? &range.first : &range.last, 1);
  }
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
  std::uint16_t const port = htons(end == End::first ? range.first : range.last);
  add_bytes(&port, sizeof port);
}

/// Each part of a key fills whole registers of four bytes.
void Key::add_bytes(void const* from, std::size_t count) {
  std::memcpy(bytes.data() + size, from, count);
  size += static_cast<std::uint32_t>((count + 3) / 4 * 4);
}

Key encode(std::vector<KeyField> const& fields, End end) {
  Key key;
  key.end = end;
  for (KeyField const& field : fields) {
    std::visit([&key](auto const& part) { key.add(part); }, field);
  }
  return key;
}

std::uint32_t code_of(Verdict::Kind kind) {
  switch (kind) {
    case Verdict::Kind::accept:
      return NF_ACCEPT;
    case Verdict::Kind::drop:
      return NF_DROP;
    case Verdict::Kind::jump:
      return static_cast<std::uint32_t>(NFT_JUMP);
    case Verdict::Kind::go_to:
      return static_cast<std::uint32_t>(NFT_GOTO);
  }
  return NF_DROP;
}

void set_value(nftnl_set_elem*, std::monostate) {}

void set_value(nftnl_set_elem* entry, Verdict const& verdict) {
  nftnl_set_elem_set_u32(entry, NFTNL_SET_ELEM_VERDICT, code_of(verdict.kind));
  if (!verdict.chain.empty()) {
    nftnl_set_elem_set_str(entry, NFTNL_SET_ELEM_CHAIN, verdict.chain.c_str());
  }
}

void set_value(nftnl_set_elem* entry, IpAddress const& address) {
  Key value;
  value.add(address);
  nftnl_set_elem_set(entry, NFTNL_SET_ELEM_DATA, value.bytes.data(), value.size);
}

void set_value(nftnl_set_elem* entry, Target const& target) {
  Key value;
  value.add(target.address);
  value.add(PortRange{target.port, target.port});
  nftnl_set_elem_set(entry, NFTNL_SET_ELEM_DATA, value.bytes.data(), value.size);
}

void add_to(nftnl_set* set, Element const& element, bool is_interval) {
  SetElement entry(nftnl_set_elem_alloc());
  assert(entry);
  Key const first = encode(element.key, End::first);
  nftnl_set_elem_set(entry.get(), NFTNL_SET_ELEM_KEY, first.bytes.data(), first.size);
  if (is_interval) {
    Key const last = encode(element.key, End::last);
    nftnl_set_elem_set(entry.get(), NFTNL_SET_ELEM_KEY_END, last.bytes.data(), last.size);
  }
  std::visit([&entry](auto const& value) { set_value(entry.get(), value); }, element.value);
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

Set set_called(char const* name) {
  Set set(nftnl_set_alloc());
  assert(set);
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, nft_table_name);
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, name);
  return set;
}

Set gather(ElementIterator first, ElementIterator last) {
  Set set = set_called(first->set.c_str());
  bool const is_interval = holds_ranges(first->set);
  for (; first != last; ++first) {
    add_to(set.get(), *first, is_interval);
  }
  return set;
}

std::string bytes_of(nftnl_set_elem* entry, std::uint16_t attribute) {
  std::uint32_t count = 0;
  auto const* bytes = static_cast<char const*>(nftnl_set_elem_get(entry, attribute, &count));
  return bytes == nullptr ? std::string() : std::string(bytes, count);
}

void set_bytes(nftnl_set_elem* entry, std::uint16_t attribute, std::string const& bytes) {
  if (!bytes.empty()) {
    nftnl_set_elem_set(entry, attribute, bytes.data(), static_cast<std::uint32_t>(bytes.size()));
  }
}

std::string value_of(nftnl_set_elem* entry) {
  if (!nftnl_set_elem_is_set(entry, NFTNL_SET_ELEM_VERDICT)) {
    return bytes_of(entry, NFTNL_SET_ELEM_DATA);
  }
  char const* const chain = nftnl_set_elem_get_str(entry, NFTNL_SET_ELEM_CHAIN);
  return std::to_string(nftnl_set_elem_get_u32(entry, NFTNL_SET_ELEM_VERDICT)) + " " +
         (chain == nullptr ? "" : chain);
}

std::set<StoredElement> elements_of(Set const& set) {
  std::set<StoredElement> elements;
  auto const add = [](nftnl_set_elem* entry, void* to) {
    static_cast<std::set<StoredElement>*>(to)->insert({bytes_of(entry, NFTNL_SET_ELEM_KEY),
                                                       bytes_of(entry, NFTNL_SET_ELEM_KEY_END),
                                                       value_of(entry)});
    return 0;
  };
  nftnl_set_elem_foreach(set.get(), add, &elements);
  return elements;
}

void append_message(NftBatch& batch, std::uint16_t type, std::uint16_t family, Set const& set) {
  std::uint16_t const flags = type == NFT_MSG_NEWSETELEM ? std::uint16_t{NLM_F_CREATE} : 0;
  nlmsghdr* message = batch.open(type, family, flags);
  nftnl_set_elems_nlmsg_build_payload(message, set.get());
  batch.close();
}

/// type  NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM
void append(NftBatch& batch, std::uint16_t type, std::set<Element> const& elements,
            std::uint16_t family) {
  for (ElementIterator first = elements.begin(); first != elements.end();) {
    ElementIterator const last = end_of_message(first, elements.end());
    if (family_of(first->set) == family) {
      append_message(batch, type, family, gather(first, last));
    }
    first = last;
  }
}

}  // namespace

void append_additions(NftBatch& batch, std::set<Element> const& elements, std::uint16_t family) {
  append(batch, NFT_MSG_NEWSETELEM, elements, family);
}

void append_removals(NftBatch& batch, std::set<Element> const& elements, std::uint16_t family) {
  append(batch, NFT_MSG_DELSETELEM, elements, family);
}

StoredElement stored_form(Element const& element) {
  return *stored_form({element}, element.set.c_str()).begin();
}

std::set<StoredElement> stored_form(std::set<Element> const& elements, char const* set) {
  auto const first = elements.lower_bound(Element{set, {}});
  auto const last = std::find_if(first, elements.end(),
                                 [set](Element const& element) { return element.set != set; });
  return first == last ? std::set<StoredElement>() : elements_of(gather(first, last));
}

Result<std::set<StoredElement>> stored_in(NftSocket& socket, char const* set) {
  Set found = set_called(set);
  NftQuestion question(NFT_MSG_GETSETELEM, family_of(set), NLM_F_DUMP);
  nftnl_set_elems_nlmsg_build_payload(question.message(), found.get());
  Result<void> const asked = socket.ask(
      question,
      [&found](nlmsghdr const* answer) { nftnl_set_elems_nlmsg_parse(answer, found.get()); },
      [&found, set] { found = set_called(set); });
  if (!asked) {
    return fail(asked.error());
  }
  return elements_of(found);
}

namespace {

/// The kernel refuses the transaction when an element is not there.
void append_stored_removals(NftBatch& batch, char const* set,
                            std::set<StoredElement> const& elements) {
  for (auto next = elements.begin(); next != elements.end();) {
    Set part = set_called(set);
    for (std::size_t i = 0; i < elements_per_message && next != elements.end(); ++i, ++next) {
      SetElement entry(nftnl_set_elem_alloc());
      assert(entry);
      set_bytes(entry.get(), NFTNL_SET_ELEM_KEY, next->key);
      set_bytes(entry.get(), NFTNL_SET_ELEM_KEY_END, next->key_end);
      nftnl_set_elem_add(part.get(), entry.release());
    }
    append_message(batch, NFT_MSG_DELSETELEM, family_of(set), part);
  }
}

}  // namespace

Result<void> append_removals_beyond(NftBatch& batch, NftSocket& socket,
                                    std::set<Element> const& elements, std::uint16_t family) {
  for (char const* set : sets_of(family)) {
    Result<std::set<StoredElement>> const held = stored_in(socket, set);
    if (!held) {
      return fail(held.error());
    }
    std::set<StoredElement> const wanted = stored_form(elements, set);
    std::set<StoredElement> beyond;
    std::set_difference(held->begin(), held->end(), wanted.begin(), wanted.end(),
                        std::inserter(beyond, beyond.end()));
    append_stored_removals(batch, set, beyond);
  }
  return {};
}

// Elements are in order, so the many that do start with the prefix are passed over in one step.
std::set<std::string> named_bridges(std::set<Element> const& elements) {
  std::set<std::string> names;
  std::string behind_prefix(bridge_prefix);
  behind_prefix.back() += 1;
  auto next = elements.lower_bound(Element{nft_set::nets, {}});
  while (next != elements.end() && next->set == nft_set::nets) {
    auto const& name = std::get<std::string>(next->key.front());
    if (name.starts_with(bridge_prefix)) {
      next = elements.lower_bound(Element{nft_set::nets, {behind_prefix}});
    } else {
      names.insert(name);
      ++next;
    }
  }
  return names;
}

}  // namespace drawbridge
