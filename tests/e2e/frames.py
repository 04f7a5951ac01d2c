"""Ethernet frames as bytes, true and forged ones, and ears that hear them.

A frame ends in eight bytes that no other frame has, its mark: so it is known again anywhere, also
behind a router that gave it another source. Layouts are those of RFC 791, 826, 2131, 4443, 4861,
8200, 8415 and of IEEE 802.1Q; addresses and MACs are text.

    Card(mac, ip)                  what a frame says of its sender or receiver, of either family
    udp, tcp, echo, ip_redirect    packets from one card to another
    arp                            a request or reply, honest or not
    neighbour_solicitation, neighbour_advertisement, router_advertisement, redirect
    dhcp_offer, dhcp6_advertisement
    tagged, behind_header, ethernet   the same in other clothes
    Ear                            a listener on an interface of a place
    come_through                   which of some frames arrive at an ear
"""

import ipaddress
import os
import socket
import struct
import time
from dataclasses import dataclass

ETH_P_ALL = 3
IPV4, ARP, IPV6, VLAN, VLAN_OF_PROVIDERS, PPPOE = 0x0800, 0x0806, 0x86DD, 0x8100, 0x88A8, 0x8864
REQUEST, REPLY = 1, 2  # of ARP
HOP_BY_HOP, DESTINATION_OPTIONS = 0, 60
MARK_BYTES = 8


@dataclass(frozen=True)
class Card:
    mac: str
    ip: str


EVERYBODY = Card("ff:ff:ff:ff:ff:ff", "255.255.255.255")
ALL_NODES = Card("33:33:00:00:00:01", "ff02::1")
ALL_DHCP = Card("33:33:00:01:00:02", "ff02::1:2")
ALL_REPORTS = Card("33:33:00:00:00:16", "ff02::16")


def checksum(data):
    """The Internet checksum (RFC 1071) of an even number of bytes."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def _mac(text):
    return bytes.fromhex(text.replace(":", ""))


def _ip(text):
    return ipaddress.ip_address(text).packed


def _is_ipv6(card):
    return ":" in card.ip


def _mark():
    return os.urandom(MARK_BYTES)


def mark_of(frame):
    return frame[-MARK_BYTES:]


def _nonce():
    """A mark in the form of an option that every node skips: Nonce, RFC 3971."""
    return struct.pack("!BB", 14, 1) + os.urandom(6)


def ethernet(sender, receiver, kind, payload=None):
    """A frame of any EtherType; of a mark alone, filled up, without a `payload`."""
    payload = bytes(38) + _mark() if payload is None else payload
    return _mac(receiver.mac) + _mac(sender.mac) + struct.pack("!H", kind) + payload


def _packet(sender, receiver, protocol, body, hops=64):
    source, destination = _ip(sender.ip), _ip(receiver.ip)
    if _is_ipv6(sender):
        head = struct.pack("!IHBB", 6 << 28, len(body), protocol, hops) + source + destination
        return ethernet(sender, receiver, IPV6, head + body)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, hops, protocol, 0)
    head += source + destination
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return ethernet(sender, receiver, IPV4, head + body)


def _summed(sender, receiver, protocol, body, at):
    """`body` with its checksum, over it and the pseudo header, put at byte `at`."""
    ends = _ip(sender.ip) + _ip(receiver.ip)
    pseudo = ends + struct.pack("!II", len(body), protocol)
    return body[:at] + struct.pack("!H", checksum(pseudo + body)) + body[at + 2 :]


def udp(sender, receiver, port=9, source_port=9, body=b""):
    body += _mark()
    head = struct.pack("!HHHH", source_port, port, 8 + len(body), 0)
    return _packet(sender, receiver, 17, _summed(sender, receiver, 17, head + body, 6))


def tcp(sender, receiver, port=9):
    """A SYN, with its mark as early data."""
    segment = struct.pack("!HHIIBBHHH", 40009, port, 1, 0, 5 << 4, 2, 64240, 0, 0) + _mark()
    return _packet(sender, receiver, 6, _summed(sender, receiver, 6, segment, 16))


def echo(sender, receiver):
    """An echo request of ICMP or ICMPv6."""
    if _is_ipv6(sender):
        return _icmp6(sender, receiver, 128, struct.pack("!HH", 1, 1) + _mark(), hops=64)
    message = struct.pack("!BBHHH", 8, 0, 0, 1, 1) + _mark()
    message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
    return _packet(sender, receiver, 1, message)


def ip_redirect(sender, receiver, destination, by_way_of):
    """ICMP: tells `receiver` to send what is for `destination` to `by_way_of`."""
    cause = struct.pack("!BBHHHBBH", 0x45, 0, 28, 0, 0, 64, 17, 0)
    cause += _ip(receiver.ip) + _ip(destination) + _mark()
    message = struct.pack("!BBH", 5, 1, 0) + _ip(by_way_of) + cause
    message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
    return _packet(sender, receiver, 1, message, hops=255)


def arp(operation, sender, target, to=None, from_mac=None, hardware=1):
    """ARP: `sender` tells `target` about itself, or asks for it.

    to        Card of the frame's receiver; everybody, if left out
    from_mac  the frame's own source, where it is not the sender's
    hardware  type of the MACs: 1 is Ethernet; Linux takes 6, IEEE 802, for the same
    """
    message = struct.pack("!HHBBH", hardware, IPV4, 6, 4, operation)
    message += _mac(sender.mac) + _ip(sender.ip) + _mac(target.mac) + _ip(target.ip)
    frame_sender = Card(from_mac or sender.mac, sender.ip)
    return ethernet(frame_sender, to or EVERYBODY, ARP, message + bytes(10) + _mark())


def _icmp6(sender, receiver, kind, body, hops=255):
    message = struct.pack("!BBH", kind, 0, 0) + body
    return _packet(sender, receiver, 58, _summed(sender, receiver, 58, message, 2), hops)


def _link_option(kind, mac):
    return struct.pack("!BB", kind, 1) + _mac(mac)


def solicited_node(ip):
    """The multicast group that everybody joins who has the address `ip`."""
    tail = _ip(ip)[-3:]
    group = ipaddress.IPv6Address(_ip("ff02::1:ff00:0")[:13] + tail)
    return Card("33:33:ff:" + tail.hex(":"), str(group))


def neighbour_solicitation(sender, ip):
    """Asks who has `ip`; from "::" it is duplicate address detection."""
    link = _link_option(1, sender.mac) if sender.ip != "::" else b""
    return _icmp6(sender, solicited_node(ip), 135, bytes(4) + _ip(ip) + link + _nonce())


def neighbour_advertisement(sender, claim, receiver=ALL_NODES):
    """Says that `claim`.ip is at `claim`.mac, and overrides what was known."""
    flags = struct.pack("!I", 0x20000000)
    body = flags + _ip(claim.ip) + _link_option(2, claim.mac) + _nonce()
    return _icmp6(sender, receiver, 136, body)


def router_solicitation(sender):
    return _icmp6(sender, Card("33:33:00:00:00:02", "ff02::2"), 133, bytes(4) + _nonce())


def router_advertisement(sender, prefix, receiver=ALL_NODES):
    """Offers a default route for half an hour, and addresses of the /64 `prefix`."""
    body = struct.pack("!BBHII", 64, 0, 1800, 0, 0) + _link_option(1, sender.mac)
    body += struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 1800, 1800, 0) + _ip(prefix)
    return _icmp6(sender, receiver, 134, body + _nonce())


def redirect(sender, receiver, destination, by_way_of):
    """ICMPv6: tells `receiver` to send what is for `destination` to `by_way_of`, a Card."""
    body = bytes(4) + _ip(by_way_of.ip) + _ip(destination) + _link_option(2, by_way_of.mac)
    return _icmp6(sender, receiver, 137, body + _nonce())


def listener_report(sender):
    """MLDv2: joins no group; what every node sends when it comes up (RFC 3810)."""
    return _icmp6(sender, ALL_REPORTS, 143, bytes(4) + _mark(), hops=1)


def dhcp_offer(sender, receiver=EVERYBODY):
    """An offer of the address 10.0.0.9 with `sender` as the router."""
    message = struct.pack("!BBBBIHH", 2, 1, 6, 0, 1, 0, 0) + bytes(4) + _ip("10.0.0.9")
    message += bytes(8 + 16 + 64 + 128) + bytes.fromhex("63825363 350102 3604")
    message += _ip(sender.ip) + bytes.fromhex("0304") + _ip(sender.ip) + b"\xff\x00\x00"
    return udp(sender, receiver, 68, 67, message)


def dhcp6_advertisement(sender, receiver=ALL_NODES):
    return udp(sender, receiver, 546, 547, struct.pack("!I", 2 << 24 | 1))


def tagged(frame, kind=VLAN, vlan=7):
    """`frame` with a VLAN tag."""
    return frame[:12] + struct.pack("!HH", kind, vlan) + frame[12:]


def in_pppoe(frame):
    """The IPv4 packet of `frame` in a PPPoE session."""
    packet = frame[14:]
    head = struct.pack("!BBHHH", 0x11, 0, 1, len(packet) + 2, 0x0021)
    return frame[:12] + struct.pack("!H", PPPOE) + head + packet


def behind_header(frame, kind):
    """An IPv6 `frame` with an empty extension header of `kind` before its message."""
    length, protocol = struct.unpack("!HB", frame[18:21])
    head = struct.pack("!HB", length + 8, kind)
    extension = struct.pack("!BBBB4x", protocol, 0, 1, 4)
    return frame[:18] + head + frame[21:54] + extension + frame[54:]


class Ear:
    """Hears every frame that comes in to an interface of a place while the block runs, whomever it
    is for.

    with Ear(container) as ear:
        ...
        frames = ear.listen(lambda frame: b"end" in frame)
    """

    def __init__(self, place, interface="eth0"):
        self._place = place
        self._interface = interface

    def __enter__(self):
        self._socket = _raw_socket(self._place, self._interface, ETH_P_ALL)
        return self

    def __exit__(self, *_):
        self._socket.close()

    def listen(self, is_last, patience=3.0, grace=0.05):
        """The frames up to the one for which `is_last` is true, and those that come up to `grace`
        seconds later: two processors may exchange the order. AssertionError when it does not come
        within `patience` seconds.
        """
        heard = []
        until = time.monotonic() + patience
        found = False
        while (left := until - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                frame, (_, _, kind, *_) = self._socket.recvfrom(65536)
            except TimeoutError:
                break
            if kind == socket.PACKET_OUTGOING:
                continue
            heard.append(frame)
            if not found and is_last(frame):
                found, until = True, time.monotonic() + grace
        assert found, f"{self._place}: the last frame did not come; heard {len(heard)} others"
        return heard


def _raw_socket(place, interface, protocol):
    made = place.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    made.bind((interface, protocol))
    return made


def send(place, frames, interface="eth0"):
    """Sends `frames`, a list, from an interface of `place` as they are."""
    with _raw_socket(place, interface, 0) as channel:
        for frame in frames:
            channel.send(frame)


def come_through(place, ear, frames, honest):
    """Which of `frames` (name -> frame), sent from `place`, arrive at `ear`: a set of names.

    honest  a frame that arrives: it is sent behind the others, and is the control
    """
    send(place, [*frames.values(), honest])
    heard = {mark_of(frame) for frame in ear.listen(lambda each: mark_of(each) == mark_of(honest))}
    return {name for name, frame in frames.items() if mark_of(frame) in heard}
