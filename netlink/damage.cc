#include "netlink/damage.h"

#include <fmt/core.h>

#include <string_view>

namespace drawbridge {
namespace {

std::string brief(std::string const& id) {
  constexpr std::size_t length = 12;
  return id.substr(0, length);
}

/// Every port has the prefix; a bridge may have any other name.
std::string kind_of(std::string const& link) {
  return link.starts_with(port_prefix) ? "port" : "bridge";
}

Damage of_link(std::string const& link, std::string_view what) {
  return {kind_of(link), fmt::format("{} {} {}", kind_of(link), link, what)};
}

std::string rate_text(std::uint64_t bits_per_second) {
  if (bits_per_second == unsound_rate) {
    return "an incomplete limit of its rate";
  }
  return bits_per_second == 0 ? "no limit of its rate"
                              : fmt::format("a rate of {} bit/s", bits_per_second);
}

/// returns  the port as it was seen
Veth const* seen(KernelState const& observed, std::string const& port) {
  auto const found = observed.veths.find(port);
  return found == observed.veths.end() ? nullptr : &found->second;
}

struct Teller {
  KernelState const& observed;

  Damage operator()(CreateBridge const& step) {
    auto const is = observed.bridges.find(step.bridge.name);
    if (is != observed.bridges.end() && is->second.owner == step.bridge.owner) {
      return of_link(step.bridge.name,
                     fmt::format("had address {} and not {}", is->second.mac.to_string(),
                                 step.bridge.mac.to_string()));
    }
    return {"bridge", fmt::format("bridge {} of network {} was gone", step.bridge.name,
                                  brief(step.bridge.owner))};
  }
  Damage operator()(RetireBridge const& step) {
    return {"bridge", fmt::format("bridge {} of network {} was left over", step.bridge.name,
                                  brief(step.bridge.owner))};
  }
  Damage operator()(AddAddress const& step) {
    return {"address",
            fmt::format("address {} was missing on {}", step.address.to_string(), step.link)};
  }
  Damage operator()(RemoveAddress const& step) {
    return {"address",
            fmt::format("address {} was not ours on {}", step.address.to_string(), step.link)};
  }
  Damage operator()(SetMtu const& step) {
    return of_link(step.link,
                   fmt::format("had mtu {} and not {}", step.before_bytes, step.after_bytes));
  }
  Damage operator()(BringUp const& step) { return of_link(step.link, "was down"); }
  Damage operator()(CreateVeth const& step) {
    return {"port", fmt::format("port {} of endpoint {} was gone", step.veth.host_end,
                                brief(step.veth.owner))};
  }
  Damage operator()(RetireVeth const& step) {
    return {"port", fmt::format("port {} of endpoint {} was left over", step.veth.host_end,
                                brief(step.veth.owner))};
  }
  Damage operator()(AttachPort const& step) {
    Veth const& wanted = step.veth;
    Veth const* const is = seen(observed, wanted.host_end);
    if (wanted.bridge.empty()) {
      return of_link(wanted.host_end, fmt::format("was on bridge {}", is ? is->bridge : ""));
    }
    if (is != nullptr && is->bridge == wanted.bridge && is->mac != wanted.mac) {
      return of_link(wanted.host_end,
                     fmt::format("was not known to its bridge {} by its address {}", wanted.bridge,
                                 wanted.mac.to_string()));
    }
    return of_link(wanted.host_end, fmt::format("was off its bridge {}", wanted.bridge));
  }
  Damage operator()(SetIsolation const& step) {
    return of_link(step.port, step.after ? "was not isolated" : "was isolated");
  }
  Damage operator()(SetGroup const& step) {
    return of_link(step.link, fmt::format("was in group {} and not {}", step.before.number,
                                          step.after.number));
  }
  Damage operator()(SetHairpin const& step) {
    return of_link(step.port,
                   step.after ? "sent no frames back" : "sent frames back where they came from");
  }
  Damage operator()(AllowLoopback const& step) {
    return of_link(step.bridge, "let no packets of 127.0.0.0/8 leave");
  }
  Damage operator()(SetRate const& step) {
    return of_link(step.veth.host_end,
                   fmt::format("had {} and not {}", rate_text(step.before_bits_per_second),
                               rate_text(step.veth.rate_bits_per_second)));
  }
  Damage operator()(ChangeElements const& step) {
    return {"element", fmt::format("{} elements were missing, {} were not ours", step.add.size(),
                                   step.remove.size())};
  }
  Damage operator()(EnableForwarding const& step) {
    return {"forwarding",
            fmt::format("forwarding of {} was off", step.family == Family::ipv4 ? "ipv4" : "ipv6")};
  }
};

/// returns  "pair { db-1 . db-2 : accept }"
std::string in_braces(Element const& element) {
  std::string const text = describe(element);
  std::size_t const key = element.set.size();
  return fmt::format("{} {{{} }}", text.substr(0, key), text.substr(key));
}

}  // namespace

Damage damage_of(Operation const& repair, KernelState const& observed) {
  return std::visit(Teller{observed}, repair);
}

std::string missing_text(Element const& element) {
  return "element " + in_braces(element) + " was missing";
}

std::string not_ours_text(Element const& element) {
  return "element " + in_braces(element) + " was not ours";
}

}  // namespace drawbridge
