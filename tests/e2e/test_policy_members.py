"""Members of one network that are kept apart: isolation=members and isolation=project, and hubs.

What is blocked is tried on Ethernet level too, and on the same containers something gets through.
"""

import itertools

import pytest
from lab import wait_for
from probes import (
    EVERYTHING,
    NOTHING,
    answered,
    assert_reached,
    gets_through,
    ping,
    reach,
    reach_dual,
    who_reaches_whom,
)
from servers import serving
from streams import Heartbeat, Newcomers

OUTSIDE = "198.51.100.2", "2001:db8:51::2"
PROJECT = "com.docker.compose.project"


def is_seen_by_arp(source, address):
    ask = ("busybox", "arping", "-c", "1", "-w", "1", "-I", "eth0", address)
    return source.run(*ask, check=False).returncode == 0


def reach_link_local(source, destination):
    """What gets through to the address that `destination` gave itself, over IPv6."""
    services = ("ping", "tcp/4567", "udp/4567")
    source.link_local()  # before it is settled, nothing is sent from it
    with serving(destination, services):
        found = answered(source, f"{destination.link_local()}%eth0", services)
    return frozenset(service.partition("/")[0] for service in found)


def assert_apart(lab, members, network=None):
    """No member reaches another; each reaches its gateway, the world, and is seen by the host."""
    expected = {}
    for one in members:
        for address in (one.address(network), one.address6(network)):
            expected |= {(other, one, address): NOTHING for other in members if other is not one}
            expected[lab.engine_place, one, address] = EVERYTHING
        for gateway in (one.gateway(network), one.gateway6(network)):
            expected[one, lab.engine_place, gateway] = EVERYTHING
    assert_reached(expected)
    for one in members:
        assert gets_through(one, OUTSIDE[0]) and gets_through(one, OUTSIDE[1])


def test_members_reach_the_gateway_and_the_world_but_not_each_other(lab, docker):
    network = docker.dual_network(isolation="members")
    members = docker.run_each([network] * 3)
    assert_apart(lab, members)
    for address in OUTSIDE:
        assert reach(members[0], lab.outside_place, address) == EVERYTHING


def test_members_are_apart_for_ethernet_too(docker):
    apart, together = docker.dual_network(isolation="members"), docker.dual_network()
    one, other, control, sibling = docker.run_each([apart, apart, together, together])
    assert not is_seen_by_arp(one, other.address())
    assert is_seen_by_arp(one, one.gateway())
    assert is_seen_by_arp(control, sibling.address())
    assert reach_link_local(one, other) == NOTHING
    assert reach_link_local(control, sibling) == EVERYTHING


def know_each_other(one, other):
    """Each learns the other's Ethernet address by hand, as a member does that wants around ARP."""
    for source, destination in ((one, other), (other, one)):
        place = ("lladdr", destination.mac(), "dev", "eth0")
        source.run("ip", "neigh", "replace", destination.address(), *place)
        source.run("ip", "neigh", "replace", destination.address6(), *place)


def route_by_gateway(one, other):
    """Each routes to the other through the gateway."""
    for source, destination in ((one, other), (other, one)):
        routes = {destination.address(): source.gateway(), destination.address6(): source.gateway6()}
        for address, gateway in routes.items():
            source.run("ip", "route", "replace", address, "via", gateway)


@pytest.mark.parametrize("trick", [know_each_other, route_by_gateway])
def test_no_trick_leads_from_member_to_member(lab, docker, trick):
    apart, together = docker.dual_network(isolation="members"), docker.dual_network()
    one, other, control, sibling = docker.run_each([apart, apart, together, together])
    trick(one, other)
    trick(control, sibling)
    wait_for(lambda: ping(control, sibling.address6()), 5, "the control over IPv6")
    assert_apart(lab, [one, other])
    assert_reached({(control, sibling): EVERYTHING, (sibling, control): EVERYTHING})


def test_icc_off_is_the_same(lab, docker):
    apart = docker.dual_network("-o", "com.docker.network.bridge.enable_icc=false")
    together = docker.dual_network("-o", "com.docker.network.bridge.enable_icc=true")
    one, other, control, sibling = docker.run_each([apart, apart, together, together])
    assert_apart(lab, [one, other])
    assert reach_dual(control, sibling) == EVERYTHING


# --- what they survive ---


def restart_containers(docker, *members):
    for each in members:
        docker("restart", "-t", "0", each.name)


def test_members_stay_apart_through_a_restart_of_theirs(lab, docker):
    network = docker.dual_network(isolation="members")
    one, other, third = docker.run_each([network] * 3)
    restart_containers(docker, one)
    assert_apart(lab, [one, other, third])
    restart_containers(docker, one, other)
    assert_apart(lab, [one, other, third])


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_members_stay_apart_through_a_restart_of_the_daemon(lab, docker, binary, end):
    network = docker.dual_network(isolation="members")
    one, other = docker.run_each([network] * 2)
    know_each_other(one, other)  # what waits for ARP is not sent
    with Newcomers(one, other.address()) as blocked, Heartbeat(one, one.gateway()) as beat:
        for step in ({"stop": lab.stop_drawbridge, "kill": lab.kill_drawbridge}[end],
                     lambda: lab.start_drawbridge(binary)):
            beat.wait_for_beats(10)
            step()
            blocked.wait_for_sent(100)
        beat.wait_for_beats(10)
    assert blocked.answered == []
    assert beat.lost == 0
    assert_apart(lab, [one, other, docker.run(network)])


def test_members_stay_apart_when_they_join_a_second_network(lab, docker):
    apart, together = docker.dual_network(isolation="members"), docker.dual_network()
    one, other = docker.run_each([apart] * 2)
    for each in (one, other):
        docker("network", "connect", together, each.name)
    assert_apart(lab, [one, other], apart)
    assert reach_dual(one, other, together) == EVERYTHING
    for each in (one, other):
        docker("network", "disconnect", together, each.name)
    assert_apart(lab, [one, other])


def test_members_stay_apart_on_a_network_that_they_join_later(lab, docker):
    together, apart = docker.dual_network(), docker.dual_network(isolation="members")
    one, other = docker.run_each([together] * 2)
    for each in (one, other):
        docker("network", "connect", apart, each.name)
    assert_apart(lab, [one, other], apart)
    assert reach_dual(one, other, together) == EVERYTHING


# --- compose projects ---


def expected(members, is_open):
    """The dict of who_reaches_whom() where is_open(source, destination) says what gets through."""
    return {(source, destination, network): EVERYTHING if is_open(source, destination) else NOTHING
            for source, destination in itertools.permutations(members, 2)
            for network in members[destination].networks()}


def settled(members, is_open):
    """What who_reaches_whom() finds, once it is as expected; marks are known soon after the start.

    Returns both, found and expected, after some seconds in any case.
    """
    wanted, found = expected(members, is_open), {}

    def measure():
        found.update(who_reaches_whom(members))
        return found == wanted

    try:
        wait_for(measure, 6)
    except AssertionError:
        pass  # the caller compares
    return found, wanted


def run_labelled(docker, network, name, labels, container=None):
    """Names in `labels` that hold an = are labels, others compose projects."""
    flags = [f"--label={each}" if "=" in each else f"--label={PROJECT}={each}" for each in labels]
    return {name: docker.run(network, *flags, name=container)}


def test_projects_are_apart(docker):
    network = docker.dual_network(isolation="project")
    members = {}
    for name, labels in {"shop1": ["shop"], "shop2": ["shop"], "blog1": ["blog"], "blog2": ["blog"],
                         "plain1": [], "plain2": ["other=shop"]}.items():
        members.update(run_labelled(docker, network, name, labels))
    found, wanted = settled(members, lambda one, other: one[:-1] == other[:-1])
    assert found == wanted


def test_projects_are_apart_for_ethernet_too(docker):
    network = docker.dual_network(isolation="project")
    shop = docker.run(network, "--label", f"{PROJECT}=shop")
    sibling = docker.run(network, "--label", f"{PROJECT}=shop")
    blog = docker.run(network, "--label", f"{PROJECT}=blog")
    wait_for(lambda: ping(shop, sibling.address()), 6, "the siblings of one project")
    wait_for(lambda: not ping(shop, blog.address(), timeout=0.2), 6, "projects apart")
    assert not is_seen_by_arp(shop, blog.address())
    assert is_seen_by_arp(shop, sibling.address())
    assert reach_link_local(shop, blog) == NOTHING
    assert reach_link_local(shop, sibling) == EVERYTHING
    route_by_gateway(shop, blog)
    know_each_other(blog, sibling)
    assert_reached({(shop, blog): NOTHING, (blog, sibling): NOTHING, (shop, sibling): EVERYTHING})


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_projects_outlive_restarts(lab, docker, binary, end):
    network = docker.dual_network(isolation="project")
    members = {}
    for name, labels in {"shop1": ["shop"], "shop2": ["shop"], "blog1": ["blog"]}.items():
        members.update(run_labelled(docker, network, name, labels))

    def is_open(one, other):
        return one[:-1] == other[:-1]

    assert settled(members, is_open)[0] == expected(members, is_open)
    shop1, shop2, blog1 = members.values()
    know_each_other(shop1, blog1)  # what waits for ARP is not sent
    with Newcomers(shop1, shop2.address()) as within, Newcomers(shop1, blog1.address()) as across:
        for step in ({"stop": lab.stop_drawbridge, "kill": lab.kill_drawbridge}[end],
                     lambda: lab.start_drawbridge(binary)):
            step()
            within.wait_for_answered(100)
            across.wait_for_sent(100)
    assert within.lost == 0
    assert across.answered == []
    restart_containers(docker, shop1, blog1)
    found, wanted = settled(members, is_open)
    assert found == wanted


# --- hubs ---


@pytest.mark.parametrize("isolation", ["members", "project"])
def test_hubs_reach_everybody_and_are_reached(docker, isolation):
    by_name = docker.name("hub")
    hubs = f"{by_name},project:infra,label:role=proxy,label:shared"
    network = docker.dual_network(isolation=isolation, hubs=hubs)
    members = run_labelled(docker, network, "hub by name", [], by_name)
    for name, labels in {"hub by project": ["infra"], "hub by value": ["role=proxy"],
                         "hub by label": ["shared=yes"], "shop": ["shop"],
                         "blog": ["blog", "role=backend"], "plain": []}.items():
        members.update(run_labelled(docker, network, name, labels))
    found, wanted = settled(members, lambda one, other: "hub" in one + other)
    assert found == wanted


def test_a_hub_follows_its_name(lab, docker, binary):
    name = docker.name("hub")
    network = docker.dual_network(isolation="members", hubs=name)
    one, other = docker.run_each([network] * 2)
    assert reach_dual(one, other) == NOTHING, "a hub that does not exist opens nothing"
    hub = docker.run(network, name=name)
    wait_for(lambda: ping(one, hub.address()), 6, "the hub")
    docker("restart", "-t", "0", name)
    wait_for(lambda: ping(one, hub.address()), 6, "the hub after its restart")
    lab.kill_drawbridge()
    lab.start_drawbridge(binary)
    assert reach_dual(one, hub) == EVERYTHING, "known at once"
    hub.remove()
    later = docker.run(network)
    hub = docker.run(network, name=name)
    wait_for(lambda: ping(hub, later.address()), 6, "the next of that name")
    assert_reached({(hub, one): EVERYTHING, (one, later): NOTHING, (one, other): NOTHING})
