"""What the kernel remembers of connections is forgotten with their port, and only then."""

import contextlib
import re
import socket

import pytest
from containers import Docker
from downloads import Download
from lab import wait_for
from probes import PATIENCE
from published import HOST, LOOPBACK, OUTSIDE, listing, numbers, second_address, seen, settle
from servers import UdpServer

MAPPINGS = {"same number": ("8400:8400/udp", 8400, 8400), "other number": ("8401:53/udp", 8401, 53)}


class Named(UdpServer):
    """Answers each datagram with a name."""

    def __init__(self, container, port, name):
        super().__init__(container.still(), port)
        self._name = name

    def on_ready(self, channel):
        with contextlib.suppress(OSError):  # an ICMP error about an earlier answer
            _, client = channel.recvfrom(2048)
            channel.sendto(self._name.encode(), client)


class Client:
    """A UDP client that keeps its source port, and so its connection in the kernel's eyes."""

    def __init__(self, place, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._channel = place.socket(family, socket.SOCK_DGRAM)
        self._target = address, port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._channel.close()

    def ask(self):
        """The answer to a datagram, or None; late ones to earlier datagrams are left out."""
        self._channel.settimeout(0)
        with contextlib.suppress(OSError):
            while True:
                self._channel.recvfrom(100)
        self._channel.settimeout(PATIENCE)
        self._channel.sendto(b"?", self._target)
        try:
            return self._channel.recvfrom(100)[0].decode()
        except OSError:
            return None


@pytest.fixture(scope="module")
def home(lab):
    """A network with a member that stays, so that its bridge is never without a carrier."""
    docker = Docker(lab)
    network = docker.dual_network()
    keeper = docker.run(network)
    settle(keeper)
    yield network
    docker.clean()


def entries(lab, address):
    """The ids of what conntrack knows of connections to `address` of the host."""
    words = ("conntrack", "-L", "-o", "id", "--orig-dst", address)
    return set(re.findall(r"\bid=(\d+)", lab.engine_ns(*words, check=False).stdout))


@contextlib.contextmanager
def clients_of(lab, port):
    """A client at each place that asks a port: name -> Client."""
    wheres = {"outside": (lab.outside_place, HOST[4]), "host": (lab.engine_place, LOOPBACK[4]),
              "outside over IPv6": (lab.outside_place, HOST[6])}
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(Client(*where, port)) for name, where in wheres.items()}


def answers(clients):
    return {name: client.ask() for name, client in clients.items()}


@pytest.mark.parametrize("mapping", MAPPINGS.values(), ids=MAPPINGS.keys())
def test_a_udp_client_reaches_the_replacement_at_once(lab, docker, home, mapping):
    form, port, container_port = mapping
    first = docker.run(home, "-p", form)
    with clients_of(lab, port) as clients:
        with Named(first, container_port, "first"):
            wait_for(lambda: all(answers(clients).values()), what="the first answers")
        first.remove()
        second = docker.run(home, "-p", form)
        with Named(second, container_port, "second"):
            assert answers(clients) == dict.fromkeys(clients, "second")


def test_a_udp_client_that_was_too_early_is_heard_once_the_port_is_published(lab, docker, home):
    with clients_of(lab, 8410) as clients:
        assert answers(clients) == dict.fromkeys(clients)
        web = docker.run(home, "-p", "8410:53/udp")
        with Named(web, 53, "web"):
            assert answers(clients) == dict.fromkeys(clients, "web")


def test_the_flows_of_others_stay(lab, docker):
    """The same port of another address is somebody else's; so are other ports of the same one."""
    network = docker.network()
    with second_address(lab.engine_place) as second:
        gone = docker.run(network, "-p", f"{HOST[4]}:8420:80", "-p", f"{HOST[4]}:8420:53/udp")
        stays = docker.run(network, "-p", f"{second}:8420:80", "-p", f"{second}:8420:53/udp")
        with Download(stays, 80, lab.outside_place, second, 8420) as download:
            with UdpServer(gone.still(), 53), UdpServer(stays.still(), 53):
                for address in (HOST[4], second):
                    assert seen(lab.outside_place, "udp", address, 8420) == OUTSIDE[4]
            of_gone, of_stays = entries(lab, HOST[4]), entries(lab, second)
            assert of_gone and len(of_stays) == 2
            gone.remove()
            wait_for(lambda: not of_gone & entries(lab, HOST[4]), what="the end of the entries")
            assert entries(lab, second) == of_stays
            download.wait_for_more()
        assert download.is_whole()


# Another network of a container that downloads: its name's first letter, its options.
SIDES = {
    "no gateway, sorts first": ("a", ("-o", "gateway=none")),
    "no gateway, sorts last": ("z", ("-o", "gateway=none")),
    "sorts last": ("z", ()),
}


@pytest.mark.parametrize("side", SIDES.values(), ids=SIDES.keys())
def test_a_download_survives_another_network(lab, docker, binary, side):
    letter, options = side
    home = docker.dual_network(name=docker.name("m"))
    other = docker.dual_network(*options, name=docker.name(letter))
    web = docker.run(home, "-p", "8430:80")
    with Download(web, 80, lab.outside_place, HOST[4], 8430) as download, numbers(web, [80]):
        for verb in ("connect", "disconnect"):
            docker("network", verb, other, web.name)
            download.wait_for_more()
            assert seen(lab.outside_place, "tcp", HOST[4], 8430) == "80"
            assert {each["network_name"] for each in listing(lab, binary, web.name)} == {home}
    assert download.is_whole()


def test_ports_follow_the_gateway_that_the_engine_chooses(lab, docker, binary):
    """A network that sorts first takes the default route, and new connections come through it."""
    home = docker.dual_network(name=docker.name("m"))
    first = docker.dual_network(name=docker.name("a"))
    web = docker.run(home, "-p", "8440:80")
    with numbers(web, [80]):
        docker("network", "connect", first, web.name)
        assert web.default_route().startswith(f"default via {web.gateway(first)} ")
        assert {each["network_name"] for each in listing(lab, binary, web.name)} == {first}
        assert seen(lab.outside_place, "tcp", HOST[4], 8440) == "80"
        docker("network", "disconnect", first, web.name)
        assert {each["network_name"] for each in listing(lab, binary, web.name)} == {home}
        assert seen(lab.outside_place, "tcp", HOST[4], 8440) == "80"
