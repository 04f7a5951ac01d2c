#include "driver/port_taking.h"

namespace drawbridge {
namespace {

Error refused(Error const& error) {
  return error.code == Errc::already_exists ? error.within("port is already allocated") : error;
}

}  // namespace

void PortTaking::give_up(PortHold hold) {
  ports_.release(hold.port);
  given_up_.push_back(std::move(hold));
}

Result<void> PortTaking::take(PortHold const& hold) {
  Result<void> const held = ports_.hold(hold);
  if (!held) {
    return fail(refused(held.error()));
  }
  taken_.push_back(hold.port);
  return held;
}

Result<PublishedPort> PortTaking::take_first(PortHold hold,
                                             std::vector<std::uint16_t> const& candidates) {
  Result<std::uint16_t> const port = ports_.hold_first(hold, candidates);
  if (!port) {
    return fail(refused(port.error()));
  }
  hold.port.host_ports = {*port, *port};
  taken_.push_back(hold.port);
  return hold.port;
}

Result<PublishedPort> PortTaking::take_any(PortHold const& hold) {
  Result<std::uint16_t> const port = ports_.hold_any(hold);
  if (!port) {
    return fail(refused(port.error()));
  }
  PublishedPort chosen = hold.port;
  chosen.host_ports = {*port, *port};
  taken_.push_back(chosen);
  return chosen;
}

std::vector<std::pair<PublishedPort, Error>> PortTaking::take_back() {
  for (PublishedPort const& port : taken_) {
    ports_.release(port);
  }
  std::vector<std::pair<PublishedPort, Error>> lost;
  for (PortHold const& hold : given_up_) {
    if (Result<void> const held = ports_.hold(hold); !held) {
      lost.emplace_back(hold.port, held.error());
    }
  }
  taken_.clear();
  given_up_.clear();
  return lost;
}

}  // namespace drawbridge
