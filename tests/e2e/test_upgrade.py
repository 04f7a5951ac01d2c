"""One daemon stops and the next one starts: containers and their users notice nothing.

The next version is a copy of the same binary: what matters is that another process takes over.
"""

import contextlib
import os
import re
import select
import shutil
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from lab import LabError, wait_for
from lab.activation import listen
from published import HOST
from reboots import turned_away
from servers import TcpServer
from streams import Conversation, Newcomers, Visitors

PUBLISHED = 8480


@pytest.fixture
def next_version(binary, tmp_path):
    return shutil.copy(binary, tmp_path / "drawbridge-next")


@pytest.fixture
def sockets(lab, docker):
    """What a service manager listens on for the shared lab's daemon, which does not run now."""
    lab.stop_drawbridge()
    made = {"plugin": listen(lab.plugin_socket), "control": listen(lab.control_socket)}
    yield made
    if lab.drawbridge is not None:
        lab.kill_drawbridge()
    for each in made.values():
        each.close()
    for path in (lab.plugin_socket, lab.control_socket):
        os.unlink(path)


@contextlib.contextmanager
def undisturbed(lab, docker):
    """Traffic of every kind while the block runs; none of it may be lost."""
    network = docker.network()
    one = docker.run(network)
    web = docker.run(network, "-p", f"{PUBLISHED}:80")
    outside = lab.outside_place
    with TcpServer(web.still(), 80), \
            Newcomers(one.still(), web.address()) as inside, \
            Newcomers(one.still(), "198.51.100.2") as outward, \
            Conversation(outside, HOST[4], PUBLISHED) as talk, \
            Visitors(outside, HOST[4], PUBLISHED) as visitors:
        inside.wait_for_answered(100)
        visitors.wait_for_rounds(5)
        yield network
        inside.wait_for_answered(300)
        outward.wait_for_answered(10)
        visitors.wait_for_rounds(15)
    lost = {"inside": inside.lost, "outward": outward.lost, "sent again": talk.sent_again}
    assert not any(lost.values()), lost
    assert not talk.troubles and not visitors.troubles, (talk.troubles, visitors.troubles)
    assert talk.done > 50 and visitors.done > 15, (talk.done, visitors.done)


def run_in_the_gap(docker, network, waits, start):
    """`docker run` begins while no daemon runs, and ends well once one does."""
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(docker.run, network)
        wait_for(waits, 10, "the engine's first try")
        start()
        return late.result(timeout=30)


@pytest.mark.parametrize("end", ["term", "kill"])
def test_the_next_daemon_takes_over_without_loss(lab, docker, next_version, end):
    with undisturbed(lab, docker) as network:
        (lab.stop_drawbridge if end == "term" else lab.kill_drawbridge)()
        ended = len(lab.drawbridge_log())
        before = turned_away(lab)
        late = run_in_the_gap(docker, network, lambda: turned_away(lab) > before,
                              lambda: lab.start_drawbridge(next_version))
    assert late.address().endswith(".4")
    assert "at start: " not in lab.drawbridge_log()[ended:], "nothing was to be brought into line"


@pytest.mark.parametrize("end", ["term", "kill"])
def test_with_socket_activation_requests_wait_in_the_gap(
        lab, docker, sockets, binary, next_version, end):
    lab.start_drawbridge(binary, sockets=sockets)
    with undisturbed(lab, docker) as network:
        (lab.stop_drawbridge if end == "term" else lab.kill_drawbridge)()
        ended = len(lab.drawbridge_log())
        before = turned_away(lab)
        late = run_in_the_gap(docker, network, lambda: select.select([sockets["plugin"]], [], [], 0)[0],
                              lambda: lab.start_drawbridge(next_version, sockets=sockets))
        assert turned_away(lab) == before, "nobody was turned away"
    assert late.address().endswith(".4")
    shown = lab.engine_ns(binary, "ports", "--control-socket", lab.control_socket).stdout
    assert str(PUBLISHED) in shown


def test_requests_at_the_moment_of_the_stop_are_answered(lab, docker, binary):
    """A request that arrives while the daemon stops is answered or tried again, never lost."""
    network = docker.network()
    stop_at = time.monotonic() + 3
    with ThreadPoolExecutor(3) as pool:

        def churn():
            while time.monotonic() < stop_at:
                docker("run", "--rm", "--network", network, "bb:latest", "true")

        work = [pool.submit(churn) for _ in range(3)]
        while time.monotonic() < stop_at:
            lab.stop_drawbridge()
            lab.start_drawbridge(binary)
        for each in work:
            each.result(timeout=60)


def test_a_second_daemon_says_so_and_disturbs_nothing(lab, docker, next_version, tmp_path):
    arguments = ["--config", f"{lab.root}/drawbridge.json", "--plugin-socket",
                 "/run/docker/plugins/drawbridge.sock", "--control-socket", lab.control_socket]
    with undisturbed(lab, docker):
        before = lab.snapshot()
        same_state = lab.engine_ns(next_version, "serve", "--state-dir", lab.state_dir, *arguments,
                                   check=False)
        other_state = lab.engine_ns(next_version, "serve", "--state-dir", tmp_path / "state",
                                    *arguments, check=False)
        assert lab.snapshot() == before
        assert lab.drawbridge.poll() is None and os.path.exists(lab.plugin_socket)
    for refused in (same_state, other_state):
        assert refused.returncode == 1
        assert len(refused.stderr.strip().splitlines()) == 1, refused.stderr
    assert f"is in use by process {lab.drawbridge.pid}: another drawbridge" in same_state.stderr
    assert "drawbridge.sock: another process answers there" in other_state.stderr


def test_only_root_gets_to_the_sockets(lab, docker, binary):
    folder = f"{lab.root}/run/drawbridge"
    lab.stop_drawbridge()
    lab.start_drawbridge(binary, f"--control-socket={folder}/control.sock")
    modes = {path: os.stat(path).st_mode & 0o777
             for path in (folder, f"{folder}/control.sock", lab.plugin_socket)}
    lab.stop_drawbridge()
    assert list(modes.values()) == [0o700, 0o600, 0o600], modes


def test_a_descriptor_that_is_nobodys_stops_the_start(lab, docker, binary, tmp_path):
    with listen(str(tmp_path / "web.sock")) as foreign, pytest.raises(LabError) as refused:
        lab.stop_drawbridge()
        lab.start_drawbridge(binary, sockets={"web.socket": foreign})
    lab.drawbridge = None
    assert 'descriptor 3 "web.socket" listens on' in str(refused.value)


def test_the_service_manager_is_told(lab, docker, binary, tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(10)
        heard = []

        def hear_until(word):
            while not heard or word not in heard[-1]:
                heard.append(manager.recv(1000).decode())
            return heard[-1]

        lab.stop_drawbridge()
        # systemd sets WATCHDOG_PID too; without it any process is meant.
        watched = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        lab.start_drawbridge(binary, env=watched)
        ready = r"READY=1\nSTATUS=serves (\d+) networks and (\d+) endpoints"
        networks, endpoints = map(int, re.fullmatch(ready, hear_until("READY=1")).groups())
        hear_until("WATCHDOG=1")
        network = docker.network()
        hear_until(f"STATUS=serves {networks + 1} networks and {endpoints} endpoints")
        docker.run(network)
        hear_until(f"STATUS=serves {networks + 1} networks and {endpoints + 1} endpoints")
        lab.drawbridge.send_signal(signal.SIGHUP)
        hear_until("RELOADING=1\nMONOTONIC_USEC=")
        hear_until("READY=1")
        lab.stop_drawbridge()
        hear_until("STOPPING=1")
        lab.start_drawbridge(binary)
