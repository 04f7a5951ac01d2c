"""Restarts, kills and failures: nothing that was answered is lost, nothing that failed stays."""

import concurrent.futures
import contextlib
import sqlite3

from containers import Docker
from lab import wait_for
from probes import EVERYTHING, NOTHING, assert_reached, leaves_nothing, ping, reach, tcp_connect
from servers import TcpServer
from streams import Heartbeat


def read(path):
    with open(path, "rb") as file:
        return file.read()


def rows(lab):
    """Every row of the state file, by table, but for what Docker said last of its networks."""
    uri = f"file:{lab.state_dir}/state.db?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
        tables = [name for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
            "AND name <> 'known_networks'")]
        return {table: sorted(database.execute(f"SELECT * FROM {table}")) for table in tables}


def without_released(state):
    """`state`, as of rows(), without the addresses that rest after their release."""
    held = [lease for lease in state["leases"] if lease[-1] is None]
    return {**state, "leases": held}


def owned_bridges(lab):
    """The ids of the networks that have a bridge."""
    links = lab.snapshot()["links"].values()
    aliases = {link["alias"] for link in links if link["kind"] == "bridge"}
    return {alias.removeprefix("drawbridge:") for alias in aliases if alias.startswith("drawbridge:")}


def test_kill_and_restart_of_the_daemon(lab, docker, binary):
    network = docker.network()
    stranger = docker.run(docker.network())
    one, member = docker.run(network), docker.run(network)
    before, stored = lab.snapshot(), rows(lab)
    with Heartbeat(one, member.address(), interval=0.001) as inside, \
            Heartbeat(one, "198.51.100.2", interval=0.001) as outward, \
            TcpServer(member, 7100):
        open_connection = tcp_connect(one, member.address(), 7100)
        assert open_connection is not None
        inside.wait_for_beats(20)
        lab.kill_drawbridge()
        inside.wait_for_beats(20)
        lab.start_drawbridge(binary)
        inside.wait_for_beats(100)
        outward.wait_for_beats(20)
        with open_connection, open_connection.makefile("rb") as lines:
            lines.readline()  # the server's greeting
            open_connection.sendall(b"still there\n")
            assert lines.readline() == b"still there\n"
    assert (inside.lost, outward.lost) == (0, 0)
    assert lab.snapshot() == before
    assert rows(lab) == stored
    late = docker.run(network)
    assert late.address() == "10.249.1.4"
    assert_reached({
        (one, late, late.address()): EVERYTHING,
        (one, stranger, stranger.address()): NOTHING,
    })


def test_a_clean_stop_leaves_containers_alone(lab, docker, binary):
    network = docker.network()
    one, member = docker.run(network), docker.run(network)
    with Heartbeat(one, member.address(), interval=0.005) as beat:
        lab.stop_drawbridge()
        beat.wait_for_beats(20)
        lab.start_drawbridge(binary)
        beat.wait_for_beats(20)
    assert beat.lost == 0
    member.remove()
    late = docker.run(network)
    assert late.address() == "10.249.1.4", "the released 10.249.1.3 rests"
    assert reach(one, late, late.address()) == EVERYTHING


def test_what_was_lost_in_the_kernel_is_made_again_at_start(lab, docker, binary):
    network = docker.network("-o", "com.docker.network.bridge.name=dblost0")
    docker.network("-o", "com.docker.network.bridge.name=dbdown0")
    lab.kill_drawbridge()
    lab.engine_ns("ip", "link", "del", "dblost0")
    lab.engine_ns("ip", "link", "set", "dbdown0", "down")
    lab.engine_ns("nft", "flush", "ruleset")
    lab.engine_ns("ip", "link", "add", "db-orphan00001", "type", "bridge")
    lab.engine_ns("ip", "link", "set", "db-orphan00001", "alias", "drawbridge:orphan00001")
    lab.engine_ns("ip", "link", "add", "db-stranger", "type", "bridge")
    lab.start_drawbridge(binary)
    one, member = docker.run(network), docker.run(network)
    assert reach(one, member, member.address()) == EVERYTHING
    assert "state UP" in lab.engine_ns("ip", "link", "show", "dblost0").stdout
    assert ",UP" in lab.engine_ns("ip", "link", "show", "dbdown0").stdout
    wait_for(lambda: "orphan" not in lab.engine_ns("ip", "link").stdout, 10, "the orphan's end")
    assert "db-stranger" in lab.engine_ns("ip", "link").stdout, "what lacks the mark is left alone"
    lab.engine_ns("ip", "link", "del", "db-stranger")
    # Docker's own rules went with the flush; a new start of the engine makes them again.
    lab.restart_engine()


def test_hangup_repairs(lab, docker):
    network = docker.network("-o", "com.docker.network.bridge.name=dbhup0")
    one, member = docker.run(network), docker.run(network)
    lab.engine_ns("ip", "addr", "flush", "dev", "dbhup0")
    lab.engine_ns("nft", "delete", "table", "inet", "drawbridge")
    assert not ping(one, "10.249.1.1", timeout=0.3)
    lab.drawbridge.send_signal(1)
    wait_for(lambda: ping(one, "10.249.1.1", timeout=0.3), 5, "the gateway's return")
    assert reach(one, member, member.address()) == EVERYTHING
    assert reach(one, lab.outside_place, "198.51.100.2") == EVERYTHING


def test_the_engine_killed_and_started_again(make_lab):
    lab = make_lab()
    docker = Docker(lab)
    network = docker.network()
    one = docker.run(network, "--restart", "always")
    docker.run(network)
    lab.kill_engine()
    lab.start_engine()
    wait_for(lambda: one.inspect()["State"]["Running"], 20, "the container's return")
    late = docker.run(network)
    assert reach(one, late, late.address()) == EVERYTHING
    docker.clean()
    wait_for(lambda: not rows(lab)["leases"] and not rows(lab)["endpoints"], 5, "empty tables")


def test_live_restore(make_lab):
    lab = make_lab(live_restore=True)
    docker = Docker(lab)
    network, second = docker.network(), docker.network()
    one, member = docker.run(network), docker.run(network)
    with Heartbeat(one, member.address()) as beat:
        beat.wait_for_beats(1)
        lab.restart_engine()
        beat.wait_for_beats(20)
    assert beat.lost == 0
    docker("network", "connect", second, one.name)
    assert len(one.interfaces()) == 2
    docker("network", "disconnect", second, one.name)
    docker.clean()


def test_the_engine_may_come_later(make_lab, binary):
    lab = make_lab(start=True)
    docker = Docker(lab)
    network = docker.network()
    lab.stop_drawbridge()
    lab.stop_engine()
    lab.start_drawbridge(binary)
    lab.start_engine()
    assert docker.run(network).address() == "10.249.1.2"
    docker.clean()


def test_failed_operations_leave_neither_link_nor_row(lab, docker):
    network = docker.network()
    docker.network("--subnet", "10.85.0.0/24", "-o", "com.docker.network.bridge.name=dbonce0")
    stored = rows(lab)
    with leaves_nothing(lab):
        refused = docker("network", "create", "-d", "drawbridge", "--ipam-driver", "drawbridge",
                         "--subnet", "10.86.0.0/24", "-o", "com.docker.network.bridge.name=dbonce0",
                         docker.name("again"), check=False)
        assert "bridge dbonce0 belongs to network" in refused.stderr
        broken = docker.name("broken")
        docker("run", "-d", "--name", broken, "--network", network, "bb:latest", "/no/such/program",
               check=False)
        docker("rm", "-f", broken)
    assert without_released(rows(lab)) == stored


def test_a_full_disk_fails_clearly_and_recovers(make_lab, binary):
    lab = make_lab()
    docker = Docker(lab)
    lab.stop_drawbridge()
    lab.engine_ns("mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", lab.state_dir)
    lab.start_drawbridge(binary)
    network = docker.network()
    one, member = docker.run(network), docker.run(network)
    fill = f"dd if=/dev/zero of={lab.state_dir}/filler bs=1k 2>/dev/null || true"
    lab.engine_ns("sh", "-c", fill)
    with leaves_nothing(lab):
        for _ in range(40):  # what the log file still has room for may go through
            refused = docker("network", "create", "-d", "drawbridge", "--ipam-driver", "drawbridge",
                             docker.name("full"), check=False)
            if refused.returncode != 0:
                break
        assert "disk is full" in refused.stderr, refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
        assert reach(one, member, member.address()) == EVERYTHING
        lab.engine_ns("rm", f"{lab.state_dir}/filler")
        made = docker.network()
        assert docker.subnet(made)
        fresh = [net["Name"] for net in lab.api("GET", "/networks")[1] if net["Driver"] == "drawbridge"]
        docker("network", "rm", *(name for name in fresh if name != network))
    docker.clean()
    lab.stop_drawbridge()
    lab.engine_ns("umount", lab.state_dir)
    lab.start_drawbridge(binary)


def test_everything_removed_means_no_rows(make_lab):
    lab = make_lab()
    docker = Docker(lab)
    network = docker.network("--ipv6", "--subnet", "10.87.0.0/24", "--subnet", "fd00:87::/64")
    docker.run(network)
    docker.run(network, "--ip", "10.87.0.77")
    assert rows(lab)["leases"]
    docker.clean()
    left = rows(lab)
    assert [key for key, _ in left.pop("settings")] == ["ula_prefix"], "the host's own"
    assert not any(left.values()), left


def test_kill_in_the_middle_of_much_work(lab, docker, binary):
    """Whatever a kill interrupts: the kernel holds what the store holds, no subnet is given twice."""

    def churn(number):
        name = f"churn-{number}"
        docker("network", "create", "-d", "drawbridge", "--ipam-driver", "drawbridge", name, check=False)
        docker("run", "--rm", "--network", name, "bb:latest", "true", check=False)
        docker("network", "rm", name, check=False)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        work = [pool.submit(churn, number) for number in range(12)]
        for _ in range(4):
            calls = lab.drawbridge_log().count("Driver.")
            wait_for(lambda: lab.drawbridge_log().count("Driver.") > calls + 8
                     or all(each.done() for each in work), 60, "calls to interrupt")
            lab.kill_drawbridge()
            lab.start_drawbridge(binary)
        for each in work:
            each.result(timeout=120)
    held = {name for name, *_ in rows(lab)["networks"]}
    wait_for(lambda: owned_bridges(lab) == held, 10, f"a bridge for each of {held} and no other")
    leased = {pool[2] for pool in rows(lab)["pools"]}
    networks = [docker.network() for _ in range(3)]
    subnets = {docker.subnet(network) for network in networks}
    assert len(subnets) == 3 and not subnets & leased
    one, member = docker.run(networks[0]), docker.run(networks[0])
    assert reach(one, member, member.address()) == EVERYTHING


def test_a_newer_state_file_stops_the_start_with_one_line(make_lab, binary):
    lab = make_lab()
    Docker(lab).network()
    lab.stop_drawbridge()
    path = f"{lab.state_dir}/state.db"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    content = read(path)
    result = lab.engine_ns(binary, "serve", "--state-dir", lab.state_dir, "--plugin-socket",
                           "/run/docker/plugins/drawbridge.sock", "--control-socket",
                           lab.control_socket, check=False)
    assert result.returncode == 1
    assert "state.db" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert read(path) == content, "the file is left as it was"
    lab.engine_ns("rm", path)
    lab.start_drawbridge(binary)
