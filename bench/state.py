#!/usr/bin/python3
"""Measures what drawbridge's state costs: starts, looks, restarts of the engine, and crowds.

Drawbridge alone gets 500 networks with 2 endpoints each through its plugin protocol, without an
engine. Then it is started over a kernel that is as it should be, and over one whose rules and links
are gone; its memory, the CPU of a look at everything and of a minute at rest are read.

Three engines are restarted in turn: with no network, with 200 of drawbridge (and its IPAM), and
with 201 of Docker's own bridge driver.

At last 10 running containers are attached to 20 networks and detached, all at once, and 200
connections do the same to drawbridge without an engine. What each method took is in drawbridge's
own log.

    bench/state.py [--networks 500] [--starts 5] [--restart-networks 200] [--restarts 3]
                   [--rounds 3] [--idle 60] [--output docs/benchmarks-state.md]
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import platform
import re
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))

from bench.plugin_calls import Daemon, fill, methods, storm  # noqa: E402
from tests.lab import Lab, wait_for  # noqa: E402
from tests.lab.engine_api import request  # noqa: E402
from tests.lab.snapshot import without_mark  # noqa: E402

BINARY = os.path.join(HERE, "../build/release/drawbridge")
ENDPOINTS = 2
STORM_NETWORKS = 20
STORM_CONTAINERS = 10
STORM_CONNECTIONS = STORM_NETWORKS * STORM_CONTAINERS
CLEAN, LOST = "kernel as it should be", "rules and links gone"
AT_REST, AFTER_FOREIGN = "nothing changed", "somebody else changed a table"
ENGINES = ["none", "drawbridge", "native"]


# --- drawbridge alone ---


def kernel_content(lab):
    """Names of our bridges and the words of the ruleset, in an order of their own."""
    links = json.loads(lab.engine_ns("ip", "-j", "link", "show", "type", "bridge").stdout)
    rules = without_mark(lab.engine_ns("nft", "-s", "list", "ruleset").stdout)
    words = re.sub(r"packets \d+ bytes \d+|expires [\dhms]+", "", rules)
    return (sorted(each["ifname"] for each in links if each["ifname"].startswith("db-")),
            sorted(re.split(r"[\s,]+", words)))


def lose_everything(lab):
    """Deletes the rules and, all at once, every link of drawbridge."""
    names = re.findall(r"^\d+: (d[bv]-[^:@]+)", lab.engine_ns("ip", "-o", "link").stdout, re.M)
    group = "".join(f"link set {name} group 77\n" for name in names)
    lab.engine_ns("ip", "-batch", "-", input=group)
    lab.engine_ns("ip", "link", "del", "group", "77", timeout=300)
    lab.engine_ns("nft", "flush", "ruleset")


def start_over(daemon, before):
    """A start; what it answers with must be what was there before."""
    values = daemon.start()
    if kernel_content(daemon.lab) != before:
        raise RuntimeError("drawbridge answers, and the kernel is not as it was")
    return values


def measure_alone(options):
    with Lab(ip_forward=1, data="disk", start=False) as lab:
        daemon = Daemon(lab, BINARY)
        daemon.start()
        fill(daemon, options.networks, ENDPOINTS)
        found = {"filled": daemon.memory(), "starts": {CLEAN: [], LOST: []}}
        before = kernel_content(lab)
        found["elements"] = element_count(lab)
        for _ in range(options.starts):
            daemon.stop()
            found["starts"][CLEAN].append(start_over(daemon, before))
        found["looks"] = measure_looks(daemon, options.starts)
        found["idle"] = measure_idle(daemon, options.idle)
        found["rest"] = daemon.memory()
        for _ in range(options.starts):
            daemon.stop()
            lose_everything(lab)
            found["starts"][LOST].append(start_over(daemon, before))
    show("alone", found)
    return found


def element_count(lab):
    rules = json.loads(lab.engine_ns("nft", "-j", "list", "ruleset").stdout)["nftables"]
    held = [each.get("set") or each.get("map") for each in rules]
    return sum(len(each.get("elem", [])) for each in held if each)


def measure_looks(daemon, count):
    looks = {AT_REST: [], AFTER_FOREIGN: []}
    for number in range(count):
        looks[AT_REST].append(daemon.look())
        daemon.lab.engine_ns("nft", "add", "table", "inet", f"foreign{number}")
        looks[AFTER_FOREIGN].append(daemon.look())
        daemon.lab.engine_ns("nft", "delete", "table", "inet", f"foreign{number}")
    return looks


def measure_idle(daemon, seconds):
    """CPU of a whole minute at rest, in seconds."""
    begin = daemon.cpu()
    time.sleep(seconds)
    return daemon.cpu() - begin


# --- restarts of the engine ---


def create_networks(lab, driver, count):
    ipam = "default" if driver == "bridge" else driver
    for number in range(count):
        body = {"Name": f"n{number}", "Driver": driver, "CheckDuplicate": True, "IPAM": {"Driver": ipam}}
        if driver == "bridge":  # Docker's own pools end after 31
            body["IPAM"]["Config"] = [{"Subnet": f"10.20.{number}.0/24"}]
        must(lab, "POST", "/networks/create", body)


def must(lab, method, path, body=None):
    status, reply = lab.api(method, path, body, timeout=120)
    if status >= 400:
        raise RuntimeError(f"{method} {path}: {status} {reply}")
    return reply


def restart(lab, networks):
    """Seconds that the engine took to answer again, and to stop."""
    begin = time.perf_counter()
    lab.stop_engine(timeout=120)
    stopped = time.perf_counter()
    lab.start_engine(timeout=120)
    answered = time.perf_counter()
    there = len(must(lab, "GET", "/networks")) - 3  # bridge, host, none
    if there != networks:
        raise RuntimeError(f"{there} networks after a restart, not {networks}")
    return answered - stopped, stopped - begin


def measure_restarts(options):
    counts = dict(zip(ENGINES, (0, options.restart_networks, options.restart_networks + 1)))
    found = {engine: [] for engine in ENGINES}
    with contextlib.ExitStack() as stack:
        labs = {engine: stack.enter_context(Lab(ip_forward=1, data="disk")) for engine in ENGINES}
        for engine, lab in labs.items():
            if engine != "native":
                lab.start_drawbridge(BINARY, "--log-level", "info")
            create_networks(lab, "bridge" if engine == "native" else "drawbridge", counts[engine])
        version = must(labs["none"], "GET", "/version")["Version"]
        for _ in range(options.restarts):
            for engine, lab in labs.items():
                found[engine].append(restart(lab, counts[engine]))
    show("restarts", found)
    return found, version


# --- crowds ---


def settle(lab):
    wait_for(lambda: " dx-" not in lab.engine_ns("ip", "-o", "link").stdout, 120,
             "the end of retired links", interval=0.1)


def at_once(lab, action, pairs):
    """Connects or disconnects every (network, container) at once; seconds of each call."""
    def one(pair):
        network, container = pair
        begin = time.perf_counter()
        status, reply = request(lab.engine_socket, "POST", f"/networks/{network}/{action}",
                                {"Container": container}, timeout=120)
        if status >= 400:
            raise RuntimeError(f"{action} {network} {container}: {status} {reply}")
        return time.perf_counter() - begin

    with concurrent.futures.ThreadPoolExecutor(len(pairs)) as pool:
        return list(pool.map(one, pairs))


def measure_engine_crowd(rounds):
    with Lab(ip_forward=1, data="disk") as lab:
        lab.image()
        lab.start_drawbridge(BINARY, "--docker-socket", lab.engine_socket)
        create_networks(lab, "drawbridge", STORM_NETWORKS)
        lab.docker("network", "create", "-d", "drawbridge", "--ipam-driver", "drawbridge", "home")
        names = [f"c{number}" for number in range(STORM_CONTAINERS)]
        for name in names:
            lab.docker("run", "-d", "--name", name, "--network", "home", "bb:latest", "sleep", "100000")
        pairs = [(f"n{number}", name) for name in names for number in range(STORM_NETWORKS)]
        logged, begin = len(lab.drawbridge_log()), time.perf_counter()
        api = {"connect": [], "disconnect": []}
        for _ in range(rounds):
            for action, seconds in api.items():
                seconds += at_once(lab, action, pairs)
        found = {"methods": methods(lab.drawbridge_log()[logged:]), "calls": api,
                 "seconds": time.perf_counter() - begin}
        settle(lab)
    show("engine crowd", found["methods"])
    return found


def measure_protocol_crowd(rounds):
    with Lab(ip_forward=1, data="disk", start=False) as lab:
        daemon = Daemon(lab, BINARY)
        daemon.start(log_level="debug")
        networks = fill(daemon, STORM_NETWORKS, 0)
        logged = len(daemon.log())
        seconds, whole = storm(daemon, networks, STORM_CONNECTIONS, rounds)
        found = {"methods": methods(daemon.log()[logged:]), "calls": {"a request": seconds},
                 "seconds": whole}
        settle(lab)
    show("protocol crowd", found["methods"])
    return found


# --- the report ---


def show(what, found):
    print(f"{what}: {json.dumps(found, default=str)[:2000]}", flush=True)


def cell(values, decimals=2):
    return f"{statistics.median(values):.{decimals}f} ({min(values):.{decimals}f}-{max(values):.{decimals}f})"


def verdict(value, target):
    return "yes" if value <= target else "NO"


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head),
            *("| " + " | ".join(str(each) for each in row) + " |" for row in rows)]


def start_rows(starts):
    for what, values in starts.items():
        accepted, answered, cpu, waited = zip(*values)
        good = verdict(statistics.median(answered), 1.0)
        yield [what, cell(accepted, 3), cell(answered, 3), cell(cpu, 3), cell(waited, 3), "1", good]


def rest_rows(found, options):
    for what, values in found["looks"].items():
        milliseconds = [1000 * value for value in values]
        yield [f"CPU of a look, {what}, ms", cell(milliseconds, 1), "100",
               verdict(statistics.median(milliseconds), 100)]
    share = 100 * found["idle"] / options.idle
    yield [f"CPU in {options.idle:g} s at rest, ms", f"{1000 * found['idle']:.1f} ({share:.3f} %)", "", ""]
    for what, key in (("after filling", "filled"), ("at rest after a start", "rest")):
        now, most = found[key]
        yield [f"memory {what}, MB (most so far)", f"{now:.1f} ({most:.1f})", "40", verdict(now, 40)]


def restart_rows(found, networks):
    none = statistics.median(start for start, _ in found["none"])
    counts = {"none": "no network", "drawbridge": f"{networks} of drawbridge",
              "native": f"{networks + 1} of driver bridge"}
    for engine, values in found.items():
        starts, stops = zip(*values)
        more = statistics.median(starts) - none
        judged = ["1", verdict(more, 1.0)] if engine == "drawbridge" else ["", ""]
        yield [counts[engine], cell(starts), cell(stops), f"{more:.2f}" if engine != "none" else "", *judged]


def crowd_rows(found):
    for method, values in sorted(found["methods"].items()):
        yield [method, len(values), *(f"{quantile(values, share):.2f}" for share in (0.5, 0.99, 1))]
    for what, seconds in found["calls"].items():
        values = [1000 * each for each in seconds]
        yield [f"*{what}, as its caller saw it*", len(values),
               *(f"{quantile(values, share):.1f}" for share in (0.5, 0.99, 1))]


def report(found, options):
    alone, head = found["alone"], ["method", "calls", "p50", "p99", "most"]
    return "\n".join([
        "# Benchmarks: state",
        "",
        "Written by `make bench-state` (`bench/state.py`). Median (minimum-maximum).",
        f"Engine {found['version']}, kernel {platform.release()}, {os.cpu_count()} cores, load {found['load']} while "
        "it ran. Shared machines are noisy: CPU tells more than time.",
        "",
        f"## {options.networks} networks with {ENDPOINTS} endpoints each",
        "",
        "Made through the plugin protocol, without an engine: drawbridge alone. The rules hold "
        f"{alone['elements']} elements. Seconds from exec of drawbridge, {options.starts} starts each. The socket "
        "takes connections before the kernel is compared and answers after that; at the answer, rules "
        "and bridges are what they were. Veth pairs that are gone stay away: those of the containers went "
        "with the first loss, the later ones are of rules and bridges.",
        "",
        *table(["start", "connection taken, s", "answered, all compared, s", "of it CPU, s",
                "waiting for a processor, s", "target, s", ""],
               start_rows(alone["starts"])),
        "",
        "A look is one SIGHUP, with the configuration read again.",
        "",
        *table(["", "measured", "target", ""], rest_rows(alone, options)),
        "",
        "## A restart of the engine",
        "",
        f"Seconds from dockerd's start until it answers, {options.restarts} by turns; drawbridge runs on.",
        "",
        *table(["networks", "start, s", "stop, s", "more than none, s", "target, s", ""],
               restart_rows(found["restarts"], options.restart_networks)),
        "",
        "## Crowds",
        "",
        f"{STORM_CONTAINERS} running containers on an engine are connected to {STORM_NETWORKS} networks and "
        f"disconnected, {STORM_CONNECTIONS} requests at once, {options.rounds} times: "
        f"{found['engine crowd']['seconds']:.1f} s in all. Milliseconds inside drawbridge, from its log.",
        "",
        *table(head, crowd_rows(found["engine crowd"])),
        "",
        f"The same through the plugin protocol, without an engine: {STORM_CONNECTIONS} connections at once on "
        f"{STORM_NETWORKS} networks, {options.rounds} times: {found['protocol crowd']['seconds']:.1f} s in all.",
        "",
        *table(head, crowd_rows(found["protocol crowd"])),
    ]) + "\n"


def run(options):
    found = {"alone": measure_alone(options)}
    found["restarts"], found["version"] = measure_restarts(options)
    found["engine crowd"] = measure_engine_crowd(options.rounds)
    found["protocol crowd"] = measure_protocol_crowd(options.rounds)
    found["load"] = f"{os.getloadavg()[2]:.1f}"
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=500)
    parser.add_argument("--starts", type=int, default=5, help="of each kind")
    parser.add_argument("--restart-networks", type=int, default=200)
    parser.add_argument("--restarts", type=int, default=3, help="of each engine")
    parser.add_argument("--rounds", type=int, default=3, help="of each crowd")
    parser.add_argument("--idle", type=float, default=60, help="seconds at rest")
    parser.add_argument("--output", default=os.path.join(HERE, "../docs/benchmarks-state.md"))
    options = parser.parse_args()
    text = report(run(options), options)
    with open(options.output, "w", encoding="utf-8") as file:
        file.write(text)
    print(text)


if __name__ == "__main__":
    main()
