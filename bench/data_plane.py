#!/usr/bin/python3
"""Measures what networks of drawbridge carry, one beside many, and beside Docker's bridge driver.

Six private engines run side by side, each filled once: 1, N and 2N networks of drawbridge, 1 and N
of driver bridge, and N of drawbridge on an engine that has N of driver bridge as well. All networks
of drawbridge have policies: the measured ones a team, a permission and egress=internet, the others
each kind in turn. Two containers stand in the first network of an engine and two in the last; of an
engine with one network these are the same, measured twice, which shows how far chance goes.

Every round measures every cell once: throughput, new connections and round trip, inside the network
and from it to a host outside. The engines take turns in an order that changes, one right after the
other, and are compared within the round. The traffic is made by build/release/bench/traffic.

    bench/data_plane.py [--networks 500] [--rounds 20] [--seconds 0.5] [--without-policies]
                        [--output docs/benchmarks-data.md]
"""

import argparse
import contextlib
import itertools
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))

from tests.lab import Lab, Place  # noqa: E402

BUILD = os.path.join(HERE, "../build/release")
TRAFFIC = f"{BUILD}/bench/traffic"
# A round trip within one processor takes a third of that between two: chance must not choose.
PROCESSORS = sorted(os.sched_getaffinity(0))
CLIENT = ["taskset", "-c", str(PROCESSORS[0]), TRAFFIC]
SERVER = ["taskset", "-c", str(PROCESSORS[-1]), TRAFFIC]
OUTSIDE = "198.51.100.2"
PORT = 5000
CLIENTS = 16
SPOTS = ["first", "last"]
PATHS = ["inside", "outbound"]
MODES = ["stream", "connect", "round_trip"]
FIGURES = {  # title -> mode of the traffic, key of its answer, decimals
    "Gbit/s": ("stream", "gbit_per_second", 1),
    f"new connections/s, {CLIENTS} clients": ("connect", "connections_per_second", 0),
    "round trip p50, µs": ("round_trip", "p50_us", 0),
    "round trip p99, µs": ("round_trip", "p99_us", 0),
}
THROUGHPUT, CONNECTIONS, ROUND_TRIP, _ = FIGURES
NO_SLOWDOWN = {(path, each): 0.95 for path in PATHS for each in (THROUGHPUT, CONNECTIONS, ROUND_TRIP)}
FASTER = {("inside", CONNECTIONS): 8.0, ("inside", THROUGHPUT): 3.5}


def network_name(number):
    return f"n{number}"


def measured_policy():
    """The options of the first and the last network. Their peer may be there or not."""
    allowed = f"{network_name(1)}:tcp/80-90"
    return {"team": "measured", "allow_from": allowed, "egress": "internet"}


def mixed_policy(number):
    """The options of network `number` between them: each kind of policy in turn."""
    kinds = [
        {"isolation": "members"},
        {"team": f"team-{number // 50}"},
        {"allow_from": f"{network_name(number - 1)}:tcp/80-90"},
        {"egress": "internet"},
        {"egress": "198.51.100.0/24:tcp/443,203.0.113.0/24"},
    ]
    return kinds[number % len(kinds)]


def call(lab, method, target, body=None):
    status, reply = lab.api(method, target, body)
    if status >= 400:
        raise RuntimeError(f"{method} {target}: {status} {reply}")
    return reply


class Engine:
    """An engine with `ours` networks of drawbridge and `native` ones of driver bridge.

    Measured are those of drawbridge, where there are any.
    """

    def __init__(self, lab, ours, native, with_policies):
        self.lab = lab
        self._ours = ours
        self._native = native
        self._with_policies = with_policies
        self._pairs = {}  # spot -> the namespaces of its two containers, and an address

    def equip(self):
        self.lab.image()
        if self._ours:
            self.lab.start_drawbridge(f"{BUILD}/drawbridge", "--log-level", "info")
        for number in range(self._ours):
            self._create(network_name(number), "drawbridge", 60, number)
        for number in range(self._native):
            self._create(f"native{number}", "bridge", 20, number)
        measured = [network_name(n) for n in range(self._ours)]
        measured = measured or [f"native{n}" for n in range(self._native)]
        pairs = {name: self._start_pair(name) for name in {measured[0], measured[-1]}}
        self._pairs = dict(zip(SPOTS, (pairs[measured[0]], pairs[measured[-1]])))
        self._outlive_ports(self.lab.outside_place)

    def _create(self, name, driver, first, number):
        subnet = f"10.{first + number // 256}.{number % 256}.0/24"
        ipam = {"Driver": "default" if driver == "bridge" else driver, "Config": [{"Subnet": subnet}]}
        body = {"Name": name, "Driver": driver, "IPAM": ipam}
        if driver == "drawbridge" and self._with_policies:
            ends = (0, self._ours - 1)
            body["Options"] = measured_policy() if number in ends else mixed_policy(number)
        call(self.lab, "POST", "/networks/create", body)

    def _start_pair(self, network):
        """Starts two containers; returns the paths of their namespaces and the second's address."""
        client, _ = self._start_container(f"client-{network}", network)
        server, address = self._start_container(f"server-{network}", network)
        return client, server, address

    def _start_container(self, name, network):
        body = {"Image": "bb:latest", "Cmd": ["sleep", "100000"], "HostConfig": {"NetworkMode": network}}
        container = call(self.lab, "POST", f"/containers/create?name={name}", body)["Id"]
        self._start(container)
        shown = call(self.lab, "GET", f"/containers/{container}/json")
        netns = f"/proc/{shown['State']['Pid']}/ns/net"
        self._outlive_ports(Place(name, netns, []))
        return netns, shown["NetworkSettings"]["Networks"][network]["IPAddress"]

    def _start(self, container):
        """Starts a container. Engine 20.10 fails one start in a hundred when the machine is busy
        ("error running hook: no such file or directory", with networks of any driver): three tries.
        """
        for _ in range(2):
            with contextlib.suppress(RuntimeError):
                return call(self.lab, "POST", f"/containers/{container}/start")
        return call(self.lab, "POST", f"/containers/{container}/start")

    def _outlive_ports(self, place):
        """Lets `place` open more connections than a minute has ports: none is kept after its end.

        Clients behind one masquerade address would else meet each other's ports in TIME_WAIT.
        """
        place.sysctl("net.ipv4.tcp_max_tw_buckets", 0)
        for each in (place, self.lab.engine_place):
            each.sysctl("net.netfilter.nf_conntrack_tcp_timeout_time_wait", 1)

    def server_places(self):
        """Paths of the namespaces that need a server."""
        inside = {server for _, server, _ in self._pairs.values()}
        return [*inside, self.lab.outside_place.netns_path()]

    def measure(self, spot, path, mode, seconds):
        """What the traffic of one cell was, as `traffic` says it."""
        client, _, address = self._pairs[spot]
        target = address if path == "inside" else OUTSIDE
        command = [*CLIENT, client, mode, target, str(PORT), str(seconds)]
        if mode == "connect":
            command.append(str(CLIENTS))
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{spot} {path} {mode}: {done.stderr.strip()}")
        return json.loads(done.stdout)


@contextlib.contextmanager
def server(netns):
    command = [*SERVER, netns, "server", str(PORT)]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, start_new_session=True, **streams) as child:
        try:
            if child.stdout.readline() != "ready\n":
                raise RuntimeError(f"no server in {netns}")
            yield
        finally:
            child.kill()


def wanted_engines(networks):
    """Title -> how many networks of drawbridge, how many of driver bridge."""
    return {
        "drawbridge 1": (1, 0),
        f"drawbridge {networks}": (networks, 0),
        f"drawbridge {2 * networks}": (2 * networks, 0),
        "native 1": (0, 1),
        f"native {networks}": (0, networks),
        f"drawbridge {networks} beside native {networks}": (networks, networks),
    }


def start_engines(stack, options):
    engines = {}
    for title, (ours, native) in wanted_engines(options.networks).items():
        begin = time.monotonic()
        lab = stack.enter_context(Lab(ip_forward=1))
        engines[title] = Engine(lab, ours, native, options.policies)
        engines[title].equip()
        for netns in engines[title].server_places():
            stack.enter_context(server(netns))
        print(f"{title}: filled in {time.monotonic() - begin:.0f} s", flush=True)
    return engines


def one_round(engines, seconds, chance):
    """Every cell once: (engine, spot, path, mode) -> what the traffic was."""
    cells = list(itertools.product(SPOTS, PATHS, MODES))
    chance.shuffle(cells)
    answers = {}
    for cell in cells:
        for title in chance.sample(list(engines), len(engines)):
            try:
                answers[(title, *cell)] = engines[title].measure(*cell, seconds)
            except RuntimeError as error:
                raise RuntimeError(f"{title}, {error}") from error
    return answers


def run(options):
    """The rounds, and the version of the engine."""
    chance = random.Random(1)
    with contextlib.ExitStack() as stack:
        engines = start_engines(stack, options)
        version = call(next(iter(engines.values())).lab, "GET", "/version")["Version"]
        one_round(engines, options.seconds, chance)  # warms up
        rounds = []
        for number in range(options.rounds):
            begin = time.monotonic()
            rounds.append(one_round(engines, options.seconds, chance))
            spent = time.monotonic() - begin
            print(f"round {number + 1} of {options.rounds}: {spent:.0f} s", flush=True)
        print("removing the engines", flush=True)
    return rounds, version


# --- what it means ---


def samples(rounds, engine, spot, path, figure):
    mode, key, _ = FIGURES[figure]
    return [answers[(engine, spot, path, mode)][key] for answers in rounds]


def gains(rounds, one, other, path, figure):
    """How many times better `one` was than `other`, both (engine, spot), in each round."""
    pairs = zip(samples(rounds, *one, path, figure), samples(rounds, *other, path, figure))
    less_is_better = FIGURES[figure][0] == "round_trip"
    return [theirs / ours if less_is_better else ours / theirs for ours, theirs in pairs]


def comparisons(networks):
    """(title, pairs of (engine, spot) to compare, (path, figure) -> what to reach)."""
    one, some, many, native_one, native, beside = wanted_engines(networks)

    def at_both_spots(ours, theirs):
        return [((ours, spot), (theirs, spot)) for spot in SPOTS]

    return [
        (f"{many} / {one}", at_both_spots(many, one), NO_SLOWDOWN),
        (f"{some} / {native}", at_both_spots(some, native), FASTER),
        (f"{beside} / {native}", at_both_spots(beside, native), FASTER),
        (f"{native} / {native_one}", at_both_spots(native, native_one), {}),
        (f"{one} / itself", [((one, "last"), (one, "first"))], {}),
    ]


def measured_rows(rounds, networks):
    for path, figure, spot in itertools.product(PATHS, FIGURES, SPOTS):
        decimals = FIGURES[figure][2]
        row = [path, figure, spot]
        for engine in wanted_engines(networks):
            values = samples(rounds, engine, spot, path, figure)
            least, middle, most = (
                f"{value:.{decimals}f}" for value in (min(values), statistics.median(values), max(values))
            )
            row.append(f"{middle} ({least}-{most})")
        yield row


def gain_rows(rounds, networks):
    for title, pairs, targets in comparisons(networks):
        for path, figure in itertools.product(PATHS, list(FIGURES)[:3]):
            by_pair = [gains(rounds, *pair, path, figure) for pair in pairs]
            together = [gain for values in by_pair for gain in values]
            yield [title, path, figure, spread(together),
                   *(f"{statistics.median(values):.2f}" for values in by_pair),
                   *([""] * (len(SPOTS) - len(by_pair))),
                   *verdict(statistics.median(together), targets.get((path, figure)))]


def spread(values):
    """Median and quartiles."""
    if len(values) == 1:
        return f"{values[0]:.2f}"
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.2f} ({low:.2f}-{high:.2f})"


def verdict(gain, target):
    if target is None:
        return ["", ""]
    return [f"{target:.2f}", "reached" if gain >= target else "not reached"]


def table(head, rows):
    shown = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    return [shown[0], "|" + "---|" * len(head), *shown[1:]]


def policy_words(with_policies):
    if not with_policies:
        return "No network has a policy."
    return ("All networks of drawbridge have policies: the measured ones `team`, `allow_from` (a "
            "network, TCP ports 80 to 90) and `egress=internet`; of the others one in five each "
            "`isolation=members`, `team` (of ten), `allow_from`, `egress=internet`, an `egress` list.")


def report(rounds, version, options):
    engines = list(wanted_engines(options.networks))
    return "\n".join([
        "# Benchmarks: traffic",
        "",
        "Written by `make bench-data` (`bench/data_plane.py`). \"drawbridge N\" is an engine with N "
        "networks of drawbridge, \"native N\" one with N of Docker's bridge driver; \"beside\" has "
        "both, and drawbridge's are measured. Inside is from a container to another of its network, "
        "outbound is to a host outside, masqueraded. First and last are the oldest and the newest "
        f"network. {policy_words(options.policies)}",
        "",
        f"Median (minimum-maximum) of {len(rounds)} interleaved rounds, {options.seconds:g} s for each "
        "measurement. Gbit/s of one connection. A new connection carries 64 bytes and their echo. The "
        "round trip is of 64 bytes over one connection.",
        "",
        f"Engine {version}, kernel {platform.release()}, {os.cpu_count()} cores; clients keep to the "
        "first, servers to the last. Shared machines are noisy: read the ratios.",
        "",
        *table(["path", "measure", "network", *engines], measured_rows(rounds, options.networks)),
        "",
        "How many times better the one before the stroke was than the one after it (of round trips: "
        "how many times shorter): median (quartiles) of what each round gave, of first and last "
        "together and of each. The last comparison is of one network with itself: what differs from "
        "1 there is chance.",
        "",
        *table(["compared", "path", "measure", "ratio", "first", "last", "to reach", ""],
               gain_rows(rounds, options.networks)),
    ]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=500, help="N; at least 2")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measurement")
    parser.add_argument("--without-policies", dest="policies", action="store_false")
    parser.add_argument("--output", default=os.path.join(HERE, "../docs/benchmarks-data.md"))
    options = parser.parse_args()
    if options.networks < 2 or options.rounds < 1:
        parser.error("at least two networks and one round")
    text = report(*run(options), options)
    with open(options.output, "w", encoding="utf-8") as file:
        file.write(text)
    print(text)


if __name__ == "__main__":
    main()
