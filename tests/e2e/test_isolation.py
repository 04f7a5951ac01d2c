"""Networks cannot reach each other: drawbridge's among themselves, and to and from Docker's own.

Each blocked direction has a control on the same containers that gets through.
"""

import pytest
from containers import Docker
from probes import EVERYTHING, NOTHING, assert_reached, http_get


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
        assert_reached({
            (self.member, self.stranger, self.stranger.address()): NOTHING,
            (self.stranger, self.member, self.member.address()): NOTHING,
            (self.member, self.sibling, self.sibling.address()): EVERYTHING,
            (self.stranger, self.strange_sibling, self.strange_sibling.address()): EVERYTHING,
        })

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
    assert_reached({
        (one, lab.outside_place, "198.51.100.2"): EVERYTHING,
        (one, native, native.address()): NOTHING,
    })
    docker.clean()


def test_a_route_through_a_container_does_not_open_its_bridge(lab, docker):
    native = docker.run(None)
    one = docker.run(docker.network())
    lab.engine_ns("ip", "route", "add", "203.0.113.0/24", "via", native.address())
    try:
        assert_reached({
            (one, native, native.address()): NOTHING,
            (one, lab.outside_place, "198.51.100.2"): EVERYTHING,
        })
    finally:
        lab.engine_ns("ip", "route", "del", "203.0.113.0/24")


def test_a_published_port_of_dockers_bridge_is_reached_through_the_host(lab, docker):
    docker.run(docker.native_network(), "-p", "18082:80", command=["httpd", "-f", "-p", "80"])
    one = docker.run(docker.network())
    assert http_get(one, "198.51.100.1", 18082) is not None
