"""Echo requests of ICMP and ICMPv6 over raw sockets, and their answers: what pings are made of."""

import os
import secrets
import socket
import struct
import time

from frames import checksum


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def echo_request(address, identifier, sequence):
    # The kernel fills in the checksum of ICMPv6, but not that of ICMP.
    body = struct.pack("!HH8s", identifier, sequence, os.urandom(8))
    if family_of(address) == socket.AF_INET6:
        return struct.pack("!BBH", 128, 0, 0) + body
    return struct.pack("!BBH", 8, 0, checksum(struct.pack("!BBH", 8, 0, 0) + body)) + body


def is_reply(packet, address, request):
    if family_of(address) == socket.AF_INET6:
        return packet[0] == 129 and packet[4:] == request[4:]
    header = (packet[0] & 15) * 4
    return packet[header] == 0 and packet[header + 4 :] == request[4:]


def new_identifier():
    """Of echo requests: conntrack takes those of one identifier for one connection."""
    return secrets.randbelow(1 << 16)


def icmp_socket(place, address):
    if family_of(address) == socket.AF_INET6:
        return place.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    return place.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


def ping_once(channel, address, identifier, sequence, timeout):
    request = echo_request(address, identifier, sequence)
    deadline = time.monotonic() + timeout
    try:
        channel.sendto(request, (address, 0))
        while (left := deadline - time.monotonic()) > 0:
            channel.settimeout(left)
            packet, _ = channel.recvfrom(2048)
            if is_reply(packet, address, request):
                return True
    except OSError:
        return False
    return False
