#include "ipam/obstacles.h"

#include "ipam/host_route_index.h"

namespace drawbridge {

Obstacles::Obstacles(IpPrefix const& supply, int length, std::set<IpPrefix> const& own)
    : supply_(supply),
      length_(length),
      size_(AddressBits{1} << (bits_of(supply.family()) - length)),
      own_(own) {}

AddressBits Obstacles::blocked() const {
  if (auto const around = own_overlap(own_, supply_); around && around->contains(supply_)) {
    return total();
  }
  AddressBits const base = supply_.first().bits;
  IntervalSet chunks;  // by number
  for (IntervalSet const* const set : sets_) {
    for (Interval const& part : set->within(base, supply_.last().bits)) {
      chunks.insert((part.first - base) / size_, (part.last - base) / size_);
    }
  }
  auto inside = own_.lower_bound({supply_.first(), 0});
  for (; inside != own_.end() && supply_.contains(*inside); ++inside) {
    chunks.insert((inside->first().bits - base) / size_, (inside->last().bits - base) / size_);
  }
  return chunks.count();
}

std::optional<IpPrefix> Obstacles::next_free() const {
  AddressBits const first = supply_.first().bits;
  AddressBits const last_start = supply_.last().bits - (size_ - 1);
  std::optional<AddressBits> start;
  if (first < last_start) {
    start = lowest_free(first + size_, last_start);
  }
  if (!start) {
    start = lowest_free(first, first);
  }
  return start ? std::optional(IpPrefix{{supply_.family(), *start}, length_}) : std::nullopt;
}

/// returns  the end of an obstacle that overlaps first..last
std::optional<AddressBits> Obstacles::end_of_overlap(AddressBits first, AddressBits last) const {
  for (IntervalSet const* const set : sets_) {
    if (std::optional<AddressBits> const end = set->end_of_overlap(first, last)) {
      return end;
    }
  }
  auto const own = own_overlap(own_, {{supply_.family(), first}, length_});
  return own ? std::optional(own->last().bits) : std::nullopt;
}

/// Steps from `first` over everything in the way.
///
/// returns  the first address of the lowest free chunk that begins at or before `last_start`
std::optional<AddressBits> Obstacles::lowest_free(AddressBits first, AddressBits last_start) const {
  AddressBits start = first;
  while (start <= last_start) {
    std::optional<AddressBits> const end = end_of_overlap(start, start + (size_ - 1));
    if (!end) {
      return start;
    }
    AddressBits const chunks = *end < start ? 1 : (*end - start) / size_ + 1;
    // The next start may lie beyond the highest address there is.
    if (chunks > (last_start - start) / size_) {
      return std::nullopt;
    }
    start += chunks * size_;
  }
  return std::nullopt;
}

}  // namespace drawbridge
