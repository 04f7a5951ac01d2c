"""Drawbridge's plugin socket, called as an engine would call it, but without an engine.

    Daemon(lab)          drawbridge beside a lab's engine or in its place: start-up times, memory, CPU
    fill(daemon, n, m)   n networks with m endpoints each, their ends moved into a sandbox
    storm(daemon, ...)   many connections that attach and detach at once
    methods(log)         what the daemon's log says that each method took
"""

import concurrent.futures
import glob
import hashlib
import json
import os
import re
import signal
import threading
import time

from tests.lab import wait_for
from tests.lab.engine_api import UnixConnection, request

LOCAL = "drawbridge-local"
CONFIG = {"pools": {"wide": {"prefixes": ["10.64.0.0/10"], "prefix": 24}}, "default_pool": "wide"}
PATIENCE = 120  # of a call, in seconds: who waits longer is in a deadlock


def object_id(name):
    return hashlib.sha256(name.encode()).hexdigest()


def schedule_of(path):
    """Seconds that a thread ran, and that it waited for a processor."""
    with open(path, encoding="ascii") as file:
        ran, waited, _ = file.read().split()
    return int(ran) / 1e9, int(waited) / 1e9


class Calls:
    """One kept connection to the plugin socket."""

    def __init__(self, path):
        self._connection = UnixConnection(path, PATIENCE)
        self.seconds = []  # of every call so far, as its caller saw it

    def __call__(self, method, **body):
        begin = time.perf_counter()
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", f"/{method}", body=json.dumps(body), headers=headers)
        reply = json.loads(self._connection.getresponse().read())
        self.seconds.append(time.perf_counter() - begin)
        error = reply.get("Err") or reply.get("Error")
        if error:
            raise RuntimeError(f"{method} {body}: {error}")
        return reply

    def ipam(self, method, **body):
        return self(f"IpamDriver.{method}", **body)

    def network(self, method, **body):
        return self(f"NetworkDriver.{method}", **body)

    def create_network(self, name):
        """Returns (network id, pool id)."""
        pool = self.ipam("RequestPool", AddressSpace=LOCAL, Pool="", SubPool="", Options={}, V6=False)
        options = {"RequestAddressType": "com.docker.network.gateway"}
        gateway = self.ipam("RequestAddress", PoolID=pool["PoolID"], Address="", Options=options)
        data = {"AddressSpace": LOCAL, "Pool": pool["Pool"], "Gateway": gateway["Address"]}
        generic = {"com.docker.network.generic": {}, "com.docker.network.enable_ipv6": False}
        self.network("CreateNetwork", NetworkID=object_id(name), Options=generic,
                     IPv4Data=[data], IPv6Data=[])
        return object_id(name), pool["PoolID"]

    def attach(self, network, name):
        """The calls of a `docker network connect` to `network`, as of create_network().

        Returns (endpoint id, address, name of the interface to be moved into the sandbox).
        """
        network_id, pool = network
        address = self.ipam("RequestAddress", PoolID=pool, Address="", Options=None)["Address"]
        ids = {"NetworkID": network_id, "EndpointID": object_id(name)}
        interface = {"Address": address, "AddressIPv6": "", "MacAddress": ""}
        ports = {"com.docker.network.endpoint.exposedports": [], "com.docker.network.portmap": []}
        self.network("CreateEndpoint", **ids, Interface=interface, Options=ports)
        key = f"/run/docker/netns/{object_id(name)[:12]}"
        joined = self.network("Join", **ids, SandboxKey=key, Options=ports)
        self.network("ProgramExternalConnectivity", **ids, Options=ports)
        return ids["EndpointID"], address, joined["InterfaceName"]["SrcName"]

    def detach(self, network, attached):
        network_id, pool = network
        endpoint, address, _ = attached
        ids = {"NetworkID": network_id, "EndpointID": endpoint}
        for method in ("RevokeExternalConnectivity", "Leave", "DeleteEndpoint"):
            self.network(method, **ids)
        self.ipam("ReleaseAddress", PoolID=pool, Address=address.split("/")[0])


class Daemon:
    """Drawbridge in a lab's namespaces, asked by nobody but the bench."""

    def __init__(self, lab, binary):
        self.lab = lab
        self.process = None
        with open(f"{lab.root}/drawbridge.json", "w", encoding="ascii") as file:
            json.dump(CONFIG, file)
        self._log = f"{lab.root}/bench.log"
        self._command = [
            os.path.abspath(binary), "serve", "--config", f"{lab.root}/drawbridge.json",
            "--state-dir", lab.state_dir, "--plugin-socket", "/run/docker/plugins/drawbridge.sock",
            "--control-socket", lab.control_socket,
            "--resolv-conf", lab.resolv_conf]

    def start(self, log_level="info"):
        """Returns seconds from exec to the accepted connection and to the first answer, and of these
        what it ran and what it waited for a processor.

        The socket is there before the kernel is compared; the answer comes after that.
        """
        begin = time.perf_counter()
        with open(self._log, "ab") as log:
            self.process = self.lab.engine_place.spawn(*self._command, "--log-level", log_level,
                                                       stdout=log, stderr=log)
        connection = UnixConnection(self.lab.plugin_socket, PATIENCE)
        wait_for(lambda: self._accepted(connection), PATIENCE, "drawbridge's socket", interval=0.001)
        accepted = time.perf_counter() - begin
        connection.request("POST", "/Plugin.Activate")
        connection.getresponse().read()
        answered = time.perf_counter() - begin
        return accepted, answered, self.cpu(), self._waited()

    def _accepted(self, connection):
        if self.process.poll() is not None:
            raise RuntimeError(f"drawbridge ended; its log ends:\n{self.log()[-2000:]}")
        try:
            connection.connect()
        except OSError:
            return False
        return True

    def stop(self):
        self.process.terminate()
        if self.process.wait(30) != 0:
            raise RuntimeError(f"drawbridge did not end well; its log ends:\n{self.log()[-2000:]}")

    def log(self):
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def cpu(self):
        """Seconds that all its threads ran so far, to the nanosecond."""
        threads = glob.glob(f"/proc/{self.process.pid}/task/*/schedstat")
        return sum(schedule_of(path)[0] for path in threads)

    def _waited(self):
        """Seconds that the core thread could have run and others did."""
        return schedule_of(f"/proc/{self.process.pid}/schedstat")[1]

    def memory(self):
        """VmRSS and VmHWM in MB."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            text = file.read()
        return [int(re.search(rf"{key}:\s+(\d+)", text)[1]) / 1024 for key in ("VmRSS", "VmHWM")]

    def look(self):
        """Seconds of CPU for one look at everything; a hangup reads the configuration, too."""
        begin, logged = self.cpu(), len(self.log())
        self.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "configuration read again" in self.log()[logged:], PATIENCE, "the reload")
        request(self.lab.control_socket, "GET", "/status")  # answered by the same thread, afterwards
        return self.cpu() - begin


def fill(daemon, networks, endpoints):
    """Makes them one by one; returns the networks."""
    calls = Calls(daemon.lab.plugin_socket)
    sandbox = f"{daemon.lab.name}-sandbox"
    daemon.lab.engine_ns("ip", "netns", "add", sandbox)
    made, moves = [], []
    for number in range(networks):
        network = calls.create_network(f"network {number}")
        made.append(network)
        for member in range(endpoints):
            *_, interface = calls.attach(network, f"endpoint {number} {member}")
            moves.append(f"link set {interface} netns {sandbox}")
    daemon.lab.engine_ns("ip", "-batch", "-", input="\n".join(moves) + "\n", timeout=300)
    return made


def storm(daemon, networks, connections, rounds):
    """Attaches and detaches over `connections` connections at once, on the networks in turn.

    Returns the seconds of every call as its caller saw it, and of everything together.
    """
    start = threading.Barrier(connections, timeout=PATIENCE)

    def work(number):
        calls = Calls(daemon.lab.plugin_socket)
        network = networks[number % len(networks)]
        start.wait()
        for each in range(rounds):
            calls.detach(network, calls.attach(network, f"storm {number} {each}"))
        return calls.seconds

    begin = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        seconds = [one for each in pool.map(work, range(connections)) for one in each]
    return seconds, time.perf_counter() - begin


def methods(log):
    """Method -> the milliseconds of each of its calls. RuntimeError for a call that failed."""
    failed = re.search(r"\w+Driver\.\w+ .*failed in .*", log)
    if failed:
        raise RuntimeError(failed[0])
    found = {}
    for method, spent in re.findall(r"Driver\.(\w+) .*?ok in ([\d.]+) ms", log):
        found.setdefault(method, []).append(float(spent))
    return found
