"""Bad input on the socket, and many things at once."""

import concurrent.futures
import json
import os
import socket

import pytest
from containers import Docker
from lab import wait_for
from lab.engine_api import request
from probes import EVERYTHING, leaves_nothing, reach

ASAN_BINARY = os.environ.get(
    "DRAWBRIDGE_ASAN_BINARY",
    os.path.join(os.path.dirname(__file__), "..", "..", "build", "asan", "drawbridge"),
)

GARBAGE = {
    "noise": (os.urandom(4096), b"400"),
    "no http": (b"hello\r\n\r\n", b"400"),
    "http 2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"505"),
    "huge header": (b"POST / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", b"431"),
    "huge body": (b"POST /IpamDriver.RequestPool HTTP/1.1\r\nHost:\r\nContent-Length: 99999999\r\n\r\n", b"413"),
    "not json": (b"POST /IpamDriver.RequestPool HTTP/1.1\r\nHost:\r\nContent-Length: 3\r\n\r\n{x}", b"400"),
    "no body": (b"POST /NetworkDriver.CreateNetwork HTTP/1.1\r\nHost:\r\nContent-Length: 0\r\n\r\n", b"400"),
    "unknown path": (b"POST /No.Such HTTP/1.1\r\nHost:\r\nContent-Length: 0\r\n\r\n", b"404"),
    "wrong verb": (b"DELETE /Plugin.Activate HTTP/1.1\r\nHost:\r\n\r\n", b"405"),
}


def exchange(path, data):
    """What the daemon answers to raw bytes after which the client stops sending."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(15)
        channel.connect(path)
        try:
            channel.sendall(data)
            channel.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # answered and closed before it took everything
        return b"".join(iter(lambda: channel.recv(65536), b""))


def is_alive(path):
    status, body = request(path, "POST", "/Plugin.Activate")
    return status == 200 and body == {"Implements": ["NetworkDriver", "IpamDriver"]}


def assert_survives_garbage(lab):
    for what, (data, status) in GARBAGE.items():
        answer = exchange(lab.plugin_socket, data)
        assert answer.startswith(b"HTTP/1.1 " + status), (what, answer[:200])
        error = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert error["Err"] == error["Error"] and "\n" not in error["Err"], (what, error)
        assert is_alive(lab.plugin_socket), what
    for cut in range(1, 120, 7):  # truncated anywhere: the connection just ends
        whole = b"POST /NetworkDriver.DeleteNetwork HTTP/1.1\r\nHost:\r\nContent-Length: 40\r\n\r\n" + b" " * 40
        exchange(lab.plugin_socket, whole[:cut])
    assert is_alive(lab.plugin_socket)


def test_garbage_gets_one_clear_error_each(lab, docker):
    with leaves_nothing(lab):
        assert_survives_garbage(lab)
    assert docker.subnet(docker.network()) == "10.249.1.0/24"


def test_two_hundred_connections_do_not_wedge_anybody(lab):
    idle = []
    try:
        for _ in range(200):
            channel = socket.socket(socket.AF_UNIX)
            channel.connect(lab.plugin_socket)
            idle.append(channel)
        assert is_alive(lab.plugin_socket)
    finally:
        for channel in idle:
            channel.close()


def test_wrong_values_are_named(lab):
    cases = {
        "/NetworkDriver.CreateNetwork": ({"NetworkID": "../x"}, "Err", '"NetworkID" is not an id'),
        "/NetworkDriver.Join": ({"NetworkID": "a", "EndpointID": 7}, "Err", '"EndpointID" is not a text'),
        "/IpamDriver.RequestPool": ({"Pool": 5}, "Error", '"Pool" is not a text'),
        "/IpamDriver.RequestAddress": ({"PoolID": "x"}, "Error", "no pool x"),
    }
    for path, (body, key, words) in cases.items():
        status, answer = request(lab.plugin_socket, "POST", path, body)
        assert status == 200
        assert words in answer[key], (path, answer)


def test_fifteen_networks_and_forty_containers_at_once(lab, docker):
    with leaves_nothing(lab, timeout=60):
        with concurrent.futures.ThreadPoolExecutor(15) as pool:
            networks = list(pool.map(lambda _: docker.network(), range(15)))
        assert len({docker.subnet(network) for network in networks}) == 15
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            containers = list(pool.map(lambda n: docker.run(networks[n % 3]), range(40)))
        addresses = [container.address() for container in containers]
        assert len(set(addresses)) == 40
        one, member = containers[0], containers[3]
        assert reach(one, member, member.address()) == EVERYTHING
        docker.clean()


def test_sanitizers_find_nothing(make_lab):
    """The main job and the garbage once more, on the build with ASan and UBSan."""
    if not os.access(ASAN_BINARY, os.X_OK):
        pytest.fail(f"no sanitizer build at {ASAN_BINARY}: run make asan")
    lab = make_lab()
    docker = Docker(lab)
    lab.stop_drawbridge()
    lab.start_drawbridge(ASAN_BINARY, env={"ASAN_OPTIONS": "abort_on_error=1"})
    network = docker.network("--ipv6", "--subnet", "10.88.0.0/24", "--subnet", "fd00:88::/64")
    one, member = docker.run(network), docker.run(network)
    assert reach(one, member, member.address()) == EVERYTHING
    docker("network", "connect", docker.network(), one.name)
    docker("restart", "-t", "0", one.name)
    assert_survives_garbage(lab)
    docker.clean()
    wait_for(lambda: "dx-" not in lab.engine_ns("ip", "link").stdout, 20, "the end of retired links")
    lab.stop_drawbridge(timeout=30)
    assert "ERROR: " not in lab.drawbridge_log()
    assert "runtime error" not in lab.drawbridge_log()
