"""Networks cannot reach each other: drawbridge's among themselves, and to and from Docker's own.

Each blocked direction has a control on the same containers that gets through.
"""

import pytest
from containers import Docker
from probes import EVERYTHING, NOTHING, http_get, leaves_nothing, ping, reach


def route_to(container, subnet, gateway):
    container.run("ip", "route", "replace", subnet, "via", gateway)


class Scene:
    """Two members of one network and a stranger on another, all able to add routes."""

    def __init__(self, docker, ours, others):
        admin = ("--cap-add", "NET_ADMIN")
        self.member = docker.run(ours, *admin)
        self.sibling = docker.run(ours, *admin)
        self.stranger = docker.run(others, *admin)
        self.strange_sibling = docker.run(others, *admin)

    def assert_apart(self):
        assert reach(self.member, self.stranger, self.stranger.address()) == NOTHING
        assert reach(self.stranger, self.member, self.member.address()) == NOTHING
        assert reach(self.member, self.sibling, self.sibling.address()) == EVERYTHING
        assert reach(self.stranger, self.strange_sibling, self.strange_sibling.address()) == EVERYTHING

    def add_routes(self):
        route_to(self.member, self.stranger.address() + "/32", self.member.gateway())
        route_to(self.stranger, self.member.address() + "/32", self.stranger.gateway())


@pytest.mark.parametrize("other", ["drawbridge", "user bridge", "docker0"])
def test_networks_are_apart(docker, other):
    ours = docker.network()
    others = {
        "drawbridge": lambda: docker.network(),
        "user bridge": lambda: docker.native_network(),
        "docker0": lambda: "bridge",
    }[other]()
    scene = Scene(docker, ours, others)
    scene.assert_apart()
    scene.add_routes()
    scene.assert_apart()


@pytest.mark.parametrize("other", ["drawbridge", "user bridge"])
def test_networks_are_apart_where_forward_accepts(make_lab, other):
    lab = make_lab(ip_forward=1)
    docker = Docker(lab)
    assert "-P FORWARD ACCEPT" in lab.engine_ns("iptables", "-S", "FORWARD").stdout
    ours = docker.network()
    others = docker.network() if other == "drawbridge" else docker.native_network()
    scene = Scene(docker, ours, others)
    scene.assert_apart()
    scene.add_routes()
    scene.assert_apart()
    assert reach(scene.member, lab.outside_place, "198.51.100.2") == EVERYTHING
    docker.clean()


def test_where_forward_drops_ours_pass(lab, docker):
    assert "-P FORWARD DROP" in lab.engine_ns("iptables", "-S", "FORWARD").stdout
    one = docker.run(docker.network())
    assert reach(one, lab.outside_place, "198.51.100.2") == EVERYTHING
    listed = lab.engine_ns("iptables", "-S", "DOCKER-USER").stdout.splitlines()
    assert listed == [
        "-N DOCKER-USER",
        "-A DOCKER-USER -i db-+ -m comment --comment drawbridge -j ACCEPT",
        "-A DOCKER-USER -o db-+ -m comment --comment drawbridge -j ACCEPT",
        "-A DOCKER-USER -j RETURN",
    ]


def test_flushed_rules_come_back_with_the_next_operation(lab, docker):
    network = docker.network()
    one = docker.run(network)
    lab.engine_ns("iptables", "-F", "DOCKER-USER")
    lab.engine_ns("iptables", "-A", "DOCKER-USER", "-j", "RETURN")
    lab.engine_ns("nft", "delete", "table", "inet", "drawbridge")
    stranger = docker.run(docker.network())
    assert reach(one, lab.outside_place, "198.51.100.2") == EVERYTHING
    assert reach(one, stranger, stranger.address()) == NOTHING
    assert "repaired" in lab.drawbridge_log()


def test_rules_of_others_are_left_as_they_were(lab, docker):
    lab.engine_ns("iptables", "-I", "DOCKER-USER", "-s", "203.0.113.7", "-j", "DROP")
    lab.engine_ns("iptables", "-A", "FORWARD", "-s", "203.0.113.8", "-j", "DROP")
    try:
        with leaves_nothing(lab):
            one = docker.run(docker.network())
            assert ping(one, "198.51.100.2")
            saved = lab.engine_ns("iptables-save").stdout
            assert "-A DOCKER-USER -s 203.0.113.7/32 -j DROP" in saved
            assert "-A FORWARD -s 203.0.113.8/32 -j DROP" in saved
            one.remove()
            docker.clean()
    finally:
        lab.engine_ns("iptables", "-D", "DOCKER-USER", "-s", "203.0.113.7", "-j", "DROP")
        lab.engine_ns("iptables", "-D", "FORWARD", "-s", "203.0.113.8", "-j", "DROP")


def test_nobody_reaches_another_networks_gateway(lab, docker):
    ours, theirs = docker.network(), docker.network()
    one = docker.run(ours)
    native = docker.run(docker.native_network())
    gateway = docker.run(theirs).gateway()
    assert reach(one, lab.engine_place, gateway) == NOTHING
    assert reach(native, lab.engine_place, gateway) == NOTHING
    assert reach(one, lab.engine_place, one.gateway()) == EVERYTHING


def test_outsiders_do_not_reach_containers(lab, docker):
    one = docker.run(docker.network())
    lab.neighbour("ip", "route", "replace", one.address() + "/32", "via", "198.51.100.1")
    try:
        assert reach(lab.neighbour_place, one, one.address()) == NOTHING
        assert reach(lab.neighbour_place, lab.engine_place, "198.51.100.1") == EVERYTHING
        assert reach(lab.engine_place, one, one.address()) == EVERYTHING
    finally:
        lab.neighbour("ip", "route", "del", one.address() + "/32")


def test_a_bridge_that_is_the_uplink_is_a_way_out(make_lab):
    lab = make_lab()
    docker = Docker(lab)
    addresses = "ip addr del 198.51.100.1/24 dev uplink0 && ip link set uplink0 master br0"
    lab.engine_ns(
        "sh", "-c",
        "ip link add br0 type bridge && ip link set br0 up && " + addresses +
        " && ip addr add 198.51.100.1/24 dev br0 && ip route replace default via 198.51.100.2",
    )
    one = docker.run(docker.network())
    native = docker.run(docker.native_network())
    assert reach(one, lab.outside_place, "198.51.100.2") == EVERYTHING
    assert reach(one, native, native.address()) == NOTHING
    docker.clean()


def test_a_route_through_a_container_does_not_open_its_bridge(lab, docker):
    native = docker.run(None)
    one = docker.run(docker.network())
    lab.engine_ns("ip", "route", "add", "203.0.113.0/24", "via", native.address())
    try:
        assert reach(one, native, native.address()) == NOTHING
        assert reach(one, lab.outside_place, "198.51.100.2") == EVERYTHING
    finally:
        lab.engine_ns("ip", "route", "del", "203.0.113.0/24")


def test_a_published_port_of_dockers_bridge_is_reached_through_the_host(lab, docker):
    docker.run(docker.native_network(), "-p", "18082:80", command=["httpd", "-f", "-p", "80"])
    one = docker.run(docker.network())
    assert http_get(one, "198.51.100.1", 18082) is not None
