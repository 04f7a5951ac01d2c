"""The program itself: flags, environment, configuration, log, uninstall."""

import json
import os
import re
import stat

from containers import Docker
from lab import wait_for
from lab.engine_api import request
from probes import EVERYTHING, leaves_nothing, reach


def run(lab, binary, *args, **options):
    return lab.engine_ns(binary, *args, check=False, **options)


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
        "DRAWBRIDGE_CONTROL_SOCKET": f"{lab.root}/other-control.sock",
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
    assert request(f"{lab.root}/other-control.sock", "GET", "/status")[1]["networks"] == 0
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
    clean = run(lab, binary, "uninstall", "--state-dir", lab.state_dir)
    assert clean.returncode == 0, clean.stderr
    before = lab.snapshot()
    lab.start_drawbridge(binary)
    network = docker.network()
    docker.run(network)
    lab.engine_ns("ip", "link", "add", "db-foreign", "type", "bridge")
    refused = run(lab, binary, "uninstall", "--state-dir", lab.state_dir)
    assert refused.returncode == 1 and "is in use by process" in refused.stderr
    lab.stop_drawbridge()
    assert run(lab, binary, "uninstall", "--state-dir", lab.state_dir).returncode == 0
    lab.engine_ns("ip", "link", "del", "db-foreign")
    wait_for(lambda: lab.snapshot() == before, 5, "the links and rules of before")
    assert reach(one, other, other.address()) == EVERYTHING
    lab.start_drawbridge(binary)
    docker.clean()
