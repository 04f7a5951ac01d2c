"""Where containers may open connections to: egress=all, internet, none and lists; gateway=none."""

import contextlib
import ipaddress
import socket
import struct

import pytest
from containers import Docker
from lab import wait_for
from lab.name_server import start_name_server
from probes import (
    EVERYTHING,
    NOTHING,
    answered,
    answered_each,
    gets_through,
    http_get,
    ping,
    reach,
    reach_all,
)
from scenes import link_local
from servers import TcpServer, UdpServer, serving

# Addresses of the outside client beside its own: by what kind of address they are.
OUTSIDE = {
    "public": "203.0.113.9",
    "public too": "192.0.2.9",
    "10/8": "10.99.0.1",
    "172.16/12": "172.28.254.1",
    "192.168/16": "192.168.254.1",
    "CGNAT": "100.64.0.1",
    "metadata": "169.254.169.254",
    "public, IPv6": "2001:db8:77::1",
    "ULA": "fd77::1",
}
RESOLVERS = {4: "10.99.0.53", 6: "fd77::53"}
HOST = {"uplink": "198.51.100.1", "uplink, IPv6": "2001:db8:51::1"}
GATEWAYS = ("gateway", "gateway, IPv6")
TCP, UDP = frozenset({"tcp"}), frozenset({"udp"})

LIST = ("203.0.113.0/24,192.0.2.9:tcp,10.99.0.1:tcp/4600-4699,fd77::1,"
        "2001:db8:77::/64:udp/4600-4699,198.51.100.1:tcp/4600-4699")

# Option -> what is reached of OUTSIDE, HOST and GATEWAYS; what is left out is not reached at all.
TABLE = {
    "egress=all": dict.fromkeys((*OUTSIDE, *HOST, *GATEWAYS), EVERYTHING),
    "egress=internet": dict.fromkeys(("public", "public too", "public, IPv6"), EVERYTHING),
    "egress=none": {},
    f"egress={LIST}": {
        "public": EVERYTHING,
        "public too": TCP,
        "10/8": TCP,
        "ULA": EVERYTHING,
        "public, IPv6": UDP,
        "uplink": TCP,
    },
    "egress=0.0.0.0/0:tcp": dict.fromkeys(
        [name for name, address in {**OUTSIDE, **HOST}.items() if ":" not in address], TCP)
    | {"gateway": TCP},
    "egress=::/0:udp/4600-4699": dict.fromkeys(
        [name for name, address in {**OUTSIDE, **HOST}.items() if ":" in address], UDP)
    | {"gateway, IPv6": UDP},
    "--internal": {},
}
WITHOUT_OUTSIDE_NAMES = ("egress=none", "--internal")


@pytest.fixture(scope="module", autouse=True)
def addresses(lab):
    """The outside client has all the addresses above, and answers names at one of them, too."""
    for address in (*OUTSIDE.values(), *RESOLVERS.values()):
        words = (f"{address}/128", "nodad") if ":" in address else (f"{address}/32",)
        lab.outside("ip", "addr", "add", words[0], "dev", "lo", *words[1:])
    start_name_server(lab.outside_place, RESOLVERS[4])


class Members:
    """Two containers of a dual-stack network that has the option, a stranger beside them."""

    def __init__(self, docker, option):
        self.option = option
        words = (option,) if option.startswith("--") else ("-o", option)
        network = docker.dual_network(*words)
        self.one = docker.run(network, "--cap-add", "NET_ADMIN")
        self.sibling = docker.run(network)
        subnets = map(ipaddress.ip_network, docker.subnets(network))
        gateways = {each.version: str(next(each.hosts())) for each in subnets}
        self.gateways = gateways[4], gateways[6]
        if not self.one.default_route():
            for gateway in self.gateways:
                self.one.run("ip", "route", "add", "default", "via", gateway)


@pytest.fixture(scope="module", params=TABLE)
def members(request, lab):
    docker = Docker(lab)
    yield Members(docker, request.param)
    docker.clean()


def test_what_is_reached(lab, members):
    cases = {name: (members.one, lab.outside_place, address) for name, address in OUTSIDE.items()}
    here = dict(zip(GATEWAYS, members.gateways))
    cases |= {name: (members.one, lab.engine_place, address)
              for name, address in (HOST | here).items()}
    expected = dict.fromkeys(cases, NOTHING) | TABLE[members.option]
    assert reach_all(cases) == expected


def test_members_reach_each_other_and_the_host_looks_in(lab, members):
    one, sibling = members.one, members.sibling
    cases = {(name, address): (source, one, address)
             for name, source in (("sibling", sibling), ("host", lab.engine_place))
             for address in (one.address(), one.address6())}
    assert reach_all(cases) == dict.fromkeys(cases, EVERYTHING)


def lookup(place, name, server="127.0.0.11", timeout=2):
    """The IPv4 address that `server` has for `name`; None when it has none, or does not answer."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    query = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels
    query += b"\0" + struct.pack("!HH", 1, 1)
    with place.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.settimeout(timeout)
        try:
            channel.connect((server, 53))
            channel.send(query)
            reply = channel.recv(2048)
        except OSError:
            return None
    answers = struct.unpack("!H", reply[6:8])[0]
    return socket.inet_ntoa(reply[-4:]) if answers else None


def test_names_of_members_are_known(members):
    assert lookup(members.one, members.sibling.name) == members.sibling.address()


def test_names_of_the_outside_are_known_where_something_of_it_is_reached(members):
    found = lookup(members.one, "outside.test")
    assert found == (None if members.option in WITHOUT_OUTSIDE_NAMES else "198.51.100.2")


def test_ports_beyond_a_range_are_closed(lab, docker):
    one = docker.run(docker.dual_network("-o", f"egress={LIST}"))
    services = [f"{protocol}/{port}" for protocol in ("tcp", "udp")
                for port in (4599, 4600, 4699, 4700)]
    for address, protocol in ((OUTSIDE["10/8"], "tcp"), (OUTSIDE["public, IPv6"], "udp")):
        with serving(lab.outside_place, services, address):
            found = answered(one, address, ["ping", *services])
        assert found == {f"{protocol}/4600", f"{protocol}/4699"}


@pytest.mark.parametrize(("option", "reached"), [
    ("egress=all", EVERYTHING), ("egress=internet", NOTHING), ("egress=none", NOTHING)])
def test_link_local_addresses_are_the_hosts_too(lab, docker, option, reached):
    network = docker.dual_network("-o", option)
    one, sibling = docker.run(network), docker.run(network)
    bridge = f"db-{docker.inspect_network(network)['Id'][:12]}"
    link_local(one)
    expected = {lab.engine_place: reached, sibling: EVERYTHING}
    own = {lab.engine_place: link_local(lab.engine_place, bridge), sibling: link_local(sibling)}
    for place, address in own.items():
        with TcpServer(place, 4567), UdpServer(place, 4567):
            found = answered(one, f"{address}%eth0", ("ping", "tcp/4567", "udp/4567"))
        assert {each.split("/")[0] for each in found} == expected[place], place


@pytest.fixture
def resolvers(lab):
    """resolvers(addresses) makes them the host's name servers until the test ends."""
    def write(text):
        with open(lab.resolv_conf, "w", encoding="ascii") as file:
            file.write(text)
        lab.reload_drawbridge()

    with open(lab.resolv_conf, encoding="ascii") as file:
        before = file.read()
    yield lambda addresses: write("".join(f"nameserver {each}\n" for each in addresses))
    write(before)


@pytest.mark.parametrize("option", ["egress=internet", "egress=203.0.113.0/24"])
def test_private_name_servers_of_the_host_serve_names_only(lab, docker, resolvers, option):
    one = docker.run(docker.dual_network("-o", option), "--dns", RESOLVERS[4])
    listening = [(lab.outside_place, RESOLVERS[6]), (lab.engine_place, HOST["uplink"]),
                 (lab.engine_place, HOST["uplink, IPv6"])]

    def answering():
        found = {RESOLVERS[4]} if lookup(one, "outside.test") == "198.51.100.2" else set()
        with contextlib.ExitStack() as servers:
            for place, address in listening:
                servers.enter_context(serving(place, ("tcp/53", "udp/53"), address))
            services = answered_each({address: (one, address) for _, address in listening},
                                     ("tcp/53", "udp/53"))
        assert all(len(each) != 1 for each in services.values()), services
        return found | {address for address, each in services.items() if each}

    everyone = {RESOLVERS[4], *(address for _, address in listening)}
    assert answering() == set(), "none of them is a name server of the host"
    resolvers(sorted(everyone))
    assert answering() == everyone
    cases = {address: (one, place, address)
             for place, address in ((lab.outside_place, RESOLVERS[4]), *listening)}
    assert reach_all(cases) == dict.fromkeys(cases, NOTHING), "port 53 only"
    resolvers(["198.51.100.2"])
    assert answering() == set()


def default_routes(container):
    """The IPv4 and the IPv6 default route, as `ip route` shows them."""
    shown = container.run("ip", "-6", "route", "show", "default").stdout.strip()
    return container.default_route(), shown


def assert_way_out(container, network):
    attached = container.networks()[network]
    over4, over6 = default_routes(container)
    assert over4.startswith(f"default via {attached['Gateway']} dev")
    assert over6.startswith(f"default via {attached['IPv6Gateway']} dev")
    assert gets_through(container, "198.51.100.2") and gets_through(container, "2001:db8:51::2")


def assert_no_way_out(lab, container, sibling):
    assert default_routes(container) == ("", "")
    assert len(container.interfaces()) == len(container.networks()), "no docker_gwbridge"
    assert "docker_gwbridge" not in lab.snapshot()["links"]
    assert not ping(container, "198.51.100.2", timeout=0.3)
    assert reach(container, sibling, sibling.address()) == EVERYTHING
    assert reach(container, sibling, sibling.address6()) == EVERYTHING


@pytest.mark.parametrize("names", ["az", "za"], ids=["named before", "named after"])
@pytest.mark.parametrize("first", ["side", "main"])
@pytest.mark.parametrize("left_first", ["side", "main"])
def test_gateway_none_is_never_the_way_out(lab, docker, names, first, left_first):
    """Of a container on two networks, whatever they are called and whichever it joins first."""
    side = docker.dual_network("-o", "gateway=none", name=docker.name(names[0]))
    main = docker.dual_network(name=docker.name(names[1]))
    sibling = docker.run(side)
    networks = {"side": side, "main": main}
    one = docker.run(networks[first])
    if first == "side":
        assert_no_way_out(lab, one, sibling)
    docker("network", "connect", networks["main" if first == "side" else "side"], one.name)
    assert_way_out(one, main)
    assert reach(one, sibling, sibling.address()) == EVERYTHING
    docker("network", "disconnect", networks[left_first], one.name)
    if left_first == "side":
        assert_way_out(one, main)
    else:
        assert_no_way_out(lab, one, sibling)


def test_gateway_none_holds_over_a_restart(lab, docker):
    side = docker.dual_network("-o", "gateway=none", name=docker.name("a"))
    main = docker.dual_network(name=docker.name("z"))
    one, sibling = docker.run(main), docker.run(side)
    docker("network", "connect", side, one.name)
    for name in (one.name, sibling.name):
        docker("restart", "-t", "0", name)
    wait_for(lambda: len(one.interfaces()) == 2, what="both interfaces")
    assert_way_out(one, main)
    assert default_routes(sibling) == ("", "")
    assert sibling.interfaces() == ["eth0"]
    assert reach(one, sibling, sibling.address()) == EVERYTHING


def test_gateway_none_leaves_published_ports_where_they_are(lab, docker):
    native = docker.native_network(name=docker.name("z"))
    side = docker.network("-o", "gateway=none", name=docker.name("a"))
    one = docker.run(native, "-p", "18083:80", command=["httpd", "-f", "-p", "80"])
    docker("network", "connect", side, one.name)
    assert http_get(lab.outside_place, "198.51.100.1", 18083) is not None
    docker("network", "disconnect", side, one.name)
    assert http_get(lab.outside_place, "198.51.100.1", 18083) is not None
