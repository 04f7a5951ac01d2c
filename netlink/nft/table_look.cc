#include "netlink/nft/table_look.h"

#include "netlink/nft/elements.h"
#include "netlink/nft/mirror.h"
#include "netlink/nft/skeleton.h"
#include "netlink/nft/socket.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <string>
#include <string_view>

namespace drawbridge {
namespace {

constexpr std::size_t register_bytes = 4;

std::string number_text(std::string_view bytes) {
  unsigned number = 0;
  for (char const byte : bytes) {
    number = number << 8 | static_cast<unsigned char>(byte);
  }
  return std::to_string(number);
}

std::string mac_text(std::string_view bytes) {
  MacAddress mac;
  std::copy(bytes.begin(), bytes.end(), mac.bytes.begin());
  return mac.to_string();
}

std::string address_text(Family family, std::string_view bytes) {
  IpAddress address{family, 0};
  for (char const byte : bytes) {
    address.bits = address.bits << 8 | static_cast<unsigned char>(byte);
  }
  return address.to_string();
}

std::string group_text(std::string_view bytes) {
  LinkGroup group;
  std::memcpy(&group.number, bytes.data(), sizeof group.number);
  return std::to_string(group.number);
}

std::string text_of(KeyPart const& part, std::string_view bytes) {
  switch (part.kind) {
    case KeyPart::Kind::interface:
      return std::string(bytes.substr(0, bytes.find('\0')));
    case KeyPart::Kind::ipv4:
      return address_text(Family::ipv4, bytes);
    case KeyPart::Kind::ipv6:
      return address_text(Family::ipv6, bytes);
    case KeyPart::Kind::mac:
      return mac_text(bytes);
    case KeyPart::Kind::group:
      return group_text(bytes);
    case KeyPart::Kind::protocol:
    case KeyPart::Kind::port:
      return number_text(bytes);
  }
  return "";
}

/// returns  an element of which only the text is right
Element told(char const* set, StoredElement const& stored) {
  Element element{set, {}};
  std::size_t at = 0;
  for (KeyPart const& part : key_parts_of(set)) {
    if (at + part.bytes > stored.key.size()) {
      break;
    }
    std::string const first = text_of(part, std::string_view(stored.key).substr(at, part.bytes));
    std::string const last =
        at + part.bytes <= stored.key_end.size()
            ? text_of(part, std::string_view(stored.key_end).substr(at, part.bytes))
            : first;
    element.key.emplace_back(first == last ? first : first + "-" + last);
    at += (part.bytes + register_bytes - 1) / register_bytes * register_bytes;
  }
  return element;
}

/// returns  elements of one set, by their form in the kernel
std::map<StoredElement, Element const*> by_stored_form(std::set<Element> const& elements,
                                                       char const* set) {
  std::map<StoredElement, Element const*> forms;
  auto next = elements.lower_bound(Element{set, {}});
  for (; next != elements.end() && next->set == set; ++next) {
    forms.emplace(stored_form(*next), &*next);
  }
  return forms;
}

Result<void> add_held(NftSocket& socket, char const* set, std::set<Element> const& likely,
                      std::set<Element>& found) {
  Result<std::set<StoredElement>> const held = stored_in(socket, set);
  if (!held) {
    return fail(held.error());
  }
  std::map<StoredElement, Element const*> const known = by_stored_form(likely, set);
  for (StoredElement const& stored : *held) {
    auto const element = known.find(stored);
    found.insert(element != known.end() ? *element->second : told(set, stored));
  }
  return {};
}

}  // namespace

Result<std::set<Element>> elements_held(NftSocket& socket, std::set<Element> const& likely,
                                        std::vector<std::uint16_t> const& families) {
  std::set<Element> found;
  for (std::uint16_t const family : families) {
    for (char const* set : sets_of(family)) {
      if (Result<void> added = add_held(socket, set, likely, found); !added) {
        return fail(added.error());
      }
    }
  }
  std::copy_if(likely.begin(), likely.end(), std::inserter(found, found.end()),
               [&families](Element const& element) {
                 return std::find(families.begin(), families.end(), family_of(element.set)) ==
                        families.end();
               });
  return found;
}

}  // namespace drawbridge
