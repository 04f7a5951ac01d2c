// What stands in the way of carving one supply, and how much of it: steps and counts in chunks, the
// subnets of one length that a supply divides into. Pure.
//
// Cost follows the stretches of taken space, not the chunks: a full /8 is one.
#pragma once

#include "ipam/interval_set.h"
#include "model/address.h"

#include <optional>
#include <set>
#include <vector>

namespace drawbridge {

class Obstacles {
 public:
  /// supply  with a prefix no longer than `length`
  /// own     as HostRoutes::own; outlives the object, as does what add() is given
  Obstacles(IpPrefix const& supply, int length, std::set<IpPrefix> const& own);

  void add(IntervalSet const& taken) { sets_.push_back(&taken); }

  /// returns  how many chunks there are
  AddressBits total() const { return AddressBits{1} << (length_ - supply_.length); }
  /// returns  in how many of them something stands
  AddressBits blocked() const;

  /// returns  the lowest free chunk but the first, which comes last: people read 10.249.1.0/24 as
  ///          the first network
  std::optional<IpPrefix> next_free() const;

 private:
  std::optional<AddressBits> end_of_overlap(AddressBits first, AddressBits last) const;
  std::optional<AddressBits> lowest_free(AddressBits first, AddressBits last_start) const;

  IpPrefix supply_;
  int length_;
  AddressBits size_;  // addresses of a chunk
  std::set<IpPrefix> const& own_;
  std::vector<IntervalSet const*> sets_;
};

}  // namespace drawbridge
