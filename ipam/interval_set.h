// A set of addresses as disjoint closed intervals: what is taken of a prefix, whatever its size.
//
// Cost follows the number of gaps, not of addresses: a full /8 is one interval. Pure.
#pragma once

#include "model/address.h"

#include <map>
#include <optional>
#include <vector>

namespace drawbridge {

struct Interval {
  AddressBits first;
  AddressBits last;
};

class IntervalSet {
 public:
  /// Adds first..last; overlapping and touching intervals become one.
  void insert(AddressBits first, AddressBits last);
  /// Removes first..last, splitting an interval where needed.
  void erase(AddressBits first, AddressBits last);
  void clear() { intervals_.clear(); }

  bool contains(AddressBits value) const;

  /// returns  the last value of the interval that overlaps first..last, the lowest of several;
  ///          nothing when first..last is free
  std::optional<AddressBits> end_of_overlap(AddressBits first, AddressBits last) const;

  /// returns  the lowest value in first..last that is not in the set
  std::optional<AddressBits> lowest_free(AddressBits first, AddressBits last) const;

  /// returns  the parts of first..last that are in the set, the lowest first
  std::vector<Interval> within(AddressBits first, AddressBits last) const;

  /// returns  how many values are in the set, which must not be all there are
  AddressBits count() const;

 private:
  std::map<AddressBits, AddressBits> intervals_;  // first -> last
};

}  // namespace drawbridge
