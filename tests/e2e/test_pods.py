"""One external port for a pod, and behind it an nginx that tells its services by host names."""

import contextlib

import pytest
from containers import Docker
from lab import wait_for
from pods import WebServices, get, nginx_image, websocket_echo
from probes import tcp
from published import HOST, LOOPBACK, NEIGHBOUR, OUTSIDE, host_port

COMMAND = ("/usr/sbin/nginx", "-e", "/dev/stderr", "-c", "/etc/nginx.conf")
SERVICES = {"localhost-3000-pod-x.localhost": 3000, "localhost-8726.pod-x.localhost": 8726}


class Pod:
    def __init__(self, lab, docker):
        network = docker.network("-o", "ports=30000-39999:80")
        self.container = docker.run(network, image=nginx_image(lab), command=COMMAND)
        self.name = self.container.name
        wait_for(lambda: tcp(self.container, "127.0.0.1", 80), what="nginx")


@pytest.fixture(scope="module")
def pod(lab):
    docker = Docker(lab)
    made = Pod(lab, docker)
    with contextlib.ExitStack() as servers:
        for port in SERVICES.values():
            servers.enter_context(WebServices(made.container.still(), port, "127.0.0.1"))
        yield made
    docker.clean()


@pytest.fixture
def port(lab, binary, pod):
    return host_port(lab, binary, pod.name)


def test_the_first_pod_has_the_first_port(port):
    assert port == 30000


@pytest.mark.parametrize("host", SERVICES)
def test_a_service_is_told_who_asks(lab, port, host):
    for place, addresses in ((lab.outside_place, OUTSIDE), (lab.neighbour_place, NEIGHBOUR)):
        status, headers = get(place, HOST[4], port, host)
        assert status == 200
        assert headers["x-real-ip"] == addresses[4]
        assert headers["host"] == host


@pytest.mark.parametrize("host", SERVICES)
def test_a_websocket_echoes(lab, port, host):
    for place, address in ((lab.outside_place, HOST[4]), (lab.engine_place, LOOPBACK[4])):
        assert websocket_echo(place, address, port, host, b"hello there") == b"hello there"


def test_a_name_that_is_no_service_is_not_found(lab, port):
    assert get(lab.outside_place, HOST[4], port, "elsewhere.localhost")[0] == 404
    assert get(lab.outside_place, HOST[4], port, "localhost-3001-pod-x.localhost")[0] == 502
