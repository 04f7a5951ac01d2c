"""What there is of drawbridge and its engine at one moment, counted, to be compared with another."""

import contextlib
import os
import re
import sqlite3

MULTICAST = r"dst=(224\.|ff)"  # what a bridge says by itself when it comes up

# Rows that stay by design: what rests after its release goes with its subnet.
COUNTED_ROWS = {
    "rows of networks": "SELECT count(*) FROM networks",
    "rows of endpoints": "SELECT count(*) FROM endpoints",
    "rows of published ports": "SELECT count(*) FROM endpoint_ports",
    "rows of leased ports": "SELECT count(*) FROM port_leases",
    "rows of subnets": "SELECT count(*) FROM pools",
    "leased addresses": "SELECT count(*) FROM leases WHERE released_at IS NULL",
    "resting addresses": "SELECT count(*) FROM leases WHERE released_at IS NOT NULL",
}


def _row_counts(state_dir):
    uri = f"file:{state_dir}/state.db?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
        return {what: database.execute(query).fetchone()[0]
                for what, query in COUNTED_ROWS.items()}


def _rules_and_elements(ruleset):
    """(lines that are rules or declarations, elements of sets and maps)."""
    elements = sum(block.count(",") + 1
                   for block in re.findall(r"elements = \{([^}]*)\}", ruleset))
    rest = re.sub(r"elements = \{[^}]*\}", "", ruleset)
    return sum(bool(line.strip()) for line in rest.splitlines()), elements


def _descriptors(pid):
    """How many are open, but for connections by and to the engine: those come and go."""
    with open(f"/proc/{pid}/net/unix", encoding="utf-8") as file:
        listed = [line.split() for line in file]
    connected = {f"socket:[{columns[6]}]" for columns in listed if columns[5] == "03"}
    count = 0
    for each in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(f"/proc/{pid}/fd/{each}") not in connected
    return count


def lost_by_docker(lab):
    """What drawbridge has and Docker does not: (ids of networks, ids of pools)."""
    listed = lab.docker("network", "ls", "-q", "--no-trunc").stdout.split()
    uri = f"file:{lab.state_dir}/state.db?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
        networks = {row[0] for row in database.execute("SELECT id FROM networks")}
        pools = {row[0] for row in database.execute("SELECT id FROM pools")}
    details = (lab.api("GET", f"/networks/{each}")[1] for each in listed)
    held = {each["Subnet"] for detail in details for each in detail["IPAM"]["Config"] or ()}
    return networks - set(listed), {pool for pool in pools if pool.split("/", 1)[1] not in held}


def connections(lab, addresses):
    """What conntrack lists of containers whose addresses match the regular expression."""
    lines = [line for family in ("ipv4", "ipv6") for line in
             lab.engine_ns("conntrack", "-L", "-f", family, check=False).stdout.splitlines()]
    return [line for line in lines
            if re.search(addresses, line) and not re.search(MULTICAST, line)]


def take_census(lab, addresses):
    """What there is in `lab`, counted; a dict of numbers.

    addresses  a regular expression of the containers' addresses, for their connections
    """
    # Without the jumps that an engine repeats once it has made networks in parallel.
    listed = "\n".join(lab.snapshot()["rules"])
    rules, elements = _rules_and_elements(listed)
    lost_networks, lost_pools = lost_by_docker(lab)
    sockets = lab.engine_ns("ss", "-Hlntu").stdout.splitlines()
    return {
        "links": len(lab.engine_ns("ip", "-o", "link").stdout.splitlines()),
        "rules": rules,
        "elements": elements,
        "listening sockets": len(sockets),
        "descriptors of the daemon": _descriptors(lab.drawbridge.pid),
        "connections of containers": len(connections(lab, addresses)),
        **_row_counts(lab.state_dir),
        "networks of the engine": len(lab.docker("network", "ls", "-q").stdout.split()),
        "containers of the engine": len(lab.docker("ps", "-aq").stdout.split()),
        "networks that docker lost": len(lost_networks),
        "subnets that docker lost": len(lost_pools),
    }


def leaks(before, after):
    """What there is more of, or less, than before: a dict of differences."""
    return {what: after[what] - count for what, count in before.items() if after[what] != count}


def table(before, after):
    """The two moments side by side, as lines."""
    rows = [("what", "before", "after", "leaked")]
    rows += [(what, str(count), str(after[what]), str(after[what] - count))
             for what, count in before.items()]
    return [f"{what:<28}| {then:>7} | {now:>7} | {leaked:>7}" for what, then, now, leaked in rows]
