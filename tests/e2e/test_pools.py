"""The pools of the configuration, and every length and way to get a subnet from them."""

import pytest
from lab import wait_for
from probes import EVERYTHING, gets_through, ping, reach
from streams import Heartbeat

PODS = {"prefixes": ["10.249.0.0/16"], "prefix": 24}
DENSE = {"prefixes": ["10.128.0.0/12"], "prefix": 28}
OUTSIDE = "198.51.100.2"


def create(docker, *options):
    """Creates a network that may be refused; CompletedProcess."""
    return docker("network", "create", "--driver", "drawbridge", "--ipam-driver", "drawbridge",
                  *options, docker.name("try"), check=False)


def one_line(refused):
    """What a refused command said, which must be one line."""
    assert refused.returncode != 0
    lines = refused.stderr.strip().splitlines()
    assert len(lines) == 1, refused.stderr
    return lines[0]


def test_a_new_pool_serves_without_a_restart(docker, configure):
    older = docker.network()
    subnet = docker.subnet(older)
    one = docker.run(older)
    with Heartbeat(one, one.gateway()) as beat:
        beat.wait_for_beats(5)
        configure({"pools": {"small": {"prefixes": ["10.77.0.0/16"], "prefix": 27}},
                   "default_pool": "small"})
        assert docker.subnet(docker.network("--ipam-opt", "pool=small")) == "10.77.0.32/27"
        assert docker.subnet(docker.network("--ipam-opt", "prefix=29")) == "10.77.0.8/29"
        beat.wait_for_beats(5)
    assert beat.lost == 0 and beat.answered > 0
    assert docker.subnet(older) == subnet
    assert docker.run(older).address().startswith(subnet.rpartition(".")[0])


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ('{\n "pools": {\n', 3, "not JSON"),
        ('{\n "pools": {\n  "a": {"prefixes": ["10.77.0.0/16"], "overflow": "b"},\n'
         '  "b": {"prefixes": ["10.78.0.0/16"], "overflow": "a"}}, "default_pool": "a"}\n',
         3, '"overflow" leads back to it: a -> b -> a'),
    ],
    ids=["syntax", "circle"],
)
def test_a_bad_file_is_refused_and_the_old_one_goes_on(
    lab, binary, docker, configure, news, text, line, reason
):
    configure({"pools": {"small": {"prefixes": ["10.77.0.0/16"], "prefix": 28}},
               "default_pool": "small"})
    path = configure(text)
    said = next(each for each in news().splitlines() if "is used as it was" in each)
    assert f"{path}: line {line}: " in said
    assert reason in said
    checked = lab.engine_ns(binary, "check", path, check=False)
    assert checked.returncode == 1
    assert checked.stderr.strip().removeprefix("drawbridge: ") in said
    assert docker.subnet(docker.network()) == "10.77.0.16/28", "the old configuration serves"


def test_the_257th_pod_is_refused_until_one_is_removed(docker, leases):
    for _ in range(255):
        leases.take()
    last = docker.network()
    assert docker.subnet(last) == "10.249.0.0/24"
    said = one_line(create(docker))
    assert 'pool "pods" is exhausted: 256 /24 subnets of 10.249.0.0/16: 256 leased' in said
    assert "remove unused networks" in said
    docker("network", "rm", last)
    assert docker.subnet(docker.network()) == "10.249.0.0/24"


def test_the_257th_pod_comes_from_the_overflow(docker, configure, leases, news):
    configure({"pools": {"pods": {**PODS, "overflow": "dense"}, "dense": DENSE}})
    taken = [leases.take() for _ in range(255)]
    assert docker.subnet(docker.network()) == "10.249.0.0/24"
    network = docker.network()
    assert docker.subnet(network) == "10.128.0.16/28"
    assert ('pool "pods" is exhausted: subnet 10.128.0.16/28 comes from its overflow "dense"'
            in news())
    one, other = docker.run(network), docker.run(network)
    assert reach(one, other, other.address()) == EVERYTHING
    assert gets_through(one, OUTSIDE)
    leases.release(taken[77])
    assert docker.subnet(docker.network()) == taken[77]


def test_five_networks_of_services_with_ranges(docker, news):
    for second in range(30, 35):
        network = docker.network(
            "--subnet", f"172.{second}.0.0/16", "--gateway", f"172.{second}.0.1",
            "--ip-range", f"172.{second}.240.0/20",
        )
        dynamic, fixed = docker.run(network), docker.run(network, "--ip", f"172.{second}.0.10")
        assert dynamic.address().startswith(f"172.{second}.240.")
        assert fixed.address() == f"172.{second}.0.10"
        for container in (dynamic, fixed):
            assert container.gateway() == f"172.{second}.0.1"
            assert gets_through(container, f"172.{second}.0.1")
            assert gets_through(container, OUTSIDE)
        warned = f"subnet 172.{second}.0.0/16 is public address space" in news()
        assert warned == (second >= 32)


def test_public_space_is_kept_back_on_demand(docker, configure):
    configure({"refuse_public": True})
    said = one_line(create(docker, "--subnet", "172.33.0.0/16"))
    assert "172.33.0.0/16 is public address space" in said
    assert '"refuse_public"' in said
    services = ("--ipam-opt", "pool=services")
    subnets = [docker.subnet(docker.network(*services)) for _ in range(2)]
    assert subnets == ["172.30.0.0/16", "172.31.0.0/16"]
    said = one_line(create(docker, *services))
    assert 'pool "services" is exhausted' in said
    assert '2 leased, 3 public and kept back by "refuse_public"' in said
    configure({"refuse_public": False})
    assert docker.subnet(docker.network(*services)) == "172.32.0.0/16", "the control"


@pytest.mark.parametrize(
    ("options", "fixed", "subnet"),
    [
        (("--ipam-opt", "pool=services"), None, "172.30.0.0/16"),
        (("--subnet", "10.86.0.0/16", "--ip-range", "10.86.8.0/24"), "10.86.0.77", "10.86.0.0/16"),
    ],
    ids=["pool", "subnet"],
)
def test_ipam_for_dockers_own_bridge(docker, leases, options, fixed, subnet):
    network = docker.native_network("--driver", "bridge", "--ipam-driver", "drawbridge", *options)
    assert docker.subnet(network) == subnet
    assert subnet in leases.subnets()
    one = docker.run(network)
    other = docker.run(network, *(("--ip", fixed) if fixed else ()))
    if fixed:
        assert one.address().startswith("10.86.8.")
        assert other.address() == fixed
    assert reach(one, other, other.address()) == EVERYTHING
    one.remove()
    other.remove()
    docker("network", "rm", network)
    assert subnet not in leases.subnets()


@pytest.mark.parametrize("subnet", ["10.87.0.4/30", "10.87.0.8/31", "11.0.0.0/8"])
def test_narrow_and_wide_subnets(docker, subnet):
    """Engine 20.10 takes any length; a /31 has the gateway and one container."""
    one = docker.run(docker.network("--subnet", subnet))
    assert one.address() != one.gateway()
    assert gets_through(one, one.gateway())
    assert gets_through(one, OUTSIDE)


def test_an_internal_network_of_two_addresses(lab, docker):
    network = docker.network("--internal", "--subnet", "10.87.0.10/31")
    one = docker.run(network)
    assert one.address() in ("10.87.0.10", "10.87.0.11")
    assert gets_through(lab.engine_place, one.address())
    full = docker("run", "-d", "--name", docker.name("c"), "--network", network, "bb:latest",
                  "sleep", "100", check=False)
    assert "10.87.0.10/31" in full.stderr
    docker("network", "disconnect", network, one.name)
    again = docker.run(network)
    assert again.address() in ("10.87.0.10", "10.87.0.11"), "it was given back"
    assert gets_through(lab.engine_place, again.address())


def test_a_wide_ipv6_subnet(docker):
    network = docker.network("--ipv6", "--subnet", "10.88.0.0/24", "--subnet", "fd00:88::/48")
    one, other = docker.run(network), docker.run(network)
    assert f"{one.address6()}/48" in one.run("ip", "-6", "addr", "show", "eth0").stdout
    wait_for(lambda: ping(one, "fd00:88::1"), what="an answer of the IPv6 gateway")
    assert reach(one, other, other.address6()) == EVERYTHING
