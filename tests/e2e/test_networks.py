"""Networks, endpoints and what a container sees of them."""

import re
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from containers import Docker
from lab import wait_for
from probes import (
    EVERYTHING,
    NOTHING,
    assert_reached,
    gets_through,
    http_get,
    leaves_nothing,
    reach,
    tcp_source,
    udp_source,
)
from servers import TcpServer, UdpServer


def mac_of(address):
    """The MAC that belongs to an IPv4 address."""
    return "02:db:" + socket.inet_aton(address).hex(":")


def test_first_and_second_network(docker):
    first = docker.network()
    second = docker.network()
    one = docker.run(first)
    other = docker.run(first)
    assert docker.subnet(first) == "10.249.1.0/24"
    assert docker.subnet(second) == "10.249.2.0/24"
    assert one.gateway() == "10.249.1.1"
    assert (one.address(), other.address()) == ("10.249.1.2", "10.249.1.3")
    assert one.interfaces() == ["eth0"]
    assert one.default_route() == "default via 10.249.1.1 dev eth0"
    assert gets_through(one, "10.249.1.1"), "the gateway answers"
    assert reach(one, other, other.address()) == EVERYTHING
    assert reach(other, one, one.address()) == EVERYTHING


def test_members_find_each_other_by_name(docker):
    network = docker.network()
    one = docker.run(network)
    other = docker.run(network, "--network-alias", "database")
    assert one.resolve(other.name) == other.address()
    assert one.resolve("database") == other.address()
    assert one.exec("ping", "-c1", "-W1", other.name).returncode == 0


def test_mac_follows_the_address_and_stays(docker):
    network = docker.network("--subnet", "10.70.1.0/24")
    dynamic = docker.run(network)
    fixed = docker.run(network, "--ip", "10.70.1.7")
    assert dynamic.mac() == mac_of(dynamic.address()) == "02:db:0a:46:01:02"
    for one in (dynamic, fixed):
        docker("restart", "-t", "0", one.name)
        assert one.mac() == mac_of(one.address())
        assert one.mac() in one.run("ip", "link", "show", "eth0").stdout
    assert (fixed.address(), fixed.mac()) == ("10.70.1.7", "02:db:0a:46:01:07")


def test_a_users_mac_is_kept(docker):
    # Through the API: newer command lines send the address in a way that engine 20.10 cannot read.
    one = docker.container(docker.name("mac"))
    body = {"Image": "bb:latest", "Cmd": ["sleep", "infinity"], "MacAddress": "02:42:ac:11:00:99",
            "HostConfig": {"NetworkMode": docker.network()}}
    assert docker.lab.api("POST", f"/containers/create?name={one.name}", body)[0] == 201
    docker("start", one.name)
    assert one.mac() == "02:42:ac:11:00:99"
    assert "02:42:ac:11:00:99" in one.run("ip", "link", "show", "eth0").stdout


def test_network_in_use_is_not_removed(docker):
    network = docker.network()
    container = docker.run(network)
    refused = docker("network", "rm", network, check=False)
    assert refused.returncode != 0
    assert "active endpoints" in refused.stderr
    container.remove()
    docker("network", "rm", network)


def test_removal_leaves_nothing(lab, docker):
    with leaves_nothing(lab):
        network = docker.network()
        containers = [docker.run(network) for _ in range(3)]
        assert reach(containers[0], containers[1], containers[1].address()) == EVERYTHING
        for container in containers:
            container.remove()
        docker("network", "rm", network)


def test_fifty_rounds_leave_nothing(lab, docker):
    with leaves_nothing(lab, timeout=60):
        def go_round(number):
            network = docker.network(name=f"round-{number}")
            gateway = docker.subnet(network).replace(".0/24", ".1")
            docker("run", "--rm", "--network", network, "bb:latest", "ping", "-c1", "-W3", gateway)
            docker("network", "rm", network)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(go_round, range(50)))


def test_connect_and_disconnect_while_running(docker):
    first, second = docker.network(), docker.network()
    one = docker.run(first)
    other = docker.run(second)
    assert reach(one, other, other.address()) == NOTHING
    docker("network", "connect", second, one.name)
    assert one.interfaces() == ["eth0", "eth1"]
    assert one.address(second) == "10.249.2.3"
    assert reach(one, other, other.address()) == EVERYTHING
    docker("network", "disconnect", second, one.name)
    assert one.interfaces() == ["eth0"]
    assert reach(one, other, other.address()) == NOTHING
    assert gets_through(one, "10.249.1.1"), "the first network is untouched"


def test_gateway_moves_with_the_network(docker):
    first = docker.network(name=docker.name("b"))
    second = docker.network(name=docker.name("a"))
    one = docker.run(first)
    gateway = docker.inspect_network(first)["IPAM"]["Config"][0].get("Gateway")
    docker("network", "connect", second, one.name)
    docker("network", "disconnect", first, one.name)
    assert gateway not in one.default_route()
    assert one.default_route().startswith("default via 10.249.2.1")
    assert gets_through(one, "198.51.100.2")


def test_restart_comes_back_the_same(docker):
    first = docker.network("--subnet", "10.70.2.0/24")
    second = docker.network("--subnet", "10.70.3.0/24")
    one = docker.run(first, "--ip", "10.70.2.9")
    docker("network", "connect", "--ip", "10.70.3.9", second, one.name)
    neighbour = docker.run(first)
    docker("restart", "-t", "0", one.name)
    wait_for(lambda: len(one.interfaces()) == 2)
    assert (one.address(first), one.address(second)) == ("10.70.2.9", "10.70.3.9")
    assert reach(one, neighbour, neighbour.address()) == EVERYTHING
    assert reach(neighbour, one, "10.70.2.9") == EVERYTHING


def test_a_name_follows_its_container_through_a_restart(docker):
    first, second = docker.network(), docker.network()
    one = docker.run(first)
    docker("network", "connect", second, one.name)
    members = {network: docker.run(network) for network in (first, second)}
    before = {network: one.address(network) for network in members}
    docker("restart", "-t", "0", one.name)
    wait_for(lambda: len(one.interfaces()) == 2)
    for network, member in members.items():
        # Engines before 29 do not say who asks: the released address rests.
        assert one.address(network) != before[network]
        assert member.resolve(one.name) == one.address(network)
        assert reach(member, one, one.address(network)) == EVERYTHING


def test_beside_dockers_bridge_with_a_published_port(lab, docker):
    native = docker.native_network(name=docker.name("anative"))
    ours = docker.network(name=docker.name("zours"))
    both = docker.run(native, "-p", "18080:80", command=["httpd", "-f", "-p", "80"])
    docker("network", "connect", ours, both.name)
    member = docker.run(ours)
    assert len(both.interfaces()) == 2
    assert reach(member, both, both.address(ours)) == EVERYTHING
    assert http_get(lab.outside_place, "198.51.100.1", 18080) is not None
    docker("network", "disconnect", ours, both.name)
    assert http_get(lab.outside_place, "198.51.100.1", 18080) is not None


def test_internal_reaches_its_members_only(lab, docker):
    # Addresses of its own: conntrack remembers what earlier tests' containers were allowed.
    network = docker.network("--internal", "--subnet", "10.74.0.0/24")
    one = docker.run(network, "--cap-add", "NET_ADMIN")
    member = docker.run(network)
    outsider = docker.run(docker.network())
    assert one.interfaces() == ["eth0"]
    assert one.default_route() == ""
    assert reach(one, member, member.address()) == EVERYTHING
    one.run("ip", "route", "add", "default", "via", "10.74.0.1")
    assert_reached({
        (one, lab.outside_place, "198.51.100.2"): NOTHING,
        (one, outsider, outsider.address()): NOTHING,
        (outsider, one, one.address()): NOTHING,
        (one, lab.engine_place, "10.74.0.1"): NOTHING,
        (one, lab.engine_place, "198.51.100.1"): NOTHING,
        (outsider, lab.outside_place, "198.51.100.2"): EVERYTHING,  # the control
        (lab.engine_place, one, one.address()): EVERYTHING,  # the host may look in
    })


def test_outbound_is_masqueraded(lab, docker):
    one = docker.run(docker.network())
    with TcpServer(lab.outside_place, 7000), UdpServer(lab.outside_place, 7000):
        assert tcp_source(one, "198.51.100.2", 7000) == "198.51.100.1"
        assert udp_source(one, "198.51.100.2", 7000) == "198.51.100.1"
    assert gets_through(one, "198.51.100.2")


def test_dual_stack(lab, docker):
    network = docker.network("--ipv6", "--subnet", "10.71.0.0/24", "--subnet", "fd00:71::/64")
    other_network = docker.network("--ipv6", "--subnet", "10.72.0.0/24", "--subnet", "fd00:72::/64")
    one, member = docker.run(network), docker.run(network)
    stranger = docker.run(other_network)
    assert one.address6() == "fd00:71::2"
    assert reach(one, member, member.address6()) == EVERYTHING
    assert reach(one, member, member.address()) == EVERYTHING
    assert gets_through(one, "fd00:71::1")
    assert_reached({
        (one, stranger, stranger.address6()): NOTHING,
        (stranger, one, one.address6()): NOTHING,
        (one, lab.outside_place, "2001:db8:51::2"): EVERYTHING,
    })


def test_ipv4_networks_carry_no_ipv6_on_the_host(lab, docker):
    network = docker.network("-o", "com.docker.network.bridge.name=dbtest6")
    docker.run(network)
    shown = lab.engine_ns("ip", "-6", "addr", "show", "dev", "dbtest6").stdout
    assert "inet6" not in shown


def test_mtu_follows_the_default_route_or_the_option(make_lab):
    lab = make_lab(uplink_mtu=1400)
    docker = Docker(lab)
    for options, mtu in (((), 1400), (("-o", "mtu=1300"), 1300),
                         (("-o", "com.docker.network.driver.mtu=9000"), 9000)):
        one = docker.run(docker.network("-o", f"com.docker.network.bridge.name=dbmtu{mtu}", *options))
        assert f"mtu {mtu} " in one.run("ip", "link", "show", "eth0").stdout
        assert f"mtu {mtu} " in lab.engine_ns("ip", "link", "show", f"dbmtu{mtu}").stdout
        host_end = lab.engine_ns("ip", "-o", "link", "show", "master", f"dbmtu{mtu}").stdout
        assert f"mtu {mtu} " in host_end
    docker.clean()


def test_a_bridge_of_the_users_name(lab, docker):
    network = docker.network("-o", "com.docker.network.bridge.name=mybridge0")
    one, member = docker.run(network), docker.run(network)
    assert "mybridge0" in lab.engine_ns("ip", "link", "show", "mybridge0").stdout
    assert reach(one, member, member.address()) == EVERYTHING
    assert reach(one, lab.outside_place, "198.51.100.2") == EVERYTHING


def test_the_container_interface_prefix(docker):
    one = docker.run(docker.network("-o", "com.docker.network.container_iface_prefix=net"))
    assert one.interfaces() == ["net0"]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("isolatoin=members", 'unknown option "isolatoin": did you mean "isolation"'),
        ("mtu=12", "give a number of bytes from 576 to 65535"),
        ("com.docker.network.bridge.name=docker0", "interface docker0 exists and is not drawbridge's"),
        ("com.docker.network.bridge.name=uplink0", "interface uplink0 exists and is not drawbridge's"),
        ("balance=web:80", "is not supported by this version"),
        ("allow_from=web:80", "write web:tcp/80, with tcp, udp or sctp"),
    ],
)
def test_bad_options_are_refused_and_leave_nothing(lab, docker, option, words):
    with leaves_nothing(lab):
        refused = docker(
            "network", "create", "-d", "drawbridge", "--ipam-driver", "drawbridge", "-o", option,
            docker.name("bad"), check=False,
        )
        assert refused.returncode != 0
        assert words in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
    assert docker.subnet(docker.network()) == "10.249.1.0/24", "the subnet was given back"


def test_with_dockers_own_ipam(docker):
    network = docker.native_network("--driver", "drawbridge", "--subnet", "10.73.0.0/24")
    one, member = docker.run(network), docker.run(network)
    assert one.address() == "10.73.0.2"
    assert reach(one, member, member.address()) == EVERYTHING
    assert re.match(r"default via 10\.73\.0\.1 ", one.default_route())
