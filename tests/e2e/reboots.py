"""What survives restarts of an engine and of the whole host, and how a lab's host is switched off.

    power_off(lab)   as if the plug was pulled: only files are left
    Estate(docker)   networks and containers with restart policies, and what must hold of them
    owned_links(lab) the links that are ours: name -> alias
    leaves_nothing_but_order(lab)   as leaves_nothing of probes.py; rules may stand in another order
    turned_away(lab) how often the engine asked and found no daemon, so far
"""

import contextlib

from lab import processes, wait_for
from probes import EVERYTHING, http_get, reach_all, reach_dual, snapshot_difference
from published import HOST

PORT = 8490
SECOND_PORT = 8491
# What a kernel forgets, in the engine's namespaces. The uplink is the lab's own; /run is empty after
# a boot.
FORGET = """
for link in $(ip -o link show | awk -F '[:@ ]+' '{print $2}'); do
  case $link in lo|uplink0) ;; *) ip link del "$link" 2>/dev/null || true ;; esac
done
nft flush ruleset
conntrack -F 2>/dev/null
for key in ipv4/ip_forward ipv6/conf/all/forwarding; do echo 0 > /proc/sys/net/$key; done
awk -v data="$1/engine/" '
  index($5, data) == 1 || index($5, "/run/docker/netns/") == 1 {print $5}
' /proc/self/mountinfo | sort -r | xargs -r umount -n -l
rm -rf /run/docker/netns/* "$1/engine/exec" "$1/engine/pid" "$1"/*.sock "$1"/plugins/*
"""
SERVE = "hostname > /tmp/index.html; exec httpd -f -p 80 -h /tmp"


def power_off(lab):
    """Ends engine, containers and drawbridge at once, and lets the kernel forget what was theirs."""
    beside = processes.pids_in({processes.namespace_id(f"/proc/{lab.holder_pid}/ns/mnt")})
    contained = processes.container_pids(lab.name)
    processes.end(sorted({*beside, *contained} - {lab.holder_pid}), grace=0)
    for daemon in (lab.engine, lab.drawbridge):
        if daemon is not None:
            daemon.wait()
    lab.engine = lab.drawbridge = None
    processes.remove_cgroups(lab.name)
    lab.engine_ns("sh", "-c", FORGET, "sh", lab.root)


def owned_links(lab):
    links = lab.snapshot()["links"]
    return {name: link["alias"] for name, link in links.items()
            if link["alias"].startswith("drawbridge:")}


def is_running(container):
    return container.inspect()["State"]["Running"]


def turned_away(lab):
    return lab.engine_log().count("retrying in ")


@contextlib.contextmanager
def leaves_nothing_but_order(lab):
    """An engine that starts again puts its own jumps into another order."""

    def sorted_snapshot():
        found = lab.snapshot()
        return {**found, "rules": sorted(found["rules"])}

    before = sorted_snapshot()
    yield
    try:
        wait_for(lambda: sorted_snapshot() == before, interval=0.1)
    except AssertionError:
        left = snapshot_difference(before, sorted_snapshot())
        raise AssertionError(f"left behind:\n{left}") from None


class Estate:
    """Two networks of both families, and on the first of them, with --ip and --restart,

    always    asked at PORT of the host; at SECOND_PORT nobody serves, until a test does at 81
    unless    restarts unless it was stopped
    never     has no policy and an address of no importance
    native    is as `unless`, on a network of Docker's own: what the engine does of itself

    A context manager: what was made goes at its end.
    """

    def __init__(self, docker):
        self.docker, self.lab = docker, docker.lab
        self.network, self.other = docker.dual_network(), docker.dual_network()
        self.always = self._run("11", "--restart", "always", "-p", f"{PORT}:80", "-p",
                                f"{SECOND_PORT}:81")
        self.unless = self._run("12", "--restart", "unless-stopped")
        self.never = docker.run(self.network)
        self.native = docker.run(None, "--restart", "unless-stopped")
        self.addresses = self._addresses()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.docker.clean()

    def _run(self, last, *options):
        subnets = self.docker.subnets(self.network)
        four = next(each for each in subnets if ":" not in each)
        six = next(each for each in subnets if ":" in each)
        own = "--ip", four.replace(".0/24", f".{last}"), "--ip6", six.replace("::/64", f"::{last}")
        command = "sh", "-c", SERVE
        return self.docker.run(self.network, *own, *options, command=command)

    def _addresses(self):
        return [(each.address(self.network), each.address6(self.network))
                for each in (self.always, self.unless)]

    def _start_like_native(self):
        """An engine that was killed ends what it finds running and then takes that for the user's
        will (20.10, 26.1): `unless-stopped` stays down, whatever the network."""
        wait_for(lambda: is_running(self.always), 30, f"the return of {self.always}")
        if is_running(self.native):
            wait_for(lambda: is_running(self.unless), 30, f"the return of {self.unless}")
        else:
            self.docker("start", self.unless.name)

    def asked_from_outside(self):
        """What the published port says over IPv4 and IPv6."""
        return [http_get(self.lab.outside_place, HOST[family], PORT) for family in (4, 6)]

    def assert_back(self):
        """Both containers with a policy run, where they were, and are reached as they were."""
        self._start_like_native()
        assert self._addresses() == self.addresses
        answer = 200, f"{self.always.inspect()['Config']['Hostname']}\n"
        wait_for(lambda: self.asked_from_outside() == [answer] * 2, 5, "answers at the port")
        assert reach_dual(self.unless, self.always) == EVERYTHING
        outward = {address: (self.unless, self.lab.outside_place, address)
                   for address in ("198.51.100.2", "2001:db8:51::2")}
        assert set(reach_all(outward).values()) == {EVERYTHING}

    def assert_usable(self):
        """What is old can be connected and disconnected, removed, and its networks with it."""
        self.docker("network", "connect", self.other, self.always.name)
        fresh = self.docker.run(self.other)
        address = self.always.address(self.other)
        assert reach_all({"fresh": (fresh, self.always, address)}) == {"fresh": EVERYTHING}
        self.docker("network", "disconnect", self.other, self.always.name)
        assert len(self.always.interfaces()) == 1
        self.docker("network", "disconnect", self.network, self.always.name)
        own = "--ip", self.addresses[0][0], "--ip6", self.addresses[0][1]
        self.docker("network", "connect", *own, self.network, self.always.name)
        assert reach_dual(self.unless, self.always, self.network) == EVERYTHING
