#include "tests/support/parties.h"

#include "tests/support/sockets.h"

#include <fmt/core.h>

#include <array>

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

FileDescriptor udp_socket() {
  return FileDescriptor(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

/// returns  where the datagram arrives, ready to be read
FileDescriptor send(Party const& from, Party const& to, std::string const& address,
                    std::uint16_t port) {
  FileDescriptor receiver;
  to.run([&receiver, port] {
    receiver = udp_socket();
    sockaddr_in6 const any = socket_address("::", port);
    EXPECT_EQ(::bind(receiver.get(), reinterpret_cast<sockaddr const*>(&any), sizeof any), 0);
  });
  from.run([&address, port] {
    FileDescriptor const sender = udp_socket();
    sockaddr_in6 const target = socket_address(address, port);
    ::sendto(sender.get(), "x", 1, 0, reinterpret_cast<sockaddr const*>(&target), sizeof target);
  });
  return receiver;
}

/// returns  a socket of the ICMP that the address speaks, on which an echo reply arrives
FileDescriptor send_echo_request(Party const& from, std::string const& address) {
  bool const is_ipv6 = address.find(':') != std::string::npos;
  FileDescriptor echo;
  from.run([&] {
    shell("echo 0 0 > /proc/sys/net/ipv4/ping_group_range");  // sockets that only ping
    sockaddr_in target4{};
    target4.sin_family = AF_INET;
    inet_pton(AF_INET, address.c_str(), &target4.sin_addr);
    sockaddr_in6 target6 = socket_address(address, 0);
    constexpr std::uint8_t ask4 = ICMP_ECHO;
    constexpr std::uint8_t ask6 = ICMP6_ECHO_REQUEST;
    std::array<std::uint8_t, 8> const request{is_ipv6 ? ask6 : ask4};
    echo = FileDescriptor(::socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC,
                                   is_ipv6 ? int{IPPROTO_ICMPV6} : int{IPPROTO_ICMP}));
    auto const* const target = is_ipv6 ? reinterpret_cast<sockaddr const*>(&target6)
                                       : reinterpret_cast<sockaddr const*>(&target4);
    ::sendto(echo.get(), request.data(), request.size(), 0, target,
             is_ipv6 ? sizeof target6 : sizeof target4);
  });
  return echo;
}

void add_bridge(char const* name, char const* gateway, char const* gateway6) {
  shell(fmt::format("ip link add {} type bridge; ip link set {} up", name, name));
  shell(fmt::format("ip address add {}/24 dev {}", gateway, name));
  shell(fmt::format("ip address add {}/64 dev {} nodad", gateway6, name));
}

}  // namespace

bool reaches(Party const& from, Party const& to, std::string const& address, std::uint16_t port) {
  return becomes_readable(send(from, to, address, port), passing_ms);
}

bool reaches(Party const& from, Party const& to, std::uint16_t port) {
  return reaches(from, to, to.address, port);
}

bool is_refused(Party const& from, Party const& to, std::string const& address,
                std::uint16_t port) {
  return !becomes_readable(send(from, to, address, port), refusal_ms);
}

bool is_refused(Party const& from, Party const& to, std::uint16_t port) {
  return is_refused(from, to, to.address, port);
}

std::string source_seen(Party const& from, Party const& to, std::string const& address) {
  FileDescriptor const receiver = send(from, to, address, discard_port);
  if (!becomes_readable(receiver, passing_ms)) {
    return {};
  }
  sockaddr_in6 source{};
  socklen_t size = sizeof source;
  char byte = 0;
  ::recvfrom(receiver.get(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&source), &size);
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, &source.sin6_addr, text.data(), text.size());
  std::string const seen = text.data();
  return seen.starts_with("::ffff:") ? seen.substr(7) : seen;
}

bool pings(Party const& from, std::string const& address) {
  return becomes_readable(send_echo_request(from, address), passing_ms);
}

bool is_refused_ping(Party const& from, std::string const& address) {
  return !becomes_readable(send_echo_request(from, address), refusal_ms);
}

void PartiesTest::set(char const* sysctl, char const* value) {
  shell(fmt::format("echo {} > /proc/sys/net/{}", value, sysctl));
}

Party PartiesTest::member(char const* bridge, std::string const& address,
                          std::string const& address6) {
  Party party{Netns(), address, address6};
  shell(fmt::format("ip link add {} type veth peer name eth0", port_of(party)));
  shell(fmt::format("ip link set {} master {} up", port_of(party), bridge));
  party.run([] { set("ipv6/conf/default/accept_dad", "0"); });  // so that addresses work at once
  party.netns->take_link("eth0");
  std::string const gateway = address.substr(0, address.rfind('.')) + ".1";
  std::string const gateway6 = address6.substr(0, address6.rfind(':')) + ":1";
  party.run([&] {
    shell(fmt::format("ip link set eth0 up; ip address add {}/24 dev eth0", address));
    shell(fmt::format("ip address add {}/64 dev eth0 nodad", address6));
    shell(
        fmt::format("ip route add default via {}; ip route add default via {}", gateway, gateway6));
  });
  return party;
}

void PartiesTest::SetUp() {
  NetnsTest::SetUp();
  nft_ = NftTable::open().value();
  set("ipv6/conf/default/accept_dad", "0");
  set("ipv4/ip_forward", "1");
  set("ipv6/conf/all/forwarding", "1");
  add_bridge("db-a", "10.1.0.1", "fd01::1");
  add_bridge("db-b", "10.2.0.1", "fd02::1");
  add_bridge("db-in", "10.3.0.1", "fd03::1");
  add_bridge("docker0", "172.17.0.1", "fd17::1");
  add_bridge("br0", "192.0.2.1", "2001:db8::1");  // as where the uplink is a bridge
  a1_ = member("db-a", "10.1.0.2", "fd01::2");
  a2_ = member("db-a", "10.1.0.3", "fd01::3");
  b1_ = member("db-b", "10.2.0.2", "fd02::2");
  in1_ = member("db-in", "10.3.0.2", "fd03::2");
  in2_ = member("db-in", "10.3.0.3", "fd03::3");
  docker_ = member("docker0", "172.17.0.2", "fd17::2");
  outside_ = member("br0", "192.0.2.2", "2001:db8::2");
  shell("until ! bridge link | grep -v 'state forwarding'; do sleep 0.01; done");
}

std::set<Element> PartiesTest::plain_elements() {
  Verdict const drop{Verdict::Kind::drop, {}};
  std::set<Element> elements{{"egress", {"db-in"}, drop}, {"to_host", {"db-in"}, drop}};
  for (char const* bridge : {"db-a", "db-b", "db-in"}) {
    elements.insert({"nets", {bridge}});
    elements.insert({"masquerade4", {bridge}});
    elements.insert({"masquerade6", {bridge}});
    elements.insert({"pair", {bridge, bridge}, Verdict{}});
  }
  for (char const* gateway : {"10.1.0.1", "10.2.0.1", "10.3.0.1"}) {
    elements.insert({"gateways4", {IpAddress::parse(gateway).value()}});
  }
  for (char const* gateway : {"fd01::1", "fd02::1", "fd03::1"}) {
    elements.insert({"gateways6", {IpAddress::parse(gateway).value()}});
  }
  return elements;
}

Result<void> PartiesTest::write_tables(std::set<Element> const& more,
                                       std::set<Element> const& less) {
  std::set<Element> elements = plain_elements();
  std::erase_if(elements, [&less](Element const& element) { return less.contains(element); });
  elements.insert(more.begin(), more.end());
  Result<void> noted = nft_.set_uplinks({"br0"});
  return noted ? nft_.replace(elements) : noted;
}

}  // namespace drawbridge
