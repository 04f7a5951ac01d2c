"""A network with an attacker on it: what tests of the guards share.

    Scene(docker, network)   three members of one dual-stack network; one of them is hostile
    link_local(place, interface="eth0")   the link-local address of an interface
"""

import json

import frames
from frames import Card
from lab import wait_for
from probes import ping

FAMILIES = (4, 6)


class Scene:
    """`hostile`, `sibling` and `third` are containers of `network`; bridge is its interface.

    The hostile one has NET_ADMIN and NET_RAW; those who watch believe all that they are told.
    """

    def __init__(self, docker, network):
        self.docker, self.network = docker, network
        found = docker.inspect_network(network)
        names = {"drawbridge": "db-", "bridge": "br-"}
        self.bridge = names[found["Driver"]] + found["Id"][:12]
        self.engine = docker.lab.engine_place
        admin = ("--cap-add", "NET_ADMIN", "--cap-add", "NET_RAW")
        self.hostile = docker.run(network, *admin)
        self.sibling, self.third = docker.run(network), docker.run(network)
        for member in (self.sibling, self.third):
            _make_credulous(member)

    def address(self, member, family):
        return member.address() if family == 4 else member.address6()

    def card(self, member, family):
        return Card(member.mac(), self.address(member, family))

    def gateway(self, family):
        attached = self.hostile.networks()[self.network]
        return Card(self.bridge_mac(), attached["Gateway" if family == 4 else "IPv6Gateway"])

    def bridge_mac(self):
        shown = self.engine.run("ip", "-j", "link", "show", self.bridge).stdout
        return json.loads(shown)[0]["address"]

    def link_local(self, member):
        """Card with the link-local address of a member, or of the bridge: of scene.engine."""
        if member is self.engine:
            return Card(self.bridge_mac(), link_local(member, self.bridge))
        return Card(member.mac(), link_local(member))

    def spare(self, family):
        """An address of the network that nobody has."""
        gateway = self.gateway(family).ip
        return gateway[: -len("1")] + ("199" if family == 4 else "c7")

    def acquaint(self, family):
        """Lets the siblings and the host learn of each other and of the gateway."""
        gateway = self.gateway(family).ip
        sibling, third = (self.address(each, family) for each in (self.sibling, self.third))
        meetings = ((self.sibling, gateway), (self.third, gateway), (self.sibling, third),
                    (self.third, sibling), (self.engine, sibling), (self.engine, third))
        for place, address in meetings:
            wait_for(lambda p=place, a=address: ping(p, a), what=f"{address}'s answer to {place}")

    def watchers(self):
        """Those who must not believe the hostile member: name -> (place, interface)."""
        return {"sibling": (self.sibling, "eth0"), "third": (self.third, "eth0"),
                "host": (self.engine, self.bridge)}

    def known(self, family):
        """Who has which address, as the watchers believe: (watcher, address) -> MAC."""
        found = {}
        for name, (place, interface) in self.watchers().items():
            shown = place.run("ip", "-j", f"-{family}", "neigh", "show", "dev", interface).stdout
            for each in json.loads(shown or "[]"):
                if "lladdr" in each:
                    found[name, each["dst"]] = each["lladdr"]
        return found

    def ports(self):
        """Which port of the bridge has which MAC: a set of pairs."""
        shown = self.engine.run("bridge", "-j", "fdb", "show", "br", self.bridge).stdout
        return {(each["mac"], each["ifname"]) for each in json.loads(shown)}

    def come_through(self, forged, honest, listener=None):
        """frames.come_through from the hostile member to `listener`, or else to the third."""
        with frames.Ear(listener or self.third) as ear:
            return frames.come_through(self.hostile, ear, forged, honest)


def link_local(place, interface="eth0"):
    """The link-local address of an interface, once the kernel found no other that has it."""
    words = ("ip", "-o", "-6", "addr", "show", "dev", interface, "scope", "link", "-tentative")
    shown = wait_for(lambda: place.run(*words).stdout, 5, f"the link-local address of {interface}")
    return shown.split("inet6 ")[1].split("/")[0]


def _make_credulous(member):
    member.sysctl("net.ipv4.conf.eth0.arp_accept", 1)
    member.sysctl("net.ipv4.neigh.eth0.locktime", 0)
    for key in ("accept_ra", "accept_redirects"):
        member.sysctl(f"net.ipv6.conf.eth0.{key}", 2 if key == "accept_ra" else 1)
