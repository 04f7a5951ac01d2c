// Which networks name which others in `allow_from`: who has to follow when networks come, go or get
// another name. Pure.
#pragma once

#include "model/network.h"

#include <map>
#include <set>
#include <string>

namespace drawbridge {

class PeerIndex {
 public:
  void add(Network const& network);
  /// As it was added.
  void remove(Network const& network);
  void clear() { naming_.clear(); }
  bool is_empty() const { return naming_.empty(); }

  /// returns  the networks that name this id or a beginning of it. Two ids that begin with the same
  ///          12 digits are not told apart here
  std::set<NetworkId> naming(NetworkId const& id) const;
  /// returns  the networks that name what is called like this
  std::set<NetworkId> naming(std::string const& name) const;

 private:
  std::map<std::string, std::set<NetworkId>> naming_;  // by what they name
};

}  // namespace drawbridge
