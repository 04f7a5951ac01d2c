#include "netlink/nft/element_reading.h"

#include "netlink/nft/skeleton.h"
#include "netlink/nft/socket.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

namespace drawbridge {
namespace {

constexpr std::size_t register_bytes = 4;

/// Takes parts off the front of the two ends of a key.
class Ends {
 public:
  Ends(std::string_view first, std::string_view last)
      : first_(first), last_(last.empty() ? first : last) {}

  /// returns  the bytes of the next part at both ends; nothing when there are no more
  std::optional<std::pair<std::string_view, std::string_view>> take(std::size_t bytes) {
    std::size_t const whole = (bytes + register_bytes - 1) / register_bytes * register_bytes;
    // The kernel may leave out what fills the last register.
    if (first_.size() < bytes || last_.size() < bytes) {
      return std::nullopt;
    }
    std::pair const part(first_.substr(0, bytes), last_.substr(0, bytes));
    first_.remove_prefix(std::min(whole, first_.size()));
    last_.remove_prefix(std::min(whole, last_.size()));
    return part;
  }

 private:
  std::string_view first_;
  std::string_view last_;
};

IpAddress address_from(Family family, std::string_view bytes) {
  AddressBits bits = 0;
  for (char const byte : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(byte);
  }
  return {family, bits};
}

std::uint16_t port_from(std::string_view bytes) {
  std::uint16_t port = 0;
  std::memcpy(&port, bytes.data(), sizeof port);
  return ntohs(port);
}

KeyField span_of(IpAddress const& first, IpAddress const& last) {
  int length = bits_of(first.family);
  while (length > 0 && IpPrefix{first, length}.last() != last) {
    --length;
  }
  return length == bits_of(first.family) ? KeyField(first) : KeyField(IpPrefix{first, length});
}

std::optional<KeyField> field_from(KeyPart const& part, Ends& ends) {
  auto const taken = ends.take(part.bytes);
  if (!taken) {
    return std::nullopt;
  }
  auto const& [first, last] = *taken;
  switch (part.kind) {
    case KeyPart::Kind::interface:
      return std::string(first.substr(0, first.find('\0')));
    case KeyPart::Kind::ipv4:
      return span_of(address_from(Family::ipv4, first), address_from(Family::ipv4, last));
    case KeyPart::Kind::ipv6:
      return span_of(address_from(Family::ipv6, first), address_from(Family::ipv6, last));
    case KeyPart::Kind::mac: {
      MacAddress mac;
      std::memcpy(mac.bytes.data(), first.data(), mac.bytes.size());
      return mac;
    }
    case KeyPart::Kind::group: {
      LinkGroup group;
      std::memcpy(&group.number, first.data(), sizeof group.number);
      return group;
    }
    case KeyPart::Kind::protocol:
      return ProtocolRange{static_cast<std::uint8_t>(first[0]), static_cast<std::uint8_t>(last[0])};
    case KeyPart::Kind::port:
      return PortRange{port_from(first), port_from(last)};
  }
  return std::nullopt;
}

std::optional<Verdict::Kind> kind_from(std::uint32_t code) {
  if (code == NF_ACCEPT) {
    return Verdict::Kind::accept;
  }
  if (code == NF_DROP) {
    return Verdict::Kind::drop;
  }
  if (code == static_cast<std::uint32_t>(NFT_JUMP)) {
    return Verdict::Kind::jump;
  }
  return code == static_cast<std::uint32_t>(NFT_GOTO) ? std::optional(Verdict::Kind::go_to)
                                                      : std::nullopt;
}

/// text  "NUMBER CHAIN", as StoredElement has it
std::optional<Verdict> verdict_from(std::string const& text) {
  std::uint32_t code = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  std::optional<Verdict::Kind> const kind = kind_from(code);
  if (error != std::errc() || !kind || end == text.data() + text.size()) {
    return std::nullopt;
  }
  return Verdict{*kind, std::string(end + 1, text.data() + text.size())};
}

/// returns  whether there was a value to read
bool read_value(MapValue kind, std::string const& bytes, Element& element) {
  if (kind == MapValue::none) {
    return true;
  }
  if (kind == MapValue::verdict) {
    std::optional<Verdict> const verdict = verdict_from(bytes);
    element.value = verdict.value_or(Verdict{});
    return verdict.has_value();
  }
  bool const is_ipv4 = kind == MapValue::ipv4 || kind == MapValue::ipv4_target;
  Ends ends(bytes, {});
  auto const address = ends.take(is_ipv4 ? 4 : 16);
  if (!address) {
    return false;
  }
  IpAddress const to = address_from(is_ipv4 ? Family::ipv4 : Family::ipv6, address->first);
  element.value = to;
  if (kind == MapValue::ipv4 || kind == MapValue::ipv6) {
    return true;
  }
  auto const port = ends.take(sizeof(std::uint16_t));
  element.value = Target{to, port ? port_from(port->first) : std::uint16_t{0}};
  return port.has_value();
}

/// Facts of this host, and the mark of who wrote the tables.
bool is_of_host(std::string_view set) {
  return set == nft_set::uplinks || set == nft_set::resolvers4 || set == nft_set::resolvers6 ||
         set == nft_set::written;
}

}  // namespace

std::optional<Element> element_from(std::string_view set, StoredElement const& stored) {
  Element element{std::string(set), {}};
  Ends ends(stored.key, stored.key_end);
  for (KeyPart const& part : key_parts_of(set)) {
    std::optional<KeyField> field = field_from(part, ends);
    if (!field) {
      return std::nullopt;
    }
    element.key.push_back(std::move(*field));
  }
  return read_value(map_value_of(set), stored.value, element) ? std::optional(std::move(element))
                                                              : std::nullopt;
}

namespace {

Result<void> add_elements(NftSocket& socket, std::uint16_t family, std::set<Element>& elements) {
  for (char const* const set : sets_of(family)) {
    if (is_of_host(set)) {
      continue;
    }
    Result<std::set<StoredElement>> const held = stored_in(socket, set);
    if (!held && held.error().code != Errc::not_found) {
      return fail(held.error().within(std::string("read set ") + set));
    }
    for (StoredElement const& stored : held ? *held : std::set<StoredElement>()) {
      if (std::optional<Element> element = element_from(set, stored)) {
        elements.insert(std::move(*element));
      }
    }
  }
  return {};
}

}  // namespace

Result<std::set<Element>> elements_in_tables(NftSocket& socket,
                                             std::vector<std::uint16_t> const& families) {
  std::set<Element> elements;
  for (std::uint16_t const family : families) {
    if (Result<void> const added = add_elements(socket, family, elements); !added) {
      return fail(added.error());
    }
  }
  return elements;
}

}  // namespace drawbridge
