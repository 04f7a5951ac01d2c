#include "tests/support/frames.h"

#include "tests/support/parties.h"

#include <array>
#include <cassert>
#include <chrono>
#include <cstddef>

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t addresses_bytes = 2 * ETH_ALEN;
constexpr std::chrono::milliseconds passing{3000};  // a busy machine may take its time
constexpr std::chrono::milliseconds dropping{100};

std::string bytes16(std::uint16_t number) {
  return {static_cast<char>(number >> 8), static_cast<char>(number & 0xff)};
}

std::string bytes_of(MacAddress const& mac) {
  return {mac.bytes.begin(), mac.bytes.end()};
}

std::string bytes_of(IpAddress const& address) {
  std::string out;
  for (int shift = bits_of(address.family) - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(address.bits >> shift & 0xff));
  }
  return out;
}

/// source: RFC 1071
std::uint16_t checksum(std::string const& header) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < header.size(); i += 2) {
    sum += static_cast<std::uint32_t>(static_cast<std::uint8_t>(header[i]) << 8 |
                                      static_cast<std::uint8_t>(header[i + 1]));
  }
  while (sum > 0xffff) {
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(~sum);
}

Frame broadcast(MacAddress const& sender, std::uint16_t ether_type, std::string const& payload) {
  return std::string(ETH_ALEN, '\xff') + bytes_of(sender) + bytes16(ether_type) + payload;
}

std::string ipv4_packet(IpAddress const& from, std::uint8_t protocol, std::string const& payload) {
  auto const size = static_cast<std::uint16_t>(20 + payload.size());
  std::string header = bytes16(0x4500) + bytes16(size) + bytes16(0) + bytes16(0) +
                       bytes16(static_cast<std::uint16_t>(64 << 8 | protocol)) + bytes16(0) +
                       bytes_of(from) + std::string(4, '\xff');
  header.replace(10, 2, bytes16(checksum(header)));
  return header + payload;
}

std::string ipv6_packet(IpAddress const& from, std::uint8_t protocol, std::string const& payload) {
  constexpr std::uint8_t hop_limit = 255;
  IpAddress const all_nodes = IpAddress::parse("ff02::1").value();
  return bytes16(0x6000) + bytes16(0) + bytes16(static_cast<std::uint16_t>(payload.size())) +
         bytes16(static_cast<std::uint16_t>(protocol << 8 | hop_limit)) + bytes_of(from) +
         bytes_of(all_nodes) + payload;
}

/// returns  a socket that sees every frame of eth0 here
FileDescriptor packet_socket() {
  FileDescriptor socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
  sockaddr_ll place{};
  place.sll_family = AF_PACKET;
  place.sll_protocol = htons(ETH_P_ALL);
  place.sll_ifindex = static_cast<int>(::if_nametoindex("eth0"));
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr const*>(&place), sizeof place), 0);
  return socket;
}

/// returns  true when the frame comes in, among others
bool comes_in(FileDescriptor const& socket, Frame const& frame,
              std::chrono::milliseconds patience) {
  Clock::time_point const end = Clock::now() + patience;
  std::array<char, 2048> buffer{};
  while (true) {
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    pollfd waiting{socket.get(), POLLIN, 0};
    if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) != 1) {
      return false;
    }
    ssize_t const size = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (size > 0 && Frame(buffer.data(), static_cast<std::size_t>(size)) == frame) {
      return true;
    }
  }
}

/// A packet socket shows a frame without its VLAN tag.
Frame untagged(Frame frame) {
  bool const is_tagged = frame.compare(addresses_bytes, 2, bytes16(ETHERTYPE_VLAN)) == 0;
  return is_tagged ? frame.erase(addresses_bytes, 4) : frame;
}

bool is_seen(Party const& from, Party const& to, Frame const& frame,
             std::chrono::milliseconds patience) {
  FileDescriptor receiver;
  to.run([&receiver] { receiver = packet_socket(); });
  from.run([&frame] {
    FileDescriptor const sender = packet_socket();
    EXPECT_EQ(::send(sender.get(), frame.data(), frame.size(), 0),
              static_cast<ssize_t>(frame.size()));
  });
  return comes_in(receiver, untagged(frame), patience);
}

}  // namespace

// source: RFC 826
Frame arp_reply(Sender const& sender, MacAddress const& said) {
  std::string const ethernet_ipv4 = bytes16(1) + bytes16(ETHERTYPE_IP) + bytes16(6 << 8 | 4);
  std::string const to = std::string(ETH_ALEN, '\0') + bytes_of(sender.address);
  return broadcast(sender.mac, ETHERTYPE_ARP,
                   ethernet_ipv4 + bytes16(2) + bytes_of(said) + bytes_of(sender.address) + to);
}

Frame udp_frame(Sender const& sender, std::uint16_t from_port) {
  std::string const datagram = bytes16(from_port) + bytes16(68) + bytes16(8) + bytes16(0);
  return sender.address.family == Family::ipv4
             ? broadcast(sender.mac, ETHERTYPE_IP,
                         ipv4_packet(sender.address, IPPROTO_UDP, datagram))
             : broadcast(sender.mac, ETHERTYPE_IPV6,
                         ipv6_packet(sender.address, IPPROTO_UDP, datagram));
}

Frame icmpv6_frame(Sender const& sender, std::uint8_t type, IpAddress const& target) {
  std::string const message = bytes16(static_cast<std::uint16_t>(type << 8)) + bytes16(0) +
                              bytes16(0) + bytes16(0) + bytes_of(target);
  return broadcast(sender.mac, ETHERTYPE_IPV6,
                   ipv6_packet(sender.address, IPPROTO_ICMPV6, message));
}

Frame frame_of_type(MacAddress const& sender, std::uint16_t ether_type) {
  return broadcast(sender, ether_type, std::string(46, '\0'));
}

Frame tagged(Frame const& frame) {
  Frame out = frame;
  return out.insert(addresses_bytes, bytes16(ETHERTYPE_VLAN) + bytes16(1));
}

bool arrives(Party const& from, Party const& to, Frame const& frame) {
  return is_seen(from, to, frame, passing);
}

bool is_dropped(Party const& from, Party const& to, Frame const& frame) {
  return !is_seen(from, to, frame, dropping);
}

}  // namespace drawbridge
