"""Published ports: who asks them, what the container saw of it, and what drawbridge says of them.

    HOST, OUTSIDE, NEIGHBOUR, LOOPBACK   addresses, family -> text
    seen(place, protocol, address, port)   the client's address as the container saw it, or None
    seen_each({key: (place, protocol, address, port)})   the same for many at once
    NumberTcp, NumberUdp   servers that say which port of the container was asked
    numbers(container, ports)   both of them at each of `ports` while the block runs
    listing(lab, binary, container=None)   what `drawbridge ports --json` says, a list of dicts
    host_port(lab, binary, container)      the one host port of a container
    taken(place, protocol, port)   a process of the host that has a port while the block runs
    is_held(place, protocol, port) whether somebody has the port
    sockets(place)                 the listening and bound sockets, without who they are
    second_address(place)          the host has SECOND while the block runs
    routes_to(place, docker, network)   `place` sends the network's packets to the host
    settle(*containers)            returns when IPv6 of their networks works
"""

import contextlib
import errno
import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

from lab import wait_for
from probes import PATIENCE, PATIENCE_IN_A_CROWD, ping, tcp_source, udp_source
from servers import TcpServer, UdpServer

HOST = {4: "198.51.100.1", 6: "2001:db8:51::1"}
OUTSIDE = {4: "198.51.100.2", 6: "2001:db8:51::2"}
NEIGHBOUR = {4: "198.51.100.3", 6: "2001:db8:51::3"}
LOOPBACK = {4: "127.0.0.1", 6: "::1"}
SECOND = "198.51.100.9"
PROTOCOLS = ("tcp", "udp")
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}

TAKER = """
import socket, sys
kind = socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM
taken = socket.socket(socket.AF_INET, kind)
taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1 if sys.argv[1] == "tcp" else 0)
taken.bind(("0.0.0.0", int(sys.argv[2])))
if sys.argv[1] == "tcp":
    taken.listen()
print("ready", flush=True)
sys.stdin.read()
"""


def seen(place, protocol, address, port, timeout=PATIENCE):
    probe = {"tcp": tcp_source, "udp": udp_source}[protocol]
    return probe(place, address, port, timeout)


def seen_each(probes):
    with ThreadPoolExecutor(32) as pool:
        tries = {key: pool.submit(seen, *probe, PATIENCE_IN_A_CROWD)
                 for key, probe in probes.items()}
        return {key: attempt.result() for key, attempt in tries.items()}


class NumberTcp(TcpServer):
    """Greets with the number of its port."""

    def greet(self, channel):
        channel.sendall(f"{self.listener.getsockname()[1]}\n".encode())


class NumberUdp(UdpServer):
    """Answers with the number of its port."""

    def on_ready(self, channel):
        with contextlib.suppress(OSError):  # an ICMP error about an earlier answer
            _, client = channel.recvfrom(2048)
            channel.sendto(str(channel.getsockname()[1]).encode(), client)


@contextlib.contextmanager
def numbers(container, ports):
    place = container.still()
    with contextlib.ExitStack() as servers:
        for port in ports:
            servers.enter_context(NumberTcp(place, port))
            servers.enter_context(NumberUdp(place, port))
        yield


def listing(lab, binary, container=None):
    shown = lab.engine_ns(binary, "ports", "--json", "--control-socket", lab.control_socket)
    mappings = json.loads(shown.stdout)
    return [each for each in mappings if container in (None, each["container"])]


def host_port(lab, binary, container):
    mappings = listing(lab, binary, container)
    chosen = {each["host_port"] for each in mappings}
    assert len(chosen) == 1, f"{container} has host ports {sorted(chosen)}: {mappings}"
    return chosen.pop()


@contextlib.contextmanager
def taken(place, protocol, port):
    """Yields the Popen of the process."""
    pipes = {"stdin": -1, "stdout": -1, "text": True}
    holder = place.spawn(sys.executable, "-c", TAKER, protocol, str(port), **pipes)
    try:
        assert holder.stdout.readline() == "ready\n", f"{protocol} port {port} is taken already"
        yield holder
    finally:
        holder.kill()
        holder.wait()


def is_held(place, protocol, port, address="0.0.0.0"):
    with place.socket(socket.AF_INET, KINDS[protocol]) as probe:
        try:
            probe.bind((address, port))
            if protocol == "tcp":
                probe.listen()
        except OSError as error:
            assert error.errno == errno.EADDRINUSE, error
            return True
        return False


def sockets(place):
    """A sorted list of "tcp 0.0.0.0:80" and the like."""
    lines = place.run("ss", "-Hnltu").stdout.splitlines()
    return sorted(f"{words[0]} {words[4]}" for words in map(str.split, lines))


def settle(*containers):
    """The host looks for others with its new address first, for a second and more."""
    for each in containers:
        gateway = each.gateway6()
        wait_for(lambda c=each, g=gateway: ping(c, g), what=f"{gateway}'s answer to {each}")


@contextlib.contextmanager
def second_address(place):
    place.run("ip", "addr", "add", f"{SECOND}/24", "dev", "uplink0")
    try:
        yield SECOND
    finally:
        place.run("ip", "addr", "del", f"{SECOND}/24", "dev", "uplink0")


@contextlib.contextmanager
def routes_to(place, docker, network):
    routes = [(f"-{6 if ':' in subnet else 4}", subnet) for subnet in docker.subnets(network)]
    for family, subnet in routes:
        place.run("ip", family, "route", "replace", subnet, "via", HOST[abs(int(family))])
    try:
        yield
    finally:
        for family, subnet in routes:
            place.run("ip", family, "route", "del", subnet)
