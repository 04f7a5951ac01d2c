"""Policies that change while traffic flows: one transaction each; what lost its permission ends.

Networks that say nothing of an option follow `defaults` of the configuration, which a SIGHUP reads
again. Newcomers are connections of their own, a thousand per second, so that the rules judge each;
open TCP connections are what conntrack knows already.
"""

import contextlib
import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from lab import wait_for
from probes import EVERYTHING, NOTHING, assert_reached, ping, reach, reach_dual, tcp, tcp_connect
from servers import TcpServer
from streams import Newcomers

OUTSIDE = "198.51.100.2"
OUTSIDE6 = "2001:db8:51::2"


class Talk:
    """An open TCP connection whose server echoes."""

    def __init__(self, source, address, port=7200):
        self._channel = tcp_connect(source, address, port)
        assert self._channel is not None, f"no connection from {source} to {address}"
        self._lines = self._channel.makefile("rb")
        self._lines.readline()  # the server's greeting
        assert self.goes_on()

    def goes_on(self, timeout=0.8):
        """Whether a line comes back. A talk that stopped once is over."""
        self._channel.settimeout(timeout)
        try:
            self._channel.sendall(b"still there\n")
            return self._lines.readline() == b"still there\n"
        except OSError:
            return False

    def close(self):
        self._lines.close()
        self._channel.close()


@contextlib.contextmanager
def talks(**pairs):
    """Open connections by name; `pairs` are (source, server place, address)."""
    with contextlib.ExitStack() as stack:
        opened = {}
        for place in {place for _, place, _ in pairs.values()}:
            stack.enter_context(TcpServer(place, 7200))
        for name, (source, _, address) in pairs.items():
            opened[name] = Talk(source, address)
            stack.callback(opened[name].close)
        yield opened


def both(source, destination, name):
    """The connections from `source` to both addresses of `destination`."""
    return {f"{name}{family}": (source, destination, address)
            for family, address in ((4, destination.address()), (6, destination.address6()))}


def going_on(opened):
    with ThreadPoolExecutor(len(opened)) as pool:
        go_on = pool.map(Talk.goes_on, opened.values())
        return set(itertools.compress(opened, go_on))


def names(*talks_of):
    return {f"{name}{family}" for name in talks_of for family in (4, 6)}


def wait_until_admitted(source, destination):
    for address in (destination.address(), destination.address6()):
        wait_for(lambda: ping(source, address), 5, f"{source} in {destination}")


class Scene:
    """One network that follows the defaults, and three that the defaults may name."""

    def __init__(self, docker, configure):
        self._configure = configure
        self._peers = [docker.dual_network(allow_from="203.0.113.1") for _ in range(3)]
        self.stays, self.goes, self.comes = docker.run_each(self._peers)
        configure({"defaults": {"allow_from": f"{self._peers[0]},{self._peers[1]}"}})
        network = docker.dual_network()
        self.one, self.sibling = docker.run_each([network] * 2)
        for peer in (self.stays, self.goes):
            wait_until_admitted(peer, self.one)

    def change(self):
        """Takes the permission from `goes` and gives it to `comes`."""
        self._configure({"defaults": {"allow_from": f"{self._peers[0]},{self._peers[2]}"}})

    def change_back(self):
        self._configure({"defaults": {"allow_from": f"{self._peers[0]},{self._peers[1]}"}})


@pytest.fixture
def scene(docker, configure):
    return Scene(docker, configure)


@pytest.mark.parametrize("family", [4, 6])
def test_a_permission_that_stays_loses_no_packet(scene, family):
    address = scene.one.address() if family == 4 else scene.one.address6()
    with Newcomers(scene.stays, address) as stream, Newcomers(scene.sibling, address) as inside:
        for change in [scene.change, scene.change_back] * 3:
            change()
            stream.wait_for_answered(80)
            inside.wait_for_answered(80)
        assert reach(scene.stays, scene.one, address) == EVERYTHING
    assert (stream.lost, inside.lost) == (0, 0)


def test_one_goes_and_another_comes_at_the_same_moment(scene):
    address = scene.one.address()
    with Newcomers(scene.goes, address) as going, Newcomers(scene.comes, address) as coming:
        going.wait_for_answered(100)
        assert not coming.answered
        scene.change()
        coming.wait_for_answered(100)
    last, first = going.answered[-1], coming.answered[0]
    assert [moment for moment in going.sent if moment > last], "control: it went on asking"
    # Counted in requests: at a busy machine nobody asks for a while, and nothing is learned then.
    assert len([moment for moment in coming.sent if last < moment < first]) < 50, "neither"
    assert len([moment for moment in going.answered if moment > first]) < 50, "both"
    since_the_first = [moment for moment in coming.sent if moment >= first]
    assert len(coming.answered) == len(since_the_first), "open at once and for good"
    until_the_last = [moment for moment in going.sent if moment <= last]
    assert len(going.answered) == len(until_the_last), "closed at once and for good"


def test_a_withdrawn_permission_cuts_what_lived_by_it(lab, scene):
    pairs = {**both(scene.stays, scene.one, "stays"), **both(scene.goes, scene.one, "goes"),
             **both(scene.sibling, scene.one, "sibling"),
             "world4": (scene.one, lab.outside_place, OUTSIDE),
             "world6": (scene.one, lab.outside_place, OUTSIDE6)}
    assert reach_dual(scene.comes, scene.one) == NOTHING
    with talks(**pairs) as opened:
        assert going_on(opened) == set(pairs)
        scene.change()
        assert going_on(opened) == names("stays", "sibling", "world")
    assert_reached({
        (scene.comes, scene.one): EVERYTHING,
        (scene.goes, scene.one): NOTHING,
        (scene.stays, scene.one): EVERYTHING,
    })


def test_a_withdrawn_port_cuts_its_connections(docker, configure):
    peers = docker.dual_network()
    configure({"defaults": {"allow_from": f"{peers}:tcp/7200,{peers}:tcp/7300"}})
    peer, one = docker.run(peers), docker.run(docker.dual_network())
    with TcpServer(one, 7200), TcpServer(one, 7300):
        for address in (one.address(), one.address6()):
            wait_for(lambda: tcp(peer, address, 7200), 5, "the permission")
        for address in (one.address(), one.address6()):
            with contextlib.closing(Talk(peer, address, 7200)) as goes, \
                    contextlib.closing(Talk(peer, address, 7300)) as stays:
                configure({"defaults": {"allow_from": f"{peers}:tcp/7300"}})
                assert not goes.goes_on()
                assert stays.goes_on()
                assert not tcp(peer, address, 7200)
                configure({"defaults": {"allow_from": f"{peers}:tcp/7200,{peers}:tcp/7300"}})
                assert tcp(peer, address, 7200)


def test_a_team_that_is_left_ends_its_connections(docker, configure):
    team = docker.name("team")
    configure({"defaults": {"team": team}})
    follows = docker.dual_network()
    mates, other_mates = docker.dual_network(team=team), docker.dual_network(team=team)
    one, mate, other = docker.run(follows), docker.run(mates), docker.run(other_mates)
    for source, destination in ((one, mate), (mate, one), (mate, other)):
        wait_until_admitted(source, destination)
    pairs = {**both(one, mate, "out"), **both(mate, one, "in"), **both(mate, other, "mates")}
    with talks(**pairs) as opened:
        configure({"defaults": {}})
        assert going_on(opened) == names("mates")
    assert_reached({(one, mate): NOTHING, (mate, one): NOTHING, (mate, other): EVERYTHING})
    configure({"defaults": {"team": team}})
    assert reach_dual(one, mate) == EVERYTHING
    assert reach_dual(mate, one) == EVERYTHING


def test_egress_that_is_withdrawn_ends_outbound_connections(lab, docker, configure):
    follows, has_its_own = docker.dual_network(), docker.dual_network(egress="all")
    one, sibling = docker.run_each([follows] * 2)
    other = docker.run(has_its_own)
    outside = lab.outside_place
    pairs = {"one4": (one, outside, OUTSIDE), "one6": (one, outside, OUTSIDE6),
             "other4": (other, outside, OUTSIDE), "other6": (other, outside, OUTSIDE6),
             **both(one, sibling, "inside"),
             "host4": (one, lab.engine_place, one.gateway()),
             "host6": (one, lab.engine_place, one.gateway6())}
    with talks(**pairs) as opened:
        configure({"defaults": {"egress": "none"}})
        assert going_on(opened) == names("other", "inside")
    assert_reached({
        (one, outside, OUTSIDE): NOTHING,
        (one, outside, OUTSIDE6): NOTHING,
        (other, outside, OUTSIDE): EVERYTHING,
        (other, outside, OUTSIDE6): EVERYTHING,
        (one, sibling): EVERYTHING,
    })
    configure({"defaults": {"egress": "all"}})
    for address in (OUTSIDE, OUTSIDE6):
        assert reach(one, outside, address) == EVERYTHING


def test_members_that_are_parted_stop_talking(lab, docker, configure):
    follows, has_its_own = docker.dual_network(), docker.dual_network(isolation="network")
    one, sibling = docker.run_each([follows] * 2)
    other, control = docker.run_each([has_its_own] * 2)
    pairs = {**both(one, sibling, "parted"), **both(other, control, "control"),
             "world4": (one, lab.outside_place, OUTSIDE),
             "world6": (one, lab.outside_place, OUTSIDE6)}
    with talks(**pairs) as opened, Newcomers(one, one.gateway()) as gateway, \
            Newcomers(other, control.address()) as untouched:
        configure({"defaults": {"isolation": "members"}})
        assert going_on(opened) == names("control", "world")
        assert reach_dual(one, sibling) == NOTHING
        configure({"defaults": {"isolation": "network"}})
        assert reach_dual(one, sibling) == EVERYTHING
        gateway.wait_for_answered(100)
        untouched.wait_for_answered(100)
    assert (gateway.lost, untouched.lost) == (0, 0)


def test_a_file_with_a_bad_default_changes_nothing(docker, configure, news, scene):
    with Newcomers(scene.stays, scene.one.address()) as stream:
        configure({"defaults": {"isolation": "memebrs"}})
        stream.wait_for_answered(100)
        assert reach_dual(scene.goes, scene.one) == EVERYTHING
    assert stream.lost == 0
    assert "memebrs" in news()
    assert reach_dual(scene.comes, scene.one) == NOTHING
