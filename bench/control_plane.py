#!/usr/bin/python3
"""Measures drawbridge's control plane beside Docker's own bridge driver, and the engine's floor.

Two private engines run side by side: one is filled with networks of driver bridge, the other with
networks of drawbridge, N in each. At every N each operation is measured on both in turn, and on the
second engine also with a plugin that only answers (build/release/bench/null_plugin): what is left
then is the engine itself. Between measurements the links that drawbridge retired are waited for, so
that nobody pays for another's clean-up.

    bench/control_plane.py [--networks 0,200,500,1000] [--rounds 15] [--output docs/benchmarks.md]
"""

import argparse
import contextlib
import json
import os
import platform
import re
import socket
import statistics
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from tests.lab import Lab, wait_for  # noqa: E402
from tests.lab.engine_api import UnixConnection, answers  # noqa: E402

BUILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../build/release")
FLOOR = "floor"  # the name of the driver that only answers; "null" is one of Docker's own
OPERATIONS = ["network create", "network rm", "connect", "disconnect", "start to first ping"]
HANDLERS = {
    "network create": {"RequestPool", "RequestAddress", "CreateNetwork"},
    "network rm": {"ReleaseAddress", "ReleasePool", "DeleteNetwork"},
}


class Api:
    """Calls to an engine over one kept connection, so that dialling is not measured."""

    def __init__(self, path):
        self._connection = UnixConnection(path, 120)

    def call(self, method, target, body=None):
        data = None if body is None else json.dumps(body)
        headers = {} if data is None else {"Content-Type": "application/json"}
        self._connection.request(method, target, body=data, headers=headers)
        reply = self._connection.getresponse()
        text = reply.read().decode()
        if reply.status >= 400:
            raise RuntimeError(f"{method} {target}: {reply.status} {text.strip()}")
        return json.loads(text) if text.strip() else None


class Side:
    """One driver on one engine, with what its operations need."""

    def __init__(self, name, lab, driver, subnets):
        self.name = name
        self.lab = lab
        self.driver = driver
        self.api = Api(lab.engine_socket)
        self.subnets = subnets  # fresh ones: Docker's own pools end after 31 networks
        self._count = 0
        self._ping = lab.engine_place.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._ping.settimeout(0.002)

    def network_body(self, name, subnet=None):
        ipam = {"Driver": "default" if self.driver == "bridge" else self.driver}
        if subnet:
            ipam["Config"] = [{"Subnet": subnet}]
        return {"Name": name, "Driver": self.driver, "CheckDuplicate": True, "IPAM": ipam}

    def create(self, name, subnet=None):
        body = self.network_body(name, subnet)
        begin = time.perf_counter()
        made = self.api.call("POST", "/networks/create", body)
        return made["Id"], time.perf_counter() - begin

    def remove(self, network):
        begin = time.perf_counter()
        self.api.call("DELETE", f"/networks/{network}")
        return time.perf_counter() - begin

    def prepare(self):
        """A network for containers and a container to be connected, both kept over all rounds."""
        self.subnet = next(self.subnets)
        self.create(f"home-{self.name}", self.subnet)
        self.target, _ = self.create(f"target-{self.name}", next(self.subnets))
        self.resident = self.container("resident")
        self.api.call("POST", f"/containers/{self.resident}/start")

    def container(self, name, address=None):
        """Creates a container on this side's home network; returns its id."""
        home = f"home-{self.name}"
        body = {"Image": "bb:latest", "Cmd": ["sleep", "100000"], "HostConfig": {"NetworkMode": home}}
        if address:
            wanted = {"IPAMConfig": {"IPv4Address": address}}
            body["NetworkingConfig"] = {"EndpointsConfig": {home: wanted}}
        return self.api.call("POST", f"/containers/create?name={name}-{self.name}", body)["Id"]

    def measure(self):
        """One value in seconds for each operation."""
        self._count += 1
        network, create = self.create(f"m-{self.name}-{self._count}", next(self.subnets))
        remove = self.remove(network)
        connect, disconnect = self.connect_and_disconnect()
        return dict(zip(OPERATIONS, [create, remove, connect, disconnect, self.start_to_ping()]))

    def connect_and_disconnect(self):
        body = {"Container": self.resident}
        begin = time.perf_counter()
        self.api.call("POST", f"/networks/{self.target}/connect", body)
        connected = time.perf_counter()
        self.api.call("POST", f"/networks/{self.target}/disconnect", body)
        return connected - begin, time.perf_counter() - connected

    def start_to_ping(self):
        base = self.subnet.rsplit(".", 1)[0]
        address = f"{base}.{100 + self._count % 100}"
        container = self.container(f"c{self._count}", address)
        begin = time.perf_counter()
        self.api.call("POST", f"/containers/{container}/start")
        if self.driver != FLOOR:
            self.first_ping(address)
        spent = time.perf_counter() - begin
        self.api.call("DELETE", f"/containers/{container}?force=1")
        return spent

    def first_ping(self, address):
        identifier = (os.getpid() * 31 + self._count) & 0xFFFF
        deadline = time.monotonic() + 10
        sequence = 0
        while time.monotonic() < deadline:
            sequence += 1
            header = struct.pack("!BBHHH", 8, 0, 0, identifier, sequence & 0xFFFF)
            words = struct.unpack("!4H", header)
            total = sum(words)
            checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
            packet = struct.pack("!BBHHH", 8, 0, checksum, identifier, sequence & 0xFFFF)
            self._ping.sendto(packet, (address, 0))
            with contextlib.suppress(socket.timeout):
                reply = self._ping.recv(2048)
                kind, _, _, got, _ = struct.unpack("!BBHHH", reply[20:28])
                if kind == 0 and got == identifier:
                    return
        raise RuntimeError(f"no ping from {address} within 10 s")


def subnets(first):
    for second in range(first, first + 40):
        for third in range(256):
            yield f"10.{second}.{third}.0/24"


def settle(lab):
    """Waits until drawbridge has deleted the links that it retired."""
    def none_left():
        return not re.search(r": dx-", lab.engine_ns("ip", "-o", "link").stdout)

    wait_for(none_left, 120, "the end of retired links", interval=0.05)


def handler_shares(log_text):
    """Milliseconds inside our handlers for each create and each rm, from the daemon's own log."""
    spent = {operation: [] for operation in HANDLERS}
    running = {operation: 0.0 for operation in HANDLERS}
    for method, duration in re.findall(r"Driver\.(\w+) .*?ok in ([\d.]+) ms", log_text):
        for operation, methods in HANDLERS.items():
            if method in methods:
                running[operation] += float(duration)
        for operation, last in (("network create", "CreateNetwork"), ("network rm", "DeleteNetwork")):
            if method == last:
                spent[operation].append(running[operation])
                running = {each: 0.0 for each in HANDLERS}
        if method in ("CreateEndpoint", "DeleteEndpoint", "Join"):
            running = {each: 0.0 for each in HANDLERS}
    return spent


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1))


def fill(side, names, wanted):
    while len(names) < wanted:
        names.append(side.create(f"fill-{side.name}-{len(names)}", next(side.subnets))[0])


def start_null_plugin(lab):
    path = f"{lab.root}/plugins/{FLOOR}.sock"
    lab.engine_place.spawn(f"{BUILD}/bench/null_plugin", f"/run/docker/plugins/{FLOOR}.sock", "200")
    wait_for(lambda: answers(path, "POST", "/Plugin.Activate"), 10, "the null plugin")


def run(networks, rounds):
    results = {}
    with Lab(ip_forward=1, data="disk") as native_lab, Lab(ip_forward=1, data="disk") as our_lab:
        native_lab.image()
        our_lab.image()
        our_lab.start_drawbridge(f"{BUILD}/drawbridge", "--log-level", "info")
        start_null_plugin(our_lab)
        native = Side("native", native_lab, "bridge", subnets(20))
        ours = Side("drawbridge", our_lab, "drawbridge", subnets(60))
        null = Side("null", our_lab, FLOOR, subnets(100))
        filled = {native: [], ours: []}
        for side in (native, ours, null):
            side.prepare()
        for wanted in networks:
            print(f"filling both engines with {wanted} networks", flush=True)
            for side, names in filled.items():
                fill(side, names, wanted)
            results[wanted] = measure(native, ours, null, rounds)
            results[wanted]["rss"] = resident_kb(our_lab.drawbridge.pid)
            show(wanted, results[wanted])
    return results


def measure(native, ours, null, rounds):
    samples = {side.name: {operation: [] for operation in OPERATIONS} for side in (native, ours, null)}
    logged = len(ours.lab.drawbridge_log())
    for number in range(rounds + 1):
        for side in (native, ours, null):
            values = side.measure()
            settle(ours.lab)
            if number == 0:
                continue  # the first round warms up
            for operation, value in values.items():
                samples[side.name][operation].append(1000 * value)
    samples["handlers"] = handler_shares(ours.lab.drawbridge_log()[logged:])
    return samples


def middle(values):
    return statistics.median(values)


def cell(values):
    return f"{middle(values):.1f} ({min(values):.1f}-{max(values):.1f})"


def show(wanted, result):
    for operation in OPERATIONS:
        native, ours, null = (middle(result[name][operation]) for name in ("native", "drawbridge", "null"))
        print(f"N={wanted:<5} {operation:<20} native {native:7.1f}  drawbridge {ours:7.1f}  "
              f"engine {null:7.1f} ms   ours/native {ours / native:5.2f}   ours/engine {ours / null:5.2f}",
              flush=True)
    for operation, values in result["handlers"].items():
        print(f"N={wanted:<5} {operation:<20} inside our handlers {middle(values):.2f} ms", flush=True)
    print(f"N={wanted:<5} resident memory of the daemon {result['rss'] / 1024:.1f} MB", flush=True)


def report(results, rounds):
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench` (`bench/control_plane.py`). Milliseconds through the Docker API: median "
        f"(minimum-maximum) of {rounds} interleaved rounds; N networks of the same driver are present. "
        "\"engine\" is a plugin that only answers, on drawbridge's engine: what no driver can go below. It "
        "gives the engine no interface to move, so connect and start have no floor to compare with.",
        "",
        f"Kernel {platform.release()}, {os.cpu_count()} cores. Shared machines are noisy: read the ratios.",
        "",
        "| operation | N | native bridge | drawbridge | engine | drawbridge / native | drawbridge / engine |",
        "|---|---|---|---|---|---|---|",
    ]
    for operation in OPERATIONS:
        for wanted, result in results.items():
            native, ours, null = (result[name][operation] for name in ("native", "drawbridge", "null"))
            floor = f"{middle(ours) / middle(null):.2f}" if operation.startswith("network") else ""
            lines.append(f"| {operation} | {wanted} | {cell(native)} | {cell(ours)} | {cell(null)} | "
                         f"{middle(ours) / middle(native):.2f} | {floor} |")
    lines += ["", "Inside our handlers, all calls of one operation together, and the daemon's memory:", "",
              "| N | network create, ms | network rm, ms | resident memory, MB |", "|---|---|---|---|"]
    for wanted, result in results.items():
        create, remove = (result["handlers"][operation] for operation in HANDLERS)
        lines.append(f"| {wanted} | {middle(create):.2f} | {middle(remove):.2f} | {result['rss'] / 1024:.1f} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", default="0,200,500,1000")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--output", default="docs/benchmarks.md")
    options = parser.parse_args()
    results = run([int(number) for number in options.networks.split(",")], options.rounds)
    text = report(results, options.rounds)
    with open(options.output, "w", encoding="ascii") as file:
        file.write(text)
    print(f"\nwritten to {options.output}")


if __name__ == "__main__":
    main()
