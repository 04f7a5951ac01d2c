"""The probes tell what gets through from what does not: shown with Docker's own bridge driver."""

import pytest
from lab import wait_for
from probes import (
    EVERYTHING,
    NOTHING,
    answered,
    http_get,
    leaves_nothing,
    ping,
    reach,
    reach_dual,
    tcp,
    tcp_connect,
    tcp_source,
    udp_source,
    who_reaches_whom,
)
from servers import HttpServer, TcpServer, UdpServer, serving
from streams import Conversation, Heartbeat, Newcomers, Visitors


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


def test_services_are_told_apart_on_every_kind_of_address(docker):
    network = docker.native_network("--ipv6", "--subnet", "fd00:78::/64")
    a, b = docker.run(network), docker.run(network)
    wait_for(lambda: ping(a, b.address6()), what="an answer over IPv6")
    services = ("ping", "tcp/80", "tcp/81", "udp/80", "udp/81")
    a.link_local()  # before it is settled, nothing is sent from it
    with serving(b, ("tcp/80", "udp/81")):
        for address in (b.address(), b.address6(), f"{b.link_local()}%eth0"):
            assert answered(a, address, services) == {"ping", "tcp/80", "udp/81"}
    assert answered(a, b.address(), services) == {"ping"}, "control: the servers are gone"
    assert reach_dual(a, b) == EVERYTHING


def test_who_reaches_whom_goes_by_networks(docker):
    one, other = docker.native_network(), docker.native_network()
    members = dict(zip("abc", docker.run_each([one, one, other]), strict=True))
    docker("network", "connect", other, members["b"].name)
    assert who_reaches_whom(members) == {
        ("a", "b", one): EVERYTHING, ("a", "b", other): NOTHING, ("a", "c", other): NOTHING,
        ("b", "a", one): EVERYTHING, ("b", "c", other): EVERYTHING,
        ("c", "a", one): NOTHING, ("c", "b", one): NOTHING, ("c", "b", other): EVERYTHING,
    }


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


def test_newcomers_are_new_to_conntrack_and_tell_when_they_failed(docker, lab):
    a = docker.run(docker.native_network())
    drop = ("DOCKER-USER", "-s", a.address(), "-d", "198.51.100.2", "-m", "conntrack", "--ctstate",
            "NEW", "-j", "DROP")
    with Newcomers(a, "198.51.100.2") as stream, Newcomers(a, a.gateway()) as control:
        stream.wait_for_answered(100)
        lab.engine_ns("iptables", "-I", *drop)
        closed = len(stream.sent)
        stream.wait_for_sent(100)
        lab.engine_ns("iptables", "-D", *drop)
        open_again = len(stream.sent)
        stream.wait_for_answered(100)
    assert stream.lost >= 100
    assert not [moment for moment in stream.answered if moment in stream.sent[closed:closed + 100]]
    assert stream.answered[-1] == stream.sent[-1]
    assert control.lost == 0
    assert len(control.sent) / (control.sent[-1] - control.sent[0]) > 700, "per second"


def test_tcp_that_has_to_be_sent_again_is_told(docker, lab):
    a = docker.run(docker.native_network()).still()
    drop = "DOCKER-USER", "-p", "tcp", "-d", "198.51.100.2", "--dport", "9000", "-j", "DROP"
    with TcpServer(lab.outside_place, 9000), TcpServer(lab.outside_place, 9001), \
            Conversation(a, "198.51.100.2", 9000) as talk, \
            Visitors(a, "198.51.100.2", 9000) as visitors, \
            Conversation(a, "198.51.100.2", 9001) as other_talk, \
            Visitors(a, "198.51.100.2", 9001) as others:
        visitors.wait_for_rounds(5)
        lab.engine_ns("iptables", "-I", *drop)
        others.wait_for_rounds(10)
        lab.engine_ns("iptables", "-D", *drop)
        visitors.wait_for_rounds(5)
        talk.wait_for_rounds(5)
    assert talk.sent_again and not talk.troubles
    assert visitors.troubles and visitors.done
    assert not other_talk.sent_again and not others.troubles, "control"


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
