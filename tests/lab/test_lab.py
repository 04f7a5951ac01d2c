"""The lab itself, shown with Docker's own bridge driver: what passes here is the lab's doing."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from lab import Lab, processes
from lab.removal import held_namespaces

NOTHING = {"namespaces": 0, "processes": 0, "mounts": 0, "folders": 0, "control groups": 0}


def run_container(lab, name, *options):
    lab.docker("run", "-d", "--name", name, *options, "bb:latest", "sleep", "1000")


def ping(lab, container, address):
    done = lab.docker("exec", container, "ping", "-c1", "-W1", address, check=False)
    return done.returncode == 0


def forward_policy(lab):
    return lab.engine_ns("iptables", "-S", "FORWARD").stdout.splitlines()[0]


@pytest.fixture(scope="module")
def lab():
    with Lab(ip_forward=0) as made:
        made.image()
        made.docker("network", "create", "inside")
        run_container(made, "one", "--network", "inside")
        run_container(made, "two", "--network", "inside")
        yield made


def test_two_containers_of_a_network_reach_each_other(lab):
    assert ping(lab, "one", "two")
    assert not ping(lab, "one", "198.51.100.77"), "control: an address that nobody has"


def test_a_container_reaches_the_outside_client_masqueraded(lab):
    listener = lab.outside_place.socket()
    listener.bind(("198.51.100.2", 8000))
    listener.listen()
    listener.settimeout(5)
    lab.docker("exec", "-d", "one", "nc", "-w2", "198.51.100.2", "8000")
    connection, (address, _) = listener.accept()
    connection.close()
    assert address == "198.51.100.1"


def test_names_are_answered_at_once_known_or_not(lab):
    found = lab.docker("exec", "one", "nslookup", "outside.test").stdout
    assert "198.51.100.2" in found and "2001:db8:51::2" in found
    done = lab.docker("exec", "one", "nslookup", "absent.test", check=False)
    assert done.returncode != 0 and "NXDOMAIN" in done.stdout


def test_the_outside_client_has_no_way_to_the_containers(lab):
    assert lab.outside("ip", "route", "show", "default").stdout == ""
    done = lab.outside("busybox", "ping", "-c1", "-W1", "172.17.0.1", check=False)
    assert done.returncode != 0
    lab.outside("busybox", "ping", "-c1", "-W1", "198.51.100.1")


def test_the_segment_carries_both_families_to_the_neighbour(lab):
    lab.neighbour("busybox", "ping", "-c1", "-W1", "198.51.100.1")
    lab.neighbour("busybox", "ping", "-c1", "-W1", "2001:db8:51::1")
    assert "198.51.100.2 dev uplink0" in lab.engine_ns("ip", "route", "show", "default").stdout


def test_forward_drops_when_the_engine_turned_forwarding_on(lab):
    assert forward_policy(lab) == "-P FORWARD DROP"


def test_the_engine_cannot_be_seen_from_the_machine(lab):
    mine = os.readlink("/proc/self/ns/net")
    theirs = lab.engine_ns("readlink", "/proc/self/ns/net").stdout.strip()
    assert mine != theirs
    assert lab.engine_ns("ls", "/run/docker/plugins").stdout == ""
    assert "docker0" in lab.snapshot()["links"]
    assert "docker0" not in os.listdir("/sys/class/net")


def test_a_removed_network_leaves_the_snapshot_as_it_was(lab):
    before = lab.snapshot()
    lab.docker("network", "create", "passing")
    assert lab.snapshot() != before
    lab.docker("network", "rm", "passing")
    assert lab.snapshot() == before


def test_the_api_answers_on_its_socket(lab):
    status, networks = lab.api("GET", "/networks")
    assert status == 200
    assert "inside" in {network["Name"] for network in networks}
    assert lab.api("GET", "/networks/absent")[0] == 404


def test_forward_accepts_when_forwarding_was_on_and_the_uplink_has_its_mtu():
    with Lab(ip_forward=1, uplink_mtu=1400) as lab:
        assert forward_policy(lab) == "-P FORWARD ACCEPT"
        assert lab.snapshot()["links"]["uplink0"]["mtu"] == 1400


def test_containers_outlive_a_killed_engine_with_live_restore():
    with Lab(live_restore=True) as lab:
        lab.image()
        run_container(lab, "survivor")
        before = lab.docker("inspect", "-f", "{{.State.Pid}}", "survivor").stdout
        lab.kill_engine()
        lab.start_engine()
        assert lab.docker("inspect", "-f", "{{.State.Pid}}", "survivor").stdout == before
        lab.restart_engine()
        assert lab.docker("inspect", "-f", "{{.State.Pid}}", "survivor").stdout == before


def test_a_lab_leaves_nothing():
    lab = Lab()
    before = lab.counts()
    with contextlib.ExitStack() as stack:
        with lab:
            lab.image()
            run_container(lab, "running", "-p", "8080:80")
            lab.outside_place.spawn("sleep", "1000")
            during = lab.counts()
            assert during["namespaces"] == 4
            assert during["processes"] > 4
            namespaces = stack.enter_context(held_namespaces(lab.name))
        assert lab.counts(namespaces) == before
    assert {key: before[key] for key in NOTHING} == NOTHING


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_leaves_nothing(number):
    program = "from lab import Lab\nlab = Lab().__enter__()\nprint(lab.name, flush=True)\ninput()"
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    child = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    name = child.stdout.readline().strip()
    with held_namespaces(name) as ids:
        assert processes.belonging(name, ids)
        child.send_signal(number)
        child.communicate()
        if number == signal.SIGKILL:
            # Nobody could clean up: the next lab does.
            with Lab(start=False):
                pass
        assert processes.belonging(name, ids) == []
    assert not os.path.exists(f"/tmp/{name}")
    assert not [entry for entry in os.listdir("/run/netns") if entry.startswith(name)]


def test_a_daemon_that_ends_at_once_says_why():
    with Lab(start=False) as lab:
        with pytest.raises(Exception, match="ended with 1"):
            lab.start_drawbridge("/bin/false")
