"""Traffic between places, and whether it got through.

A place is anything with a network namespace: a Container (containers.py), lab.engine_place,
lab.outside_place, lab.neighbour_place. Sockets are made inside the namespace and used from the
test's own process, so a probe costs no process and a blocked one costs its short time limit only.
Addresses are IPv4 or IPv6 text. Servers are in servers.py.

    reach(a, b, b.address())           which of ping, tcp, udp get from a to b: a set
    ping, tcp, udp                     one of them: bool
    tcp_source, udp_source             the client's address as the server saw it, or None
    tcp_connect                        an open connection, to be used while something happens
    http_get                           (status, body), or None
    Heartbeat                          counts lost packets while something happens
    leaves_nothing(lab)                the block leaves links, routes and rules as they were
"""

import contextlib
import difflib
import json
import os
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from lab import wait_for
from servers import TcpServer, UdpServer

EVERYTHING = frozenset({"ping", "tcp", "udp"})
NOTHING = frozenset()
PATIENCE = 0.8  # seconds that a probe waits for an answer


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def _echo_request(address, identifier, sequence):
    # The kernel fills in the checksum of ICMPv6, but not that of ICMP.
    body = struct.pack("!HH8s", identifier, sequence, os.urandom(8))
    if family_of(address) == socket.AF_INET6:
        return struct.pack("!BBH", 128, 0, 0) + body
    return struct.pack("!BBH", 8, 0, _checksum(struct.pack("!BBH", 8, 0, 0) + body)) + body


def _is_reply(packet, address, request):
    if family_of(address) == socket.AF_INET6:
        return packet[0] == 129 and packet[4:] == request[4:]
    header = (packet[0] & 15) * 4
    return packet[header] == 0 and packet[header + 4 :] == request[4:]


def _icmp_socket(place, address):
    if family_of(address) == socket.AF_INET6:
        return place.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    return place.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


def _ping_once(channel, address, sequence, timeout):
    request = _echo_request(address, os.getpid() & 0xFFFF, sequence)
    deadline = time.monotonic() + timeout
    try:
        channel.sendto(request, (address, 0))
        while (left := deadline - time.monotonic()) > 0:
            channel.settimeout(left)
            packet, _ = channel.recvfrom(2048)
            if _is_reply(packet, address, request):
                return True
    except OSError:
        return False
    return False


def ping(place, address, count=1, timeout=PATIENCE):
    """Whether each of `count` echo requests is answered, each within `timeout` seconds."""
    with _icmp_socket(place, address) as channel:
        return all(_ping_once(channel, address, sequence, timeout) for sequence in range(count))


def tcp_connect(place, address, port, timeout=PATIENCE, source_port=0):
    """An open connection from `place` (a socket), or None when none came about in time."""
    channel = place.socket(family_of(address), socket.SOCK_STREAM)
    channel.settimeout(timeout)
    try:
        if source_port:
            channel.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            channel.bind(("", source_port))
        channel.connect((address, port))
    except OSError:
        channel.close()
        return None
    return channel


def tcp(place, address, port, timeout=PATIENCE):
    """Whether a TCP connection comes about."""
    channel = tcp_connect(place, address, port, timeout)
    if channel is None:
        return False
    channel.close()
    return True


def tcp_source(place, address, port, timeout=PATIENCE):
    """The address that a TcpServer at address:port sees as its client, or None."""
    channel = tcp_connect(place, address, port, timeout)
    if channel is None:
        return None
    with channel, channel.makefile(encoding="ascii") as lines:
        try:
            return lines.readline().strip() or None
        except OSError:
            return None


def udp_source(place, address, port, timeout=PATIENCE):
    """The address that a UdpServer at address:port sees as its client, or None."""
    with place.socket(family_of(address), socket.SOCK_DGRAM) as channel:
        channel.settimeout(timeout)
        try:
            channel.connect((address, port))
            channel.send(b"?")
            return channel.recv(2048).decode("ascii") or None
        except OSError:
            return None


def udp(place, address, port, timeout=PATIENCE):
    """Whether a datagram to a UdpServer at address:port is answered."""
    return udp_source(place, address, port, timeout) is not None


def http_get(place, address, port, path="/", host=None, timeout=PATIENCE):
    """(status, body) of a GET, or None when no answer came."""
    channel = tcp_connect(place, address, port, timeout)
    if channel is None:
        return None
    with channel:
        try:
            head = f"GET {path} HTTP/1.0\r\nHost: {host or address}\r\n\r\n"
            channel.sendall(head.encode())
            reply = b"".join(iter(lambda: channel.recv(65536), b"")).decode()
        except OSError:
            return None
    head, _, body = reply.partition("\r\n\r\n")
    return int(head.split()[1]), body


def reach(source, destination, address, port=4567, timeout=PATIENCE):
    """Which of ping, tcp and udp get from place `source` to `address` of place `destination`.

    Opens the servers itself and tries all three at once. Compare with EVERYTHING or NOTHING, and
    give each NOTHING a control of its own that shows EVERYTHING.
    """
    with TcpServer(destination, port, address), UdpServer(destination, port, address):
        with ThreadPoolExecutor(3) as pool:
            tries = {
                "ping": pool.submit(ping, source, address, 1, timeout),
                "tcp": pool.submit(tcp, source, address, port, timeout),
                "udp": pool.submit(udp, source, address, port, timeout),
            }
            return frozenset(name for name, attempt in tries.items() if attempt.result())


class Heartbeat:
    """Pings `address` from `place` every `interval` seconds while the block runs.

    with Heartbeat(a, b.address()) as beat:
        lab.kill_drawbridge()
        beat.wait_for_beats(10)
    assert beat.lost == 0 and beat.answered > 0
    """

    def __init__(self, place, address, interval=0.02, timeout=PATIENCE):
        self.answered = 0
        self.lost = 0
        self._place = place
        self._address = address
        self._interval = interval
        self._timeout = timeout
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def wait_for_beats(self, count):
        """Returns when `count` more packets were answered or lost."""
        until = self.answered + self.lost + count
        wait_for(lambda: self.answered + self.lost >= until, 30, f"{count} heartbeats")

    def _beat(self):
        sequence = 0
        with _icmp_socket(self._place, self._address) as channel:
            while not self._stop.wait(self._interval):
                sequence = (sequence + 1) & 0xFFFF
                if _ping_once(channel, self._address, sequence, self._timeout):
                    self.answered += 1
                else:
                    self.lost += 1


def snapshot_difference(before, after):
    """The two snapshots as a unified diff; empty when they are equal."""
    texts = [json.dumps(each, indent=1, sort_keys=True).splitlines() for each in (before, after)]
    return "\n".join(difflib.unified_diff(*texts, "before", "after", lineterm="", n=2))


def retired_links(lab):
    """Names of the links that drawbridge has retired and not yet deleted."""
    links = lab.snapshot()["links"]
    return [name for name, link in links.items() if link["alias"] == "drawbridge:retired"]


@contextlib.contextmanager
def leaves_nothing(lab, timeout=10.0):
    """The block must leave the engine's links, routes and rules as they were.

    They may take up to `timeout` seconds: links are retired first and deleted when idle.
    """
    wait_for(lambda: not retired_links(lab), 60, "the end of links retired earlier")
    before = lab.snapshot()
    yield before
    try:
        wait_for(lambda: lab.snapshot() == before, timeout, interval=0.1)
    except AssertionError:
        left = snapshot_difference(before, lab.snapshot())
        raise AssertionError(f"left behind after {timeout} s:\n{left}") from None
