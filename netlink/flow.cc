#include "netlink/flow.h"

namespace drawbridge {

bool matches(FlowPattern const& pattern, Flow const& flow) {
  auto const agrees = [](auto const& wanted, auto const& is) { return !wanted || *wanted == is; };
  bool const is_party =
      agrees(pattern.party, flow.source) || agrees(pattern.party, flow.translated_destination);
  bool const is_port =
      !pattern.destination_ports || (pattern.destination_ports->first <= flow.destination_port &&
                                     flow.destination_port <= pattern.destination_ports->last);
  return is_party && is_port && !(pattern.ends_here && flow.destination_is_translated) &&
         agrees(pattern.protocol, flow.protocol) && agrees(pattern.destination, flow.destination) &&
         agrees(pattern.end, flow.translated_destination);
}

}  // namespace drawbridge
