"""Traffic between places, and whether it got through.

A place is anything with a network namespace: a Container (containers.py), lab.engine_place,
lab.outside_place, lab.neighbour_place. Sockets are made inside the namespace and used from the
test's own process, so a probe costs no process and a blocked one costs its short time limit only.
Addresses are IPv4 or IPv6 text, link-local ones with the interface: fe80::1%eth0. Servers are in
servers.py, traffic that goes on while something happens in streams.py.

What is blocked costs PATIENCE each time: ask for many things at once.

    reach(a, b, b.address())           which of ping, tcp, udp get from a to b: a set
    reach_all({name: (a, b, address)}) the same for many at once
    ping, tcp, udp                     one of them: bool
    gets_through                       ping for what must be answered: with more patience
    reach_dual(a, b)                   reach over IPv4 and IPv6, which must be the same
    assert_reached({(a, b): NOTHING})  reach between many over both families, at once
    answered(a, address, services)     which of ping, tcp/80, udp/53 and the like are answered
    assert_answered({(a, address): {"tcp/80"}}, services)   answered between many, at once
    who_reaches_whom(members)          reach between many, every one to every other, at once
    tcp_source, udp_source             the client's address as the server saw it, or None
    tcp_connect                        an open connection, to be used while something happens
    http_get                           (status, body), or None
    leaves_nothing(lab)                the block leaves links, routes and rules as they were
"""

import contextlib
import difflib
import itertools
import json
import socket
from concurrent.futures import ThreadPoolExecutor

from echoes import family_of, icmp_socket, new_identifier, ping_once
from lab import wait_for
from servers import TcpServer, UdpServer, serving

EVERYTHING = frozenset({"ping", "tcp", "udp"})
NOTHING = frozenset()
# Seconds that a probe waits for an answer: ten times what one takes on a busy machine, but for the
# threads of a crowd of probes, which wait for each other.
PATIENCE = 0.5
PATIENCE_IN_A_CROWD = 0.8
# Seconds of the second try at what should be answered and was not.
LAST_PATIENCE = 5.0


def _aim(channel, address):
    """`address` without its interface, which `channel` is bound to when there is one."""
    plain, _, interface = address.partition("%")
    if interface:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    return plain


def ping(place, address, count=1, timeout=PATIENCE):
    """Whether each of `count` echo requests is answered, each within `timeout` seconds."""
    identifier = new_identifier()
    with icmp_socket(place, address) as channel:
        plain = _aim(channel, address)
        return all(ping_once(channel, plain, identifier, sequence, timeout)
                   for sequence in range(count))


def gets_through(place, address):
    """Whether one echo request is answered: for what must be, however busy the machine is."""
    return ping(place, address, timeout=LAST_PATIENCE)


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


def http_get(place, address, port, path="/", host=None, timeout=2.0):
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
    if not reply:
        return None  # docker-proxy takes what nobody behind it does
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


def answered_each(probes, services, timeout=PATIENCE_IN_A_CROWD):
    """answered() for each of `probes`, key -> (source, address), many at a time: key -> set."""
    with ThreadPoolExecutor(32) as pool:
        tries = {key: pool.submit(answered, source, address, services, timeout)
                 for key, (source, address) in probes.items()}
        return {key: attempt.result() for key, attempt in tries.items()}


def assert_answered(expected, services):
    """Tries `services` at once; `expected`: (source, address) -> which of them are answered."""
    found = answered_each({key: key for key in expected}, services)
    wrong = {str(key): (sorted(found[key]), sorted(wanted))
             for key, wanted in expected.items() if found[key] != wanted}
    assert not wrong, f"answered, expected: {wrong}"


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


def reach_all(cases, timeout=PATIENCE):
    """reach() for each of `cases`, name -> (source, destination, address): name -> what got.

    Many at a time, each with a port of its own.
    """
    with ThreadPoolExecutor(16) as pool:
        tries = {name: pool.submit(reach, *case, 4600 + number, timeout)
                 for number, (name, case) in enumerate(cases.items())}
        return {name: attempt.result() for name, attempt in tries.items()}


def assert_reached(expected):
    """Tries at once what `expected` says: (source, destination) -> what gets through to both
    addresses of `destination`, a Container on one network; (source, destination, address) ->
    what gets through to this one. What should get through and did not is tried once more, with
    more patience.
    """
    wanted = {}
    for (source, destination, *address), services in expected.items():
        for each in address or (destination.address(), destination.address6()):
            wanted[source, destination, each] = services
    found = reach_all({case: case for case in wanted})
    missing = {case: case for case, services in wanted.items() if found[case] < services}
    found |= reach_all(missing, LAST_PATIENCE)
    wrong = {str(case): (sorted(found[case]), sorted(services))
             for case, services in wanted.items() if found[case] != services}
    assert not wrong, f"reached, expected: {wrong}"


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
