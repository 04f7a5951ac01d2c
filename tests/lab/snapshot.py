"""What the network namespace of an engine holds, in a form that two moments can be compared in.

Left out is what changes without anyone's doing: indices, counters, carrier, expiry times, the mark by
which a daemon knows the tables that it finds, another one each time that they are written, and the
link-local addresses and routes that the kernel gives to every interface with a carrier, and the
anycast routes that it adds when IPv6 forwarding is turned on.
"""

import json
import re


def _json(place, *command):
    return json.loads(place.run(*command).stdout or "[]")


def _links(place):
    found = {}
    for link in _json(place, "ip", "-j", "-d", "addr", "show"):
        addresses = [
            f"{address['local']}/{address['prefixlen']}"
            for address in link.get("addr_info", [])
            if address.get("scope") != "link"
        ]
        found[link["ifname"]] = {
            "kind": link.get("linkinfo", {}).get("info_kind", ""),
            "mtu": link["mtu"],
            "master": link.get("master", ""),
            "up": "UP" in link["flags"],
            "alias": link.get("ifalias", ""),
            "addresses": sorted(addresses),
        }
    return found


def _routes(place):
    lines = []
    for family in ("-4", "-6"):
        shown = place.run("ip", family, "route", "show", "table", "all").stdout.splitlines()
        lines += [re.sub(r" linkdown| dead| expires \S+", "", line).strip() for line in shown]
    return sorted(line for line in lines if not re.search(r"\b(fe80:|ff00:|anycast)", line))


def without_mark(listed):
    """What nft lists, without the one element of our set `written`."""
    return re.sub(r'(set written {\n\s+type ifname\n)\s+elements = .*\n', r"\1", listed)


def _rules(place):
    text = place.run("nft", "-s", "list", "ruleset").stdout
    text = re.sub(r"packets \d+ bytes \d+", "", text)
    text = re.sub(r" expires [\dhms]+", "", text)
    text = without_mark(text)
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return list(_with_one_jump(lines))


def _with_one_jump(lines):
    """Engine 20.10 jumps to DOCKER-USER several times once it has made networks in parallel."""
    has_jumped = False
    for line in lines:
        if line.strip().startswith("chain "):
            has_jumped = False
        is_jump = line.endswith("jump DOCKER-USER")
        if not (is_jump and has_jumped):
            yield line
        has_jumped = has_jumped or is_jump


def snapshot(place):
    """Links, routes and firewall rules of `place` (a Place) as a dict of plain values."""
    return {"links": _links(place), "routes": _routes(place), "rules": _rules(place)}
