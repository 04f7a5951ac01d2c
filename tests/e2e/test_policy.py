"""Who reaches whom: two networks under every isolation, team and allow_from, in both directions.

MATRIX says it. A and B are networks, a and a2 members of A, b and b2 of B; a2 and b2 are of another
compose project than a and b. `isolation` is of A and of B, `allow_from` is A's and names B, and
`team` says whether the two have teams and whether it is one. The last four columns are what must
get through: "all" is ping and every TCP and UDP port, over IPv4 and over IPv6.

A network serves in many rows: one A per isolation and team names every B that it meets.
"""

import contextlib
import re

import pytest
from containers import Docker
from lab import wait_for
from probes import answered_each, ping
from servers import serving

MATRIX = """
A is     B is     team       A has allow_from B        a to b   b to a         a to a2  b to b2
network  network  none       none                      nothing  nothing        all      all
network  members  none       by name                   nothing  all            all      nothing
network  project  none       by id                     nothing  all            all      nothing
network  network  none       by subnet                 nothing  all            all      all
network  members  none       by name, tcp/80           nothing  tcp/80         all      nothing
network  project  none       by subnet, udp/5000-5010  nothing  udp/5000-5010  all      nothing
network  members  same       none                      all      all            all      nothing
network  project  same       by name                   all      all            all      nothing
network  network  same       by id                     all      all            all      all
network  members  same       by subnet                 all      all            all      nothing
network  project  same       by name, tcp/80           all      all            all      nothing
network  network  same       by subnet, udp/5000-5010  all      all            all      all
network  project  different  none                      nothing  nothing        all      nothing
network  network  different  by name                   nothing  all            all      all
network  members  different  by id                     nothing  all            all      nothing
network  project  different  by subnet                 nothing  all            all      nothing
network  network  different  by name, tcp/80           nothing  tcp/80         all      all
network  members  different  by subnet, udp/5000-5010  nothing  udp/5000-5010  all      nothing
members  network  none       none                      nothing  nothing        nothing  all
members  members  none       by name                   nothing  all            nothing  nothing
members  project  none       by id                     nothing  all            nothing  nothing
members  network  none       by subnet                 nothing  all            nothing  all
members  members  none       by name, tcp/80           nothing  tcp/80         nothing  nothing
members  project  none       by subnet, udp/5000-5010  nothing  udp/5000-5010  nothing  nothing
members  members  same       none                      all      all            nothing  nothing
members  project  same       by name                   all      all            nothing  nothing
members  network  same       by id                     all      all            nothing  all
members  members  same       by subnet                 all      all            nothing  nothing
members  project  same       by name, tcp/80           all      all            nothing  nothing
members  network  same       by subnet, udp/5000-5010  all      all            nothing  all
members  project  different  none                      nothing  nothing        nothing  nothing
members  network  different  by name                   nothing  all            nothing  all
members  members  different  by id                     nothing  all            nothing  nothing
members  project  different  by subnet                 nothing  all            nothing  nothing
members  network  different  by name, tcp/80           nothing  tcp/80         nothing  all
members  members  different  by subnet, udp/5000-5010  nothing  udp/5000-5010  nothing  nothing
project  network  none       none                      nothing  nothing        nothing  all
project  members  none       by name                   nothing  all            nothing  nothing
project  project  none       by id                     nothing  all            nothing  nothing
project  network  none       by subnet                 nothing  all            nothing  all
project  members  none       by name, tcp/80           nothing  tcp/80         nothing  nothing
project  project  none       by subnet, udp/5000-5010  nothing  udp/5000-5010  nothing  nothing
project  members  same       none                      all      all            nothing  nothing
project  project  same       by name                   all      all            nothing  nothing
project  network  same       by id                     all      all            nothing  all
project  members  same       by subnet                 all      all            nothing  nothing
project  project  same       by name, tcp/80           all      all            nothing  nothing
project  network  same       by subnet, udp/5000-5010  all      all            nothing  all
project  project  different  none                      nothing  nothing        nothing  nothing
project  network  different  by name                   nothing  all            nothing  all
project  members  different  by id                     nothing  all            nothing  nothing
project  project  different  by subnet                 nothing  all            nothing  nothing
project  network  different  by name, tcp/80           nothing  tcp/80         nothing  all
project  members  different  by subnet, udp/5000-5010  nothing  udp/5000-5010  nothing  nothing
"""

# Ports that a permission names, its first and last one, and their neighbours that it does not name.
SERVICES = ("ping", "tcp/80", "tcp/81", "udp/80", "udp/4999", "udp/5000", "udp/5010", "udp/5011")
MEANING = {
    "nothing": frozenset(),
    "all": frozenset(SERVICES),
    "tcp/80": frozenset({"tcp/80"}),
    "udp/5000-5010": frozenset({"udp/5000", "udp/5010"}),
}
GATEWAY, HOST = "gateway", "host"
DIRECTIONS = {
    "a to b": ("a", "b"),
    "b to a": ("b", "a"),
    "a to a2": ("a", "a2"),
    "b to b2": ("b", "b2"),
}
PROJECT = "com.docker.compose.project"


def rows():
    head, *lines = (re.split(" {2,}", line) for line in MATRIX.strip().splitlines())
    return [dict(zip(head, line, strict=True)) for line in lines]


def words(services):
    """`services` as MATRIX says it."""
    known = {meaning: text for text, meaning in MEANING.items()}
    return known.get(services) or " ".join(sorted(services))


def team_of(row, side):
    """The team of A or of B in a row."""
    return {"none": None, "same": "red", "different": {"A": "red", "B": "blue"}[side]}[row["team"]]


def key_of_a(row):
    return "A", row["A is"], team_of(row, "A")


def key_of_b(row):
    return "B", row["B is"], row["team"], row["A has allow_from B"]


def entries(permission, name, identifier, subnets):
    """What A's allow_from says of B."""
    return {
        "none": [],
        "by name": [name],
        "by id": [identifier[:12]],
        "by subnet": subnets,
        "by name, tcp/80": [f"{name}:tcp/80"],
        "by subnet, udp/5000-5010": [f"{subnet}:udp/5000-5010" for subnet in subnets],
    }[permission]


class Member:
    """A container that answers SERVICES, with what is asked of the engine asked once."""

    def __init__(self, container):
        self.place = container.still()
        self.addresses = {4: container.address(), 6: container.address6()}
        self.gateways = {4: container.gateway(), 6: container.gateway6()}


class World:
    """The networks and members of all rows, and what got from whom to whom."""

    def __init__(self, lab, docker):
        self._host = lab.engine_place
        self._docker = docker
        self._networks = {}
        for row in rows():
            self._make_b(row)
        for row in rows():
            self._make_a(row)
        self._members = self._make_members()
        self._reached = {}

    def _make_b(self, row):
        if key_of_b(row) not in self._networks:
            self._make(key_of_b(row), isolation=row["B is"], team=team_of(row, "B"))

    def _make_a(self, row):
        if key_of_a(row) in self._networks:
            return
        allowed = {}
        for other in rows():
            if key_of_a(other) == key_of_a(row):
                allowed[key_of_b(other)] = self._entries_for(other)
        self._make(key_of_a(row), isolation=row["A is"], team=team_of(row, "A"),
                   allow_from=",".join(sum(allowed.values(), [])))

    def _entries_for(self, row):
        found = self._docker.inspect_network(self._networks[key_of_b(row)])
        subnets = [each["Subnet"] for each in found["IPAM"]["Config"]]
        return entries(row["A has allow_from B"], found["Name"], found["Id"], subnets)

    def _make(self, key, **options):
        given = {name: value for name, value in options.items() if value}
        self._networks[key] = self._docker.dual_network(**given)

    def _make_members(self):
        firsts = self._docker.run_each(self._networks.values(), "--label", f"{PROJECT}=shop")
        seconds = self._docker.run_each(self._networks.values(), "--label", f"{PROJECT}=blog")
        pairs = zip(firsts, seconds, strict=True)
        return {key: (Member(first), Member(second))
                for key, (first, second) in zip(self._networks, pairs, strict=True)}

    def members(self, row):
        a, a2 = self._members[key_of_a(row)]
        b, b2 = self._members[key_of_b(row)]
        return {"a": a, "a2": a2, "b": b, "b2": b2}

    def measure(self):
        """Tries everything that the rows ask for, and the controls."""
        with contextlib.ExitStack() as servers:
            for place in [self._host, *(each.place for each in self._everybody())]:
                servers.enter_context(serving(place, SERVICES))
            self._settle()
            self._reached = answered_each(self._probes(), SERVICES)

    def _everybody(self):
        return [member for pair in self._members.values() for member in pair]

    def _settle(self):
        """Names and compose projects are known some moments after the start, and IPv6 addresses
        of the host are in use."""
        named = [self.members(row) for row in rows() if row["A has allow_from B"] == "by name"]
        apart = [self.members(row) for row in rows() if row["A is"] == "project"]

        def is_settled():
            return all(ping(each["b"].place, each["a"].addresses[6]) for each in named) and not any(
                ping(each["a"].place, each["a2"].addresses[4], timeout=0.2) for each in apart[:1])

        with contextlib.suppress(AssertionError):  # the rows say what is missing
            wait_for(is_settled, 6)

    def _probes(self):
        """(source, destination, family) -> the place and the address of the probe."""
        wanted = {}
        for row in rows():
            members = self.members(row)
            for source, destination in DIRECTIONS.values():
                one, other = members[source], members[destination]
                for family in (4, 6):
                    wanted[one, other, family] = one.place, other.addresses[family]
        for member in self._everybody():
            for family in (4, 6):
                wanted[member, GATEWAY, family] = member.place, member.gateways[family]
                wanted[HOST, member, family] = self._host, member.addresses[family]
        return wanted

    def reached(self, source, destination):
        """What got through, in the words of MATRIX."""
        over4, over6 = (words(self._reached[source, destination, family]) for family in (4, 6))
        return over4 if over4 == over6 else f"IPv4 {over4}, IPv6 {over6}"


@pytest.fixture(scope="module")
def world(lab):
    docker = Docker(lab)
    made = World(lab, docker)
    made.measure()
    yield made
    docker.clean()


@pytest.mark.parametrize("row", rows(), ids=lambda row: ": ".join(list(row.values())[:4]))
def test_matrix(world, row):
    members = world.members(row)
    found = {direction: world.reached(members[source], members[destination])
             for direction, (source, destination) in DIRECTIONS.items()}
    assert found == {direction: row[direction] for direction in DIRECTIONS}
    for each in members.values():
        assert world.reached(each, GATEWAY) == "all", "control: it gets out"
        assert world.reached(HOST, each) == "all", "control: it answers"
