"""Networks named by others: ones that come later, Docker's own, closed ones, and B's five.

What is blocked has a control: the same containers get through where they may.
"""

import ipaddress

import pytest
from lab import wait_for
from probes import (
    EVERYTHING,
    NOTHING,
    answered,
    assert_answered,
    assert_reached,
    gets_through,
    leaves_nothing,
    ping,
    reach,
    reach_dual,
    tcp,
    tcp_source,
    who_reaches_whom,
)
from servers import TcpServer, serving
from streams import Newcomers

OUTSIDE = "198.51.100.2"
KNOWN = 5  # seconds until a network that Docker made is known


def wait_until_admitted(source, destination):
    # IPv6 takes the host a moment more: it looks for others that have its link-local address.
    for address in (destination.address(), destination.address6()):
        if address:
            wait_for(lambda: ping(source, address), KNOWN, f"{source} in {destination}")


def remove(docker, network, *containers):
    for container in containers:
        container.remove()
    docker("network", "rm", network)


# --- networks that come later ---


def test_a_network_that_is_named_before_it_exists(docker):
    name = docker.name("later")
    network = docker.dual_network(allow_from=name)
    one = docker.run(network)
    stranger = docker.run(docker.dual_network())
    docker.dual_network(name=name)
    peer = docker.run(name)
    wait_until_admitted(peer, one)
    assert_reached({(peer, one): EVERYTHING, (one, peer): NOTHING, (stranger, one): NOTHING})


def test_a_name_means_the_network_that_has_it_now(docker):
    name = docker.name("again")
    network = docker.dual_network(allow_from=f"{name}:tcp/80")
    one = docker.run(network)
    services = ("ping", "tcp/80", "tcp/81", "udp/80")
    with serving(one, services):
        for _ in range(3):
            docker.dual_network(name=name)
            peer = docker.run(name)
            for address in (one.address(), one.address6()):
                wait_for(lambda: tcp(peer, address, 80), KNOWN, "the peer")
            assert_answered({(peer, one.address()): {"tcp/80"}, (peer, one.address6()): {"tcp/80"}},
                            services)
            remove(docker, name, peer)
            stranger = docker.run(docker.dual_network())
            assert answered(stranger, one.address(), services) == NOTHING
    assert reach_dual(one, docker.run(network)) == EVERYTHING, "the control"


def test_a_removed_id_admits_nobody_else(docker):
    gone = docker.dual_network()
    identifier = docker.inspect_network(gone)["Id"]
    network = docker.dual_network(allow_from=identifier)
    one, peer = docker.run(network), docker.run(gone)
    wait_until_admitted(peer, one)
    assert reach_dual(peer, one) == EVERYTHING
    remove(docker, gone, peer)
    docker.dual_network(name=gone)
    later = docker.run(gone)
    assert reach_dual(later, one) == NOTHING, "a name that was not named"
    assert gets_through(later, OUTSIDE)


def test_names_hold_at_once_after_a_kill(lab, docker, binary):
    peers, strangers = docker.dual_network(), docker.dual_network()
    one = docker.run(docker.dual_network(allow_from=peers))
    peer, stranger = docker.run(peers), docker.run(strangers)
    wait_until_admitted(peer, one)
    with Newcomers(peer, one.address()) as admitted, Newcomers(stranger, one.address()) as refused:
        lab.kill_drawbridge()
        admitted.wait_for_answered(100)
        lab.start_drawbridge(binary)
        assert reach_dual(peer, one) == EVERYTHING
        admitted.wait_for_answered(100)
        refused.wait_for_sent(100)
    assert admitted.lost == 0
    assert refused.answered == []


def test_names_hold_without_docker(lab, docker, binary):
    peers = docker.dual_network()
    one = docker.run(docker.dual_network(allow_from=peers))
    peer, stranger = docker.run(peers), docker.run(docker.dual_network())
    wait_until_admitted(peer, one)
    lab.kill_drawbridge()
    lab.engine_ns("nft", "delete", "table", "inet", "drawbridge")
    lab.start_drawbridge(binary, "--docker-socket", "/run/no-docker.sock")
    assert_reached({(peer, one): EVERYTHING, (stranger, one): NOTHING})
    lab.stop_drawbridge()
    lab.start_drawbridge(binary)
    assert reach_dual(peer, one) == EVERYTHING


def test_names_are_refused_where_docker_is_not_asked(lab, docker, binary):
    lab.stop_drawbridge()
    lab.start_drawbridge(binary, "--docker-socket", "")
    with leaves_nothing(lab):
        refused = docker("network", "create", "-d", "drawbridge", "--ipam-driver", "drawbridge",
                         "-o", "allow_from=somebody", docker.name("no"), check=False)
        assert refused.returncode != 0
        assert "needs the docker api: set docker_socket in the configuration" in refused.stderr
    docker.dual_network(allow_from="10.99.0.0/16")  # the control: no names, no Docker
    lab.stop_drawbridge()
    lab.start_drawbridge(binary)


# --- Docker's own networks ---


def native_dual(docker, number, *options, name=None):
    flags = ["--ipv6", "--subnet", f"172.29.{number}.0/24", "--subnet", f"fd00:29:{number}::/64"]
    return docker.native_network(*flags, *options, name=name)


def assert_admits(one, peer, stranger):
    assert_reached({
        (peer, one): EVERYTHING,
        (one, peer): NOTHING,
        (stranger, one): NOTHING,
        (one, stranger): NOTHING,
    })
    assert gets_through(stranger, OUTSIDE) and gets_through(one, OUTSIDE)
    with TcpServer(one, 7300):
        assert tcp_source(peer, one.address(), 7300) == peer.address(), "its own address is seen"
        assert tcp_source(peer, one.address6(), 7300) == peer.address6()


@pytest.mark.parametrize("how", ["name", "id", "short id"])
def test_a_network_of_dockers_own_may_come_in(docker, how):
    native, other = native_dual(docker, 1), native_dual(docker, 2)
    identifier = docker.inspect_network(native)["Id"]
    named = {"name": native, "id": identifier, "short id": identifier[:12]}[how]
    one = docker.run(docker.dual_network(allow_from=named))
    peer, stranger = docker.run(native), docker.run(other)
    wait_until_admitted(peer, one)
    assert_admits(one, peer, stranger)


def test_a_network_of_dockers_own_that_comes_later(docker):
    name = docker.name("native")
    one = docker.run(docker.dual_network(allow_from=name))
    stranger = docker.run(native_dual(docker, 4))
    for number in (5, 6):  # made, and made again on another subnet
        native_dual(docker, number, name=name)
        peer = docker.run(name)
        wait_until_admitted(peer, one)
        assert_admits(one, peer, stranger)
        remove(docker, name, peer)


def test_dockers_default_bridge_is_named_bridge(docker):
    one = docker.run(docker.dual_network(allow_from="bridge:tcp/80"))
    peer, stranger = docker.run(None), docker.run(docker.native_network())
    services = ("ping", "tcp/80", "tcp/81", "udp/80")
    with serving(one, services):
        wait_for(lambda: tcp(peer, one.address(), 80), KNOWN, "docker0")
        assert_answered({(peer, one.address()): {"tcp/80"}, (stranger, one.address()): NOTHING},
                        services)
    assert reach(one, peer, peer.address()) == NOTHING
    assert gets_through(stranger, OUTSIDE)


def test_a_named_bridge_of_dockers(docker):
    native = native_dual(docker, 7, "-o", "com.docker.network.bridge.name=natnamed0")
    one = docker.run(docker.dual_network(allow_from=native))
    peer, stranger = docker.run(native), docker.run(native_dual(docker, 8))
    wait_until_admitted(peer, one)
    assert_admits(one, peer, stranger)


# --- prefixes ---


def test_a_prefix_with_ports_admits_those_of_it(docker):
    peers, strangers = docker.dual_network(), docker.dual_network()
    over4, over6 = docker.subnets(peers)
    one = docker.run(docker.dual_network(allow_from=f"{over4}:tcp/80-82,{over6}:tcp/80-82"))
    peer, stranger = docker.run(peers), docker.run(strangers)
    services = ("ping", "tcp/79", "tcp/80", "tcp/82", "tcp/83", "udp/80")
    with serving(one, services):
        expected = {}
        for address in (one.address(), one.address6()):
            wait_for(lambda: tcp(peer, address, 80), KNOWN, "the ports")
            expected |= {(peer, address): {"tcp/80", "tcp/82"}, (stranger, address): NOTHING}
        assert_answered(expected, services)
    assert gets_through(stranger, OUTSIDE)


def test_one_address_of_a_network_comes_in_and_its_sibling_does_not(docker):
    peers = docker.dual_network()
    peer, sibling = docker.run(peers), docker.run(peers)
    one = docker.run(docker.dual_network(allow_from=f"{peer.address()},{peer.address6()}"))
    wait_until_admitted(peer, one)
    assert_reached({
        (peer, one): EVERYTHING,
        (sibling, one): NOTHING,
        (one, peer): NOTHING,
        (sibling, peer): EVERYTHING,
    })


def test_an_address_outside_comes_in_and_its_neighbour_does_not(lab, docker):
    one = docker.run(docker.dual_network(allow_from="198.51.100.2,2001:db8:51::2"))
    places = lab.outside_place, lab.neighbour_place
    targets = {4: (one.address() + "/32", "198.51.100.1"),
               6: (one.address6() + "/128", "2001:db8:51::1")}
    for place in places:
        for family, (target, host) in targets.items():
            place.run("ip", f"-{family}", "route", "replace", target, "via", host)
    try:
        wait_until_admitted(lab.outside_place, one)
        assert_reached({
            (lab.outside_place, one): EVERYTHING,
            (lab.neighbour_place, one): NOTHING,
            (lab.neighbour_place, lab.engine_place, "198.51.100.1"): EVERYTHING,
        })
    finally:
        for place in places:
            for family, (target, _) in targets.items():
                place.run("ip", f"-{family}", "route", "del", target)


# --- networks that are closed but for whom they name ---


def route_out(container, network):
    """A closed network gives its members no default route; who wants one adds it."""
    container.run("ip", "route", "replace", "default", "via", network["gateway4"])
    container.run("ip", "-6", "route", "replace", "default", "via", network["gateway6"])


def gateways(docker, network):
    # The engine lists no gateway for an internal network; it is the first address.
    subnets = [ipaddress.ip_network(each) for each in docker.subnets(network)]
    return {f"gateway{each.version}": str(each.network_address + 1) for each in subnets}


@pytest.mark.parametrize("closed", ["--internal", "egress=none"])
def test_a_closed_network_is_open_for_whom_it_names(lab, docker, closed):
    flags = [closed] if closed == "--internal" else ["-o", closed]
    peers, team = docker.dual_network(), docker.name("team")
    network = docker.dual_network(*flags, team=team, allow_from=peers)
    mates, strangers = docker.dual_network(team=team), docker.dual_network()
    one, sibling = docker.run(network), docker.run(network)
    peer, mate, stranger = docker.run(peers), docker.run(mates), docker.run(strangers)
    for each in (one, sibling):
        route_out(each, gateways(docker, network))
    wait_until_admitted(peer, one)
    wait_until_admitted(one, mate)
    expected = {
        (peer, one): EVERYTHING,
        (mate, one): EVERYTHING,
        (one, mate): EVERYTHING,
        (one, sibling): EVERYTHING,
        (one, peer): NOTHING,
        (one, stranger): NOTHING,
        (stranger, one): NOTHING,
    }
    for address in (OUTSIDE, "2001:db8:51::2"):
        expected[one, lab.outside_place, address] = NOTHING
        expected[mate, lab.outside_place, address] = EVERYTHING
    for address in gateways(docker, network).values():
        expected[one, lab.engine_place, address] = NOTHING
    assert_reached(expected)


@pytest.mark.parametrize("closed", ["--internal", "egress=none"])
def test_a_closed_network_goes_where_others_name_it(lab, docker, closed):
    flags = [closed] if closed == "--internal" else ["-o", closed]
    network = docker.dual_network(*flags)
    host = docker.run(docker.dual_network(allow_from=network))
    web = docker.run(docker.dual_network(allow_from=f"{network}:tcp/80"))
    stranger = docker.run(docker.dual_network())
    one = docker.run(network)
    route_out(one, gateways(docker, network))
    wait_until_admitted(one, host)
    assert_reached({(one, host): EVERYTHING, (host, one): NOTHING})
    services = ("ping", "tcp/80", "tcp/81", "udp/80")
    with serving(web, services):
        for address in (web.address(), web.address6()):
            wait_for(lambda: tcp(one, address, 80), KNOWN, "the port")
        assert_answered({(one, web.address()): {"tcp/80"}, (one, web.address6()): {"tcp/80"}},
                        services)
    assert_reached({(one, stranger): NOTHING, (one, lab.outside_place, OUTSIDE): NOTHING})
    assert gets_through(stranger, OUTSIDE)


# --- five networks, and services on one to three of them ---

LAYOUT = {
    "postgres": ("main", "db"),
    "pgbouncer": ("main", "db"),
    "backup": ("db",),
    "api": ("main", "gpu", "external"),
    "agent": ("main", "gpu"),
    "ollama": ("gpu",),
    "redis": ("main",),
    "website": ("external",),
    "prometheus": ("monitoring",),
    "grafana": ("main", "monitoring"),
}


def test_services_reach_exactly_what_they_share(docker):
    kinds = ("main", "gpu", "db", "monitoring", "external")
    networks = {kind: docker.dual_network(name=docker.name(kind)) for kind in kinds}
    firsts = docker.run_each([networks[on[0]] for on in LAYOUT.values()])
    members = dict(zip(LAYOUT, firsts, strict=True))
    for service, (_, *others) in LAYOUT.items():
        for kind in others:
            docker("network", "connect", networks[kind], members[service].name)
    wanted = {}
    for destination, on in LAYOUT.items():
        for source in LAYOUT.keys() - {destination}:
            for kind in on:
                shared = kind in LAYOUT[source]
                wanted[source, destination, networks[kind]] = EVERYTHING if shared else NOTHING
    assert who_reaches_whom(members) == wanted
    assert sum(through == EVERYTHING for through in wanted.values()) == 46, "the control"
