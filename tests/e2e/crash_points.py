"""Where a daemon can die: at each system call by which a request leaves the process.

strace counts those calls, and kills the daemon at the entry of one: the call itself is not made any
more. Calls are counted per thread and per name, as strace does, so a point is (thread, name, number).
"""

import collections
import contextlib
import json
import os
import re
import sqlite3
import subprocess

from lab import wait_for
from lab.snapshot import without_mark

# What leaves the process: to the kernel's tables and links, into files, to clients.
CALLS = ("sendmsg", "sendto", "write", "pwrite64", "fdatasync", "fsync", "ftruncate", "unlink",
         "bind", "listen", "close")
# Of these only what others can see: a setting of the kernel, the end of a host port.
OUTWARD = {"write": "</proc/sys/", "close": "<(TCP|UDP|SCTP)"}
QUIET = 0.25  # seconds; more than the daemon waits before it tidies up behind a request

Point = collections.namedtuple("Point", "thread call number")


def threads_of(pid):
    """Ids of its threads in the order in which they began; the first one handles the requests."""
    return sorted(int(each) for each in os.listdir(f"/proc/{pid}/task"))


@contextlib.contextmanager
def _attached(*arguments):
    tracer = subprocess.Popen(["strace", *arguments], stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        said = tracer.stderr.readline()
        assert "attached" in said, f"strace: {said}{tracer.stderr.read() if not said else ''}"
        yield tracer
    finally:
        tracer.terminate()
        tracer.communicate()


def points_of(daemon, output, operation):
    """Calls `operation` and returns every Point that the daemon passes until it is at rest again.

    output  path of a file for strace
    """
    threads = threads_of(daemon.pid)
    with _attached("-f", "-yy", "-o", output, "-e", f"trace={','.join(CALLS)}", "-e", "signal=none",
                   "-p", str(daemon.pid)):
        _wait_until_quiet(output)  # what is to be done behind earlier requests is no point of this
        begin = os.stat(output).st_size
        operation()
        _wait_until_quiet(output)
    with open(output, encoding="utf-8", errors="replace") as file:
        file.seek(begin)
        return _points_in(file, threads)


def _points_in(lines, threads):
    found, counts = [], collections.Counter()
    for line in lines:
        if match := re.match(r"(\d+) +(\w+)\((\S*)", line):
            key = threads.index(int(match[1])), match[2]
            counts[key] += 1
            if not (match[2] in OUTWARD and not re.search(OUTWARD[match[2]], match[3])):
                found.append(Point(*key, counts[key]))
    return found


def _wait_until_quiet(path):
    """Until nothing was added to the file at `path` for QUIET seconds."""
    seen = [-1]

    def is_unchanged():
        last, seen[0] = seen[0], os.stat(path).st_size
        return last == seen[0]

    wait_for(is_unchanged, 20, "a daemon at rest", interval=QUIET)


@contextlib.contextmanager
def killed_at(daemon, point):
    """The daemon dies when it gets to `point` in the block, or after it."""
    thread = threads_of(daemon.pid)[point.thread]
    inject = f"inject={point.call}:signal=KILL:when={point.number}"
    with _attached("-o", "/dev/null", "-e", f"trace={point.call}", "-e", inject, "-p", str(thread)):
        yield


# --- what the daemon has made ---

SHOWN = """
ip -j -d addr show; echo ---
nft -s list ruleset; echo ---
ss -Hlntu; echo ---
(conntrack -L; conntrack -L -f ipv6) 2>/dev/null; echo ---
cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding
"""


PORT_FLAGS = ("isolated", "hairpin", "learning", "neigh_suppress")


def _links(shown):
    """By name, all that is chosen; a veth's own MAC address is the kernel's choice."""
    found = {}
    for link in json.loads(shown or "[]"):
        info = link.get("linkinfo", {})
        kind, port = info.get("info_kind", ""), info.get("info_slave_data", {})
        addresses = sorted(f"{each['local']}/{each['prefixlen']}"
                           for each in link.get("addr_info", []) if each.get("scope") != "link")
        found[link["ifname"]] = (
            kind, link["mtu"], link.get("master", ""), "UP" in link["flags"],
            link.get("ifalias", ""), link.get("group", ""), addresses,
            "" if kind == "veth" else link["address"], [port.get(flag) for flag in PORT_FLAGS])
    return found


def _rows(path):
    """Every row; of the time of a release only that it is there."""
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        tables = [name for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
        found = {}
        for table in tables:
            cursor = database.execute(f"SELECT * FROM {table}")
            keys = [column[0] for column in cursor.description]
            found[table] = sorted(repr([bool(value) if key == "released_at" else value
                                        for key, value in zip(keys, row)]) for row in cursor)
        return found


def _flows(shown):
    """Connections of TCP and UDP, without what is counted down."""
    return sorted(re.sub(r" \d+ (?=ESTAB|src=)| use=\d+| mark=\d+", " ", line)
                  for line in shown.splitlines() if line.startswith(("tcp", "udp")))


def state_of(lab):
    """Links, rules, listening host ports, connections, rows and whether IPv4 and IPv6 are forwarded,
    once retired links are gone, which is when the daemon is idle.
    """
    return wait_for(lambda: _state_without_retired(lab), 10, "the end of retired links")


def _state_without_retired(lab):
    shown = lab.engine_ns("sh", "-c", SHOWN).stdout
    if "drawbridge:retired" in shown:
        return None
    links, rules, sockets, flows, forwarded = (part.strip() for part in shown.split("---\n"))
    ports = sorted(line.split()[0] + " " + line.split()[4] for line in sockets.splitlines())
    return {"links": _links(links), "rules": without_mark(rules).splitlines(),
            "host ports": ports, "connections": _flows(flows), "forwarded": forwarded.split(),
            "rows": _rows(f"{lab.state_dir}/state.db")}
