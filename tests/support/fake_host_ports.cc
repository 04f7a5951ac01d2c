#include "tests/support/fake_host_ports.h"

#include <fmt/format.h>

#include <algorithm>

namespace drawbridge {
namespace {

std::string text_of(PublishedPort const& port) {
  return fmt::format("{} {}:{}-{}", port.protocol, port.host ? port.host->to_string() : "any",
                     port.host_ports.first, port.host_ports.last);
}

}  // namespace

bool FakeHostPorts::is_held(PublishedPort const& port, std::uint16_t number) const {
  PublishedPort const wanted{port.protocol, port.host, {number, number}, port.container_port};
  return taken.contains({port.protocol, number}) ||
         std::any_of(held.begin(), held.end(), [&](auto const& each) {
           return each.first != port && clash(each.first, wanted);
         });
}

Result<void> FakeHostPorts::hold(PortHold const& hold) {
  calls.push_back("hold " + text_of(hold.port));
  for (std::uint32_t number = hold.port.host_ports.first; number <= hold.port.host_ports.last;
       ++number) {
    if (is_held(hold.port, static_cast<std::uint16_t>(number))) {
      return fail(Errc::already_exists, fmt::format("port {} is taken by {}", number, taker));
    }
  }
  held[hold.port] = hold;
  return {};
}

Result<std::uint16_t> FakeHostPorts::hold_first(PortHold hold,
                                                std::vector<std::uint16_t> const& candidates) {
  for (std::uint16_t const port : candidates) {
    hold.port.host_ports = {port, port};
    if (!is_held(hold.port, port)) {
      calls.push_back("hold first: " + text_of(hold.port));
      held[hold.port] = hold;
      return port;
    }
  }
  return fail(Errc::exhausted, "no port is free");
}

Result<std::uint16_t> FakeHostPorts::hold_any(PortHold hold) {
  for (std::uint32_t number = ephemeral_range.first; number <= ephemeral_range.last; ++number) {
    auto const port = static_cast<std::uint16_t>(number);
    hold.port.host_ports = {port, port};
    if (!is_held(hold.port, port)) {
      calls.push_back("hold any: " + text_of(hold.port));
      held[hold.port] = hold;
      return port;
    }
  }
  return fail(Errc::exhausted, "no port is free");
}

void FakeHostPorts::release(PublishedPort const& port) {
  calls.push_back("release " + text_of(port));
  held.erase(port);
}

}  // namespace drawbridge
