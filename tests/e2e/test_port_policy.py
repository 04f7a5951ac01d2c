"""Who reaches published ports: publish, connlimit and rate."""

import contextlib
import re
import select
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from containers import Docker
from downloads import throughput
from lab import wait_for
from probes import tcp_connect
from published import HOST, LOOPBACK, PROTOCOLS, is_held, listing, numbers, seen_each, settle

# Who reaches the ports of a network with which `publish`, over TCP and UDP, IPv4 and IPv6.
TABLE = """
publish    loopback  host  outside  neighbour  member
all        yes       yes   yes      yes        yes
host       yes       yes   no       no         no
none       no        no    no       no         no
outside    yes       yes   yes      no         no
segment    yes       yes   yes      yes        no
"""
LISTS = {"outside": "198.51.100.2,2001:db8:51::2/128",
         "segment": "198.51.100.0/24,2001:db8:51::/64"}


def rows():
    head, *lines = (line.split() for line in TABLE.strip().splitlines())
    return [dict(zip(head, line, strict=True)) for line in lines]


def flags(port):
    return [word for each in PROTOCOLS for word in ("-p", f"{port}:80/{each}")]


def run_all(docker, networks, ports):
    """A container on each network that publishes the port of the same place, started at once."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda each: docker.run(each[0], *flags(each[1])),
                             zip(networks, ports, strict=True)))


class World:
    """A network and a container for each row, and who got in."""

    def __init__(self, lab, docker):
        self.ports = {row["publish"]: 8600 + number for number, row in enumerate(rows())}
        networks = [docker.dual_network(publish=LISTS.get(each, each)) for each in self.ports]
        webs = run_all(docker, networks, self.ports.values())
        self.webs = dict(zip(self.ports, webs, strict=True))
        asking = docker.run(docker.dual_network())
        self._clients = {"loopback": (lab.engine_place, LOOPBACK), "host": (lab.engine_place, HOST),
                         "outside": (lab.outside_place, HOST),
                         "neighbour": (lab.neighbour_place, HOST), "member": (asking.still(), HOST)}
        settle(asking, *webs)
        probes = {}
        with contextlib.ExitStack() as servers:
            for publish, web in self.webs.items():
                servers.enter_context(numbers(web, [80]))
                probes |= self._probes(publish)
            self.found = seen_each(probes)

    def _probes(self, publish):
        return {(publish, client, protocol, family): (place, protocol, addresses[family],
                                                      self.ports[publish])
                for client, (place, addresses) in self._clients.items()
                for protocol in PROTOCOLS for family in (4, 6)}


@pytest.fixture(scope="module")
def world(lab):
    docker = Docker(lab)
    yield World(lab, docker)
    docker.clean()


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("row", rows(), ids=lambda row: row["publish"])
def test_publish(world, row, protocol, family):
    found = {client: "yes" if world.found[row["publish"], client, protocol, family] else "no"
             for client in row if client != "publish"}
    assert found == {client: row[client] for client in found}


def test_a_port_is_held_whoever_reaches_it(lab, world, binary):
    reach = {}
    for publish, web in world.webs.items():
        assert is_held(lab.engine_place, "tcp", world.ports[publish]), publish
        reach[publish] = {str(each["reach"]) for each in listing(lab, binary, web.name)}
    assert [reach[each] for each in ("all", "host", "none")] == [{"all"}, {"host"}, {"none"}]
    assert "198.51.100.0/24" in str(reach["segment"])


def test_only_the_external_network_is_reached_from_outside(lab, docker):
    """Four networks are this host's own, one is for the world: they are closed to that one, too."""
    names = ("main", "gpu", "db", "monitoring", "external")
    ports = dict(zip(names, range(8620, 8625), strict=True))
    publish = {name: "all" if name == "external" else "host" for name in names}
    networks = [docker.network("-o", f"publish={publish[name]}") for name in names]
    webs = run_all(docker, networks, ports.values())
    clients = {"outside": (lab.outside_place, HOST[4]), "host": (lab.engine_place, LOOPBACK[4]),
               "member": (docker.run(networks[-1]).still(), HOST[4])}
    probes = {(client, name): (place, "tcp", address, ports[name])
              for client, (place, address) in clients.items() for name in names}
    with contextlib.ExitStack() as servers:
        for web in webs:
            servers.enter_context(numbers(web, [80]))
        found = seen_each(probes)
    reached = {client: [name for name in names if found[client, name]] for client in clients}
    assert reached == {"outside": ["external"], "host": list(names), "member": ["external"]}


def connections(place, port, count):
    """How many of `count` connections that are opened at the same moment come about."""
    channels = [place.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    for channel in channels:
        channel.setblocking(False)
        channel.connect_ex((HOST[4], port))
    # A packet that was dropped is sent again after a second: that one is another attempt.
    deadline, waiting, done = time.monotonic() + 0.6, set(channels), 0
    while waiting and (left := deadline - time.monotonic()) > 0:
        ready = select.select([], list(waiting), [], left)[1]
        done += sum(each.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0 for each in ready)
        waiting -= set(ready)
    for channel in channels:
        channel.close()
    return done


def test_new_connections_are_limited_for_each_source(lab, docker):
    limited = docker.run(docker.network("-o", "connlimit=5/s:5"), "-p", "8640:80")
    free = docker.run(docker.network(), "-p", "8641:80")
    with numbers(limited, [80]), numbers(free, [80]):
        assert connections(lab.outside_place, 8641, 30) == 30
        assert 4 <= connections(lab.outside_place, 8640, 30) <= 9
        assert 4 <= connections(lab.neighbour_place, 8640, 30) <= 9, "a source of its own"
        wait_for(lambda: tcp_connect(lab.outside_place, HOST[4], 8640), 5, "the next second")


def answered(place, address, port, count):
    """How many of `count` connections that are opened at the same moment get an answer."""
    channels = [place.socket(socket.AF_INET6, socket.SOCK_STREAM) for _ in range(count)]
    for channel in channels:
        channel.setblocking(False)
        channel.connect_ex((address, port))
    done = 0
    for channel in channels:
        channel.settimeout(1)
        with contextlib.suppress(OSError), channel:
            done += channel.recv(100) == b"80\n"
    return done


def test_what_is_relayed_is_limited_alike(lab, docker):
    """Clients with IPv6 of containers without: the kernel's chains do not see them."""
    limited = docker.run(docker.network("-o", "connlimit=5/s:5"), "-p", "8647:80")
    free = docker.run(docker.network(), "-p", "8648:80")
    with numbers(limited, [80]), numbers(free, [80]):
        assert answered(lab.outside_place, HOST[6], 8648, 30) == 30
        assert 4 <= answered(lab.outside_place, HOST[6], 8647, 30) <= 9


def test_a_connection_that_is_open_is_not_limited(lab, docker):
    web = docker.run(docker.network("-o", "connlimit=5/s:5"), "-p", "8645:80")
    with numbers(web, [80]):
        channel = tcp_connect(lab.outside_place, HOST[4], 8645)
        assert connections(lab.outside_place, 8645, 30) <= 9
        with channel:
            assert channel.recv(100) == b"80\n"


def rate_of(lab, web, port, direction, seconds=2.0):
    """Bits per second through a published port, to or from the outside client."""
    place = web.still()
    with place.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("", 80))
        listener.listen()
        listener.settimeout(2)
        outside = tcp_connect(lab.outside_place, HOST[4], port)
        assert outside is not None, "no connection"
        inside, _ = listener.accept()
    for channel in (inside, outside):
        channel.settimeout(5)
    ends = (inside, outside) if direction == "out" else (outside, inside)
    return throughput(*ends, seconds)


@pytest.mark.parametrize("direction", ["in", "out"])
def test_a_container_gets_the_rate_that_is_asked(lab, docker, direction):
    limited = docker.run(docker.network("-o", "rate=8mbit"), "-p", "8650:80")
    free = docker.run(docker.network(), "-p", "8651:80")
    rates = [rate_of(lab, limited, 8650, direction)]
    if not is_near(rates[0]):  # a machine that others use, too
        rates.append(rate_of(lab, limited, 8650, direction))
    assert is_near(rates[-1]), [f"{rate / 1e6:.2f} Mbit/s" for rate in rates]
    assert rate_of(lab, free, 8651, direction, 0.5) > 50e6


def is_near(rate, asked=8e6):
    return abs(rate - asked) <= 0.15 * asked


@pytest.mark.parametrize("option", ["publish=some", "connlimit=5", "connlimit=5/m", "rate=fast",
                                    "ports=10-5:80", "ports=80"])
def test_what_cannot_be_is_refused(docker, option):
    words = ("network", "create", "--driver", "drawbridge", "-o", option, docker.name("net"))
    done = docker(*words, check=False)
    assert done.returncode != 0
    assert re.search(f'option "{re.escape(option)}"', done.stderr), done.stderr
