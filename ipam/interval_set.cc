#include "ipam/interval_set.h"

#include <algorithm>
#include <iterator>

namespace drawbridge {

void IntervalSet::insert(AddressBits first, AddressBits last) {
  auto next = intervals_.upper_bound(first);
  if (next != intervals_.begin()) {
    auto const previous = std::prev(next);
    // The second test is reached only when previous->second < first: the sum cannot wrap.
    if (previous->second >= first || previous->second + 1 == first) {
      first = previous->first;
      last = std::max(last, previous->second);
      next = intervals_.erase(previous);
    }
  }
  // next->first > first >= 0: the difference cannot wrap.
  while (next != intervals_.end() && next->first - 1 <= last) {
    last = std::max(last, next->second);
    next = intervals_.erase(next);
  }
  intervals_.emplace_hint(next, first, last);
}

void IntervalSet::erase(AddressBits first, AddressBits last) {
  auto next = intervals_.upper_bound(first);
  if (next != intervals_.begin() && std::prev(next)->second >= first) {
    --next;
  }
  while (next != intervals_.end() && next->first <= last) {
    auto const [old_first, old_last] = *next;
    next = intervals_.erase(next);
    if (old_first < first) {
      intervals_.emplace_hint(next, old_first, first - 1);
    }
    if (old_last > last) {
      intervals_.emplace_hint(next, last + 1, old_last);
    }
  }
}

bool IntervalSet::contains(AddressBits value) const {
  return end_of_overlap(value, value).has_value();
}

std::optional<AddressBits> IntervalSet::end_of_overlap(AddressBits first, AddressBits last) const {
  auto const next = intervals_.upper_bound(first);
  if (next != intervals_.begin() && std::prev(next)->second >= first) {
    return std::prev(next)->second;
  }
  if (next != intervals_.end() && next->first <= last) {
    return next->second;
  }
  return std::nullopt;
}

std::optional<AddressBits> IntervalSet::lowest_free(AddressBits first, AddressBits last) const {
  if (first > last) {
    return std::nullopt;
  }
  std::optional<AddressBits> const taken_until = end_of_overlap(first, first);
  if (!taken_until) {
    return first;
  }
  // Touching intervals are one, so what follows an interval is free.
  return *taken_until < last ? std::optional(*taken_until + 1) : std::nullopt;
}

std::vector<Interval> IntervalSet::within(AddressBits first, AddressBits last) const {
  auto next = intervals_.upper_bound(first);
  if (next != intervals_.begin() && std::prev(next)->second >= first) {
    --next;
  }
  std::vector<Interval> parts;
  for (; next != intervals_.end() && next->first <= last; ++next) {
    parts.push_back({std::max(first, next->first), std::min(last, next->second)});
  }
  return parts;
}

AddressBits IntervalSet::count() const {
  AddressBits values = 0;
  for (auto const& [first, last] : intervals_) {
    values += last - first + 1;
  }
  return values;
}

}  // namespace drawbridge
