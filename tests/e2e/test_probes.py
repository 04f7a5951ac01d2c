"""The probes tell what gets through from what does not: shown with Docker's own bridge driver."""

import pytest

from probes import EVERYTHING, NOTHING, Heartbeat, http_get, leaves_nothing, ping, reach, tcp
from probes import tcp_connect, tcp_source, udp_source, wait_for
from servers import HttpServer, TcpServer, UdpServer


def test_reach_sees_everything_inside_a_network_and_nothing_across(docker):
    one, other = docker.native_network(), docker.native_network()
    a, b, c = docker.run(one), docker.run(one), docker.run(other)
    assert reach(a, b, b.address()) == EVERYTHING
    assert reach(a, c, c.address()) == NOTHING


def test_ipv6_is_probed_as_ipv4_is(docker):
    network = docker.native_network("--ipv6", "--subnet", "fd00:77::/64")
    a, b = docker.run(network), docker.run(network)
    wait_for(lambda: ping(a, b.address6()), what="an answer over IPv6")
    assert reach(a, b, b.address6()) == EVERYTHING
    assert a.resolve(b.name, family=6) == b.address6()


def test_a_server_tells_whom_it_saw(docker, lab):
    a = docker.run(docker.native_network())
    outside = lab.outside_place
    with TcpServer(outside, 9000) as tcp_server, UdpServer(outside, 9000) as udp_server:
        assert tcp_source(a, "198.51.100.2", 9000) == "198.51.100.1"
        assert udp_source(a, "198.51.100.2", 9000) == "198.51.100.1"
        with tcp_connect(a, "198.51.100.2", 9000) as connection:
            assert connection.recv(100) == b"198.51.100.1\n"
            connection.sendall(b"echo")
            assert connection.recv(100) == b"echo"
    assert set(tcp_server.sources + udp_server.sources) == {"198.51.100.1"}
    assert not tcp(a, "198.51.100.2", 9000), "control: the server is gone"


def test_http_and_names(docker):
    network = docker.native_network()
    a, b = docker.run(network), docker.run(network)
    with HttpServer(b, 80, "hello"):
        assert http_get(a, b.address(), 80) == (200, "hello")
        assert a.exec("wget", "-qO-", f"http://{b.name}/").stdout == "hello"
    assert a.resolve(b.name) == b.address()
    assert a.resolve("absent") is None


def test_a_heartbeat_counts_answers_and_losses(docker):
    a = docker.run(docker.native_network())
    with Heartbeat(a, a.gateway()) as beat:
        beat.wait_for_beats(5)
    assert beat.answered >= 5 and beat.lost == 0
    with Heartbeat(a, "198.51.100.77", timeout=0.05) as beat:
        beat.wait_for_beats(3)
    assert beat.answered == 0 and beat.lost >= 3


def test_what_is_left_behind_is_named(docker, lab):
    with leaves_nothing(lab):
        docker("network", "rm", docker.native_network())
    with pytest.raises(AssertionError, match="left behind after"):
        with leaves_nothing(lab, timeout=0.5):
            docker.native_network()


def test_a_container_as_a_place(docker):
    network = docker.native_network("--subnet", "172.29.7.0/24")
    a = docker.run(network, "--ip", "172.29.7.9")
    assert docker.subnet(network) == "172.29.7.0/24"
    assert (a.address(), a.gateway()) == ("172.29.7.9", "172.29.7.1")
    assert a.interfaces() == ["eth0"]
    assert a.default_route().startswith("default via 172.29.7.1 dev eth0")
    assert a.mac() in a.run("ip", "link", "show", "eth0").stdout
    assert a.sysctl("net.ipv4.ip_forward") in "01"
