#include "netlink/nft/mirror.h"

#include "netlink/nft/skeleton.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace drawbridge {
namespace {

constexpr std::array<char const*, 4> host_sets{nft_set::uplinks, nft_set::resolvers4,
                                               nft_set::resolvers6, nft_set::written};

}  // namespace

std::set<Element> part_of(std::set<Element> const& elements, char const* set) {
  auto const first = elements.lower_bound(Element{set, {}});
  auto const last = std::find_if(first, elements.end(),
                                 [set](Element const& element) { return element.set != set; });
  return {first, last};
}

std::set<Element> host_part_of(std::set<Element> const& elements) {
  std::set<Element> part;
  for (char const* set : host_sets) {
    part.merge(part_of(elements, set));
  }
  return part;
}

std::set<Element> network_part_of(std::set<Element> elements) {
  for (Element const& element : host_part_of(elements)) {
    elements.erase(element);
  }
  return elements;
}

void erase_part(std::set<Element>& elements, char const* set) {
  std::erase_if(elements, [set](Element const& element) { return element.set == set; });
}

Change::Change(std::set<Element> const& held, std::set<Element> const& remove,
               std::set<Element> const& add) {
  std::copy_if(remove.begin(), remove.end(), std::inserter(gone, gone.end()),
               [&](Element const& it) { return held.contains(it) && !add.contains(it); });
  std::copy_if(add.begin(), add.end(), std::inserter(fresh, fresh.end()),
               [&](Element const& it) { return !held.contains(it); });
}

void Change::apply_to(std::set<Element>& elements) const {
  for (Element const& element : gone) {
    elements.erase(element);
  }
  elements.insert(fresh.begin(), fresh.end());
}

}  // namespace drawbridge
