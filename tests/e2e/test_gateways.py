"""Gateways: whose they are, and what Docker's options make of them.

The options are those of Docker's own bridge driver: gateway_mode_ipv4 and _ipv6, inhibit_ipv4,
enable_ip_masquerade, host_ipv4 and host_ipv6.
"""

import contextlib

import pytest
from lab import wait_for
from probes import (
    EVERYTHING,
    NOTHING,
    assert_reached,
    gets_through,
    ping,
    reach,
    reach_all,
    tcp_source,
    udp_source,
)
from scenes import link_local
from servers import TcpServer, UdpServer

HOST = {4: "198.51.100.1", 6: "2001:db8:51::1"}
OUTSIDE = {4: "198.51.100.2", 6: "2001:db8:51::2"}
SECOND = {4: "198.51.100.9", 6: "2001:db8:51::9"}
FAMILIES = (4, 6)


def option(key, value):
    return "-o", f"com.docker.network.bridge.{key}={value}"


def mode(family, value):
    return option(f"gateway_mode_ipv{family}", value)


def address(container, family):
    return container.address() if family == 4 else container.address6()


def gateway(container, family):
    return container.gateway() if family == 4 else container.gateway6()


@contextlib.contextmanager
def routes_to(place, docker, network):
    """`place` sends what is for the subnets of `network` to the host while the block runs."""
    subnets = [(subnet, 6 if ":" in subnet else 4) for subnet in docker.subnets(network)]
    for subnet, family in subnets:
        place.run("ip", f"-{family}", "route", "replace", subnet, "via", HOST[family])
    try:
        yield
    finally:
        for subnet, family in subnets:
            place.run("ip", f"-{family}", "route", "del", subnet, "via", HOST[family])


def test_the_gateway_of_another_network_is_out_of_reach(lab, docker):
    """And so is what listens there."""
    network = docker.dual_network()
    member = docker.run(network)
    strangers = {
        "ours": docker.run(docker.dual_network()),
        "Docker's": docker.run(docker.native_network("--ipv6", "--subnet", "fd00:79::/64")),
        "a neighbour": lab.neighbour_place,
    }
    cases = {(name, family): (place, lab.engine_place, gateway(member, family))
             for name, place in strangers.items() for family in FAMILIES}
    controls = {family: (member, lab.engine_place, gateway(member, family)) for family in FAMILIES}
    with routes_to(lab.neighbour_place, docker, network):
        assert reach_all(cases) == dict.fromkeys(cases, NOTHING)
        assert reach_all(controls) == dict.fromkeys(controls, EVERYTHING)
        for family in FAMILIES:
            assert reach(lab.neighbour_place, lab.engine_place, HOST[family]) == EVERYTHING


# What of a container its host's neighbours reach, under each mode of the gateway.
MODES = {
    "nat": NOTHING,  # published ports only
    "routed": frozenset({"ping"}),  # the address, and published ports
    "nat-unprotected": EVERYTHING,
}


@pytest.mark.parametrize("value", MODES)
def test_what_the_mode_lets_in_from_outside(lab, docker, value):
    network = docker.dual_network(*mode(4, value), *mode(6, value))
    one, sibling = docker.run(network), docker.run(network)
    stranger = docker.run(docker.dual_network())
    native = docker.run(docker.native_network("--ipv6", "--subnet", "fd00:79::/64"))
    expected = {lab.neighbour_place: MODES[value], stranger: NOTHING, native: NOTHING,
                sibling: EVERYTHING, lab.engine_place: EVERYTHING}
    cases = {(place, family): (place, one, address(one, family))
             for place in expected for family in FAMILIES}
    with routes_to(lab.neighbour_place, docker, network):
        reached = reach_all(cases)
        assert reached == {(place, family): expected[place] for place, family in cases}
    for family in FAMILIES:
        assert reach(one, lab.neighbour_place, HOST[family][:-1] + "3") == (
            EVERYTHING if value != "routed" else NOTHING), "no way back without a route"


@pytest.mark.parametrize("family", FAMILIES)
def test_a_mode_is_of_its_family_only(lab, docker, family):
    bridge = option("name", "dbmode0")
    network = docker.dual_network(*mode(family, "nat-unprotected"), *bridge)
    one = docker.run(network)
    link_local(lab.engine_place, "dbmode0")
    other = {4: 6, 6: 4}[family]
    with routes_to(lab.neighbour_place, docker, network):
        assert_reached({
            (lab.neighbour_place, one, address(one, family)): EVERYTHING,
            (lab.neighbour_place, one, address(one, other)): NOTHING,
        })


def test_the_first_member_is_reached_over_ipv6_at_once(lab, docker):
    """The host can ask for its Ethernet address from the moment that the bridge is up."""
    network = docker.dual_network(*mode(6, "nat-unprotected"))
    one = docker.run(network)
    with routes_to(lab.neighbour_place, docker, network):
        assert reach(lab.neighbour_place, one, one.address6()) == EVERYTHING


# As whom the outside sees a container, by options: over IPv4 and IPv6.
AS_WHOM = [
    ((), "host", "host"),
    (mode(4, "nat-unprotected"), "host", "host"),
    (mode(4, "routed"), "itself", "host"),
    (mode(6, "routed"), "host", "itself"),
    (option("enable_ip_masquerade", "false"), "itself", "itself"),
    (option("enable_ip_masquerade", "true"), "host", "host"),
    (("-o", f"com.docker.network.host_ipv4={SECOND[4]}"), "second", "host"),
    (("-o", f"com.docker.network.host_ipv6={SECOND[6]}"), "host", "second"),
]


@pytest.fixture
def second_address(lab):
    """The host has a second address of each family on its uplink, which it does not prefer."""
    words = {4: (f"{SECOND[4]}/24",), 6: (f"{SECOND[6]}/64", "nodad", "preferred_lft", "0")}
    for family in FAMILIES:
        lab.engine_ns("ip", "addr", "add", *words[family], "dev", "uplink0")
    yield
    for family in FAMILIES:
        lab.engine_ns("ip", "addr", "del", words[family][0], "dev", "uplink0")


@pytest.mark.parametrize(("options", "over4", "over6"), AS_WHOM)
def test_as_whom_the_outside_sees_a_container(lab, docker, second_address, options, over4, over6):
    network = docker.dual_network(*options)
    one = docker.run(network)
    for family, whom in ((4, over4), (6, over6)):
        own = address(one, family)
        expected = {"host": HOST[family], "second": SECOND[family], "itself": own}[whom]
        with TcpServer(lab.outside_place, 7000), UdpServer(lab.outside_place, 7000) as server:
            without_route = tcp_source(one, OUTSIDE[family], 7000, timeout=0.5)
            assert without_route == (None if whom == "itself" else expected)
            with routes_to(lab.outside_place, docker, network):
                assert tcp_source(one, OUTSIDE[family], 7000) == expected
                assert udp_source(one, OUTSIDE[family], 7000) == expected
                assert gets_through(one, OUTSIDE[family])
            assert set(server.sources) == {expected}


def test_what_is_routed_keeps_its_source_between_siblings_and_to_the_host(lab, docker):
    one = docker.run(docker.dual_network(*mode(4, "routed"), *mode(6, "routed")))
    with TcpServer(lab.engine_place, 7001):
        for family in FAMILIES:
            assert tcp_source(one, gateway(one, family), 7001) == address(one, family)


def addresses_of(lab, bridge, family):
    """`ip addr` of the bridge's own addresses, without link-local ones; empty when it has none."""
    words = ("-o", "addr", "show", "dev", bridge, "scope", "global")
    return lab.engine_ns("ip", f"-{family}", *words).stdout


def test_inhibit_ipv4_leaves_the_gateways_address_to_somebody_else(lab, docker):
    network = docker.dual_network(*option("name", "dbinhibit0"), *option("inhibit_ipv4", "true"))
    one, sibling = docker.run(network), docker.run(network)
    assert addresses_of(lab, "dbinhibit0", 4) == ""
    cases = {family: (one, sibling, address(sibling, family)) for family in FAMILIES}
    assert reach_all(cases) == dict.fromkeys(cases, EVERYTHING)
    assert gets_through(one, gateway(one, 6)), "the other family has its gateway"
    lab.engine_ns("sh", "-c", "ip link add router0 type veth peer name router1"
                  " && ip link set router0 master dbinhibit0 up && ip link set router1 up"
                  f" && ip addr add {gateway(one, 4)}/24 dev router1")
    try:
        wait_for(lambda: ping(one, gateway(one, 4)), what="the answer of somebody else's gateway")
    finally:
        lab.engine_ns("ip", "link", "del", "router0")


@pytest.mark.parametrize("family", FAMILIES)
def test_an_isolated_gateway_has_no_address_of_its_family(lab, docker, family):
    other = {4: 6, 6: 4}[family]
    network = docker.dual_network("--internal", *option("name", "dbisolated0"),
                             *mode(family, "isolated"))
    one, sibling = docker.run(network), docker.run(network)
    assert addresses_of(lab, "dbisolated0", family) == ""
    assert gateway(one, other) in addresses_of(lab, "dbisolated0", other)
    cases = {each: (one, sibling, address(sibling, each)) for each in FAMILIES}
    assert reach_all(cases) == dict.fromkeys(cases, EVERYTHING)
    assert_reached({
        (lab.engine_place, one, address(one, other)): EVERYTHING,
        (lab.engine_place, one, address(one, family)): NOTHING,
    })
    assert one.interfaces() == ["eth0"]
