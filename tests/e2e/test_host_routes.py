"""What the host has already, or comes to have: its networks, its addresses, its routes."""

import contextlib
import ipaddress

import pytest
from lab import wait_for
from probes import EVERYTHING, gets_through, reach

PODS = {"prefixes": ["10.249.0.0/16"], "prefix": 24}
NATIVE, ADDRESS, ROUTED = "10.249.1.0/24", "10.249.2.0/24", "10.249.3.0/24"
AT_UPLINK = f"{ADDRESS} on interface uplink0"
VIA_UPLINK = f"{ROUTED} routed through interface uplink0"


@contextlib.contextmanager
def on_uplink(lab, kind, *words):
    """`ip KIND add WORDS dev uplink0` on the engine's host while the block runs."""
    lab.engine_ns("ip", kind, "add", *words, "dev", "uplink0")
    try:
        yield
    finally:
        lab.engine_ns("ip", kind, "del", *words, "dev", "uplink0")


@pytest.fixture
def occupied(lab, docker):
    """The first three subnets of pods have a native network, a host address, a route."""
    native = docker.native_network("--subnet", NATIVE)
    with on_uplink(lab, "addr", "10.249.2.77/24"), on_uplink(lab, "route", ROUTED):
        yield f"{NATIVE} on bridge br-{docker.inspect_network(native)['Id'][:12]}"
        docker.clean()


def create(docker, subnet):
    """Creates a network that may be refused; what was said, empty when it was made."""
    made = docker("network", "create", "--driver", "drawbridge", "--ipam-driver", "drawbridge",
                  "--subnet", subnet, docker.name("try"), check=False)
    assert (made.returncode == 0) == (made.stderr == ""), made.stderr
    assert len(made.stderr.strip().splitlines()) <= 1, made.stderr
    return made.stderr


def test_automatic_allocation_steps_around_what_is_there(occupied, docker, leases):
    # The engine has a look of its own at routes: drawbridge alone first.
    assert leases.take() == "10.249.4.0/24"
    assert docker.subnet(docker.network()) == "10.249.5.0/24"


def test_an_explicit_subnet_on_what_is_there_is_refused(occupied, docker):
    for subnet, there in ((NATIVE, occupied), (ADDRESS, AT_UPLINK), (ROUTED, VIA_UPLINK)):
        assert f"subnet {subnet} overlaps {there}" in create(docker, subnet)
    assert create(docker, "10.249.4.0/24") == "", "the control"


def test_warn_takes_what_is_there_and_names_both(occupied, docker, configure, news):
    configure({"pools": {"pods": {**PODS, "on_host_route": "warn"}}})
    for subnet, there in ((ADDRESS, AT_UPLINK), (ROUTED, VIA_UPLINK)):
        assert create(docker, subnet) == ""
        assert f"subnet {subnet} overlaps {there}" in news()
    assert f"subnet {NATIVE} overlaps {occupied}" in create(docker, NATIVE)


def test_trust_takes_what_is_there_in_silence_but_no_network(occupied, docker, configure, news):
    configure({"pools": {"pods": {**PODS, "on_host_route": "trust"}}})
    for subnet in (ADDRESS, ROUTED):
        assert create(docker, subnet) == ""
    assert "overlaps" not in news()
    assert f"subnet {NATIVE} overlaps {occupied}" in create(docker, NATIVE)


def lines_with(text, *words):
    return [line for line in text.splitlines() if all(word in line for word in words)]


def title(docker, network):
    """How the log names `network`: its name and the begin of its id."""
    return f"{network} ({docker.inspect_network(network)['Id'][:12]})"


def test_a_vpn_that_comes_up_is_named_with_the_network(lab, docker, news):
    network = docker.network()
    one, other = docker.run(network), docker.run(network)
    collision = ("10.249.1.0/24 routed through interface uplink0 collides with 10.249.1.0/24 "
                 f"of network {title(docker, network)}")
    assert collision not in news(), "the control"
    with on_uplink(lab, "route", "10.249.1.0/24", "metric", "50"):
        wait_for(lambda: lines_with(news(), "warn", collision), 5, "a warning of the collision")
        assert reach(one, other, other.address()) == EVERYTHING
        assert gets_through(one, one.gateway())
    ended = "10.249.1.0/24 routed through interface uplink0 collides no more with 10.249.1.0/24"
    wait_for(lambda: lines_with(news(), "info", ended), 5, "the end of the collision")


def test_new_containers_avoid_the_half_that_a_vpn_took(lab, docker, news):
    network = docker.network()
    one, other = docker.run(network), docker.run(network)
    taken = ipaddress.ip_network("10.249.1.0/25")
    with on_uplink(lab, "route", "10.249.1.0/24", "metric", "50"), \
            on_uplink(lab, "route", str(taken)):
        collision = f"{taken} routed through interface uplink0 collides with 10.249.1.0/24"
        wait_for(lambda: lines_with(news(), "warn", collision, title(docker, network)), 5,
                 "a warning of the collision")
        later = docker.run(network)
        assert ipaddress.ip_address(later.address()) not in taken
        assert reach(one, other, other.address()) == EVERYTHING
        assert reach(one, later, later.address()) == EVERYTHING
        assert gets_through(later, later.gateway())
    ended = f"{taken} routed through interface uplink0 collides no more with 10.249.1.0/24"
    wait_for(lambda: lines_with(news(), "info", ended), 5, "the end of the collision")
    assert ipaddress.ip_address(docker.run(network).address()) in taken, "the control"


def test_a_colliding_subnet_rests_until_the_route_is_gone(lab, docker, leases, news):
    network = docker.network()
    with on_uplink(lab, "route", "10.249.1.0/24", "metric", "50"):
        wait_for(lambda: lines_with(news(), "warn", "collides with 10.249.1.0/24"), 5)
        docker("network", "rm", network)
        assert leases.take() == "10.249.2.0/24"
        assert docker.subnet(docker.network()) == "10.249.3.0/24"
    assert docker.subnet(docker.network()) == "10.249.1.0/24"


def test_an_address_that_the_host_gets_later_is_named(lab, docker, news):
    network = docker.network()
    docker.run(network)
    with on_uplink(lab, "addr", "10.249.1.200/25"):
        collision = ("10.249.1.128/25 on interface uplink0 collides with 10.249.1.0/24 "
                     f"of network {title(docker, network)}")
        wait_for(lambda: lines_with(news(), "warn", collision), 5, "a warning of the collision")
    ended = "10.249.1.128/25 on interface uplink0 collides no more with 10.249.1.0/24"
    wait_for(lambda: lines_with(news(), "info", ended), 5, "the end of the collision")


def test_a_native_network_that_is_made_on_ours_is_named(docker, news):
    network = docker.network()
    docker.run(network)
    native = docker.native_network("--subnet", "10.249.1.128/25")
    bridge = f"br-{docker.inspect_network(native)['Id'][:12]}"
    collision = (f"10.249.1.128/25 on bridge {bridge} collides with 10.249.1.0/24 "
                 f"of network {title(docker, network)}")
    wait_for(lambda: lines_with(news(), "warn", collision), 5, "a warning of the collision")


def test_an_ipv6_route_on_ours_is_named(lab, docker, news):
    network = docker.network("--ipv6", "--subnet", "10.91.0.0/24", "--subnet", "fd00:91::/64")
    one, other = docker.run(network), docker.run(network)
    with on_uplink(lab, "route", "fd00:91::/65"):
        collision = ("fd00:91::/65 routed through interface uplink0 collides with fd00:91::/64 "
                     f"of network {title(docker, network)}")
        wait_for(lambda: lines_with(news(), "warn", collision), 5, "a warning of the collision")
        assert reach(one, other, other.address6()) == EVERYTHING


def test_routes_that_are_wider_are_no_collision(lab, docker, news):
    network = docker.network()
    one = docker.run(network)
    with on_uplink(lab, "route", "10.0.0.0/8"), on_uplink(lab, "route", "10.249.1.0/25"):
        wait_for(lambda: lines_with(news(), "warn", "10.249.1.0/25 routed"), 5, "the control")
        assert "10.0.0.0/8" not in "".join(lines_with(news(), "collides"))
    assert gets_through(one, one.gateway())
