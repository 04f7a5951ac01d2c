"""Beside firewalls of others: ours holds under theirs, comes back when they take it, leaves theirs.

Everything is seen on two dual-stack networks, one with a bridge that the user named, and on one
network of Docker's own.
"""

import difflib
import re

import foreign
import frames
import pytest
from containers import Docker
from frames import Card
from lab import wait_for
from lab.snapshot import without_mark
from probes import EVERYTHING, NOTHING, assert_reached, gets_through, leaves_nothing, ping, reach

OUTSIDE = {4: "198.51.100.2", 6: "2001:db8:51::2"}
PING = frozenset({"ping"})


def address(container, family):
    return container.address() if family == 4 else container.address6()


class Scene:
    """Two members each of a plain network and of one with the bridge dbuser0, and a native one.

    holds(host=EVERYTHING)   asserts who reaches whom; `host` is what members reach of the host
    """

    def __init__(self, lab):
        self.lab, self.docker = lab, Docker(lab)
        plain = self.docker.dual_network()
        named = self.docker.dual_network("-o", "com.docker.network.bridge.name=dbuser0")
        self.member, self.sibling = (self.docker.run(plain) for _ in range(2))
        self.named, self.named_sibling = (self.docker.run(named) for _ in range(2))
        self.native = self.docker.run(self.docker.native_network())

    def holds(self, host=EVERYTHING):
        expected = {}
        for family in (4, 6):
            for one, other, stranger in ((self.member, self.sibling, self.named),
                                         (self.named, self.named_sibling, self.member)):
                gateway = one.gateway() if family == 4 else one.gateway6()
                expected |= {
                    (one, other, address(other, family)): EVERYTHING,
                    (one, stranger, address(stranger, family)): NOTHING,
                    (one, self.lab.outside_place, OUTSIDE[family]): EVERYTHING,
                    (one, self.lab.engine_place, gateway): host,
                }
        for one in (self.member, self.named):
            expected |= {(one, self.native, self.native.address()): NOTHING,
                         (self.native, one, one.address()): NOTHING}
        assert_reached(expected)

    def forgery_passes(self):
        """Whether a datagram with a forged source gets from a member to its sibling."""
        own = Card(self.member.mac(), self.member.address())
        to = Card(self.sibling.mac(), self.sibling.address())
        forged = {"forged": frames.udp(Card(own.mac, own.ip + "9"), to)}
        with frames.Ear(self.sibling) as ear:
            return bool(frames.come_through(self.member, ear, forged, frames.udp(own, to)))

    def operation(self):
        """An operation on another network, by which the daemon looks at its rules."""
        name = self.docker.network()
        self.docker("network", "rm", name)

    def restore(self, by):
        {"operation": self.operation, "hangup": self.lab.reload_drawbridge}[by]()


def forward_policies(lab):
    """(IPv4, IPv6) policy of FORWARD."""
    programs = ("iptables", "ip6tables")
    return tuple(lab.engine_ns(program, "-S", "FORWARD").stdout.split()[2] for program in programs)


def ours(lab, program, chain):
    """Our accept rules in a chain."""
    shown = lab.engine_ns(program, "-S", chain, check=False).stdout.splitlines()
    return [line for line in shown if "--comment drawbridge" in line]


def rules(lab):
    """Our tables and all that iptables lists, whatever the order."""
    shown = without_mark(lab.engine_ns("nft", "-s", "list", "ruleset").stdout)
    listed = shown.split("\ntable ")
    own = [table for table in listed if " drawbridge {" in table.splitlines()[0]]
    lines = re.sub(r"packets \d+ bytes \d+", "", "\n".join(own)).splitlines()
    return sorted(lines + foreign.iptables_rules(lab.engine_place))


def accept_rules(chain, *interfaces):
    return [f"-A {chain} {way} {interface} -m comment --comment drawbridge -j ACCEPT"
            for interface in interfaces for way in ("-i", "-o")]


WORLDS = {
    "Docker drops": {"ip_forward": 0, "policies": ("DROP", "ACCEPT")},
    "Docker accepts": {"ip_forward": 1, "policies": ("ACCEPT", "ACCEPT")},
    "ufw first": {"ip_forward": 1, "policies": ("DROP", "DROP"), "ufw": "first"},
    "ufw later": {"ip_forward": 0, "policies": ("DROP", "DROP"), "ufw": "later"},
}


class World:
    """A lab whose firewall is one of WORLDS; host is what its containers reach of the host."""

    def __init__(self, make_lab, binary, ip_forward, policies, ufw=None):
        self.lab = make_lab(ip_forward=ip_forward, live_restore=True)
        self.host = PING if ufw else EVERYTHING
        if ufw == "first":
            self.lab.stop_drawbridge()
            foreign.enable_ufw(self.lab.engine_place)
            self.lab.start_drawbridge(binary)
        self.scene = Scene(self.lab)
        if ufw == "later":
            foreign.enable_ufw(self.lab.engine_place)
        assert forward_policies(self.lab) == policies

    def holds(self):
        self.scene.holds(self.host)


@pytest.fixture
def world(request, make_lab, binary):
    return World(make_lab, binary, **WORLDS[request.param])


@pytest.fixture(scope="module")
def scene(lab):
    made = Scene(lab)
    yield made
    made.docker.clean()


@pytest.mark.parametrize("world", ["Docker drops", "Docker accepts", "ufw first"], indirect=True)
def test_it_holds_under_the_policies_of_others(world):
    world.holds()
    world.lab.restart_engine()
    world.holds()


@pytest.mark.parametrize("by", ["operation", "hangup"])
@pytest.mark.parametrize("world", ["ufw later"], indirect=True)
def test_it_holds_again_when_ufw_is_enabled_later(world, by):
    world.scene.restore(by)
    world.holds()
    assert ours(world.lab, "ip6tables", "FORWARD"), "IPv6 is let through, too"
    foreign.disable_ufw(world.lab.engine_place)
    world.scene.restore(by)
    world.scene.holds()


def test_the_accept_rules_stand_where_docker_looks_first(lab, scene):
    assert forward_policies(lab)[0] == "DROP"
    expected = accept_rules("DOCKER-USER", "db-+", "dbuser0")
    made, *accepts, last = lab.engine_ns("iptables", "-S", "DOCKER-USER").stdout.splitlines()
    assert (made, last) == ("-N DOCKER-USER", "-A DOCKER-USER -j RETURN")
    assert sorted(accepts) == sorted(expected)
    expected = accept_rules("FORWARD", "db-+", "dbuser0")
    assert sorted(ours(lab, "iptables", "FORWARD")) == sorted(expected)
    scene.holds()


@pytest.mark.parametrize("world", ["Docker accepts"], indirect=True)
def test_where_docker_accepts_they_stand_in_docker_user_alone(world):
    lab, scene = world.lab, world.scene
    expected = accept_rules("DOCKER-USER", "db-+", "dbuser0")

    def assert_in_their_places():
        assert sorted(ours(lab, "iptables", "DOCKER-USER")) == sorted(expected)
        assert ours(lab, "iptables", "FORWARD") == []

    assert_in_their_places()
    flush_docker_user(lab)
    lab.restart_engine()
    scene.restore("operation")
    assert_in_their_places()


@pytest.mark.parametrize("world", ["Docker accepts"], indirect=True)
def test_where_docker_accepts_a_drop_belongs_before_ours(world):
    """Behind Docker's jump it does not see our packets."""
    lab, member = world.lab, world.scene.member
    drop = ("-s", member.address(), "-d", OUTSIDE[4], "-j", "DROP")
    lab.engine_ns("iptables", "-A", "FORWARD", *drop)
    assert reach(member, lab.outside_place, OUTSIDE[4]) == EVERYTHING
    lab.engine_ns("iptables", "-I", "DOCKER-USER", *drop)
    world.scene.operation()
    assert reach(member, lab.outside_place, OUTSIDE[4]) == NOTHING


def flush_docker_user(lab):
    lab.engine_ns("iptables", "-F", "DOCKER-USER")
    lab.engine_ns("iptables", "-A", "DOCKER-USER", "-j", "RETURN")


def flush_both(lab):
    """As somebody does who clears away what is not Docker's: the traffic is cut."""
    flush_docker_user(lab)
    for rule in ours(lab, "iptables", "FORWARD"):
        lab.engine_ns("iptables", "-D", *rule.split()[1:])


def delete_inet_table(lab):
    lab.engine_ns("nft", "delete", "table", "inet", "drawbridge")


def delete_bridge_table(lab):
    lab.engine_ns("nft", "delete", "table", "bridge", "drawbridge")


def flush_a_chain(lab):
    lab.engine_ns("nft", "flush", "chain", "inet", "drawbridge", "forward")


def add_a_rule(lab):
    lab.engine_ns("nft", "insert", "rule", "inet", "drawbridge", "forward", "drop")


def reload_everything(lab):
    """`nft flush ruleset`, and the rules of Docker loaded again from a file, as firewalls do it."""
    saved = {}
    for family in ("iptables", "ip6tables"):
        lines = lab.engine_ns(f"{family}-save").stdout.splitlines()
        saved[family] = "".join(f"{line}\n" for line in lines if "--comment drawbridge" not in line)
    lab.engine_ns("nft", "flush", "ruleset")
    for family, lines in saved.items():
        lab.engine_ns(f"{family}-restore", input=lines)


DAMAGE = {each.__name__: each for each in (
    flush_docker_user, flush_both, delete_inet_table, delete_bridge_table, flush_a_chain,
    add_a_rule, reload_everything)}


def wait_for_rules(lab, wanted):
    try:
        wait_for(lambda: rules(lab) == wanted, 5)
    except AssertionError:
        left = "\n".join(difflib.unified_diff(wanted, rules(lab), lineterm="", n=0))
        raise AssertionError(f"rules are not as they were after 5 s:\n{left}") from None


@pytest.mark.parametrize("by", ["operation", "hangup"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_what_others_take_is_put_back(lab, scene, damage, by, news):
    before = rules(lab)
    DAMAGE[damage](lab)
    scene.restore(by)
    wait_for_rules(lab, before)
    assert "repaired: " in news(), "the damage was done"
    scene.holds()
    assert not scene.forgery_passes()


def test_the_damage_is_real(lab, scene, binary):
    """The controls: what is seen while the rules are gone and nobody puts them back."""
    member, named = scene.member, scene.named
    lab.stop_drawbridge()
    try:
        flush_both(lab)
        assert reach(member, lab.outside_place, OUTSIDE[4]) == NOTHING
        delete_inet_table(lab)
        lab.engine_ns("iptables", "-P", "FORWARD", "ACCEPT")
        assert reach(member, named, named.address()) == EVERYTHING
        delete_bridge_table(lab)
        assert scene.forgery_passes()
    finally:
        lab.engine_ns("iptables", "-P", "FORWARD", "DROP")
        lab.start_drawbridge(binary)
    assert not scene.forgery_passes()
    scene.holds()


def test_everything_flushed_and_nothing_loaded_again(make_lab):
    lab = make_lab(live_restore=True)
    scene = Scene(lab)
    lab.engine_ns("nft", "flush", "ruleset")
    assert not ping(scene.member, OUTSIDE[4], timeout=0.3), "nobody translates"
    scene.restore("operation")
    assert not scene.forgery_passes()
    assert_reached({
        (scene.member, lab.outside_place, OUTSIDE[4]): EVERYTHING,
        (scene.member, lab.outside_place, OUTSIDE[6]): EVERYTHING,
        (scene.member, scene.named): NOTHING,
    })
    lab.restart_engine()  # Docker makes its own rules again
    scene.holds()


@pytest.mark.parametrize("world", ["Docker drops", "ufw first"], indirect=True)
def test_it_holds_after_docker_wrote_its_chains_again(world):
    lab, scene = world.lab, world.scene
    flush_both(lab)
    lab.restart_engine()
    scene.restore("operation")
    world.holds()
    scene.docker.native_network()
    world.holds()


def test_rules_of_others_stay_as_they_are(make_lab, binary):
    """Every line of iptables-save, and tables with our names and at our hooks, whatever we do."""
    lab = make_lab(live_restore=True)
    lab.stop_drawbridge()
    place = lab.engine_place
    lab.engine_ns("nft", "delete", "table", "inet", "drawbridge")
    lab.engine_ns("nft", "delete", "table", "bridge", "drawbridge", check=False)
    for words in ("-I DOCKER-USER -s 203.0.113.7 -j DROP", "-A FORWARD -s 203.0.113.8 -j DROP",
                  "-t nat -A POSTROUTING -s 203.0.113.9 -j SNAT --to-source 198.51.100.1",
                  "-t mangle -A PREROUTING -s 203.0.113.9 -j MARK --set-mark 7"):
        lab.engine_ns("iptables", *words.split())
    foreign.enable_ufw(place)
    foreign.add_tables(place)
    rules, tables = foreign.iptables_rules(place), foreign.tables(place)
    rules = [line for line in rules if "--comment drawbridge" not in line]

    def assert_as_they_were():
        listed = [line for line in foreign.iptables_rules(place)
                  if "--comment drawbridge" not in line and "DOCKER" not in line]
        assert listed == [line for line in rules if "DOCKER" not in line]
        assert foreign.tables(place) == tables

    lab.start_drawbridge(binary)
    assert_as_they_were()
    scene = Scene(lab)
    scene.native.remove()
    scene.restore("hangup")
    delete_inet_table(lab)
    scene.restore("operation")
    scene.docker.clean()
    assert_as_they_were()
    lab.kill_drawbridge()
    lab.start_drawbridge(binary)
    assert_as_they_were()
    kept = [line for line in foreign.iptables_rules(place) if "--comment drawbridge" not in line]
    assert set(rules) <= set(kept), "Docker's, too"


def test_users_own_rules_stay_before_ours(lab, docker):
    lab.engine_ns("iptables", "-I", "DOCKER-USER", "-s", "203.0.113.7", "-j", "DROP")
    lab.engine_ns("iptables", "-A", "FORWARD", "-s", "203.0.113.8", "-j", "DROP")
    try:
        with leaves_nothing(lab):
            one = docker.run(docker.network())
            assert gets_through(one, "198.51.100.2")
            saved = lab.engine_ns("iptables-save").stdout
            assert "-A DOCKER-USER -s 203.0.113.7/32 -j DROP" in saved
            assert "-A FORWARD -s 203.0.113.8/32 -j DROP" in saved
            one.remove()
            docker.clean()
    finally:
        lab.engine_ns("iptables", "-D", "DOCKER-USER", "-s", "203.0.113.7", "-j", "DROP")
        lab.engine_ns("iptables", "-D", "FORWARD", "-s", "203.0.113.8", "-j", "DROP")


def test_a_drop_of_the_administrators_wins(lab, scene):
    """For the member that it names, and for no other."""
    rule = ("-s", scene.member.address(), "-d", OUTSIDE[4], "-j", "DROP")
    lab.engine_ns("iptables", "-I", "DOCKER-USER", *rule)
    try:
        scene.operation()
        assert_reached({
            (scene.member, lab.outside_place, OUTSIDE[4]): NOTHING,
            (scene.sibling, lab.outside_place, OUTSIDE[4]): EVERYTHING,
        })
    finally:
        lab.engine_ns("iptables", "-D", "DOCKER-USER", *rule)
