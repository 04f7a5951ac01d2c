"""Host ports that others have, now or while drawbridge was away."""

import pytest
from containers import Docker
from downloads import Download
from lab import wait_for
from probes import http_get, leaves_nothing, tcp
from published import (
    HOST,
    LOOPBACK,
    NEIGHBOUR,
    PROTOCOLS,
    host_port,
    is_held,
    listing,
    numbers,
    seen,
    settle,
    sockets,
    taken,
)
from servers import HttpServer, UdpServer

# Answers by itself, also after a restart: with the short id of the container.
WEB = ("httpd", "-f", "-p", "80", "-h", "/etc")


def start_refused(docker, network, name, *options):
    """What `docker run` says as it fails; the container that it leaves is removed."""
    words = ("run", "-d", "--name", name, "--network", network, *options, "bb:latest", "sleep", "9")
    refused = docker(*words, check=False)
    docker("rm", "-f", name)
    assert refused.returncode != 0, f"{name} has {options}"
    return refused.stderr


def answer(place, address, port):
    """The name of the container that answers at a port, or None."""
    got = http_get(place, address, port, "/hostname")
    return got and got[1].strip()


def short_id(container):
    return container.inspect()["Id"][:12]


@pytest.mark.parametrize(("protocol", "binding"), [
    ("tcp", "8300:80"), ("udp", "8300:80"), ("udp", "198.51.100.1:8300:80"),
    ("tcp", "8299-8301:79-81")])
def test_a_port_of_a_process_is_refused_with_its_name(lab, docker, binary, protocol, binding):
    """Nothing is left, and the same command works once the port is free."""
    host, network, name = lab.engine_place, docker.network(), docker.name("web")
    flag = ("-p", f"{binding}/{protocol}")
    before = sockets(host)
    with taken(host, protocol, 8300) as holder:
        with leaves_nothing(lab):
            text = start_refused(docker, network, name, *flag)
        assert "8300" in text and f"pid {holder.pid}" in text, text
        assert "port is already allocated" in text, text
        assert listing(lab, binary, name) == []
        # What stays is the taker's own: not one port of a range that was refused.
        assert len(sockets(host)) == len(before) + 1
    assert sockets(host) == before
    web = docker.run(network, *flag, name=name)
    with numbers(web, [80]):
        assert seen(lab.outside_place, protocol, HOST[4], 8300) == "80"


def test_a_port_of_another_container_is_refused_with_its_name(lab, docker):
    """Whatever address it is asked for at, alone or in a range; but not for another protocol."""
    network = docker.network()
    web = docker.run(network, "-p", "8310:80")
    for second in ("8310:80", "127.0.0.1:8310:80", "8309-8311:80-82"):
        with leaves_nothing(lab):
            text = start_refused(docker, network, docker.name("late"), "-p", second)
        assert "8310" in text and web.name in text and network in text, (second, text)
    other = docker.run(network, "-p", "8310:80/udp")
    with numbers(web, [80]), numbers(other, [80]):
        for protocol in PROTOCOLS:
            assert seen(lab.outside_place, protocol, HOST[4], 8310) == "80"


def test_a_restart_and_a_replacement_get_the_port_at_once(lab, docker):
    """Connections that ended a moment ago keep nobody out."""
    network, outside = docker.network(), lab.outside_place
    web = docker.run(network, "-p", "8320:80", command=WEB)

    def wait_for_answer(container):
        wait_for(lambda: answer(outside, HOST[4], 8320) == short_id(container), what="the answer")
        assert answer(lab.engine_place, LOOPBACK[4], 8320) == short_id(container)

    wait_for_answer(web)
    docker("restart", "-t", "0", web.name)
    wait_for_answer(web)
    docker("stop", "-t", "0", web.name)
    assert not tcp(outside, HOST[4], 8320)
    wait_for_answer(docker.run(network, "-p", "8320:80", command=WEB))
    assert docker("start", web.name, check=False).returncode != 0


def test_ports_go_from_one_network_to_the_next(lab, docker, binary):
    """Engine 20.10 publishes on the next network before it deletes the endpoint on the last."""
    first, last = (docker.network(name=docker.name(letter)) for letter in "az")
    web = docker.run(first, "-p", "8330:80", "-p", "8331-8333:81-83/udp")
    with numbers(web, [80, 82]):
        for gone, there in ((first, last), (last, first)):
            docker("network", "connect", there, web.name)
            docker("network", "disconnect", gone, web.name)
            assert {each["network_name"] for each in listing(lab, binary, web.name)} == {there}
            for place, address in ((lab.outside_place, HOST[4]), (lab.engine_place, LOOPBACK[4])):
                assert seen(place, "tcp", address, 8330) == "80"
                assert seen(place, "udp", address, 8332) == "82"


def test_what_is_for_the_same_port_of_another_machine_goes_there(lab, docker):
    network = docker.network()
    web, client = docker.run(network, "-p", "8340:80", "-p", "8340:80/udp"), docker.run(network)
    with numbers(web, [80]), HttpServer(lab.neighbour_place, 8340, "the neighbour") as http, \
            UdpServer(lab.neighbour_place, 8340) as datagrams:
        for place in (client, lab.engine_place):
            assert http_get(place, NEIGHBOUR[4], 8340) == (200, "the neighbour")
            assert seen(place, "udp", NEIGHBOUR[4], 8340) == HOST[4]
        assert http.sources == datagrams.sources == [HOST[4]] * 2
        assert seen(lab.outside_place, "tcp", HOST[4], 8340) == "80"


def test_a_killed_daemon_cuts_nobody_off(lab, docker, binary):
    network, host, outside = docker.dual_network(), lab.engine_place, lab.outside_place
    web = docker.run(network, "-p", "8350:80", "-p", "8350:80/udp")
    settle(web)
    with Download(web, 80, outside, HOST[4], 8350) as download, numbers(web, [80]):
        lab.kill_drawbridge()
        download.wait_for_more()
        assert seen(outside, "tcp", HOST[4], 8350) == "80"
        assert not is_held(host, "tcp", 8350, "198.51.100.1")
        lab.start_drawbridge(binary)
        download.wait_for_more()
        for protocol in PROTOCOLS:
            assert is_held(host, protocol, 8350)
            assert seen(outside, protocol, HOST[4], 8350) == "80"
            assert seen(outside, protocol, HOST[6], 8350) == "80"
            assert seen(host, protocol, LOOPBACK[6], 8350) == "80"
    assert download.is_whole()


def test_a_port_that_was_taken_meanwhile_is_reported_and_traffic_goes_on(lab, docker, binary, news):
    network, host = docker.network(), lab.engine_place
    web = docker.run(network, "-p", "8360:80")
    lab.kill_drawbridge()
    with numbers(web, [80]):
        with taken(host, "tcp", 8360) as holder:
            lab.start_drawbridge(binary)
            (found,) = listing(lab, binary, web.name)
            assert not found["held"] and f"pid {holder.pid}" in found["trouble"], found
            assert "8360" in news() and f"pid {holder.pid}" in news()
            assert seen(lab.outside_place, "tcp", HOST[4], 8360) == "80"
        wait_for(lambda: listing(lab, binary, web.name)[0]["held"], what="the port in our hands")
        assert is_held(host, "tcp", 8360)
        assert seen(lab.outside_place, "tcp", HOST[4], 8360) == "80"


@pytest.mark.parametrize("ipam", [(), ("--ipam-driver", "drawbridge")])
def test_ports_of_containers_that_a_killed_engine_forgot_are_free(make_lab, ipam):
    """With addresses of its own the engine tells nobody what became of the containers."""
    lab = make_lab()
    docker = Docker(lab)
    network = docker.native_network("--driver", "drawbridge", *ipam)
    web = docker.run(network, "-p", "8370:80", "--restart", "always", command=WEB)
    gone = docker.run(network, "-p", "8371:80", command=WEB)
    outside, host = lab.outside_place, HOST[4]
    wait_for(lambda: answer(outside, host, 8370) == short_id(web), what="the answer")
    lab.kill_engine()
    lab.start_engine()
    wait_for(lambda: answer(outside, host, 8370) == short_id(web), 20, "the container's return")
    docker("rm", "-f", gone.name)
    late = docker.run(network, "-p", "8371:80", command=WEB)
    wait_for(lambda: answer(outside, host, 8371) == short_id(late), what="the new one's answer")
    docker.clean()


def test_a_chosen_port_is_the_same_after_a_kill(lab, docker, binary):
    web = docker.run(docker.network(), "-p", "80")
    chosen = host_port(lab, binary, web.name)
    lab.kill_drawbridge()
    lab.start_drawbridge(binary)
    assert host_port(lab, binary, web.name) == chosen
    with numbers(web, [80]):
        assert seen(lab.outside_place, "tcp", HOST[4], chosen) == "80"
