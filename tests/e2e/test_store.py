"""The state file is lost, or its disk is full: containers notice nothing, and what can be known again is.

Damage is done while the system runs; then the daemon is killed and started again.
"""

import glob
import os
import sqlite3

import pytest
from containers import Docker
from lab import wait_for
from probes import EVERYTHING, NOTHING, assert_reached, leaves_nothing, reach, tcp
from published import NumberTcp, is_held
from streams import Heartbeat

OUTSIDE = "198.51.100.1"
WITHOUT_DOCKER = ("--docker-socket", "")


def state(lab):
    return f"{lab.state_dir}/state.db"


def copies(lab):
    return sorted(name for name in glob.glob(f"{state(lab)}.corrupt-*") if name[-4] != "-")


def overwrite(lab):
    """The log, too: what it has of the pages is still good when only the file is hit."""
    for name in (state(lab), f"{state(lab)}-wal"):
        with open(name, "r+b") as file:
            file.write(b"this is no database " * 400)


def remove(lab):
    for ending in ("", "-wal", "-shm"):
        os.remove(state(lab) + ending)


def held_rows(lab, scene):
    """What must be known again: all but what only tells of the past, and of a network that Docker
    lost in an earlier test."""
    with sqlite3.connect(f"file:{state(lab)}?mode=ro", uri=True) as database:
        ask = database.execute
        ours = f"('{scene.one_id}', '{scene.two_id}')"
        return {
            "networks": sorted(ask("SELECT id, internal, default_mtu_bytes FROM networks "
                                   f"WHERE id IN {ours}")),
            "options": sorted(ask(f"SELECT * FROM network_options WHERE network IN {ours}")),
            "subnets": sorted(ask("SELECT network, prefix, gateway FROM network_subnets "
                                  f"WHERE network IN {ours}")),
            "endpoints": sorted(ask("SELECT id, network, ipv4, ipv6, mac, joined FROM endpoints")),
            "ports": sorted(ask("SELECT * FROM endpoint_ports"), key=str),
            "port_leases": sorted(ask("SELECT * FROM port_leases")),
            "pools": sorted(ask("SELECT * FROM pools"), key=str),
            "leases": sorted(ask("SELECT pool, address, kind, reserved FROM leases "
                                 "WHERE released_at IS NULL")),
        }


def rebuilt(lab, begin):
    return "rebuilt " in lab.drawbridge_log()[begin:]


class Scene:
    """Two networks that hold everything that a network can: what is asked for, and what is chosen."""

    def __init__(self, docker):
        self.one = docker.network("-o", "isolation=members", "-o", "ports=32000-32010:80")
        self.two = docker.network("--ipv6", "--subnet", "fd00:91::/64", "--subnet", "10.91.0.0/24",
                                  "--ip-range", "10.91.0.128/25", "--aux-address",
                                  "printer=10.91.0.200")
        self.one_id, self.two_id = (docker.inspect_network(each)["Id"]
                                    for each in (self.one, self.two))
        self.apart = docker.run(self.one, "-p", "18080:80")
        self.server = docker.run(self.two, "--ip", "10.91.0.77", "-p", "18081-18085:7000-7004",
                                 "-p", "127.0.0.1:18090:90/udp")
        self.client = docker.run(self.two)


@pytest.fixture
def scene(docker):
    return Scene(docker)


def still_served(lab, docker, scene):
    """Everything works that works in networks, and nothing is left afterwards."""
    with leaves_nothing(lab):
        late = docker.run(scene.two)
        assert reach(late, scene.server, "10.91.0.77") == EVERYTHING
        docker("network", "connect", scene.one, late.name)
        docker("network", "disconnect", scene.one, late.name)
        fresh = docker.network()
        other = docker.run(fresh)
        assert_reached({(other, scene.server, "10.91.0.77"): NOTHING})
        other.remove()
        docker("network", "rm", fresh)
        late.remove()


@pytest.mark.parametrize("damage", [overwrite, remove])
def test_what_docker_and_the_kernel_know_is_known_again(lab, docker, scene, binary, damage):
    before, stored, kept = lab.snapshot(), held_rows(lab, scene), len(copies(lab))
    begin = len(lab.drawbridge_log())
    with NumberTcp(scene.server, 7000), \
            Heartbeat(scene.client, "10.91.0.77", interval=0.001) as inside, \
            Heartbeat(scene.client, "198.51.100.2", interval=0.001) as outward:
        inside.wait_for_beats(20)
        damage(lab)
        lab.kill_drawbridge()
        inside.wait_for_beats(20)
        lab.start_drawbridge(binary)
        wait_for(lambda: rebuilt(lab, begin), 10, "the rebuilding")
        inside.wait_for_beats(100)
        outward.wait_for_beats(20)
        assert tcp(lab.outside_place, OUTSIDE, 18081)
    assert (inside.lost, outward.lost) == (0, 0)
    assert held_rows(lab, scene) == stored
    assert lab.snapshot() == before
    assert is_held(lab.engine_place, "tcp", 18083)
    assert len(copies(lab)) == kept + (damage is overwrite)
    assert_reached({(scene.client, scene.apart, scene.apart.address()): NOTHING})
    still_served(lab, docker, scene)


@pytest.mark.parametrize("damage", [overwrite, remove])
def test_without_docker_what_is_not_known_stays_as_it_is(lab, docker, scene, binary, damage):
    before = lab.snapshot()
    with NumberTcp(scene.server, 7000), Heartbeat(scene.client, "10.91.0.77", interval=0.001) as beat:
        beat.wait_for_beats(20)
        damage(lab)
        lab.kill_drawbridge()
        begin = len(lab.drawbridge_log())
        lab.start_drawbridge(binary, *WITHOUT_DOCKER)
        assert "set docker_socket and start again" in lab.drawbridge_log()[begin:]
        lab.reload_drawbridge()
        beat.wait_for_beats(50)
        assert tcp(lab.outside_place, OUTSIDE, 18081)
        assert_reached({(scene.client, scene.apart, scene.apart.address()): NOTHING})
        refused = docker("run", "-d", "--network", scene.two, "--name", docker.name("late"),
                         "bb:latest", "sleep", "1000", check=False)
        assert "drawbridge lost its state: set docker_socket" in refused.stderr
        other = docker.network()
        assert docker.subnet(other) not in (docker.subnet(scene.one), docker.subnet(scene.two))
        docker("network", "rm", other)
        lab.kill_drawbridge()
        begin = len(lab.drawbridge_log())
        lab.start_drawbridge(binary)
        wait_for(lambda: rebuilt(lab, begin), 10, "the rebuilding")
        beat.wait_for_beats(50)
    assert beat.lost == 0
    # What was made and removed in between is retired, and deleted in an idle moment.
    wait_for(lambda: lab.snapshot() == before, 5, "the links and rules of before")
    still_served(lab, docker, scene)


def test_networks_that_are_not_known_can_be_removed_without_docker(lab, docker, binary):
    with leaves_nothing(lab):
        network = docker.network()
        container = docker.run(network, "-p", "18099:99")
        lab.kill_drawbridge()
        remove(lab)
        lab.start_drawbridge(binary, *WITHOUT_DOCKER)
        container.remove()
        docker("network", "rm", network)
    lab.stop_drawbridge()
    lab.start_drawbridge(binary)


def assert_gone_when_there_is_room(lab, docker):
    """What Docker removes while the disk is full."""
    kept, gone = docker.network(), docker.network()
    one, member, other = docker.run(kept), docker.run(kept), docker.run(gone, "-p", "18070:70")
    fill = f"dd if=/dev/zero of={lab.state_dir}/filler bs=1k 2>/dev/null || true"
    with Heartbeat(one, member.address(), interval=0.005) as beat:
        for _ in range(60):  # what the log still has room for may go through
            lab.engine_ns("sh", "-c", fill)
            refused = docker("network", "create", "-d", "drawbridge", "--ipam-driver", "drawbridge",
                             docker.name("full"), check=False)
            if refused.returncode != 0:
                break
        assert "disk is full" in refused.stderr
        other.remove()
        docker("network", "rm", gone)
        assert "DeleteNetwork" in lab.drawbridge_log()
        lab.engine_ns("rm", f"{lab.state_dir}/filler")
        wait_for(lambda: "DeleteNetwork is done now" in lab.drawbridge_log(), 10, "the removal")
        beat.wait_for_beats(20)
    assert beat.lost == 0
    wait_for(lambda: "18070" not in lab.engine_ns("nft", "list", "ruleset").stdout, 5, "the port's end")
    assert lab.engine_ns("ip", "link").stdout.count("db-") >= 1
    docker.clean()


def assert_read_only_stops_the_start(lab, docker, binary):
    """With one line, and no packet lost."""
    network = docker.network()
    one, member = docker.run(network), docker.run(network)
    with Heartbeat(one, member.address(), interval=0.005) as beat:
        lab.kill_drawbridge()
        lab.engine_ns("mount", "-o", "remount,ro", lab.state_dir)
        result = lab.engine_ns(binary, "serve", "--state-dir", lab.state_dir, "--plugin-socket",
                               "/run/docker/plugins/drawbridge.sock", "--control-socket",
                               lab.control_socket, check=False)
        assert result.returncode == 1
        assert "Read-only file system" in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
        lab.engine_ns("mount", "-o", "remount,rw", lab.state_dir)
        lab.start_drawbridge(binary)
        beat.wait_for_beats(20)
    assert beat.lost == 0
    docker.run(network)
    docker.clean()


def test_a_full_or_read_only_disk_costs_no_packet_and_no_removal(make_lab, binary):
    lab = make_lab()
    docker = Docker(lab)
    lab.stop_drawbridge()
    lab.engine_ns("mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", lab.state_dir)
    lab.start_drawbridge(binary)
    assert_gone_when_there_is_room(lab, docker)
    assert_read_only_stops_the_start(lab, docker, binary)
    lab.stop_drawbridge()
    lab.engine_ns("umount", lab.state_dir)
    lab.start_drawbridge(binary)
