"""Published ports: who gets in from where, and whose address the container sees.

MATRIX says it, for TCP and for UDP, with bridge-nf-call-iptables 1 and 0 and a strict rp_filter.
`bound to` is the address of this host that the port was published on, `asked over` the family of
the address that is asked. The other columns are who asks:

    loopback    this host, at 127.0.0.1 or ::1
    host        this host, at its address on the segment. All further ones ask there, too:
    outside     another machine
    sibling     a member of the same network
    other       a member of another network of drawbridge
    docker's    a member of a network of Docker's own bridge driver
    itself      the container that published the port
    stray       a neighbour that sends packets for 127.0.0.1 here
    direct      a neighbour that routes the container's network here and asks for its own port

and a cell is the address that the container sees: "own" the asking one's, "gate" the gateway of the
container's network, "host" the host's address that was asked, "-" none: nothing gets in. "own/gate"
is the first with bridge-nf-call-iptables=1 and the second with 0. "." is not asked.
"""

import contextlib
import socket

import pytest
from containers import Docker
from probes import tcp, udp
from published import (
    HOST,
    LOOPBACK,
    NEIGHBOUR,
    OUTSIDE,
    PROTOCOLS,
    numbers,
    routes_to,
    second_address,
    seen,
    seen_each,
    settle,
)
from servers import TcpServer, UdpServer

MATRIX = """
bound to      asked over  loopback  host  outside  sibling   other  docker's  itself  stray  direct
any           IPv4        gate      host  own      own/gate  own    own       gate    -      -
any           IPv6        gate      host  own      own/gate  own    own       gate    .      -
range         IPv4        gate      host  own      own/gate  own    own       gate    -      -
range         IPv6        gate      host  own      own/gate  own    own       gate    .      -
198.51.100.1  IPv4        -         host  own      own/gate  own    own       gate    -      -
198.51.100.1  IPv6        -         -     -        -         -      -         -       .      -
2001:db8:51::1  IPv4      -         -     -        -         -      -         -       -      -
2001:db8:51::1  IPv6      -         host  own      own/gate  own    own       gate    .      -
127.0.0.1     IPv4        gate      -     -        -         -      -         -       -      -
127.0.0.1     IPv6        -         -     -        -         -      -         -       .      -
::1           IPv4        -         -     -        -         -      -         -       -      -
::1           IPv6        gate      -     -        -         -      -         -       .      -
"""

# What is asked of each binding: the host port, and the container port behind it.
ASKED = {
    "any": (8000, 80),
    "range": (8011, 91),
    "198.51.100.1": (8020, 80),
    "2001:db8:51::1": (8030, 80),
    "127.0.0.1": (8040, 80),
    "::1": (8050, 80),
}
PUBLISHED = ("8000:80", "8010-8012:90-92", "198.51.100.1:8020:80", "[2001:db8:51::1]:8030:80",
             "127.0.0.1:8040:80", "[::1]:8050:80")
CONTAINER_PORTS = (80, 91)
ON_LOOPBACK = 8090  # a service of the host itself, on 127.0.0.1 alone
CALLS = ("1", "0")


def table(text):
    head, *lines = (line.split() for line in text.strip().replace(" to ", "_to ").replace(
        " over", "_over").splitlines())
    return [dict(zip(head, line, strict=True)) for line in lines]


def rows():
    return table(MATRIX)


def publish(*forms):
    """Arguments of docker run that publish each of `forms` over TCP and over UDP."""
    published = [f"{form}/{protocol}" for form in forms for protocol in PROTOCOLS]
    return [word for each in published for word in ("-p", each)]


def address(container, family):
    return container.address() if family == 4 else container.address6()


def gateway(container, family):
    return container.gateway() if family == 4 else container.gateway6()


@contextlib.contextmanager
def sysctls(place, values):
    """`values`, key -> value, while the block runs."""
    before = {key: place.sysctl(key) for key in values}
    for key, value in values.items():
        place.sysctl(key, value)
    try:
        yield
    finally:
        for key, value in before.items():
            place.sysctl(key, value)


def bridge_calls(value):
    return {f"net.bridge.bridge-nf-call-{program}": value for program in ("iptables", "ip6tables")}


@contextlib.contextmanager
def strays_for_loopback(lab):
    """The neighbour sends what is for 127.0.0.1 to the host, which would let it in."""
    neighbour, host = lab.neighbour_place, lab.engine_place
    loose = sysctls(neighbour, {"net.ipv4.conf.eth0.route_localnet": 1})
    with loose, sysctls(host, {"net.ipv4.conf.uplink0.route_localnet": 1}):
        neighbour.run("ip", "addr", "del", "127.0.0.1/8", "dev", "lo")
        neighbour.run("ip", "route", "add", "127.0.0.1/32", "via", HOST[4], "src", NEIGHBOUR[4])
        try:
            yield
        finally:
            neighbour.run("ip", "route", "del", "127.0.0.1/32")
            neighbour.run("ip", "addr", "add", "127.0.0.1/8", "dev", "lo")


class World:
    """All who ask, and the container that is asked."""

    def __init__(self, lab, docker):
        self._lab = lab
        self.network = docker.dual_network()
        admin = ("--cap-add", "NET_ADMIN")
        self.web = docker.run(self.network, *admin, *publish(*PUBLISHED))
        native = docker.native_network("--ipv6", "--subnet", "fd00:81::/64")
        networks = (self.network, docker.dual_network(), native)
        names = ("sibling", "other", "docker's")
        self.members = dict(zip(names, docker.run_each(networks), strict=True))
        self.members["itself"] = self.web
        self.places = {name: each.still() for name, each in self.members.items()}
        self.places |= {"loopback": lab.engine_place, "host": lab.engine_place,
                        "outside": lab.outside_place, "stray": lab.neighbour_place,
                        "direct": lab.neighbour_place}
        self.gates = {family: gateway(self.web, family) for family in (4, 6)}
        self.own = {"outside": OUTSIDE, "stray": NEIGHBOUR, "direct": NEIGHBOUR}
        for name, member in self.members.items():
            self.own[name] = {family: address(member, family) for family in (4, 6)}
            settle(member)
        self.found = {}

    def measure(self, calls):
        probes = {}
        for row in rows():
            for client in row.keys() - {"bound_to", "asked_over"}:
                if row[client] == ".":
                    continue
                for protocol in PROTOCOLS:
                    key = calls, row["bound_to"], row["asked_over"], protocol, client
                    probes[key] = self.places[client], protocol, *self.target(row, client)
        with sysctls(self._lab.engine_place, bridge_calls(calls)):
            self.found |= seen_each(probes)

    def target(self, row, client):
        """The address and the port that `client` asks."""
        family = int(row["asked_over"][-1])
        port, container_port = ASKED[row["bound_to"]]
        if client == "direct":
            return self.own["itself"][family], container_port
        return (LOOPBACK if client in ("loopback", "stray") else HOST)[family], port

    def word(self, row, client, found):
        """What the container saw, as MATRIX says it."""
        family = int(row["asked_over"][-1])
        if found is None:
            return "-"
        if found == self.gates[family]:
            return "gate"
        if found == HOST[family]:
            return "host"
        return "own" if found == self.own.get(client, {}).get(family) else found


@pytest.fixture(scope="module")
def world(lab):
    docker = Docker(lab)
    strict = {f"net.ipv4.conf.{name}.rp_filter": 1 for name in ("all", "default")}
    with sysctls(lab.engine_place, strict):
        made = World(lab, docker)
        with contextlib.ExitStack() as stack:
            for port in CONTAINER_PORTS:
                stack.enter_context(TcpServer(made.places["itself"], port))
                stack.enter_context(UdpServer(made.places["itself"], port))
            stack.enter_context(TcpServer(lab.engine_place, ON_LOOPBACK, LOOPBACK[4]))
            stack.enter_context(UdpServer(lab.engine_place, ON_LOOPBACK, LOOPBACK[4]))
            stack.enter_context(routes_to(lab.neighbour_place, docker, made.network))
            with strays_for_loopback(lab):
                made.stray_control = seen_each({
                    name: (lab.neighbour_place, name, LOOPBACK[4], ON_LOOPBACK)
                    for name in PROTOCOLS})
                for calls in CALLS:
                    made.measure(calls)
            yield made
    docker.clean()


def expected(cell, calls):
    with_calls, _, without = cell.partition("/")
    return with_calls if calls == "1" or not without else without


@pytest.mark.parametrize("calls", CALLS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['bound_to']} {row['asked_over']}")
def test_matrix(world, row, protocol, calls):
    wrong = {}
    for client in row.keys() - {"bound_to", "asked_over"}:
        key = calls, row["bound_to"], row["asked_over"], protocol, client
        if key in world.found:
            found = world.word(row, client, world.found[key])
            wanted = expected(row[client], calls)
            wrong |= {} if found == wanted else {client: f"{found}, not {wanted}"}
    assert not wrong


def test_the_matrix_has_a_control_for_each_that_is_kept_out(world):
    """Each client gets in somewhere; a stray packet for 127.0.0.1 does reach what is not ours."""
    asked = rows()
    kept_out = {"stray", "direct"}
    for client in asked[0].keys() - {"bound_to", "asked_over"} - kept_out:
        assert any(row[client] not in ("-", ".") for row in asked), client
    assert world.stray_control == dict.fromkeys(PROTOCOLS, NEIGHBOUR[4])


def test_the_neighbour_is_let_in_where_everybody_is(lab, world):
    for family in (4, 6):
        for protocol in PROTOCOLS:
            assert seen(lab.neighbour_place, protocol, HOST[family], 8000) == NEIGHBOUR[family]


@pytest.mark.parametrize("calls", CALLS)
@pytest.mark.parametrize("client", ["itself", "sibling", "host"])
def test_the_answer_comes_from_the_address_that_was_asked(lab, world, client, calls):
    """Seen by a socket that takes datagrams from anybody."""
    answers = {}
    with sysctls(lab.engine_place, bridge_calls(calls)):
        for family, kind in ((4, socket.AF_INET), (6, socket.AF_INET6)):
            with world.places[client].socket(kind, socket.SOCK_DGRAM) as channel:
                channel.settimeout(1)
                channel.sendto(b"?", (HOST[family], 8000))
                answers[family] = channel.recvfrom(100)[1][:2]
    assert answers == {family: (HOST[family], 8000) for family in (4, 6)}


@pytest.fixture(scope="module")
def apart(lab):
    """Two members of a network that keeps them apart; one publishes."""
    docker = Docker(lab)
    network = docker.dual_network(isolation="members")
    web, sibling = docker.run(network, *publish("8060:80")), docker.run(network)
    settle(sibling)
    with telling_sources(web):
        yield web, {"itself": web, "a sibling": sibling}
    docker.clean()


@pytest.mark.parametrize("calls", CALLS)
@pytest.mark.parametrize("asks", ["a sibling", "itself"])
def test_members_that_are_apart_reach_what_is_published(lab, apart, asks, calls):
    """It is relayed, for the bridge lets nothing of theirs through: the gateway is seen."""
    web, clients = apart
    client = clients[asks].still()
    with sysctls(lab.engine_place, bridge_calls(calls)):
        found = seen_each({(family, protocol): (client, protocol, HOST[family], 8060)
                           for family in (4, 6) for protocol in PROTOCOLS})
        assert found == {(family, protocol): gateway(web, family) for family, protocol in found}
        assert seen(lab.outside_place, "tcp", HOST[4], 8060) == OUTSIDE[4]
        if asks == "a sibling":
            assert not tcp(client, web.address(), 80)
            assert not udp(client, web.address6(), 80)


def test_members_that_are_apart_reach_the_same_port_of_another_address(lab, docker):
    """What is relayed for them is their own network's port, where it is."""
    network = docker.network("-o", "isolation=members")
    docker.run(network, "-p", f"{HOST[4]}:8065:80")
    member = docker.run(network)
    with second_address(lab.engine_place) as second:
        other = docker.run(docker.network(), "-p", f"{second}:8065:80")
        with telling_sources(other):
            assert seen(member.still(), "tcp", second, 8065) == member.address()


@contextlib.contextmanager
def telling_sources(web):
    """What the container sees is what it answers."""
    with TcpServer(web.still(), 80), UdpServer(web.still(), 80):
        yield


def test_an_ipv6_client_reaches_a_container_without_ipv6(lab, docker):
    """It is relayed: the container sees its gateway."""
    web = docker.run(docker.network(), *publish("8070:80"))
    clients = {"outside": (lab.outside_place, HOST[6]), "host": (lab.engine_place, HOST[6]),
               "loopback": (lab.engine_place, LOOPBACK[6])}
    probes = {(name, protocol): (place, protocol, asked, 8070)
              for name, (place, asked) in clients.items() for protocol in PROTOCOLS}
    with telling_sources(web):
        assert seen_each(probes) == dict.fromkeys(probes, web.gateway())
        assert seen(lab.outside_place, "tcp", HOST[4], 8070) == OUTSIDE[4]


def test_one_mapping_goes_and_the_others_stay(lab, docker):
    """The same host port of another address, and of another protocol, is somebody else's."""
    network = docker.dual_network()
    web = docker.run(network, "-p", "127.0.0.1:8075:80/tcp")
    at_host = docker.run(network, "-p", "198.51.100.1:8075:80/tcp")
    of_udp = docker.run(network, "-p", "127.0.0.1:8075:80/udp")
    others = {at_host: (lab.outside_place, "tcp", HOST[4]),
              of_udp: (lab.engine_place, "udp", LOOPBACK[4])}
    with numbers(web, [80]):
        assert seen(lab.engine_place, "tcp", LOOPBACK[4], 8075) == "80"
    web.remove()
    assert seen(lab.engine_place, "tcp", LOOPBACK[4], 8075) is None
    for other, (place, protocol, asked) in others.items():
        with numbers(other, [80]):
            assert seen(place, protocol, asked, 8075) == "80"
