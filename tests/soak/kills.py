#!/usr/bin/python3
"""Containers come and go on a real engine while the daemon is killed at random moments.

    [ROUNDS=1000] [WORKERS=2] [SEED=N] tests/soak/kills.py

One network with a container stays all the time. A round is network create, run -p, a ping, a
connection to the published port, rm -f, network rm.
What the engine reports as failed is removed by the same commands, as a user would. What was answered
must work at once, whether the daemon lives or not. At the end a census is compared with that of the
beginning, and printed; exit 1 if anything leaked or did not work.

When the daemon dies with an answer, the engine sends the request once more without its body, is told
so, and forgets what it asked for. What drawbridge made by then is what "docker lost": released when
two looks at Docker agree. What is not by the end is counted as leaked, then given back as the engine
would have, so that a second census shows whether there is anything else.
"""

import collections
import concurrent.futures
import itertools
import os
import random
import re
import socket
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests")]

from census import (  # noqa: E402  the folders must be on the path first
    connections,
    leaks,
    lost_by_docker,
    table,
    take_census,
)
from lab import Lab, LabError, wait_for  # noqa: E402
from lab.engine_api import request  # noqa: E402

BETWEEN_KILLS = (0.2, 2.0)  # seconds
FIRST_PORT = 20000
KEPT, KEPT_PORT = "kept", 19999
DRIVERS = ("-d", "drawbridge", "--ipam-driver", "drawbridge")
SHAPES = (
    (),
    ("-o", "isolation=members"),
    ("--ipv6", "--subnet", "fd00:c7:{}::/64"),
    ("-o", "ports=30000-30999:80"),
)
ADDRESSES = r"(src|dst)=(10\.249\.|fd00:c7:)"


class Killer(threading.Thread):
    """Kills the daemon again and again, and starts it again at once.

    kills   how often so far
    faults  texts of what must not be: a daemon that ended by itself, or did not start
    """

    def __init__(self, lab, binary, seed):
        super().__init__(name="killer")
        self.kills = 0
        self.faults = []
        self._lab = lab
        self._binary = binary
        self._random = random.Random(seed)
        self._over = threading.Event()

    def run(self):
        while not self._over.wait(self._random.uniform(*BETWEEN_KILLS)):
            status = self._lab.drawbridge.poll()
            if status is not None:
                self.faults.append(f"drawbridge ended by itself: {status}")
            self._lab.kill_drawbridge()
            self.kills += 1
            try:
                self._lab.start_drawbridge(self._binary)
            except (LabError, AssertionError) as error:
                self.faults.append(f"no start after kill {self.kills}: {error}")
                return

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self.join()


class Soak:
    """Rounds on one lab.

    counts  how often each command went well, or failed
    refusals  how often each error came from the engine, without its ids
    faults  texts of what did not work although the engine said that it was there
    """

    def __init__(self, lab):
        self.counts = collections.Counter()
        self.refusals = collections.Counter()
        self.faults = []
        self._lab = lab

    def round(self, number):
        name = f"kill-{number}"
        shape = [word.format(f"{number:x}") for word in SHAPES[number % len(SHAPES)]]
        port = FIRST_PORT + number % 1000
        if self.make(name, port, shape):
            client = self.use(name, port)
            self.remove(name)  # while somebody is connected
            client.close()
        self.remove(name)

    def make(self, name, port, shape=()):
        """A network and a container of this name; True if both are there."""
        run = ("run", "-d", "--name", name, "--network", name, "-p", f"{port}:80", "bb:latest",
               "httpd", "-f", "-p", "80")
        created = self._docker("create", "network", "create", *DRIVERS, *shape, name)
        return created and self._docker("run", *run)

    def remove(self, name):
        """Removes container and network by the commands of a user, again where they fail."""
        for what, command in (("rm", ("rm", "-f")), ("network rm", ("network", "rm"))):
            listing = ("ps", "-aq") if what == "rm" else ("network", "ls", "-q")
            for _ in range(20):
                found = self._lab.docker(*listing, "--filter", f"name=^{name}$").stdout.split()
                if not found:
                    break
                self._docker(what, *command, *found)
            else:
                self.faults.append(f"{what} {name} does not go")

    def _docker(self, what, *command):
        done = self._lab.docker(*command, check=False, timeout=120)
        self.counts[what, "failed" if done.returncode else "ok"] += 1
        if done.returncode != 0:
            words = done.stderr.strip().splitlines()[:1] or ["?"]
            self.refusals[re.sub(r"\b[0-9a-f]{12,64}\b|kill-\d+", "...", words[0])] += 1
        return done.returncode == 0

    def use(self, name, port):
        """Pings and connects, for which nobody needs the daemon; the socket that is connected."""
        status, found = self._lab.api("GET", f"/containers/{name}/json")
        gateway = status == 200 and found["NetworkSettings"]["Networks"][name]["Gateway"]
        ping = self._lab.docker("exec", name, "ping", "-c1", "-W2", gateway or "?", check=False)
        if ping.returncode != 0:
            self.faults.append(f"{name} does not reach its gateway: {ping.stdout}{ping.stderr}")
        self.counts["ping", "failed" if ping.returncode else "ok"] += 1
        client = self._lab.outside_place.socket()
        client.settimeout(3)
        try:
            client.connect(("198.51.100.1", port))
            self.counts["connect", "ok"] += 1
        except OSError as error:
            self.counts["connect", "failed"] += 1
            self.faults.append(f"{name} is not reached at port {port}: {error}")
        return client


def same_as(before, lab, patience):
    """The census once it equals `before`, or the last one after `patience` seconds."""
    last = {}

    def is_same():
        last.update(take_census(lab, ADDRESSES))
        return last == before

    try:
        wait_for(is_same, patience, interval=1)
    except AssertionError:
        pass
    return last


def _at_rest(lab):
    """The census when links that were retired are gone, and connections forgotten."""
    def resting():
        links = lab.engine_ns("ip", "-o", "link").stdout
        census = "dx-" not in links and take_census(lab, ADDRESSES)
        return census and not census["connections of containers"] and census

    return wait_for(resting, 60, "a daemon at rest", interval=0.5)


def soak(lab, binary, rounds, workers=2, seed=None, patience=150):
    """Runs rounds on a lab with a running drawbridge; (census before, after, Soak, Killer)."""
    made = Soak(lab)
    assert made.make(KEPT, KEPT_PORT), made.refusals
    for number in range(len(SHAPES)):  # chains of the engine, and what is made once
        made.round(number)
    before = _at_rest(lab)
    made.counts.clear()
    numbers = itertools.count(len(SHAPES))
    with Killer(lab, binary, seed) as killer:
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            work = [pool.submit(made.round, next(numbers)) for _ in range(rounds)]
            for each in work:
                each.result()
    return before, same_as(before, lab, patience), made, killer


def check_kept(lab, made):
    """The container that was there all the time is reached still. Leaves connections of its own."""
    for line in connections(lab, ADDRESSES):
        made.faults.append(f"left over: {line}")
    made.use(KEPT, KEPT_PORT).close()


def give_back(lab):
    """Gives back what Docker lost, in its place; the number of things."""
    networks, pools = lost_by_docker(lab)
    calls = [("NetworkDriver.DeleteNetwork", {"NetworkID": each}) for each in networks]
    calls += [("IpamDriver.ReleasePool", {"PoolID": each}) for each in pools]
    for path, body in calls:
        status, answer = request(lab.plugin_socket, "POST", f"/{path}", body)
        assert (status, answer) == (200, {}), answer
    return len(calls)


def report(before, after, made, killer, seconds):
    print(f"{killer.kills} kills in {seconds:.0f} s")
    for (what, outcome), count in sorted(made.counts.items()):
        print(f"  {what} {outcome}: {count}")
    for words, count in made.refusals.most_common():
        print(f"  {count} times: {words}")
    for fault in killer.faults:
        print(f"fault: {fault}")
    print("\n".join(table(before, after)), flush=True)


def report_given_back(lab, before):
    """Says what there is beside what Docker lost."""
    if count := give_back(lab):
        print(f"\nafter {count} things that docker lost were given back:")
        print("\n".join(table(before, same_as(before, lab, 15))), flush=True)


def main():
    default = os.path.join(ROOT, "build", "release", "drawbridge")
    binary = os.environ.get("DRAWBRIDGE_BINARY", default)
    rounds, workers = (int(os.environ.get(*each)) for each in (("ROUNDS", "1000"), ("WORKERS", "2")))
    seed = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
    print(f"{rounds} rounds, {workers} at once, seed {seed}", flush=True)
    socket.setdefaulttimeout(60)
    with Lab(ip_forward=0) as lab:
        lab.image()
        lab.start_drawbridge(binary)
        begun = time.monotonic()
        outcome = soak(lab, binary, rounds, workers, seed)
        seconds = time.monotonic() - begun
        report(*outcome, seconds)
        report_given_back(lab, outcome[0])
        check_kept(lab, outcome[2])
        print("\n".join(f"fault: {fault}" for fault in outcome[2].faults))
        if log := os.environ.get("LOG"):
            with open(log, "w", encoding="utf-8") as file:
                file.write(lab.drawbridge_log())
    before, after, made, killer = outcome
    return 1 if leaks(before, after) or made.faults or killer.faults else 0


if __name__ == "__main__":
    sys.exit(main())
