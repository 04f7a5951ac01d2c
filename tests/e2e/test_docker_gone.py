"""What Docker lost without saying so is released after two looks, and nothing else ever is."""

import contextlib
import http.server
import json
import os
import re
import socketserver
import threading

from containers import Docker
from lab import wait_for
from leases import Leases
from published import listing
from test_state import owned_bridges, rows

CALM = 60  # seconds: a look may be 30 away, and machines are busy
TWO_LOOKS = 90

HANDSHAKE = {
    "/Plugin.Activate": {"Implements": ["NetworkDriver", "IpamDriver"]},
    "/NetworkDriver.GetCapabilities": {"Scope": "local"},
    "/IpamDriver.GetCapabilities": {},
    "/IpamDriver.GetDefaultAddressSpaces": {"LocalDefaultAddressSpace": "drawbridge-local"},
}


class Refusal(http.server.BaseHTTPRequestHandler):
    """Shakes hands and refuses all else, at once: an engine waits minutes for who does not answer."""

    def address_string(self):
        return "engine"

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        reply = json.dumps(HANDSHAKE.get(self.path, {"Err": "away", "Error": "away"})).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)


class RefusalServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextlib.contextmanager
def refused(lab):
    """Nothing that the engine says reaches drawbridge, which does not run, while the block does."""
    with contextlib.suppress(FileNotFoundError):
        os.remove(lab.plugin_socket)
    with RefusalServer(lab.plugin_socket, Refusal) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield
        server.shutdown()
        thread.join()
    os.remove(lab.plugin_socket)


def forget_networks(lab):
    """Takes the networks from the engine's database; it does not run."""
    lab.engine_ns("rm", f"{lab.root}/engine/data/network/files/local-kv.db")


def ids(docker, network):
    return docker.inspect_network(network)["Id"][:12]


def released(lab, what):
    """How often the log says that `what`, a regular expression, was released."""
    return len(re.findall(f"warning released {what}: docker does not", lab.drawbridge_log()))


def held_rows(lab):
    """rows(), without what Docker tells of an endpoint's container: that may come at any time."""
    state = rows(lab)
    return {**state, "endpoints": [endpoint[:6] for endpoint in state["endpoints"]]}


def test_what_a_killed_engine_forgot_is_released(make_lab, binary):
    lab = make_lab()
    docker, leases = Docker(lab), Leases(lab)
    first, second = docker.network("--subnet", "10.85.0.0/24"), docker.network()
    one = docker.run(first, "-p", "8080:80")
    address, first_id, second_id = one.address(), ids(docker, first), ids(docker, second)

    lab.kill_engine()
    lab.kill_drawbridge()
    with refused(lab):
        lab.start_engine()
    lab.start_drawbridge(binary)
    assert leases.status()["endpoints"] == 1, "not before two looks"
    wait_for(lambda: leases.status()["endpoints"] == 0, TWO_LOOKS, "the release of the endpoint", 0.2)
    assert released(lab, rf"endpoint \w+ \(container {one.name}\) of network {first} \({first_id}\)") == 1
    assert leases.status()["networks"] == 2
    assert leases.addresses_in_use() == {docker.subnet(first): 1, docker.subnet(second): 1}
    again = docker.run(first, "-p", "8080:80", "--ip", address)
    assert again.address() == address

    lab.kill_engine()
    forget_networks(lab)
    lab.start_engine()
    control = docker.network()
    member = docker.run(control)
    wait_for(lambda: leases.status()["networks"] == 1, TWO_LOOKS, "the release of the networks", 0.2)
    assert released(lab, rf"network {first} \({first_id}\)") == 1
    assert released(lab, rf"network {second} \({second_id}\)") == 1
    assert leases.addresses_in_use() == {docker.subnet(control): 2}
    assert leases.status()["endpoints"] == 1

    wait_for(lambda: {bridge[:12] for bridge in owned_bridges(lab)} == {ids(docker, control)}, 10,
             "the end of the bridges")
    ruleset = lab.engine_ns("nft", "list", "ruleset").stdout
    assert f"db-{ids(docker, control)}" in ruleset
    assert f"db-{first_id}" not in ruleset and f"db-{second_id}" not in ruleset
    left = rows(lab)
    assert (len(left["networks"]), len(left["endpoints"])) == (1, 1)
    member.exec("ping", "-c1", "-W2", member.gateway())
    docker.clean()


def test_nothing_is_released_while_the_engine_is_away(make_lab, binary):
    lab = make_lab(live_restore=True)
    docker, leases = Docker(lab), Leases(lab)
    network = docker.network()
    docker.network()
    one = docker.run(network, "-p", "8080:80")
    docker("rename", one.name, "renamed")
    wait_for(lambda: [port["container"] for port in listing(lab, binary)] == ["renamed"], CALM,
             "the new name of the container")

    before, held = held_rows(lab), leases.addresses_in_use()
    lab.stop_engine()
    away = "nothing is released and networks are known as they were until it answers"
    wait_for(lambda: away in lab.drawbridge_log(), 2 * CALM, "the word that Docker is away")
    assert leases.status()["networks"] == 2, "all else is answered"
    lab.start_engine()
    wait_for(lambda: "docker answers again" in lab.drawbridge_log(), CALM, "the word that it is back")
    assert lab.drawbridge_log().count(away) == lab.drawbridge_log().count("docker answers again") == 1
    assert leases.addresses_in_use() == held
    assert held_rows(lab) == before
    assert not released(lab, ".*")
    docker.clean()


def test_nothing_is_released_by_the_word_of_another_engine(make_lab, binary):
    lab, stranger = make_lab(), make_lab()
    docker, leases = Docker(lab), Leases(lab)
    Docker(stranger).network()  # its subnet is the same as that of the first network here
    for network in (docker.network(), docker.network()):
        docker.run(network)
    before, held = held_rows(lab), leases.addresses_in_use()
    lab.stop_drawbridge()
    lab.start_drawbridge(binary, "--docker-socket", stranger.engine_socket)
    warning = "knows none of the 2 networks made here: nothing is released"
    wait_for(lambda: warning in lab.drawbridge_log(), CALM, "the warning")
    assert held_rows(lab) == before
    assert leases.addresses_in_use() == held
    lab.stop_drawbridge()
    lab.start_drawbridge(binary)
    late = docker.run(docker.network())
    late.exec("ping", "-c1", "-W2", late.gateway())
    assert not released(lab, ".*")
    assert lab.drawbridge_log().count(warning) == 1
    docker.clean()
