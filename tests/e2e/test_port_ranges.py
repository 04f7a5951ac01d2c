"""Ports that drawbridge gives out of a network's range, and ranges of ten thousand."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from lab import wait_for
from probes import http_get
from published import HOST, host_port, is_held, listing, numbers, seen, seen_each, taken

# Answers by itself, also after a restart: with the short id of the container.
WEB = ("httpd", "-f", "-p", "80", "-h", "/etc")
RESERVED = "net.ipv4.ip_local_reserved_ports"


def network_of(docker, ports, *options):
    return docker.network("-o", f"ports={ports}", *options)


def all_of(pool, work, items):
    return list(pool.map(work, items))


def start_at_once(lab, docker, network, count):
    """Containers that are all told to start at the same moment."""
    names = [docker.name("pod") for _ in range(count)]
    words = ("create", "--stop-signal", "KILL", "--network", network)
    with ThreadPoolExecutor(count) as pool:
        all_of(pool, lambda name: docker(*words, "--name", name, "bb:latest", *WEB), names)
        started = all_of(
            pool, lambda name: lab.api("POST", f"/containers/{name}/start")[0], names)
    assert started == [204] * count, started
    return [docker.container(name) for name in names]


def ports_of(lab, binary):
    """Container name -> host port, of every container."""
    return {each["container"]: each["host_port"] for each in listing(lab, binary)}


def refused(docker, network):
    name = docker.name("late")
    words = ("run", "-d", "--name", name, "--network", network, "bb:latest", "sleep", "9")
    done = docker(*words, check=False)
    docker("rm", "-f", name)
    assert done.returncode != 0, f"{name} started"
    return done.stderr


def test_twenty_that_start_at_once_get_twenty_ports_and_keep_them(lab, docker, binary):
    network = network_of(docker, "30000-39999:80")
    pods = start_at_once(lab, docker, network, 20)
    chosen = ports_of(lab, binary)
    assert sorted(chosen) == sorted(pod.name for pod in pods)
    assert sorted(chosen.values()) == list(range(30000, 30020))
    _assert_each_answers(lab, pods, chosen)

    docker("restart", "-t", "0", *(pod.name for pod in reversed(pods[:6])))
    assert ports_of(lab, binary) == chosen
    _assert_each_answers(lab, pods[:2], chosen)

    # One that is stopped keeps its claim; those of removed ones are free, the lowest first.
    docker("stop", "-t", "0", pods[5].name)
    docker("rm", "-f", pods[3].name, pods[4].name)
    freed = sorted(chosen[pod.name] for pod in pods[3:5])
    late = [docker.run(network) for _ in range(3)]
    assert [host_port(lab, binary, each.name) for each in late] == [*freed, 30020]
    docker("start", pods[5].name)
    assert host_port(lab, binary, pods[5].name) == chosen[pods[5].name]


def _assert_each_answers(lab, pods, chosen):
    for pod in pods:
        port, identity = chosen[pod.name], pod.inspect()["Id"][:12]
        asked = lab.outside_place, HOST[4], port, "/hostname"
        got = wait_for(lambda a=asked: http_get(*a), what="an answer")
        assert got == (200, f"{identity}\n")


def test_a_port_of_the_range_comes_beside_those_of_the_command_line(lab, docker, binary):
    network = network_of(docker, "30050-30059:80/udp")
    web = docker.run(network, "-p", "8500:81")
    with numbers(web, [80, 81]):
        assert seen(lab.outside_place, "udp", HOST[4], 30050) == "80"
        assert seen(lab.outside_place, "tcp", HOST[4], 8500) == "81"
        assert seen(lab.outside_place, "tcp", HOST[4], 30050) is None
    assert {each["host_port"] for each in listing(lab, binary, web.name)} == {30050, 8500}


def test_what_others_use_is_skipped(lab, docker, binary):
    """A port of a process, one that an administrator reserved, one of another container."""
    host = lab.engine_place
    before = host.sysctl(RESERVED)
    docker.run(docker.network(), "-p", "30103:80")
    try:
        host.sysctl(RESERVED, "30101")
        with taken(host, "tcp", 30100):
            web = docker.run(network_of(docker, "30100-30109:80"))
            assert host_port(lab, binary, web.name) == 30102
            again = docker.run(network_of(docker, "30100-30109:80"))
            assert host_port(lab, binary, again.name) == 30104
    finally:
        host.sysctl(RESERVED, before or "\n")
    with numbers(web, [80]):
        assert seen(lab.outside_place, "tcp", HOST[4], 30102) == "80"


def test_a_range_that_is_reserved_whole_was_reserved_for_us(lab, docker, binary):
    host = lab.engine_place
    before = host.sysctl(RESERVED)
    try:
        host.sysctl(RESERVED, "30120-30129")
        web = docker.run(network_of(docker, "30120-30129:80"))
        assert host_port(lab, binary, web.name) == 30120
    finally:
        host.sysctl(RESERVED, before or "\n")


def test_a_range_that_is_used_up_says_so(lab, docker, binary):
    network = network_of(docker, "30200-30201:80")
    first, second = docker.run(network), docker.run(network)
    text = refused(docker, network)
    assert "30200-30201" in text and "2" in text.replace("30200-30201", ""), text
    first.remove()
    assert host_port(lab, binary, docker.run(network).name) == 30200
    assert host_port(lab, binary, second.name) == 30201


@pytest.mark.parametrize("options", [("--internal",), ("-o", "gateway=none")], ids=" ".join)
def test_a_range_needs_a_gateway(docker, options):
    name = docker.name("net")
    words = ("--driver", "drawbridge", "-o", "ports=30300-30309:80", *options)
    done = docker("network", "create", *words, name, check=False)
    assert done.returncode != 0 and "ports=30300-30309:80" in done.stderr, done.stderr


def test_ten_thousand_ports_are_one_element(lab, docker, news, record_property):
    network = docker.network()
    docker.run(network)
    before = lab.counts()["processes"]
    name = docker.name("wide")
    docker("run", "-d", "--name", name, "--stop-signal", "KILL", "--network", network,
           "-p", "20000-29999:20000-29999", "bb:latest", "sleep", "infinity", timeout=180)
    # The container, and the shim that every container has.
    wait_for(lambda: lab.counts()["processes"] == before + 2, what="two processes more")
    called = re.findall(r"ProgramExternalConnectivity.*ok in (\d+(?:\.\d+)?) ms", news())
    record_property("milliseconds of our own", called[-1] if called else "not said")
    print("own time of the call, ms:", called)
    rules = lab.engine_ns("nft", "list", "table", "inet", "drawbridge").stdout
    assert rules.count("20000-29999") in (1, 2), "an element for each family"
    assert not re.search(r"\b25000\b", rules)
    with numbers(docker.container(name), [20000, 25000, 29999, 30000]):
        probes = {port: (lab.outside_place, "tcp", HOST[4], port)
                  for port in (19999, 20000, 25000, 29999, 30000)}
        assert seen_each(probes) == {
            19999: None, 20000: "20000", 25000: "25000", 29999: "29999", 30000: None}
    assert all(is_held(lab.engine_place, "tcp", port) for port in (20000, 25000, 29999))
    docker("rm", "-f", name)
    assert not any(is_held(lab.engine_place, "tcp", port) for port in (20000, 25000, 29999))
