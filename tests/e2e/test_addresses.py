"""Subnets and addresses that users ask for, and those that are refused."""

import pytest
from probes import gets_through


def create(docker, *options):
    """Creates a network that may be refused; CompletedProcess."""
    return docker("network", "create", "--driver", "drawbridge", "--ipam-driver", "drawbridge",
                  *options, docker.name("try"), check=False)


def test_subnet_gateway_range_and_reserved_addresses(docker):
    network = docker.network(
        "--subnet", "10.80.0.0/16", "--gateway", "10.80.0.9", "--ip-range", "10.80.8.0/29",
        "--aux-address", "router=10.80.8.1", "--aux-address", "printer=10.80.0.5",
    )
    first, second = docker.run(network), docker.run(network)
    chosen = docker.run(network, "--ip", "10.80.200.7")
    assert first.gateway() == "10.80.0.9"
    # .8.0 and .8.1 are the range's first and a reserved address.
    assert [first.address(), second.address()] == ["10.80.8.0", "10.80.8.2"]
    assert chosen.address() == "10.80.200.7"
    for taken in ("10.80.0.9", "10.80.0.5", "10.80.200.7"):
        refused = docker("run", "-d", "--name", docker.name("c"), "--network", network, "--ip", taken,
                         "bb:latest", "sleep", "100", check=False)
        assert f"address {taken} is already in use in 10.80.0.0/16" in refused.stderr


def test_several_subnets_of_one_network(docker):
    network = docker.network("--subnet", "10.80.1.0/24", "--subnet", "10.80.2.0/24",
                             "--gateway", "10.80.1.1", "--gateway", "10.80.2.254")
    first = docker.run(network, "--ip", "10.80.1.7")
    second = docker.run(network, "--ip", "10.80.2.7")
    third = docker.run(network)  # of the subnet that the command line happened to send first
    assert third.address() in ("10.80.1.2", "10.80.2.1")
    assert [first.gateway(), second.gateway()] == ["10.80.1.1", "10.80.2.254"]
    assert second.default_route().startswith("default via 10.80.2.254")
    reachable = ((second, third.address()), (first, second.address()), (second, "10.80.2.254"))
    for one, other in reachable:
        assert gets_through(one, other)
    for taken in ("10.80.1.0/25", "10.80.2.128/25"):
        assert f"subnet {taken} overlaps" in create(docker, "--subnet", taken).stderr


def test_a_range_leaves_the_gateway_at_the_subnets_start(docker):
    network = docker.network("--subnet", "172.30.0.0/16", "--ip-range", "172.30.240.0/20")
    one = docker.run(network)
    fixed = docker.run(network, "--ip", "172.30.0.10")
    assert one.gateway() == "172.30.0.1"
    assert one.address().startswith("172.30.240.")
    assert fixed.address() == "172.30.0.10"


def test_the_services_pool(lab, docker):
    subnets = [docker.subnet(docker.network("--ipam-opt", "pool=services")) for _ in range(5)]
    assert subnets == [f"172.{second}.0.0/16" for second in (30, 31, 32, 33, 34)]
    assert "172.32.0.0/16 is public address space" in lab.drawbridge_log()
    refused = create(docker, "--ipam-opt", "pool=services")
    assert 'pool "services" is exhausted' in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_released_subnets_are_used_again(docker):
    docker.network()
    docker.network()
    docker.clean()
    assert docker.subnet(docker.network()) == "10.249.1.0/24"


@pytest.mark.parametrize("subnet", ["10.81.0.0/16", "10.81.5.0/24", "10.80.0.0/12"])
def test_overlap_with_another_network_is_refused(docker, subnet):
    docker.network("--subnet", "10.81.0.0/16")
    refused = create(docker, "--subnet", subnet)
    assert refused.returncode != 0
    assert f"subnet {subnet} overlaps 10.81.0.0/16" in refused.stderr


def test_overlap_with_dockers_own_networks_is_refused(docker):
    docker.native_network("--subnet", "10.82.0.0/24")
    refused = create(docker, "--subnet", "10.82.0.0/16")
    assert refused.returncode != 0
    assert "10.82.0.0/16" in refused.stderr
    assert "10.82.0.0/24" in refused.stderr
    refused = create(docker, "--subnet", "172.17.0.0/24")
    assert "docker0" in refused.stderr


def test_overlap_with_the_hosts_own_network_is_refused_and_stepped_over(lab, docker):
    assert "uplink0" in create(docker, "--subnet", "198.51.100.0/25").stderr
    docker.native_network("--subnet", "10.249.1.0/25")
    assert docker.subnet(docker.network()) == "10.249.2.0/24"


def test_a_wide_route_into_a_tunnel(lab, docker):
    """Engine 20.10 itself turns every automatic subnet inside such a route down, and asks on."""
    lab.engine_ns("ip", "route", "add", "10.0.0.0/8", "dev", "uplink0")
    try:
        assert docker.subnet(docker.network("--subnet", "10.89.0.0/24")) == "10.89.0.0/24"
        refused = create(docker).stderr
        assert "docker has turned down 64 like it" in refused
        assert "10.0.0.0/8 routed through interface uplink0" in refused
        assert docker.subnet(docker.network("--ipam-opt", "pool=services")) == "172.30.0.0/16"
    finally:
        lab.engine_ns("ip", "route", "del", "10.0.0.0/8", "dev", "uplink0")
    assert docker.subnet(docker.network()) == "10.249.1.0/24", "nothing stays leased"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--subnet", "10.83.0.0/32"), "10.83.0.0/32"),
        (("--subnet", "224.1.0.0/24"), "multicast"),
        (("--subnet", "127.5.0.0/24"), "loopback"),
        (("--ipam-opt", "pool=nothing"), 'pool "nothing"'),
        (("--ipam-opt", "pol=pods"), 'did you mean "pool"'),
        (("--ipam-opt", "prefix=wide"), "prefix"),
    ],
)
def test_bad_requests_get_one_clear_line(docker, options, words):
    refused = create(docker, *options)
    assert refused.returncode != 0
    assert words in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert docker.subnet(docker.network()) == "10.249.1.0/24"


def test_prefix_of_the_users_choice(docker):
    assert docker.subnet(docker.network("--ipam-opt", "prefix=28")) == "10.249.0.16/28"


def test_a_full_subnet_says_so_and_recovers(docker):
    network = docker.network("--subnet", "10.84.0.0/30")
    only = docker.run(network)
    name = docker.name("c")
    refused = docker("run", "-d", "--name", name, "--network", network, "bb:latest", "sleep",
                     "100", check=False)
    assert "10.84.0.0/30" in refused.stderr
    only.remove()
    docker("start", name)


def test_an_ipam_for_dockers_own_bridge(docker):
    network = docker.native_network("--driver", "bridge", "--ipam-driver", "drawbridge")
    assert docker.subnet(network) == "10.249.1.0/24"
    assert docker.run(network).address() == "10.249.1.2"
