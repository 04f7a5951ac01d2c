"""Traffic between places, and whether it got through.

A place is anything with a network namespace: a Container (containers.py), lab.engine_place,
lab.outside_place, lab.neighbour_place. Sockets are made inside the namespace and used from the
test's own process, so a probe costs no process and a blocked one costs its short time limit only.
Addresses are IPv4 or IPv6 text, link-local ones with the interface: fe80::1%eth0. Servers are in
servers.py.

    reach(a, b, b.address())           which of ping, tcp, udp get from a to b: a set
    reach_all({name: (a, b, address)}) the same for many at once
    ping, tcp, udp                     one of them: bool
    reach_dual(a, b)                   reach over IPv4 and IPv6, which must be the same
    answered(a, address, services)     which of ping, tcp/80, udp/53 and the like are answered
    who_reaches_whom(members)          reach between many, every one to every other, at once
    tcp_source, udp_source             the client's address as the server saw it, or None
    tcp_connect                        an open connection, to be used while something happens
    http_get                           (status, body), or None
    Heartbeat                          counts lost packets while something happens
    Newcomers                          a thousand new connections per second, and when they fail
    leaves_nothing(lab)                the block leaves links, routes and rules as they were
"""

import contextlib
import difflib
import itertools
import json
import os
import secrets
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from frames import checksum
from lab import wait_for
from servers import TcpServer, UdpServer, serving

EVERYTHING = frozenset({"ping", "tcp", "udp"})
NOTHING = frozenset()
PATIENCE = 0.8  # seconds that a probe waits for an answer


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _echo_request(address, identifier, sequence):
    # The kernel fills in the checksum of ICMPv6, but not that of ICMP.
    body = struct.pack("!HH8s", identifier, sequence, os.urandom(8))
    if family_of(address) == socket.AF_INET6:
        return struct.pack("!BBH", 128, 0, 0) + body
    return struct.pack("!BBH", 8, 0, checksum(struct.pack("!BBH", 8, 0, 0) + body)) + body


def _is_reply(packet, address, request):
    if family_of(address) == socket.AF_INET6:
        return packet[0] == 129 and packet[4:] == request[4:]
    header = (packet[0] & 15) * 4
    return packet[header] == 0 and packet[header + 4 :] == request[4:]


def _aim(channel, address):
    """`address` without its interface, which `channel` is bound to when there is one."""
    plain, _, interface = address.partition("%")
    if interface:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    return plain


def _new_identifier():
    """Of echo requests: conntrack takes those of one identifier for one connection."""
    return secrets.randbelow(1 << 16)


def _icmp_socket(place, address):
    if family_of(address) == socket.AF_INET6:
        return place.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    return place.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


def _ping_once(channel, address, identifier, sequence, timeout):
    request = _echo_request(address, identifier, sequence)
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
    identifier = _new_identifier()
    with _icmp_socket(place, address) as channel:
        plain = _aim(channel, address)
        return all(_ping_once(channel, plain, identifier, sequence, timeout)
                   for sequence in range(count))


def tcp_connect(place, address, port, timeout=PATIENCE, source_port=0):
    """An open connection from `place` (a socket), or None when none came about in time."""
    channel = place.socket(family_of(address), socket.SOCK_STREAM)
    channel.settimeout(timeout)
    try:
        if source_port:
            channel.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            channel.bind(("", source_port))
        channel.connect((_aim(channel, address), port))
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
            channel.connect((_aim(channel, address), port))
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


def reach_dual(source, destination, network=None):
    """reach() to the addresses that `destination` has on `network`, of both families."""
    addresses = destination.address(network), destination.address6(network)
    with ThreadPoolExecutor(2) as pool:
        over4, over6 = pool.map(lambda address: reach(source, destination, address), addresses)
    assert over4 == over6, f"IPv4 {sorted(over4)}, IPv6 {sorted(over6)}"
    return over4


def answered(source, address, services, timeout=PATIENCE):
    """Which of `services` (ping, tcp/80, udp/53) answer place `source` at `address`: a set.

    All are tried at once. The servers are the caller's: see serving() of servers.py.
    """

    def is_answered(service):
        protocol, _, port = service.partition("/")
        if protocol == "ping":
            return ping(source, address, 1, timeout)
        probe = {"tcp": tcp, "udp": udp}[protocol]
        return probe(source, address, int(port), timeout)

    with ThreadPoolExecutor(len(services)) as pool:
        found = pool.map(is_answered, services)
        return frozenset(itertools.compress(services, found))


def answered_each(probes, services):
    """answered() for each of `probes`, key -> (source, address), many at a time: key -> set."""
    with ThreadPoolExecutor(24) as pool:
        tries = {key: pool.submit(answered, source, address, services)
                 for key, (source, address) in probes.items()}
        return {key: attempt.result() for key, attempt in tries.items()}


def who_reaches_whom(members):
    """What gets from each of `members`, name -> Container, to every address of each other.

    A dict: (source, destination, network) -> EVERYTHING, NOTHING, or what there is between, over
    IPv4 and, where the network has it, IPv6; the two must be the same. Networks are those of the
    destination.
    """
    services = ("ping", "tcp/4567", "udp/4567")
    names = {"ping": "ping", "tcp/4567": "tcp", "udp/4567": "udp"}
    places = {name: member.still() for name, member in members.items()}
    probes = {}
    for destination, member in members.items():
        for network, attached in member.networks().items():
            for address in filter(None, (attached["IPAddress"], attached["GlobalIPv6Address"])):
                for source in members.keys() - {destination}:
                    key = source, destination, network, family_of(address)
                    probes[key] = places[source], address
    with contextlib.ExitStack() as servers:
        for place in places.values():
            servers.enter_context(serving(place, services))
        found = answered_each(probes, services)
    reached = {}
    for (*key, _), got in found.items():
        through = frozenset(names[service] for service in got)
        assert reached.setdefault(tuple(key), through) == through, f"{key}: not over both families"
    return reached


def reach_all(cases):
    """reach() for each of `cases`, name -> (source, destination, address): name -> what got.

    Eight at a time, each with a port of its own.
    """
    with ThreadPoolExecutor(8) as pool:
        tries = {name: pool.submit(reach, *case, port=4600 + number)
                 for number, (name, case) in enumerate(cases.items())}
        return {name: attempt.result() for name, attempt in tries.items()}


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
        identifier, sequence = _new_identifier(), 0
        with _icmp_socket(self._place, self._address) as channel:
            while not self._stop.wait(self._interval):
                sequence = (sequence + 1) & 0xFFFF
                if _ping_once(channel, self._address, identifier, sequence, self._timeout):
                    self.answered += 1
                else:
                    self.lost += 1


class Newcomers:
    """Pings `address` from `place` a thousand times per second, each as a connection of its own.

    Every request has another identifier, so that conntrack knows none of them and the rules judge
    each. After the block `sent` and `answered` are the moments (monotonic seconds) at which
    requests went out and at which those went out that came back.

    with Newcomers(a, b.address()) as stream:
        ...
    assert stream.lost == 0
    """

    def __init__(self, place, address, rate=1000):
        self.sent = []
        self.answered = []
        self._address = address
        self._interval = 1 / rate
        self._stop = threading.Event()
        self._moments = {}
        self._channel = _icmp_socket(place, address)
        self._channel.settimeout(0.1)
        self._threads = [threading.Thread(target=work) for work in (self._send, self._receive)]

    @property
    def lost(self):
        return len(self.sent) - len(self.answered)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._channel.close()
        self.answered.sort()

    def _send(self):
        due = time.monotonic()
        for number in itertools.count():
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            due += self._interval
            request = _echo_request(self._address, number & 0xFFFF, 1)
            moment = time.monotonic()
            self._moments[request[8:]] = moment
            self.sent.append(moment)
            with contextlib.suppress(OSError):  # ICMP errors of earlier ones: they count as lost
                self._channel.sendto(request, (self._address, 0))

    def _receive(self):
        quiet_since = time.monotonic()
        while not self._stop.is_set() or time.monotonic() < quiet_since + PATIENCE:
            try:
                packet = self._channel.recv(2048)
            except OSError:
                continue
            if self._is_new_answer(packet):
                quiet_since = time.monotonic()

    def _is_new_answer(self, packet):
        is_ipv6 = family_of(self._address) == socket.AF_INET6
        reply = packet if is_ipv6 else packet[(packet[0] & 15) * 4 :]
        if reply[0] != (129 if is_ipv6 else 0):
            return False
        moment = self._moments.pop(reply[8:], None)
        if moment is not None:
            self.answered.append(moment)
        return moment is not None


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
