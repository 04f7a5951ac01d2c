#!/usr/bin/python3
"""Measures how soon a proxy reaches a container that starts, and what that costs the Docker API.

One engine has 200 networks: a third has its proxy by `proxy_mode=route`, a third by `join`, and on
a third a plain loop on the engine's stream of events connects and disconnects the proxy, as such
tools do. A container starts on each kind by turns, and on a network where the proxy is anyway, and
is fetched from within the proxy's network namespace until it answers. Between drawbridge and the
engine a relay counts calls.

Then every network gets two containers, and a fifth of all containers is exchanged within a minute.

    bench/proxies.py [--networks 200] [--starts 50] [--churn 60] [--output docs/benchmarks-proxies.md]
"""

import argparse
import collections
import concurrent.futures
import contextlib
import json
import os
import platform
import random
import re
import socket
import statistics
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))

from bench.control_plane import Api, resident_kb  # noqa: E402
from tests.lab import Lab, wait_for  # noqa: E402
from tests.lab.engine_api import UnixConnection, request  # noqa: E402
from tests.lab.engine_relay import EngineRelay  # noqa: E402
from tests.lab.places import call_in_netns  # noqa: E402

BINARY = os.environ.get("DRAWBRIDGE_BINARY", os.path.join(HERE, "../build/release/drawbridge"))
WAYS = ["member already", "route", "join", "loop on events"]
OPTIONS = {"route": {"proxy": "router"}, "join": {"proxy": "joiner", "proxy_mode": "join"}}
SHARE = 0.2  # of the containers, exchanged while there is churn
TARGET_MS, TARGET_CALLS = 300, 2
LOOKS = ("GET /networks", "GET /containers/json", "GET /_ping")  # by the clock, not by a change
SERVE = ["sh", "-c", "echo hello > /tmp/index.html; exec httpd -f -p 80 -h /tmp"]


class Events:
    """What the engine tells, from now on: calls on_event(event) for each."""

    def __init__(self, path, on_event):
        self._connection = UnixConnection(path, None)
        self._connection.request("GET", "/events")
        self._reply = self._connection.getresponse()
        self._on_event = on_event
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with contextlib.suppress(OSError, ValueError, AttributeError):
            while line := self._reply.readline():
                self._on_event(json.loads(line))

    def close(self):
        self._connection.sock.shutdown(socket.SHUT_RDWR)


class PlainLoop:
    """Connects the proxy when a container with its label starts, disconnects it when one dies."""

    def __init__(self, path):
        self._path = path
        self._events = Events(path, self._on_event)

    def _on_event(self, event):
        attributes = event.get("Actor", {}).get("Attributes", {})
        if event["Type"] == "container" and "loop" in attributes:
            verbs = {"start": "connect", "die": "disconnect"}
            if event["Action"] in verbs:
                request(self._path, "POST", f"/networks/{attributes['loop']}/{verbs[event['Action']]}",
                        {"Container": "joiner"})

    def close(self):
        self._events.close()


class Site:
    def __init__(self, lab, relay, count):
        self.lab, self.relay = lab, relay
        self.api = Api(lab.engine_socket)
        self.networks = {way: [] for way in WAYS}
        self.started = {}  # container id -> nanoseconds of its event
        self._heard = threading.Condition()
        self._events = Events(lab.engine_socket, self._on_event)
        self._make_networks(count)
        # Two of them: a proxy that is joined comes from every place that it has.
        for proxy in ("router", "joiner"):
            self.container(proxy, "bridge", command=["sleep", "100000"])
        self.api.call("POST", "/networks/n0/connect", {"Container": "joiner"})

    def netns(self, way):
        """Of the proxy that is there for `way`."""
        proxy = "router" if way == "route" else "joiner"
        return f"/proc/{call(self.lab, 'GET', f'/containers/{proxy}/json')['State']['Pid']}/ns/net"

    def _on_event(self, event):
        if event["Type"] == "container" and event["Action"] == "start":
            with self._heard:
                self.started[event["Actor"]["ID"]] = event["timeNano"]
                self._heard.notify_all()

    def when_started(self, container):
        """Waits for the event, and returns its nanoseconds."""
        with self._heard:
            self._heard.wait_for(lambda: container in self.started, 20)
            return self.started[container]

    def _make_networks(self, count):
        for number in range(count):
            way = WAYS[1 + number % 3] if number else WAYS[0]
            ipam = {"Driver": "drawbridge", "Config": [{"Subnet": f"10.{100 + number // 256}.{number % 256}.0/24"}]}
            self.api.call("POST", "/networks/create", {"Name": f"n{number}", "Driver": "drawbridge",
                                                       "IPAM": ipam, "Options": OPTIONS.get(way, {})})
            self.networks[way].append(number)

    def container(self, name, network, *, number=None, last=77, marks=None, command=SERVE, start=True):
        body = {"Image": "bb:latest", "Cmd": command, "HostConfig": {"NetworkMode": network},
                "StopSignal": "KILL", "Labels": marks or {}}
        if number is not None:
            wanted = {"IPAMConfig": {"IPv4Address": address(number, last)}}
            body["NetworkingConfig"] = {"EndpointsConfig": {network: wanted}}
        made = call(self.lab, "POST", f"/containers/create?name={name}", body)["Id"]
        if start:
            call(self.lab, "POST", f"/containers/{made}/start")
        return made

    def memberships(self):
        return set(call(self.lab, "GET", "/containers/joiner/json")["NetworkSettings"]["Networks"])

    def close(self):
        self._events.close()


def call(lab, method, path, body=None):
    """As Api.call, over a connection of its own: from any thread."""
    status, reply = request(lab.engine_socket, method, path, body, timeout=120)
    if status >= 400:
        raise RuntimeError(f"{method} {path}: {status} {reply}")
    return reply


def address(number, last):
    return f"10.{100 + number // 256}.{number % 256}.{last}"


# --- latency ---


def first_fetch(target):
    """Nanoseconds since 1970 when http://target/ answered first; within the proxy's namespace."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as channel, contextlib.suppress(OSError):
            channel.settimeout(0.01)
            channel.connect((target, 80))
            channel.settimeout(2)
            channel.sendall(b"GET / HTTP/1.0\r\n\r\n")
            if b" 200 " in channel.recv(100):
                return time.time_ns()
        time.sleep(0.0005)
    raise RuntimeError(f"no answer from {target}")


def measure_start(site, way, number):
    """Milliseconds from the request to start, from its reply, and from the event, to the fetch."""
    marks = {"loop": f"n{number}"} if way == "loop on events" else {"traefik.enable": "true"}
    made = site.container(f"app-{number}", f"n{number}", number=number, marks=marks, start=False)
    netns = site.netns(way)

    def fetch():
        # As a proxy does that listens to Docker: who asks earlier waits for ARP's next try, a second.
        event = site.when_started(made)
        return event, call_in_netns(netns, lambda: first_fetch(address(number, 77)))

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        begin, fetching = time.time_ns(), pool.submit(fetch)
        site.api.call("POST", f"/containers/{made}/start")
        replied = time.time_ns()
        event, fetched = fetching.result()
    return made, [(fetched - since) / 1e6 for since in (begin, replied, event)]


def measure_latency(site, starts):
    found = {way: [] for way in WAYS}
    calls = {way: collections.Counter() for way in WAYS}
    loop = PlainLoop(site.lab.engine_socket)
    for round_number in range(starts + 1):
        for way in WAYS:
            number = site.networks[way][round_number % len(site.networks[way])]
            before = len(site.relay.calls)
            made, values = measure_start(site, way, number)
            site.api.call("DELETE", f"/containers/{made}?force=1")
            wait_for(lambda: site.memberships() == {"bridge", "n0"}, what="the proxy's leave")
            if round_number:  # the first one warms up
                found[way].append(values)
                calls[way].update(plain(each) for each in site.relay.calls[before:])
    loop.close()
    return found, calls


def plain(call_text):
    """Without names and ids: "GET /networks/ID"."""
    return re.sub(r"/(networks|containers)/(?!json|create)[^/]+", r"/\1/ID", call_text)


# --- churn ---


class Crowd:
    """Two containers on every network, an app and another, of which some are exchanged."""

    def __init__(self, site):
        self.site, self._count = site, 0
        self.members = {}  # name -> (network's number, whether it is routable)

    def add(self, number, is_routable):
        self._count += 1
        name = f"m{self._count}"
        marks = {"traefik.enable": "true"} if is_routable else {}
        self.members[name] = number, is_routable
        self.site.container(name, f"n{number}", marks=marks, command=["sleep", "100000"])

    def exchange(self):
        name = random.choice(sorted(self.members))
        number, _ = self.members.pop(name)
        call(self.site.lab, "DELETE", f"/containers/{name}?force=1")
        self.add(number, random.random() < 0.5)

    def routable_networks(self, way):
        return {number for number, is_routable in self.members.values() if is_routable} & set(
            self.site.networks[way])

    def expected_memberships(self):
        return {"bridge", "n0", *(f"n{number}" for number in self.routable_networks("join"))}

    def expected_routes(self):
        return sum(is_routable and number in self.site.networks["route"]
                   for number, is_routable in self.members.values())


def routes(lab):
    """How many ways there are for proxies over IPv4, in the kernel."""
    listed = json.loads(lab.engine_ns("nft", "-j", "list", "set", "inet", "drawbridge", "proxied4").stdout)
    return sum(len(each["set"].get("elem", [])) for each in listed["nftables"] if "set" in each)


def is_right(crowd):
    return (crowd.site.memberships() == crowd.expected_memberships()
            and routes(crowd.site.lab) == crowd.expected_routes())


def resources(lab):
    pid = lab.drawbridge.pid
    return {"MB": resident_kb(pid) / 1024, "files": len(os.listdir(f"/proc/{pid}/fd"))}


def measure_churn(site, seconds):
    crowd, lab = Crowd(site), site.lab
    before = resources(lab)
    print("filling", flush=True)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        numbers = [number for way in WAYS for number in site.networks[way]]
        list(pool.map(lambda number: (crowd.add(number, True), crowd.add(number, False)), numbers))
    wait_for(lambda: is_right(crowd), 120, "right memberships", interval=0.2)
    filled, calls = resources(lab), len(site.relay.calls)
    changes = int(SHARE * len(crowd.members))
    print(f"{len(crowd.members)} containers, {changes} of them are exchanged", flush=True)
    begin = time.monotonic()
    for number in range(changes):
        time.sleep(max(0.0, begin + number * seconds / changes - time.monotonic()))
        crowd.exchange()
    ended = time.monotonic()
    wait_for(lambda: is_right(crowd), 120, "right memberships after the churn", interval=0.05)
    settled = time.monotonic() - ended
    counted = collections.Counter(plain(each) for each in site.relay.calls[calls:])
    return {"containers": len(crowd.members), "changes": changes, "seconds": ended - begin,
            "settled": settled, "calls": counted, "memberships": len(crowd.expected_memberships()) - 2,
            "routes": crowd.expected_routes(), "before": before, "filled": filled,
            "after": resources(lab)}


# --- the report ---


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def table(head, rows):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head),
            *("| " + " | ".join(str(each) for each in row) + " |" for row in rows)]


def latency_rows(found):
    for way, samples in found.items():
        columns = list(zip(*samples))
        is_reached = quantile(columns[2], 0.99) <= TARGET_MS
        verdict = ("reached" if is_reached else "not reached") if way in OPTIONS else ""
        yield [way, *(f"{statistics.median(column):.0f} / {quantile(column, 0.99):.0f}"
                      for column in columns), verdict]


def by_change(counter, changes):
    return sum(count for name, count in counter.items() if name not in LOOKS) / changes


def call_rows(calls, changes):
    names = sorted({name for counter in calls.values() for name in counter})
    for name in names:
        yield [f"`{name}`", *(f"{calls[way][name] / changes:.2f}" for way in WAYS)]
    yield ["all but looks", *(f"{by_change(calls[way], changes):.2f}" for way in WAYS)]


def report(found, options):
    latency, calls = found["latency"]
    churn = found["churn"]
    changes = 2 * options.starts
    asked = {way: by_change(calls[way], changes) for way in OPTIONS}
    total = sum(churn["calls"].values())
    lines = [
        "# Benchmarks: proxies",
        "",
        "Written by `make bench-proxies` (`bench/proxies.py`). "
        f"Engine {found['version']}, kernel {platform.release()}, {os.cpu_count()} cores, {options.networks} "
        "networks. Shared machines are noisy.",
        "",
        "## From a container's start to the proxy's first fetch",
        "",
        f"Milliseconds, p50 / p99 of {options.starts} starts each, by turns. \"member already\" is the "
        "engine and the web server alone; \"loop on events\" is a few lines of Python that connect the "
        "proxy at each `start`. The fetching begins with the event, as it does in a proxy that listens to "
        "Docker; the reply may come later, which counts below zero.",
        "",
        *table(["the proxy", "since the request to start", "since its reply", "since the event `start`",
                f"p99 below {TARGET_MS}"], latency_rows(latency)),
        "",
        "## Calls of the Docker API",
        "",
        "By drawbridge, for each start or removal of a container, events themselves not counted: the stream "
        "is one call. Networks of the first and the last column have no proxy of drawbridge's: there it asks "
        "for names, and for the environment of what may be routable. Looks come by the clock.",
        "",
        *table(["call", *WAYS], call_rows(calls, changes)),
        "",
        f"All but looks, of {TARGET_CALLS} at most: " + ", ".join(
            f"{way} {value:.2f}, {'reached' if value <= TARGET_CALLS else 'not reached'}"
            for way, value in asked.items()) + ".",
        "",
        "## Churn",
        "",
        f"{churn['containers']} containers on {options.networks} networks; {churn['changes']} of them are removed "
        f"and others started in {churn['seconds']:.0f} s. {churn['settled'] * 1000:.0f} ms after the last one the "
        f"proxy was on exactly the {churn['memberships']} networks that it should join, and the kernel held "
        f"exactly the {churn['routes']} ways that it should.",
        "",
        f"{total} calls, {total / (2 * churn['changes']):.1f} for each start or removal, looks included: "
        + ", ".join(f"`{name}` {count}" for name, count in sorted(churn["calls"].items())) + ".",
        "",
        *table(["drawbridge", "before", "with all containers", "after the churn"],
               [[what, *(f"{churn[when][what]:.0f}" for when in ("before", "filled", "after"))]
                for what in ("MB", "files")]),
    ]
    return "\n".join(lines) + "\n"


def run(options):
    with Lab(ip_forward=1, data="disk") as lab:
        lab.image()
        with EngineRelay(lab.engine_socket, f"{lab.root}/relay.sock") as relay:
            lab.start_drawbridge(BINARY, "--docker-socket", relay.path, "--log-level", "info")
            site = Site(lab, relay, options.networks)
            found = {"version": call(lab, "GET", "/version")["Version"]}
            found["latency"] = measure_latency(site, options.starts)
            found["churn"] = measure_churn(site, options.churn)
            site.close()
            with open(options.output, "w", encoding="utf-8") as file:
                file.write(report(found, options))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=200)
    parser.add_argument("--starts", type=int, default=50, help="of each kind")
    parser.add_argument("--churn", type=float, default=60, help="seconds")
    parser.add_argument("--output", default=os.path.join(HERE, "../docs/benchmarks-proxies.md"))
    run(parser.parse_args())


if __name__ == "__main__":
    main()
