"""Every form of -p: what it publishes, and at which addresses of the host.

TABLE: after each form what is asked, which port of the container answers ("-": none does) and at
which of 127.0.0.1, the host's IPv4 address, ::1 and the host's IPv6 address.
"""

import contextlib
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from containers import Docker
from lab import wait_for
from probes import http_get, ping, tcp
from published import (
    HOST,
    LOOPBACK,
    PROTOCOLS,
    SECOND,
    host_port,
    is_held,
    listing,
    numbers,
    routes_to,
    second_address,
    seen,
    seen_each,
    settle,
)
from servers import HttpServer

TABLE = """
form                                asked     answers  at
8100:80                             tcp/8100  80       everywhere
8100:80                             tcp/8101  -        everywhere
8100:80                             udp/8100  -        everywhere
127.0.0.1:8102:80                   tcp/8102  80       127.0.0.1
[::1]:8103:80                       tcp/8103  80       ::1
198.51.100.1:8104:80                tcp/8104  80       198.51.100.1
0.0.0.0:8105:80                     tcp/8105  80       127.0.0.1 198.51.100.1
[::]:8106:80                        tcp/8106  80       ::1 2001:db8:51::1
8110-8120:80-90                     tcp/8109  -        everywhere
8110-8120:80-90                     tcp/8110  80       everywhere
8110-8120:80-90                     tcp/8115  85       everywhere
8110-8120:80-90                     tcp/8120  90       everywhere
8110-8120:80-90                     tcp/8121  -        everywhere
8125-8127:8125-8127                 tcp/8125  8125     everywhere
8125-8127:8125-8127                 tcp/8127  8127     everywhere
8125-8127:8125-8127                 tcp/8128  -        everywhere
127.0.0.1:8130-8132:80-82           tcp/8131  81       127.0.0.1
8140:80/udp                         udp/8140  80       everywhere
8140:80/udp                         tcp/8140  -        everywhere
8150-8152:80-82/udp                 udp/8152  82       everywhere
8150-8152:80-82/udp                 udp/8153  -        everywhere
8160:80 8161:80 8162:82/udp         tcp/8160  80       everywhere
8160:80 8161:80 8162:82/udp         tcp/8161  80       everywhere
8160:80 8161:80 8162:82/udp         udp/8162  82       everywhere
8165:80/tcp 8165:81/udp             tcp/8165  80       everywhere
8165:80/tcp 8165:81/udp             udp/8165  81       everywhere
"""
CONTAINER_PORTS = {"8110-8120:80-90": (80, 85, 90, 91), "8125-8127:8125-8127": (8125, 8127, 8128)}
AT = ("127.0.0.1", "198.51.100.1", "::1", "2001:db8:51::1")
BINDING = "com.docker.network.bridge.host_binding_ipv4"


def rows():
    head, *lines = (re.split(" {2,}", line) for line in TABLE.strip().splitlines())
    return [dict(zip(head, line, strict=True)) for line in lines]


def flags(form):
    return [word for each in form.split() for word in ("-p", each)]


class World:
    """A container for each form, and what answered whom."""

    def __init__(self, lab, docker):
        network = docker.dual_network()
        forms = list(dict.fromkeys(row["form"] for row in rows()))
        with ThreadPoolExecutor(4) as pool:
            containers = list(pool.map(lambda form: docker.run(network, *flags(form)), forms))
        settle(containers[0])
        probes = {}
        with contextlib.ExitStack() as servers:
            for form, container in zip(forms, containers, strict=True):
                ports = CONTAINER_PORTS.get(form, (80, 81, 82))
                servers.enter_context(numbers(container, ports))
                probes |= self._probes(lab.engine_place, form)
            self.found = seen_each(probes)

    def _probes(self, host, form):
        probes = {}
        for asked in (row["asked"] for row in rows() if row["form"] == form):
            protocol, _, port = asked.partition("/")
            for address in AT:
                probes[form, asked, address] = host, protocol, address, int(port)
        return probes


@pytest.fixture(scope="module")
def world(lab):
    docker = Docker(lab)
    yield World(lab, docker)
    docker.clean()


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['form']} {row['asked']}")
def test_form(world, row):
    where = AT if row["at"] == "everywhere" else row["at"].split()
    found = {address: world.found[row["form"], row["asked"], address] or "-" for address in AT}
    assert found == {address: row["answers"] if address in where else "-" for address in AT}


@pytest.mark.parametrize("words", [("-p", "80"), ("--expose", "80", "-P"), ("-p", "8170-8175:80")],
                         ids=" ".join)
def test_a_port_of_drawbridges_choice_is_listed_and_answers(lab, docker, binary, words):
    network = docker.dual_network()
    first, second = docker.run(network, *words), docker.run(network, *words)
    settle(first)
    chosen = [host_port(lab, binary, each.name) for each in (first, second)]
    assert chosen[0] != chosen[1]
    if "8170" in words[-1]:
        assert set(chosen) <= set(range(8170, 8176))
    for container, port in zip((first, second), chosen, strict=True):
        with numbers(container, [80]):
            assert seen(lab.outside_place, "tcp", HOST[4], port) == "80"
            assert seen(lab.outside_place, "tcp", HOST[6], port) == "80"
        assert is_held(lab.engine_place, "tcp", port)


def test_the_listing_says_what_is_published(lab, docker, binary):
    network = docker.dual_network()
    web = docker.run(network, "-p", "127.0.0.1:8177-8179:80-82", "-p", "8176:53/udp")
    found = {each["host_port"]: each for each in listing(lab, binary, web.name)}
    assert sorted(found) == [8176, 8177]
    for each in found.values():
        assert each["network_name"] == network
        assert web.address() in each["container_addresses"]
        assert each["held"] and not each["trouble"] and each["reach"] == "all"
    assert (found[8176]["protocol"], found[8176]["container_port"]) == ("udp", 53)
    ranged = found[8177]
    assert (ranged["host_address"], ranged["host_port_last"]) == ("127.0.0.1", 8179)
    assert (ranged["protocol"], ranged["container_port"]) == ("tcp", 80)
    web.remove()
    assert listing(lab, binary, web.name) == []


@pytest.mark.parametrize("addresses", [("127.0.0.2", "127.0.0.3"), (HOST[4], SECOND)], ids=str)
def test_two_addresses_have_the_same_port(lab, docker, addresses):
    network = docker.network()
    with second_address(lab.engine_place):
        webs = {each: docker.run(network, "-p", f"{each}:8180:80") for each in addresses}
        for address, web in webs.items():
            with HttpServer(web.still(), 80, text=address):
                assert http_get(lab.engine_place, address, 8180) == (200, address)
        assert not tcp(lab.engine_place, LOOPBACK[4], 8180)


def test_a_network_binds_to_the_address_it_names(lab, docker):
    """What -p says itself outranks it."""
    network = docker.dual_network("-o", f"{BINDING}=127.0.0.1")
    web = docker.run(network, "-p", "8185:80", "-p", "198.51.100.1:8186:80")
    settle(web)
    with numbers(web, [80]):
        probes = {(at, port): (lab.engine_place, "tcp", at, port)
                  for at in AT for port in (8185, 8186)}
        answered = {key for key, answer in seen_each(probes).items() if answer}
        assert answered == {("127.0.0.1", 8185), ("198.51.100.1", 8186)}


def test_a_routed_network_opens_what_is_published_and_takes_no_host_port(lab, docker):
    mode = "com.docker.network.bridge.gateway_mode_ipv"
    network = docker.dual_network("-o", f"{mode}4=routed", "-o", f"{mode}6=routed")
    web = docker.run(network, "-p", "8190:80", "-p", "8192-8194:90-92/udp")
    neighbour = lab.neighbour_place
    settle(web)
    with numbers(web, [80, 81, 91]), routes_to(neighbour, docker, network):
        for address in (web.address(), web.address6()):
            asked = {(protocol, port): (neighbour, protocol, address, port)
                     for protocol in PROTOCOLS for port in (80, 81, 91)}
            answered = {key for key, answer in seen_each(asked).items() if answer}
            assert answered == {("tcp", 80), ("udp", 91)}
        assert not tcp(neighbour, HOST[4], 8190)
        assert not is_held(lab.engine_place, "tcp", 8190)


def test_a_network_that_is_no_gateway_leaves_publishing_to_one_that_is(lab, docker):
    side = docker.network("-o", "gateway=none")
    web = docker.run(side, "-p", "8195:80")
    with numbers(web, [80]):
        assert seen(lab.outside_place, "tcp", HOST[4], 8195) is None
        docker("network", "connect", docker.network(), web.name)
        assert seen(lab.outside_place, "tcp", HOST[4], 8195) == "80"


def test_what_may_not_get_out_still_answers(lab, docker):
    closed, free = docker.dual_network("-o", "egress=none"), docker.dual_network()
    web, other = docker.run(closed, "-p", "8198:80"), docker.run(free)
    wait_for(lambda: ping(lab.engine_place, web.address6()), what="the host's new address")
    with numbers(web, [80]), HttpServer(lab.outside_place, 8199):
        for family in (4, 6):
            assert seen(lab.outside_place, "tcp", HOST[family], 8198) == "80"
        assert seen(lab.engine_place, "tcp", LOOPBACK[4], 8198) == "80"
        assert not tcp(web, "198.51.100.2", 8199)
        assert tcp(other, "198.51.100.2", 8199)
