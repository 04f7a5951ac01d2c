#include "driver/kept.h"

#include "netlink/nft/skeleton.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {
namespace {

/// What elements are recognised by.
struct Traits {
  std::set<std::string> interfaces;
  std::set<IpAddress> addresses;
  std::vector<IpPrefix> subnets;

  bool has(IpAddress const& address) const {
    return addresses.contains(address) ||
           std::any_of(subnets.begin(), subnets.end(),
                       [&address](IpPrefix const& subnet) { return subnet.contains(address); });
  }
};

template <class Part>
bool names_any(Element const& element) {
  return std::any_of(element.key.begin(), element.key.end(),
                     [](KeyField const& field) { return std::holds_alternative<Part>(field); });
}

bool names(Element const& element, std::set<std::string> const& interfaces) {
  return std::any_of(element.key.begin(), element.key.end(), [&](KeyField const& field) {
    auto const* const name = std::get_if<std::string>(&field);
    return name != nullptr && interfaces.contains(*name);
  });
}

bool leads_to(Element const& element, Traits const& traits) {
  if (auto const* const address = std::get_if<IpAddress>(&element.value)) {
    return traits.has(*address);
  }
  if (auto const* const target = std::get_if<Target>(&element.value)) {
    return traits.has(target->address);
  }
  return false;
}

bool begins_with(Element const& element, Traits const& traits) {
  return std::any_of(element.key.begin(), element.key.end(), [&](KeyField const& field) {
    auto const* const address = std::get_if<IpAddress>(&field);
    return address != nullptr && traits.has(*address);
  });
}

/// The way of a proxy is its member's, wherever the proxy comes in.
bool is_way_of_proxy(Element const& element) {
  return element.set == nft_set::proxied4 || element.set == nft_set::proxied6;
}

bool belongs(Element const& element, Traits const& traits) {
  if (is_way_of_proxy(element)) {
    return traits.has(std::get<IpAddress>(element.key.back()));
  }
  if (names_any<std::string>(element)) {
    return names(element, traits.interfaces);
  }
  bool const is_map = !std::holds_alternative<std::monostate>(element.value);
  return is_map ? leads_to(element, traits) : begins_with(element, traits);
}

/// Adds the addresses that these ports may send from, but for 0.0.0.0 and ::.
void add_addresses(std::set<Element> const& elements, Traits& traits) {
  for (char const* const set : {nft_set::sources4, nft_set::sources6}) {
    for (auto it = elements.lower_bound(Element{set, {}}); it != elements.end() && it->set == set;
         ++it) {
      auto const* const address = std::get_if<IpAddress>(&it->key.back());
      if (address != nullptr && address->bits != 0 && names(*it, traits.interfaces)) {
        traits.addresses.insert(*address);
      }
    }
  }
}

void move_elements(KernelState& from, KernelState& to, Traits traits) {
  add_addresses(from.elements, traits);
  for (auto it = from.elements.begin(); it != from.elements.end();) {
    auto const next = std::next(it);
    if (belongs(*it, traits)) {
      to.elements.insert(from.elements.extract(it));
    }
    it = next;
  }
}

/// Moves the ports for which `is_meant` says yes.
template <class Predicate>
void move_ports(KernelState& from, KernelState& to, Traits& traits, Predicate is_meant) {
  for (auto it = from.veths.begin(); it != from.veths.end();) {
    auto const next = std::next(it);
    if (is_meant(it->second)) {
      traits.interfaces.insert(it->first);
      to.veths.insert(from.veths.extract(it));
    }
    it = next;
  }
}

}  // namespace

KernelState take_network(KernelState& kept, NetworkId const& id) {
  KernelState taken;
  auto const bridge =
      std::find_if(kept.bridges.begin(), kept.bridges.end(),
                   [&id](auto const& each) { return each.second.owner == id.value; });
  if (bridge == kept.bridges.end()) {
    return taken;
  }
  Traits traits;
  traits.interfaces.insert(bridge->first);
  for (IpPrefix const& address : bridge->second.addresses) {
    traits.subnets.push_back(address.network());
  }
  move_ports(kept, taken, traits,
             [&bridge](Veth const& veth) { return veth.bridge == bridge->first; });
  taken.bridges.insert(kept.bridges.extract(bridge));
  move_elements(kept, taken, std::move(traits));
  return taken;
}

KernelState take_endpoint(KernelState& kept, EndpointId const& id) {
  KernelState taken;
  Traits traits;
  move_ports(kept, taken, traits, [&id](Veth const& veth) { return veth.owner == id.value; });
  if (!taken.veths.empty()) {
    move_elements(kept, taken, std::move(traits));
  }
  return taken;
}

void add_kept(KernelState& state, KernelState const& kept) {
  state.bridges.insert(kept.bridges.begin(), kept.bridges.end());
  state.veths.insert(kept.veths.begin(), kept.veths.end());
  state.elements.insert(kept.elements.begin(), kept.elements.end());
}

}  // namespace drawbridge
