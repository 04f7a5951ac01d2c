#!/usr/bin/python3
"""Measures how fast drawbridge hands out addresses and subnets, each one on disk before it is told.

In a network namespace of its own the daemon is given N networks over its socket, as an engine would
ask for them: subnet, gateway, bridge. At every N these run in turn, several rounds of them, with 1
and with 16 connections that each have one request under way:

    server     a plugin on the same server that only answers: what no handler can go above
    address    RequestAddress in a subnet of drawbridge
    pool       RequestPool from a pool that has room
    commit     the state file alone: one lease a commit, one after the other

Before that, on a state of its own, 10,000 subnets and 65,000 addresses of one /16 are leased one by
one and given back, and the slowest call is told.

    bench/addresses.py [--networks 0,1000,10000] [--rounds 5] [--output docs/benchmarks-ipam.md]
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))

from tests.lab import wait_for  # noqa: E402
from tests.lab.engine_api import UnixConnection, answers  # noqa: E402

BUILD = os.path.join(HERE, "../build/release")
CONFIG = {
    "pools": {
        "networks": {"prefixes": ["10.64.0.0/10"], "prefix": 28},
        "measured": {"prefixes": ["10.128.0.0/9"], "prefix": 29},
    },
    "default_pool": "networks",
}
SUBNET = "10.0.0.0/10"  # of the addresses: more than are asked for
SECONDS = 1.0
CONNECTIONS = (1, 16)


class Plugin:
    """The daemon and the plugin that only answers, in a namespace of their own."""

    def __init__(self, folder):
        self._folder = folder
        self.socket = os.path.join(folder, "drawbridge.sock")
        self.floor = os.path.join(folder, "floor.sock")
        config = os.path.join(folder, "drawbridge.json")
        with open(config, "w", encoding="utf-8") as file:
            json.dump(CONFIG, file)
        self._daemon = self._start(
            self.socket, "drawbridge", "serve", "--config", config,
            "--state-dir", os.path.join(folder, "state"), "--plugin-socket", self.socket,
            "--control-socket", os.path.join(folder, "control.sock"), "--log-level", "warn",
        )
        self._null = self._start(self.floor, "bench/null_plugin", self.floor)
        self._connection = UnixConnection(self.socket, 60)
        self._networks = 0

    def _start(self, socket, program, *words):
        command = ["unshare", "--net", os.path.join(BUILD, program), *words]
        child = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: answers(socket, "POST", "/Plugin.Activate"), 60, program)
        except AssertionError:
            child.kill()
            raise
        return child

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in (self._daemon, self._null):
            child.terminate()
            child.wait(60)

    def call(self, method, body):
        self._connection.request("POST", method, body=json.dumps(body))
        reply = json.loads(self._connection.getresponse().read())
        if reply.get("Error") or reply.get("Err"):
            raise RuntimeError(f"{method}: {reply}")
        return reply

    def pool(self, subnet=""):
        request = {"AddressSpace": "drawbridge-local", "Pool": subnet, "Options": {}, "V6": False}
        return self.call("/IpamDriver.RequestPool", request)

    def fill(self, wanted):
        while self._networks < wanted:
            pool = self.pool()
            kind = {"RequestAddressType": "com.docker.network.gateway"}
            gateway = self.call("/IpamDriver.RequestAddress",
                                {"PoolID": pool["PoolID"], "Address": "", "Options": kind})
            data = {"AddressSpace": "drawbridge-local", "Pool": pool["Pool"],
                    "Gateway": gateway["Address"], "AuxAddresses": {}}
            self.call("/NetworkDriver.CreateNetwork",
                      {"NetworkID": f"{self._networks:012x}" + "0" * 52, "IPv4Data": [data], "IPv6Data": [],
                       "Options": {"com.docker.network.generic": {}}})
            self._networks += 1

    def resident_kb(self):
        with open(f"/proc/{self._daemon.pid}/status", encoding="utf-8") as file:
            fields = dict(line.split(":", 1) for line in file)
        return int(fields["VmRSS"].split()[0])

    def state_kb(self):
        folder = os.path.join(self._folder, "state")
        return sum(os.stat(os.path.join(folder, name)).st_size for name in os.listdir(folder)) // 1024


def measured(program, *words):
    done = subprocess.run([os.path.join(BUILD, "bench", program), *words], check=True,
                          stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def one_round(plugin, pool_id, folder, results, networks):
    def note(what, connections, figures):
        results.setdefault((what, networks, connections), []).append(figures)

    for connections in CONNECTIONS:
        common = (str(connections), str(SECONDS))
        note("server", connections,
             measured("ipam_load", plugin.floor, *common, "address", SUBNET))
        note("address", connections,
             measured("ipam_load", plugin.socket, *common, "address", pool_id))
        note("pool", connections,
             measured("ipam_load", plugin.socket, *common, "pool", "pool=measured"))
    note("commit", 1, measured("commit_rate", folder, str(SECONDS)))


def run(levels, rounds):
    results = {}
    sizes = {}
    with tempfile.TemporaryDirectory(prefix="drawbridge-bench-") as folder:
        commits = os.path.join(folder, "commits")
        with Plugin(folder) as plugin:
            pool_id = plugin.pool(SUBNET)["PoolID"]
            for level in levels:
                plugin.fill(level)
                sizes[level] = (plugin.resident_kb(), plugin.state_kb())
                for number in range(rounds):
                    print(f"{level} networks, round {number + 1} of {rounds}", file=sys.stderr)
                    one_round(plugin, pool_id, commits, results, level)
    return results, sizes


def one_by_one(plugin, what, lease, count, give_back):
    """Leases `count` times, then gives all back; a row of figures."""
    leased = []
    slowest = 0.0
    begin = time.perf_counter()
    for _ in range(count):
        before = time.perf_counter()
        leased.append(lease())
        slowest = max(slowest, time.perf_counter() - before)
    spent = time.perf_counter() - begin
    resident, state = plugin.resident_kb(), plugin.state_kb()
    if len(set(leased)) != count:
        raise RuntimeError(f"{what}: leased twice")
    for each in leased:
        give_back(each)
    return (f"| {what} | {spent / count * 1000:.2f} | {slowest * 1000:.1f} | {resident / 1024:.1f} | "
            f"{state / 1024:.1f} |")


def scale():
    with tempfile.TemporaryDirectory(prefix="drawbridge-bench-") as folder, Plugin(folder) as plugin:
        print("10,000 subnets", file=sys.stderr)
        subnets = one_by_one(
            plugin, "10,000 subnets", lambda: plugin.pool()["PoolID"], 10_000,
            lambda pool: plugin.call("/IpamDriver.ReleasePool", {"PoolID": pool}))
        print("65,000 addresses", file=sys.stderr)
        pool = plugin.pool("10.1.0.0/16")["PoolID"]
        ask = {"PoolID": pool, "Address": "", "Options": None}
        addresses = one_by_one(
            plugin, "65,000 addresses of one /16",
            lambda: plugin.call("/IpamDriver.RequestAddress", ask)["Address"], 65_000,
            lambda address: plugin.call("/IpamDriver.ReleaseAddress",
                                        {"PoolID": pool, "Address": address.split("/")[0]}))
        plugin.call("/IpamDriver.ReleasePool", {"PoolID": pool})
        left = f"| all of it given back | | | {plugin.resident_kb() / 1024:.1f} | {plugin.state_kb() / 1024:.1f} |"
    return [subnets, addresses, left]


def middle(results, key, figure):
    return statistics.median(each[figure] for each in results[key])


def rows(results, levels):
    for what, title in (("address", "RequestAddress"), ("pool", "RequestPool")):
        for connections in CONNECTIONS:
            for level in levels:
                key = (what, level, connections)
                rate = middle(results, key, "per_second")
                server = middle(results, ("server", level, connections), "per_second")
                commit = middle(results, ("commit", level, 1), "per_second")
                yield (f"| {title} | {connections} | {level} | {rate:,.0f} | "
                       f"{middle(results, key, 'p50_us'):.0f} | {middle(results, key, 'p99_us'):.0f} | "
                       f"{server:,.0f} | {commit:,.0f} | {rate / min(server, commit):.2f} |")


def report(results, sizes, rounds, scaled):
    levels = sorted(sizes)
    lines = [
        "# Benchmarks: addresses and subnets",
        "",
        "Written by `make bench` (`bench/addresses.py`). Requests a second over the plugin socket, "
        "each answer on disk before it is sent; microseconds until the answer. Medians of "
        f"{rounds} interleaved rounds of {SECONDS:g} s. \"server\" is a plugin on the same server "
        "that only answers; \"commits\" is the state file alone, one lease a commit. N networks with "
        "bridges are there meanwhile.",
        "",
        f"Kernel {platform.release()}, {os.cpu_count()} cores, shared by the daemon and what asks "
        "it. Shared machines are noisy: read the ratios.",
        "",
        "| request | connections | N | per second | p50 µs | p99 µs | server per second | "
        "commits per second | of the lower |",
        "|---|---|---|---|---|---|---|---|---|",
        *rows(results, levels),
        "",
        "| N | resident memory, MB | state folder, MB |",
        "|---|---|---|",
        *(f"| {level} | {kb / 1024:.1f} | {state / 1024:.1f} |"
          for level, (kb, state) in sorted(sizes.items())),
        "",
        "One after the other, as a script asks, with nothing else leased:",
        "",
        "| leased | ms each | slowest call, ms | resident memory, MB | state folder, MB |",
        "|---|---|---|---|---|",
        *scaled,
    ]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default="0,1000,10000")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", default=os.path.join(HERE, "../docs/benchmarks-ipam.md"))
    options = parser.parse_args()
    # First: when thousands of bridges go with their namespace, the kernel is busy for minutes.
    scaled = scale()
    results, sizes = run([int(text) for text in options.networks.split(",")], options.rounds)
    text = report(results, sizes, options.rounds, scaled)
    with open(options.output, "w", encoding="utf-8") as file:
        file.write(text)
    print(text)


if __name__ == "__main__":
    main()
