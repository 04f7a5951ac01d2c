"""What others do to our links, addresses and rules: seen at once, repaired, and named in the log."""

import datetime
import json
import re
import time

import pytest
from containers import Docker
from lab import wait_for
from lab.engine_api import request
from probes import gets_through, ping, tcp
from published import HOST
from servers import TcpServer
from streams import Heartbeat

SOON = 1.0  # seconds from the damage to the line of the log
PORT = 4567
REPAIRED = re.compile(r"^(\S+) (?:warning|warn) repaired: (.*)$", re.MULTILINE)


class Conversation:
    """A connection to an echoing server that is to outlive the damage."""

    def __init__(self, place, address, port):
        self._channel = place.socket()
        self._channel.settimeout(10)
        self._channel.connect((address, port))
        self._lines = self._channel.makefile("rb")
        self._lines.readline()  # the greeting

    def goes_on(self):
        self._channel.sendall(b"still there?\n")
        return self._lines.readline() == b"still there?\n"

    def close(self):
        self._lines.close()
        self._channel.close()


class Scene:
    """Two members of a network, one with a published port, and traffic to both."""

    def __init__(self, lab, docker, *options):
        self.lab, self.host = lab, lab.engine_place
        self.network = docker.network(*options)
        self.id = docker.inspect_network(self.network)["Id"][:12]
        self.bridge = f"db-{self.id}"
        self.subnet = docker.subnet(self.network)
        self.client = docker.run(self.network)
        self.server = docker.run(self.network, "-p", f"{PORT}:{PORT}")

    def port(self, member):
        """The host's end of the member's veth pair."""
        shown = self.host.run("bridge", "-j", "fdb", "show", "br", self.bridge).stdout
        return next(each["ifname"] for each in json.loads(shown) if each["mac"] == member.mac())

    def gateway(self):
        return f"{self.server.gateway()}/{self.subnet.partition('/')[2]}"


def look(lab):
    """Returns after a look: what there was to repair is in the log."""
    lab.reload_drawbridge()


def repairs(text):
    return [(datetime.datetime.fromisoformat(when).timestamp(), what)
            for when, what in REPAIRED.findall(text)]


def flush_ruleset(scene):
    scene.host.run("nft", "flush", "ruleset")
    return ["table inet drawbridge was gone", "table bridge drawbridge was gone"]


def delete_bridge(scene):
    scene.host.run("ip", "link", "del", scene.bridge)
    return [f"bridge {scene.bridge} of network {scene.id} was gone"]


def set_bridge_down(scene):
    scene.host.run("ip", "link", "set", scene.bridge, "down")
    return [f"bridge {scene.bridge} was down"]


def remove_gateway(scene):
    gateway = scene.gateway()
    scene.host.run("ip", "addr", "del", gateway, "dev", scene.bridge)
    return [f"address {gateway} was missing on {scene.bridge}"]


def delete_element(scene):
    pair = f'"{scene.bridge}" . "{scene.bridge}"'
    scene.host.run("nft", f"delete element inet drawbridge pair {{ {pair} }}")
    pair = pair.replace('"', "")
    return [f"element pair {{ {pair} : accept }} was missing"]


def pull_port(scene):
    port = scene.port(scene.server)
    scene.host.run("ip", "link", "set", port, "nomaster")
    return [f"port {port} was off its bridge {scene.bridge}"]


def assert_repaired(lab, docker, damage):
    begin = len(lab.drawbridge_log())

    def found():
        return repairs(lab.drawbridge_log()[begin:])

    scene = Scene(lab, docker)
    outside, published = lab.outside_place, HOST[4]
    with TcpServer(scene.server.still(), PORT):
        inside = Conversation(scene.client, scene.server.address(), PORT)
        from_outside = Conversation(outside, published, PORT)
        assert inside.goes_on() and from_outside.goes_on()
        look(lab)
        known = len(found())
        with Heartbeat(scene.client, scene.server.address()) as beat:
            beat.wait_for_beats(5)
            begun = time.time()
            expected = damage(scene)
            wait_for(lambda: len(found()) >= known + len(expected), 10, "the repair")
            answered = beat.answered
            wait_for(lambda: beat.answered > answered + 5, 15, "pings that are answered again")
        assert gets_through(scene.client, scene.server.address())
        assert tcp(scene.client, scene.server.address(), PORT)
        assert tcp(outside, published, PORT)
        assert inside.goes_on() and from_outside.goes_on()
        look(lab)
        lines = found()[known:]
        inside.close()
        from_outside.close()
    # The accept rules beside Docker's are told apart from our tables.
    assert [what for _, what in lines if "accept rules" not in what] == expected
    took = max(when for when, _ in lines) - begun
    print(f"{damage.__name__}: repaired after {took:.3f} s")
    assert took < SOON, (begun, lines)


@pytest.mark.parametrize("damage", [delete_bridge, set_bridge_down, remove_gateway, delete_element,
                                    pull_port], ids=lambda each: each.__name__)
def test_damage_is_repaired_within_a_second_and_traffic_resumes(lab, docker, damage):
    assert_repaired(lab, docker, damage)


def test_a_flushed_ruleset_is_written_again(make_lab):
    lab = make_lab()  # of its own: the rules of the engine go, too, and it does not write them again
    assert_repaired(lab, Docker(lab), flush_ruleset)


def test_a_port_that_is_not_isolated_is_isolated_again(lab, docker, news):
    scene = Scene(lab, docker, "-o", "isolation=members")
    port = scene.port(scene.server)
    look(lab)
    known = len(repairs(news()))
    assert not ping(scene.client, scene.server.address())
    begun = time.time()
    scene.host.run("bridge", "link", "set", "dev", port, "isolated", "off")
    wait_for(lambda: len(repairs(news())) > known, 10, "the repair")
    look(lab)
    [(when, what)] = repairs(news())[known:]
    assert what == f"port {port} was not isolated"
    assert when - begun < SOON
    assert not ping(scene.client, scene.server.address())
    assert gets_through(scene.client, scene.server.gateway()), "the control: not cut off altogether"


def test_damage_is_repaired_while_requests_keep_coming(lab, docker, news):
    scene = Scene(lab, docker)
    look(lab)
    known = len(repairs(news()))
    begun = time.time()
    expected = set_bridge_down(scene)
    while len(repairs(news())) == known and time.time() < begun + 10:
        request(lab.plugin_socket, "POST", "/Plugin.Activate")
    [(when, what)] = repairs(news())[known:]
    assert [what] == expected
    assert when - begun < SOON + 0.5


FOREIGN = """
ip link add db-like type veth peer name far && ip link add other type bridge && ip link set other up
ip addr add 192.0.2.77/24 dev other
nft 'add table inet other; add set inet other nets { type ifname; elements = { "eth0" }; }'
"""


def foreign_things(place):
    return place.run("sh", "-c", "ip -o addr show other; ip -o link show db-like; "
                                 "nft list table inet other").stdout


def test_what_is_not_ours_is_left_alone(lab, docker, news):
    scene = Scene(lab, docker)
    look(lab)
    known = len(repairs(news()))
    scene.host.run("sh", "-ec", FOREIGN)
    try:
        before = foreign_things(scene.host)
        expected = set_bridge_down(scene)
        wait_for(lambda: len(repairs(news())) > known, 10, "the repair")
        look(lab)
        assert [what for _, what in repairs(news())[known:]] == expected
        assert foreign_things(scene.host) == before
        scene.host.run("ip", "link", "set", "other", "down")
        look(lab)
        assert "state DOWN" in scene.host.run("ip", "link", "show", "other").stdout
    finally:
        scene.host.run("sh", "-c", "ip link del db-like; ip link del other; "
                                   "nft delete table inet other")
