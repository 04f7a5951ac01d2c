#!/usr/bin/python3
"""Measures published ports beside those of Docker's bridge driver and its docker-proxy.

Four private engines run side by side, each filled once: 1 and N networks of drawbridge, 1 and N of
driver bridge. A container with a published port stands in the first network of an engine and one in
the last. Every round measures every cell once: throughput and new connections to that port from
this host by 127.0.0.1, from a host outside, and from the container itself by the host's address.
The engines take turns in an order that changes and are compared within the round.

Then the two engines of one network start and remove containers with 0, 5 and 100 published ports by
turns, and one each with 100 tells what a published port takes in memory; drawbridge's also with a
range of 10,000.

    bench/published_ports.py [--networks 1000] [--rounds 10] [--seconds 0.5] [--starts 10]
                             [--output docs/benchmarks-ports.md]
"""

import argparse
import contextlib
import itertools
import json
import os
import platform
import random
import re
import statistics
import subprocess
import time

from data_plane import BUILD, CLIENT, HERE, PORT, SPOTS, call, server, spread, table, verdict

from tests.lab import Lab, Place  # data_plane tells where

HOST = "198.51.100.1"
CLIENTS = 16
PATHS = ["loopback", "outside", "hairpin"]
MODES = {"Gbit/s": ("stream", "gbit_per_second", 1),
         f"new connections/s, {CLIENTS} clients": ("connect", "connections_per_second", 0)}
THROUGHPUT, CONNECTIONS = MODES
PORTS = [0, 5, 100]
RANGE = 10_000
FIRST_PORT = {"first": 18000, "last": 18010}  # the next one is for streams
DRIVERS = ["drawbridge", "native"]


def network_name(number):
    return f"n{number}"


class Engine:
    """An engine with `count` networks of `driver`, and a published container in the outer two."""

    def __init__(self, lab, driver, count):
        self.lab = lab
        self._driver = driver
        self._count = count
        self._containers = {}  # spot -> path of the container's namespace

    def equip(self):
        self.lab.image()
        if self._driver == "drawbridge":
            self.lab.start_drawbridge(f"{BUILD}/drawbridge", "--log-level", "info")
        for number in range(self._count):
            self._create(number)
        for spot, number in zip(SPOTS, (0, self._count - 1)):
            if spot == "first" or self._count > 1:
                ports = {PORT + each: FIRST_PORT[spot] + each for each in range(2)}
                container = self.run(f"server-{spot}", network_name(number), ports)
                self._containers[spot] = self._netns(container)
        for place in (self.lab.outside_place, *(Place(spot, netns, [])
                                                for spot, netns in self._containers.items())):
            self._outlive_ports(place)
        self._outlive_ports(self.lab.engine_place)

    def _create(self, number):
        driver = "bridge" if self._driver == "native" else "drawbridge"
        subnet = f"10.{60 + number // 256}.{number % 256}.0/24"
        ipam = {"Driver": "default" if driver == "bridge" else driver, "Config": [{"Subnet": subnet}]}
        body = {"Name": network_name(number), "Driver": driver, "IPAM": ipam}
        call(self.lab, "POST", "/networks/create", body)

    def create(self, name, network, ports):
        """A container that is not started yet. `ports`: container port -> host port."""
        bindings = {f"{inside}/tcp": [{"HostPort": str(outside)}] for inside, outside in ports.items()}
        body = {"Image": "bb:latest", "Cmd": ["sleep", "100000"],
                "ExposedPorts": {key: {} for key in bindings},
                "HostConfig": {"NetworkMode": network, "PortBindings": bindings}}
        return call(self.lab, "POST", f"/containers/create?name={name}", body)["Id"]

    def run(self, name, network, ports):
        container = self.create(name, network, ports)
        self.start(container)
        return container

    def start(self, container):
        """Starts a container; returns the milliseconds. Engine 20.10 fails one start in a hundred
        when the machine is busy, whatever the driver: the second try counts."""
        for _ in range(2):
            begin = time.monotonic()
            with contextlib.suppress(RuntimeError):
                call(self.lab, "POST", f"/containers/{container}/start")
                return (time.monotonic() - begin) * 1e3
        begin = time.monotonic()
        call(self.lab, "POST", f"/containers/{container}/start")
        return (time.monotonic() - begin) * 1e3

    def stop(self, container):
        begin = time.monotonic()
        call(self.lab, "POST", f"/containers/{container}/kill")
        call(self.lab, "POST", f"/containers/{container}/wait")
        return (time.monotonic() - begin) * 1e3

    def remove(self, container):
        call(self.lab, "DELETE", f"/containers/{container}?force=1")

    def _netns(self, container):
        shown = call(self.lab, "GET", f"/containers/{container}/json")
        return f"/proc/{shown['State']['Pid']}/ns/net"

    @staticmethod
    def _outlive_ports(place):
        """More connections than a minute has ports: none is kept after its end."""
        place.sysctl("net.ipv4.tcp_max_tw_buckets", 0)
        with contextlib.suppress(OSError):
            place.sysctl("net.netfilter.nf_conntrack_tcp_timeout_time_wait", 1)

    def server_places(self):
        return list(self._containers.values())

    def measure(self, spot, path, figure, seconds):
        spot = spot if spot in self._containers else "first"
        netns, target = {
            "loopback": (self.lab.engine_place.netns_path(), "127.0.0.1"),
            "outside": (self.lab.outside_place.netns_path(), HOST),
            "hairpin": (self._containers[spot], HOST),
        }[path]
        mode, key, _ = MODES[figure]
        command = [*CLIENT, netns, mode, target, str(FIRST_PORT[spot]), str(seconds)]
        if mode == "connect":
            command.append(str(CLIENTS))
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{spot} {path} {mode}: {done.stderr.strip()}")
        return json.loads(done.stdout)[key]

    def processes(self):
        """Process ids of what publishes: the daemon, or the proxies."""
        if self._driver == "drawbridge":
            return [self.lab.drawbridge.pid]
        return [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and self._is_proxy(pid)]

    def _is_proxy(self, pid):
        with contextlib.suppress(OSError):
            if not os.readlink(f"/proc/{pid}/exe").endswith("docker-proxy"):
                return False
            return os.readlink(f"/proc/{pid}/ns/net") == self._net_id()
        return False

    def _net_id(self):
        return os.readlink(f"/proc/{self.lab.engine.pid}/ns/net")


def private_kilobytes(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            total += int(re.search(r"Private_Dirty: +(\d+)", file.read())[1])
    return total


def wanted_engines(networks):
    return {"drawbridge 1": ("drawbridge", 1), f"drawbridge {networks}": ("drawbridge", networks),
            "native 1": ("native", 1), f"native {networks}": ("native", networks)}


def start_engines(stack, networks):
    engines = {}
    for title, (driver, count) in wanted_engines(networks).items():
        begin = time.monotonic()
        lab = stack.enter_context(Lab(ip_forward=1))
        engines[title] = Engine(lab, driver, count)
        engines[title].equip()
        for netns in engines[title].server_places():
            stack.enter_context(server(netns))
        print(f"{title}: filled in {time.monotonic() - begin:.0f} s", flush=True)
    return engines


def one_round(engines, seconds, chance):
    """Every cell once: (engine, spot, path, figure) -> the figure."""
    cells = list(itertools.product(SPOTS, PATHS, MODES))
    chance.shuffle(cells)
    return {(title, *cell): engines[title].measure(*cell, seconds)
            for cell in cells for title in chance.sample(list(engines), len(engines))}


def start_times(engines, starts, chance):
    """(driver, ports) -> milliseconds of starts and of stops."""
    times = {(driver, count): ([], []) for driver in DRIVERS for count in PORTS}
    containers = {}
    for driver, count in times:
        ports = {1000 + port: 19000 + port for port in range(count)}
        containers[driver, count] = engines[f"{driver} 1"].create(f"ports-{count}", network_name(0), ports)
    for _ in range(starts):
        for driver, count in chance.sample(list(times), len(times)):
            engine = engines[f"{driver} 1"]
            started, stopped = times[driver, count]
            started.append(engine.start(containers[driver, count]))
            stopped.append(engine.stop(containers[driver, count]))
    for (driver, _), container in containers.items():
        engines[f"{driver} 1"].remove(container)
    return times


def memory_per_port(engine, count):
    """Kilobytes that one published port takes in processes of its own or in the daemon."""
    before = private_kilobytes(engine.processes())
    container = engine.run("memory", network_name(0), {20000 + n: 20000 + n for n in range(count)})
    after = private_kilobytes(engine.processes())
    engine.remove(container)
    return (after - before) / count


def run(options):
    chance = random.Random(1)
    with contextlib.ExitStack() as stack:
        engines = start_engines(stack, options.networks)
        version = call(next(iter(engines.values())).lab, "GET", "/version")["Version"]
        one_round(engines, options.seconds, chance)  # warms up
        rounds = []
        for number in range(options.rounds):
            begin = time.monotonic()
            rounds.append(one_round(engines, options.seconds, chance))
            print(f"round {number + 1} of {options.rounds}: {time.monotonic() - begin:.0f} s", flush=True)
        times = start_times(engines, options.starts, chance)
        memory = {(driver, 100): memory_per_port(engines[f"{driver} 1"], 100) for driver in DRIVERS}
        memory["drawbridge", RANGE] = memory_per_port(engines["drawbridge 1"], RANGE)
        print("removing the engines", flush=True)
    return {"rounds": rounds, "times": times, "memory": memory, "version": version}


# --- what it means ---


def gains(rounds, one, other, path, figure):
    """How many times more `one` carried than `other`, in each round, first and last together."""
    return [answers[(one, spot, path, figure)] / answers[(other, spot, path, figure)]
            for answers in rounds for spot in SPOTS]


def measured_rows(rounds, networks):
    for path, figure, spot in itertools.product(PATHS, MODES, SPOTS):
        decimals = MODES[figure][2]
        row = [path, figure, spot]
        for engine in wanted_engines(networks):
            values = [answers[(engine, spot, path, figure)] for answers in rounds]
            row.append(f"{statistics.median(values):.{decimals}f} "
                       f"({min(values):.{decimals}f}-{max(values):.{decimals}f})")
        yield row


def gain_rows(rounds, networks):
    one, many, native_one, native = wanted_engines(networks)
    targets = {(one, native_one, "loopback", CONNECTIONS): 2.0,
               (one, native_one, "loopback", THROUGHPUT): 1.0,
               (many, native, "loopback", CONNECTIONS): 3.0,
               (one, native_one, "outside", CONNECTIONS): 1.0,
               (one, native_one, "outside", THROUGHPUT): 1.0,
               (many, native, "outside", CONNECTIONS): 5.0}
    for ours, theirs in ((one, native_one), (many, native), (many, one)):
        for path, figure in itertools.product(PATHS, MODES):
            values = gains(rounds, ours, theirs, path, figure)
            target = targets.get((ours, theirs, path, figure))
            yield [f"{ours} / {theirs}", path, figure, spread(values),
                   *verdict(statistics.median(values), target)]


def start_rows(times):
    for index, what in enumerate(("start", "stop")):
        medians = {key: statistics.median(values[index]) for key, values in times.items()}
        for count in PORTS:
            ours, theirs = (medians[driver, count] for driver in DRIVERS)
            added = [medians[driver, count] - medians[driver, 0] for driver in DRIVERS]
            share = f"{added[0] / added[1]:.3f}" if count and added[1] > 0 else ""
            yield [what, str(count), f"{ours:.0f}", f"{theirs:.0f}",
                   *(f"{each:.0f}" if count else "" for each in added), share]


def report(found, options):
    rounds, times, memory = found["rounds"], found["times"], found["memory"]
    return "\n".join([
        "# Benchmarks: published ports",
        "",
        "Written by `make bench-ports` (`bench/published_ports.py`). \"drawbridge N\" is an engine with "
        "N networks of drawbridge, \"native N\" one with N of Docker's bridge driver and its "
        "docker-proxy. The measured port leads to a container in the oldest (first) or newest (last) "
        "network. Loopback is from this host to 127.0.0.1, outside from another host, hairpin from the "
        "container to its own port by the host's address.",
        "",
        f"Median (minimum-maximum) of {len(rounds)} interleaved rounds, {options.seconds:g} s for each "
        "measurement. Gbit/s of one connection. A new connection carries 64 bytes and their echo.",
        "",
        f"Engine {found['version']}, kernel {platform.release()}, {os.cpu_count()} cores; clients keep "
        "to the first, servers to the last. Shared machines are noisy: read the ratios.",
        "",
        *table(["path", "measure", "network", *wanted_engines(options.networks)],
               measured_rows(rounds, options.networks)),
        "",
        "How many times more the one before the stroke carried than the one after it: median "
        "(quartiles) of what each round gave, first and last together.",
        "",
        *table(["compared", "path", "measure", "ratio", "to reach", ""],
               gain_rows(rounds, options.networks)),
        "",
        f"Starting and killing a container with published ports, milliseconds, median of "
        f"{options.starts} by turns; added is what the ports add, and its share of native's is to be "
        "under 0.1 for a start with 100.",
        "",
        *table(["", "ports", *DRIVERS, *(f"added, {driver}" for driver in DRIVERS), "share"],
               start_rows(times)),
        "",
        "Private memory per published TCP port, in kB: of docker-proxy's processes, and of the one "
        "daemon of drawbridge; the kernel's part of a listening socket, about 4 kB, comes on top.",
        "",
        *table(["ports", "driver", "kB per port"],
               [[str(count), driver, f"{value:.2f}"] for (driver, count), value in memory.items()]),
    ]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=1000, help="N; at least 2")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each measurement")
    parser.add_argument("--starts", type=int, default=10, help="of each kind of container")
    parser.add_argument("--output", default=os.path.join(HERE, "../docs/benchmarks-ports.md"))
    options = parser.parse_args()
    if options.networks < 2 or options.rounds < 2 or options.starts < 1:
        parser.error("at least two networks, two rounds and one start")
    text = report(run(options), options)
    with open(options.output, "w", encoding="utf-8") as file:
        file.write(text)
    print(text)


if __name__ == "__main__":
    main()
