#include "netlink/plan.h"

#include <fmt/core.h>

namespace drawbridge {
namespace {

std::string text_of(std::string const& name) {
  return name;
}

std::string text_of(LinkGroup const& group) {
  return std::to_string(group.number);
}

std::string text_of(ProtocolRange const& range) {
  return fmt::format("{}-{}", range.first, range.last);
}

std::string text_of(PortRange const& range) {
  return fmt::format("{}-{}", range.first, range.last);
}

template <class Field>
std::string text_of(Field const& field) {
  return field.to_string();
}

std::string text_of(Verdict const& what) {
  switch (what.kind) {
    case Verdict::Kind::accept:
      return "accept";
    case Verdict::Kind::drop:
      return "drop";
    case Verdict::Kind::jump:
      return "jump " + what.chain;
    case Verdict::Kind::go_to:
      return "goto " + what.chain;
  }
  return "";
}

std::string text_of(Target const& target) {
  return fmt::format("{} . {}", target.address.to_string(), target.port);
}

std::string text_of(std::monostate) {
  return "";
}

std::string joined(std::set<IpPrefix> const& addresses) {
  std::string out;
  for (IpPrefix const& address : addresses) {
    out.append(" ").append(address.to_string());
  }
  return out;
}

std::string joined(char sign, std::set<Element> const& elements) {
  std::string out;
  for (Element const& element : elements) {
    out.append(fmt::format(" {}{{{}}}", sign, describe(element)));
  }
  return out;
}

std::string text_of(CreateBridge const& step) {
  return fmt::format("create bridge {}{}", step.bridge.name, joined(step.bridge.addresses));
}

std::string text_of(RetireBridge const& step) {
  return fmt::format("retire bridge {}", step.bridge.name);
}

std::string text_of(AddAddress const& step) {
  return fmt::format("add address {} to {}", step.address.to_string(), step.link);
}

std::string text_of(RemoveAddress const& step) {
  return fmt::format("remove address {} from {}", step.address.to_string(), step.link);
}

std::string text_of(SetMtu const& step) {
  return fmt::format("set mtu of {} from {} to {}", step.link, step.before_bytes, step.after_bytes);
}

std::string text_of(BringUp const& step) {
  return fmt::format("bring up {}", step.link);
}

std::string text_of(CreateVeth const& step) {
  std::string const pair =
      fmt::format("create veth {} with {}", step.veth.host_end, step.veth.container_end);
  return step.veth.bridge.empty() ? pair : fmt::format("{} on {}", pair, step.veth.bridge);
}

std::string text_of(RetireVeth const& step) {
  return fmt::format("retire veth {}", step.veth.host_end);
}

std::string text_of(AttachPort const& step) {
  Veth const& veth = step.veth;
  return veth.bridge.empty() ? fmt::format("detach {}", veth.host_end)
                             : fmt::format("attach {} to {}", veth.host_end, veth.bridge);
}

std::string text_of(SetIsolation const& step) {
  return fmt::format("set isolation of {} {}", step.port, step.after ? "on" : "off");
}

std::string text_of(SetGroup const& step) {
  return fmt::format("set group of {} from {} to {}", step.link, step.before.number,
                     step.after.number);
}

std::string text_of(SetHairpin const& step) {
  return fmt::format("set hairpin of {} {}", step.port, step.after ? "on" : "off");
}

std::string text_of(AllowLoopback const& step) {
  return fmt::format("let 127.0.0.0/8 leave by {}", step.bridge);
}

std::string text_of(SetRate const& step) {
  return fmt::format("set rate of {} from {} to {} bit/s", step.veth.host_end,
                     step.before_bits_per_second, step.veth.rate_bits_per_second);
}

std::string text_of(ChangeElements const& step) {
  return fmt::format("change elements{}{}", joined('-', step.remove), joined('+', step.add));
}

std::string text_of(EnableForwarding const& step) {
  return step.family == Family::ipv4 ? "enable forwarding of ipv4" : "enable forwarding of ipv6";
}

std::optional<Operation> inverse_of(CreateBridge const& step) {
  return RetireBridge{step.bridge};
}
std::optional<Operation> inverse_of(RetireBridge const& step) {
  return CreateBridge{step.bridge};
}
std::optional<Operation> inverse_of(AddAddress const& step) {
  return RemoveAddress{step.link, step.address};
}
std::optional<Operation> inverse_of(RemoveAddress const& step) {
  return AddAddress{step.link, step.address};
}
std::optional<Operation> inverse_of(SetMtu const& step) {
  return SetMtu{step.link, step.after_bytes, step.before_bytes};
}
std::optional<Operation> inverse_of(CreateVeth const& step) {
  return RetireVeth{step.veth};
}
std::optional<Operation> inverse_of(RetireVeth const& step) {
  return CreateVeth{step.veth};
}
std::optional<Operation> inverse_of(SetIsolation const& step) {
  return SetIsolation{step.port, step.after, step.before};
}
std::optional<Operation> inverse_of(SetGroup const& step) {
  return SetGroup{step.link, step.after, step.before};
}
std::optional<Operation> inverse_of(SetHairpin const& step) {
  return SetHairpin{step.port, step.after, step.before};
}
std::optional<Operation> inverse_of(SetRate const& step) {
  SetRate back = step;
  back.veth.rate_bits_per_second = step.before_bits_per_second;
  back.before_bits_per_second = step.veth.rate_bits_per_second;
  return back;
}
std::optional<Operation> inverse_of(ChangeElements const& step) {
  return ChangeElements{step.add, step.remove};
}
// A link that is up, a port on its bridge, a host that forwards: right before and after.
std::optional<Operation> inverse_of(BringUp const&) {
  return std::nullopt;
}
std::optional<Operation> inverse_of(AttachPort const&) {
  return std::nullopt;
}
std::optional<Operation> inverse_of(EnableForwarding const&) {
  return std::nullopt;
}
// It lets nothing through by itself, and ports of other containers may rely on it.
std::optional<Operation> inverse_of(AllowLoopback const&) {
  return std::nullopt;
}

}  // namespace

std::string describe(Operation const& operation) {
  return std::visit([](auto const& step) { return text_of(step); }, operation);
}

std::string describe(Element const& element) {
  std::string out = element.set;
  for (std::size_t i = 0; i < element.key.size(); ++i) {
    out.append(i == 0 ? " " : " . ");
    std::visit([&out](auto const& field) { out.append(text_of(field)); }, element.key[i]);
  }
  std::string const value =
      std::visit([](auto const& each) { return text_of(each); }, element.value);
  return value.empty() ? out : out + " : " + value;
}

std::string describe(Plan const& plan) {
  std::string out;
  for (Operation const& operation : plan) {
    out.append(describe(operation)).append("\n");
  }
  return out;
}

std::optional<Operation> inverse(Operation const& operation) {
  return std::visit([](auto const& step) { return inverse_of(step); }, operation);
}

}  // namespace drawbridge
