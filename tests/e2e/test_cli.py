"""The program itself: flags, environment, configuration, log, and every verb."""

import ipaddress
import json
import os
import re
import shutil
import socket
import stat
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from containers import Docker
from lab import wait_for
from lab.engine_api import request
from probes import EVERYTHING, leaves_nothing, reach


def run(lab, binary, *args, **options):
    return lab.engine_ns(binary, *args, check=False, **options)


def ask(lab, binary, verb, *args, **options):
    """Runs a verb against the lab's daemon."""
    return run(lab, binary, verb, *args, "--control-socket", lab.control_socket, **options)


def ask_json(lab, binary, verb, *args):
    done = ask(lab, binary, verb, *args, "--json")
    assert done.stderr == "", done
    return json.loads(done.stdout)


def rows(done):
    """Title -> cell, for each line of a table."""
    assert (done.returncode, done.stderr) == (0, ""), done
    titles, *lines = (re.split(r" {3,}", line) for line in done.stdout.splitlines())
    return [dict(zip(titles, cells, strict=True)) for cells in lines]


def row_of(done, title, value):
    found = [row for row in rows(done) if row[title] == value]
    assert len(found) == 1, done.stdout
    return found[0]


def test_version_help_and_usage(lab, binary):
    assert re.fullmatch(r"drawbridge \d+\.\d+\.\d+\n", run(lab, binary, "--version").stdout)
    assert "--state-dir" in run(lab, binary, "serve", "--help").stdout
    assert run(lab, binary).returncode == 2
    assert run(lab, binary, "serve", "--no-such-flag").returncode == 2


def test_check_says_file_line_and_reason(lab, binary, tmp_path):
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('{"log_level": "debug"}')
    bad.write_text('{\n  "pools": {"pods": {"prefixes": ["10.249.0.0/16"], "prefix": 24}},\n  "log_levle": 1\n}')
    assert run(lab, binary, "check", str(good)).stdout == f"{good}: good\n"
    refused = run(lab, binary, "check", str(bad))
    assert refused.returncode == 1
    assert f'{bad}: line 3: "log_levle" is not a known key: did you mean "log_level"' in refused.stderr
    refused = run(lab, binary, "serve", "--config", str(bad), "--state-dir", str(tmp_path / "state"))
    assert refused.returncode == 1
    assert "line 3" in refused.stderr


def test_a_configured_pool_serves(make_lab, binary, tmp_path):
    config = tmp_path / "drawbridge.json"
    config.write_text('{"pools": {"small": {"prefixes": ["10.77.0.0/16"], "prefix": 28}}, "default_pool": "small"}')
    lab = make_lab()
    docker = Docker(lab)
    lab.stop_drawbridge()
    lab.start_drawbridge(binary, "--config", str(config))
    assert docker.subnet(docker.network()) == "10.77.0.16/28"
    docker.clean()


def test_every_flag_has_its_variable(make_lab, binary, tmp_path):
    lab = make_lab()
    lab.stop_drawbridge()
    variables = {
        "DRAWBRIDGE_STATE_DIR": f"{lab.root}/elsewhere",
        "DRAWBRIDGE_PLUGIN_SOCKET": f"{lab.root}/plugins/other.sock",
        "DRAWBRIDGE_CONTROL_SOCKET": f"{lab.root}/own/control.sock",
        "DRAWBRIDGE_CONFIG": str(tmp_path / "none.json"),
        "DRAWBRIDGE_DOCKER_SOCKET": "/run/docker.sock",
        "DRAWBRIDGE_LOG_LEVEL": "debug",
        "DRAWBRIDGE_LOG_FORMAT": "json",
    }
    child = lab.engine_place.spawn(binary, "serve", env={**os.environ, **variables}, stderr=-1, text=True)
    line = json.loads(child.stderr.readline())
    while "serves" not in line["message"]:
        line = json.loads(child.stderr.readline())
    assert line["level"] == "info"
    assert request(f"{lab.root}/plugins/other.sock", "POST", "/Plugin.Activate")[0] == 200
    assert request(f"{lab.root}/own/control.sock", "GET", "/status")[1]["networks"] == 0
    assert stat.S_IMODE(os.stat(f"{lab.root}/own").st_mode) == 0o700, "of the control socket"
    child.terminate()
    assert child.wait(10) == 0
    assert not os.path.exists(f"{lab.root}/plugins/other.sock"), "a stale socket slows the engine down"


def test_sockets_and_state_are_roots_own(lab):
    for path in (lab.plugin_socket, lab.control_socket, f"{lab.state_dir}/state.db"):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600, path


def test_a_second_daemon_is_refused(lab, binary, tmp_path):
    same_state = run(lab, binary, "serve", "--state-dir", lab.state_dir)
    assert same_state.returncode == 1
    assert "is in use by process" in same_state.stderr
    with leaves_nothing(lab):
        same_socket = run(lab, binary, "serve", "--state-dir", str(tmp_path), "--plugin-socket",
                          "/run/docker/plugins/drawbridge.sock", "--control-socket", str(tmp_path / "c.sock"))
        assert same_socket.returncode == 1
        assert "drawbridge.sock" in same_socket.stderr
    assert request(lab.plugin_socket, "POST", "/Plugin.Activate")[0] == 200


def test_one_log_line_per_call(lab, docker):
    before = len(lab.drawbridge_log())
    network = docker.network()
    identity = docker.inspect_network(network)["Id"][:12]
    log = lab.drawbridge_log()[before:]
    assert re.search(rf"info NetworkDriver\.CreateNetwork network={identity} ok in [\d.]+ ms", log)
    assert re.search(r"info IpamDriver\.RequestPool pool=drawbridge-local/10\.249\.1\.0/24 ok in", log)
    docker("network", "create", "-d", "drawbridge", "-o", "nonsense=1", docker.name("x"), check=False)
    assert re.search(r"warning NetworkDriver\.CreateNetwork network=\w{12} failed in [\d.]+ ms: unknown option",
                     lab.drawbridge_log()[before:])


def test_status_lists_leased_pools(lab, docker):
    network = docker.network()
    docker.run(network)
    status, body = request(lab.control_socket, "GET", "/status")
    assert status == 200
    assert (body["networks"], body["endpoints"]) == (1, 1)
    assert body["pools"] == [
        {"id": "drawbridge-local/10.249.1.0/24", "subnet": "10.249.1.0/24", "addresses_in_use": 2}
    ]


def test_ports_asks_the_daemon_that_runs(lab, binary, tmp_path):
    listed = run(lab, binary, "ports", "--control-socket", lab.control_socket)
    assert (listed.returncode, listed.stdout.split()[:2]) == (0, ["CONTAINER", "NETWORK"])
    as_json = run(lab, binary, "ports", "--json", "--control-socket", lab.control_socket)
    assert (as_json.returncode, json.loads(as_json.stdout)) == (0, [])
    nobody = run(lab, binary, "ports", "--control-socket", str(tmp_path / "none.sock"))
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert re.fullmatch(r"drawbridge: no answer on .*\"drawbridge serve\".*\n", nobody.stderr)
    assert run(lab, binary, "ports", "--no-such-flag").returncode == 2


def test_uninstall_takes_everything_of_ours_and_nothing_else(make_lab, binary):
    lab = make_lab()
    docker = Docker(lab)
    native = docker.native_network()
    one, other = docker.run(native), docker.run(native)
    lab.stop_drawbridge()
    places = ("--state-dir", lab.state_dir, "--control-socket", lab.control_socket,
              "--plugin-socket", "/run/docker/plugins/drawbridge.sock")
    clean = run(lab, binary, "uninstall", *places)
    assert clean.returncode == 0, clean.stderr
    before = lab.snapshot()
    lab.start_drawbridge(binary)
    network = docker.network()
    docker.run(network)
    lab.engine_ns("ip", "link", "add", "db-foreign", "type", "bridge")
    refused = run(lab, binary, "uninstall", *places)
    assert refused.returncode == 1 and "a daemon answers on" in refused.stderr
    elsewhere = run(lab, binary, "uninstall", *places[:2], "--control-socket", f"{lab.root}/none.sock")
    assert elsewhere.returncode == 1 and "is in use by process" in elsewhere.stderr
    served = lab.snapshot()
    apart = run(lab, binary, "uninstall", *places[4:], "--control-socket", f"{lab.root}/none.sock",
                "--state-dir", f"{lab.root}/none")
    assert apart.returncode == 1 and "answers there: stop the daemon" in apart.stderr
    assert lab.snapshot() == served, "who refuses has touched nothing"
    assert request(lab.plugin_socket, "POST", "/Plugin.Activate")[0] == 200
    lab.kill_drawbridge()
    assert os.path.exists(lab.control_socket), "the control: what is killed leaves its sockets"
    done = run(lab, binary, "uninstall", *places, "--state")
    assert done.returncode == 0, done.stderr
    assert re.search(r"removed [2-9] links and [1-9]\d* accept rules; no table", done.stdout), done.stdout
    assert "drawbridge.sock\n" in done.stdout and f"removed {lab.state_dir}\n" in done.stdout
    assert not any(map(os.path.exists, (lab.control_socket, lab.plugin_socket, lab.state_dir)))
    nothing = run(lab, binary, "uninstall", *places, "--json")
    assert json.loads(nothing.stdout) == {"links": 0, "accept_rules": 0, "files": [], "state_dir": ""}
    lab.engine_ns("ip", "link", "del", "db-foreign")
    wait_for(lambda: lab.snapshot() == before, 5, "the links and rules of before")
    assert reach(one, other, other.address()) == EVERYTHING
    lab.start_drawbridge(binary)
    docker.clean()


@pytest.fixture
def shop(docker):
    """A network with a member that publishes a port, and one whose members do not meet."""
    network = docker.dual_network(name=docker.name("shop"), mtu="1400", egress="all")
    apart = docker.network("-o", "isolation=members", name=docker.name("apart"))
    web = docker.run(network, "-p", "18080:80")
    return network, apart, web


def test_networks_are_listed_with_what_tells(lab, binary, docker, shop):
    network, apart, _ = shop
    found = docker.inspect_network(network)
    row = row_of(ask(lab, binary, "networks"), "NAME", network)
    assert row["ID"] == found["Id"][:12]
    subnets = [str(ipaddress.ip_network(each)) for each in docker.subnets(network)]
    assert row["SUBNETS"] == ",".join(subnets), "both families"
    gateways = [str(ipaddress.ip_network(each)[1]) for each in subnets]
    assert row["GATEWAY"] == ",".join(gateways), "the first of each"
    assert (row["BRIDGE"], row["ENDPOINTS"], row["ISOLATION"], row["OPTIONS"]) == (
        f"db-{found['Id'][:12]}", "1", "network", "mtu=1400")
    row = row_of(ask(lab, binary, "networks"), "NAME", apart)
    assert (row["ISOLATION"], row["OPTIONS"]) == ("members", "isolation=members")
    names = [row["NAME"] for row in rows(ask(lab, binary, "networks"))]
    assert names == sorted(names)
    listed = [each for each in ask_json(lab, binary, "networks") if each["name"] == network]
    assert (listed[0]["id"], listed[0]["mtu"], listed[0]["internal"]) == (found["Id"], 1400, False)


def test_endpoints_are_listed_with_their_containers(lab, binary, docker, shop):
    network, apart, web = shop
    wait_for(lambda: web.name in ask(lab, binary, "endpoints").stdout, 10, "the container's name")
    row = row_of(ask(lab, binary, "endpoints"), "CONTAINER", web.name)
    addresses = [ask_json(lab, binary, "endpoints", network)[0]["addresses"]]
    assert [each.split("/")[0] for each in addresses[0]] == [web.address(), web.address6()]
    assert row["ADDRESSES"] == ",".join(addresses[0])
    assert (row["NETWORK"], row["MAC"], row["STATE"]) == (network, web.mac(), "joined")
    assert row["PUBLISHED"] == str(len(ask_json(lab, binary, "ports")))
    lab.engine_ns("ip", "link", "show", row["PORT"])
    assert rows(ask(lab, binary, "endpoints", apart)) == []
    identity = docker.inspect_network(network)["Id"]
    assert len(rows(ask(lab, binary, "endpoints", identity[:12]))) == 1
    unknown = ask(lab, binary, "endpoints", "no-such")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "no network of drawbridge is called" in unknown.stderr


def test_pools_are_explained_by_who_has_what(lab, binary, docker, shop):
    network, apart, _ = shop
    table = rows(ask(lab, binary, "pools"))
    assert [row["POOL"] for row in table] == ["pods (default)", "services", "ula"]
    assert table[0]["NEXT"].startswith("10.249.")
    text = ask(lab, binary, "pools", "explain", "pods").stdout
    brief = docker.inspect_network(apart)["Id"][:12]
    assert f"    {docker.subnet(apart)} by network {apart} ({brief}), 1 addresses in use\n" in text
    assert "pool services" not in text
    assert f"{docker.subnet(network)} by network {network}" in ask(lab, binary, "pools", "explain").stdout
    leased = ask_json(lab, binary, "pools", "explain", "pods")["leased"]
    assert [each["network_name"] for each in leased] == [apart]
    mistyped = ask(lab, binary, "pools", "explain", "pod")
    assert mistyped.returncode == 1 and 'did you mean "pods"' in mistyped.stderr


def test_status_is_read_by_people_and_programs(lab, binary, shop):
    done = ask(lab, binary, "status")
    assert done.returncode == 0, done.stderr
    values = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert (values["networks"], values["endpoints"]) == ("2", "1")
    assert values["control socket"] == lab.control_socket
    assert values["state"] == f"{lab.state_dir}/state.db"
    wait_for(lambda: "answered first" in ask(lab, binary, "status").stdout, 10, "docker's answer")
    found = ask_json(lab, binary, "status")
    assert found["docker"]["socket"] == lab.engine_socket
    assert found["version"] in run(lab, binary, "--version").stdout
    assert found["paths"]["state_dir"] == lab.state_dir


def test_reconcile_repairs_what_a_dry_run_only_tells(lab, binary, docker, shop):
    _, apart, _ = shop
    bridge = f"db-{docker.inspect_network(apart)['Id'][:12]}"
    wait_for(lambda: ask(lab, binary, "reconcile", "--dry-run").stdout == "nothing to repair\n",
             10, "a quiet host")
    lab.engine_ns("ip", "link", "set", bridge, "down")
    done = ask(lab, binary, "reconcile")
    assert done.returncode == 0, done
    wait_for(lambda: "state UP" in lab.engine_ns("ip", "link", "show", bridge).stdout
             or "UP" in lab.engine_ns("ip", "-o", "link", "show", bridge).stdout.split(">")[0],
             5, "the bridge that is up again")
    again = ask(lab, binary, "reconcile", "--dry-run")
    assert (again.returncode, again.stdout) == (0, "nothing to repair\n")
    assert ask_json(lab, binary, "reconcile", "--dry-run") == []


def test_backup_is_restored_by_copying_it_back(lab, binary, docker, shop, tmp_path):
    network, _, web = shop
    copy = tmp_path / "copy.db"
    done = ask(lab, binary, "backup", str(copy))
    assert done.returncode == 0, done.stderr
    assert "to restore it: stop the daemon" in done.stdout
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    taken = ask(lab, binary, "backup", str(copy))
    assert taken.returncode == 1 and "name a file that is not there yet" in taken.stderr
    piped = lab.engine_ns("sh", "-c", f"{binary} backup - --control-socket {lab.control_socket} | wc -c")
    assert int(piped.stdout) == copy.stat().st_size
    later = docker.network()
    lab.stop_drawbridge()
    offline = tmp_path / "offline.db"
    done = ask(lab, binary, "backup", str(offline), "--state-dir", lab.state_dir)
    assert done.returncode == 0, done.stderr
    state = f"{lab.state_dir}/state.db"
    for log in (f"{state}-wal", f"{state}-shm"):
        if os.path.exists(log):
            os.unlink(log)
    shutil.copy(copy, state)
    lab.start_drawbridge(binary)
    names = [each["name"] for each in ask_json(lab, binary, "networks")]
    assert network in names and later not in names, "the state of that moment"
    assert web.name in ask(lab, binary, "endpoints", network).stdout
    nowhere = run(lab, binary, "backup", str(tmp_path / "none.db"), "--state-dir", str(tmp_path / "none"),
                  "--control-socket", str(tmp_path / "none.sock"))
    assert nowhere.returncode == 1 and "there is no state in" in nowhere.stderr
    assert not (tmp_path / "none.db").exists() and not (tmp_path / "none").exists()


def test_a_backup_that_is_interrupted_leaves_no_file(lab, binary, tmp_path):
    path, copy = str(tmp_path / "silent.sock"), tmp_path / "copy.db"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(path)
        silent.listen()
        asking = lab.engine_place.spawn(binary, "backup", str(copy), "--control-socket", path)
        with silent.accept()[0] as client:
            assert client.recv(4096).startswith(b"GET /backup"), "the control: it waits for an answer"
            asking.kill()
            asking.wait()
    assert not copy.exists(), "an empty file would pass for a state with nothing in it"


@pytest.mark.parametrize("verb", ["status", "networks", "endpoints", "pools", "ports", "reconcile"])
def test_a_verb_says_when_no_daemon_runs(lab, binary, tmp_path, verb):
    nobody = run(lab, binary, verb, "--json", "--control-socket", str(tmp_path / "none.sock"))
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert re.fullmatch(r"drawbridge: no answer on .*: the daemon does not run: start it .*\n", nobody.stderr)


def test_who_is_not_root_is_told_so(lab, binary):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        program = shutil.copy(binary, folder)
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        done = lab.engine_ns(*nobody, program, "status", "--control-socket", lab.control_socket, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert re.fullmatch(r"drawbridge: no answer on .*: Permission denied: ask as root\n", done.stderr)
        done = lab.engine_ns(*nobody, program, "uninstall", check=False)
        assert done.returncode == 1 and "run it as root" in done.stderr
    assert ask(lab, binary, "status").returncode == 0, "the control"


def test_another_program_behind_the_socket_is_no_drawbridge(lab, binary, tmp_path):
    path = str(tmp_path / "ssh.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def greet():
            with listener.accept()[0] as client:
                client.recv(4096)
                client.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")

        threading.Thread(target=greet, daemon=True).start()
        done = run(lab, binary, "status", "--control-socket", path)
    assert done.returncode == 1 and "it is not drawbridge" in done.stderr


def test_garbage_on_the_control_socket_disturbs_nobody(lab, binary):
    for garbage in (b"\0" * 4096, b"GET\r\n\r\n", b"POST /reconcile HTTP/1.1\r\nContent-Length: -1\r\n\r\n"):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(lab.control_socket)
            client.sendall(garbage)
            client.settimeout(5)
            assert client.recv(4096).startswith(b"HTTP/1.1 4"), garbage
    assert ask(lab, binary, "status").returncode == 0


def test_many_ask_while_containers_start(lab, binary, docker):
    network = docker.network()
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(ask, lab, binary, "status") for _ in range(100)]
        docker.run_each([network] * 4)
        answers = [each.result() for each in asked]
    assert [each.returncode for each in answers] == [0] * 100
    assert ask_json(lab, binary, "networks")[0]["endpoints"] == 4
