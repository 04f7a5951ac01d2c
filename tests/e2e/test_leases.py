"""Who gets which address again, what survives a kill, and that nothing stays leased for ever."""

import concurrent.futures
import http.client
import ipaddress
import itertools
import json

import pytest
from containers import Docker
from lab import wait_for
from lab.engine_api import UnixConnection
from leases import Leases


def held_by_docker(docker, networks):
    """Subnet -> how many addresses Docker holds of it: the gateway and one for each endpoint."""
    return {docker.subnet(network): 1 + len(docker.inspect_network(network)["Containers"])
            for network in networks}


def test_an_address_that_was_asked_for_waits_for_its_container(docker):
    network = docker.network("--subnet", "10.85.0.0/28")
    fixed = docker.run(network, "--ip", "10.85.0.2")
    docker("stop", "-t", "0", fixed.name)
    others = [docker.run(network).address() for _ in range(3)]
    assert others == ["10.85.0.3", "10.85.0.4", "10.85.0.5"]
    docker("start", fixed.name)
    assert fixed.address() == "10.85.0.2"


def test_a_released_address_rests_until_no_other_is_free(docker):
    network = docker.network("--subnet", "10.85.1.0/29")
    first, second = docker.run(network), docker.run(network)
    assert [first.address(), second.address()] == ["10.85.1.2", "10.85.1.3"]
    second.remove()
    first.remove()
    rest = [docker.run(network).address() for _ in range(3)]
    assert rest == ["10.85.1.4", "10.85.1.5", "10.85.1.6"]
    assert docker.run(network).address() == "10.85.1.3", "released before .2"
    assert docker.run(network).address() == "10.85.1.2"


def test_the_error_names_the_container_that_holds_an_address(lab, docker):
    network = docker.network("--subnet", "10.85.2.0/24")
    holder = docker.run(network, "--ip", "10.85.2.50")

    def refusal():
        refused = docker("run", "-d", "--name", docker.name("c"), "--network", network, "--ip",
                         "10.85.2.50", "bb:latest", "sleep", "100", check=False)
        assert "address 10.85.2.50 is already in use in 10.85.2.0/24" in refused.stderr
        return f"by container {holder.name}" in refused.stderr

    wait_for(refusal, 10, "the name of the container, which is asked for after the reply")


def test_a_name_gets_its_address_back(lab, binary, docker, leases):
    """Engines tell the name of the container from 29 on."""
    subnet = leases.take("10.85.3.0/24")
    assert leases.address(subnet, "web") == "10.85.3.1"
    assert leases.address(subnet, "db") == "10.85.3.2"
    leases.release_address(subnet, "10.85.3.1")
    leases.release_address(subnet, "10.85.3.2")
    assert leases.address(subnet, "cache") == "10.85.3.3"
    lab.kill_drawbridge()
    lab.start_drawbridge(binary)
    assert leases.address(subnet, "db") == "10.85.3.2"
    assert leases.address(subnet, "web") == "10.85.3.1"
    assert "already in use in 10.85.3.0/24 by container web" in leases.address(
        subnet, "other", "10.85.3.1")


def test_asking_for_the_gateway_again_gives_it_again(leases):
    subnet = leases.take("10.85.4.0/24")
    gateway = {"PoolID": leases.pool_id(subnet), "Address": "",
               "Options": {"RequestAddressType": "com.docker.network.gateway"}}
    answers = [leases.ask("RequestAddress", gateway)["Address"] for _ in range(3)]
    assert answers == ["10.85.4.1/24"] * 3


def test_what_docker_does_not_hold_is_released_after_two_looks(lab, binary, docker, leases):
    """A kill between the commit and the reply leaves a lease that nobody knows of."""
    network = docker.network("--subnet", "10.86.0.0/24")
    held = docker.subnet(network)
    container = docker.run(network)
    lost_subnet = leases.take("10.86.1.0/24")
    leases.address(lost_subnet)
    lost_address = leases.address(held)
    assert leases.addresses_in_use()[held] == 3
    seen = len(lab.drawbridge_log())
    lab.kill_drawbridge()
    lab.start_drawbridge(binary)
    assert lost_subnet in leases.subnets(), "not before two looks"
    wait_for(lambda: lost_subnet not in leases.subnets(), 25, "the release of the subnet")
    assert leases.addresses_in_use()[held] == 2
    log = lab.drawbridge_log()[seen:]
    assert f"released pool {leases.pool_id(lost_subnet)}: docker does not hold it" in log
    assert f"released address {lost_address} of pool {leases.pool_id(held)}: docker does" in log
    assert docker.run(network).address() not in (container.address(), lost_address)
    container.exec("ping", "-c1", "-W2", "10.86.0.1")


def test_without_the_docker_api_nothing_is_released_by_itself(make_lab, binary):
    lab = make_lab()
    lab.stop_drawbridge()
    lab.start_drawbridge(binary, "--docker-socket", "")
    docker, leases = Docker(lab), Leases(lab)
    network = docker.network()
    lost = leases.take("10.86.2.0/24")
    lab.kill_drawbridge()
    lab.start_drawbridge(binary, "--docker-socket", "")
    docker.run(network)
    assert lost in leases.subnets()
    docker.clean()


def lease_until_killed(lab, pool, answered):
    """Asks for addresses over one connection and notes each answer, until the daemon is gone."""
    connection = UnixConnection(lab.plugin_socket, 5)
    body = json.dumps({"PoolID": pool, "Address": "", "Options": None})
    try:
        while True:
            connection.request("POST", "/IpamDriver.RequestAddress", body=body)
            reply = json.loads(connection.getresponse().read())
            answered.append(reply["Address"].split("/")[0])
    except (OSError, http.client.HTTPException):
        pass


def test_a_kill_loses_no_answer_and_repeats_none(lab, binary, docker, leases):
    subnet = leases.take("10.88.0.0/16")
    pool = leases.pool_id(subnet)
    answered = [[] for _ in range(8)]
    for _ in range(3):
        with concurrent.futures.ThreadPoolExecutor(len(answered)) as threads:
            running = [threads.submit(lease_until_killed, lab, pool, mine) for mine in answered]
            before = sum(map(len, answered))
            wait_for(lambda: sum(map(len, answered)) > before + 500, 30, "five hundred answers")
            lab.kill_drawbridge()
        for each in running:
            each.result()
        lab.start_drawbridge(binary)
    told = list(itertools.chain(*answered))
    assert len(set(told)) == len(told), "an address was told twice"
    assert all(ipaddress.ip_address(each) in ipaddress.ip_network("10.88.0.0/16") for each in told)
    leased = leases.addresses_in_use()[subnet]
    assert len(told) <= leased <= len(told) + 3 * len(answered), "on disk before it was told"
    assert leases.address(subnet) not in told


def start_and_stop(docker, name):
    """Once up and down. The engine may refuse while the daemon is away; nothing may stay then."""
    started = docker("start", name, check=False, timeout=120)
    docker("stop", "-t", "0", name, check=False, timeout=120)
    return started.returncode == 0


def storm(docker, names):
    with concurrent.futures.ThreadPoolExecutor(len(names)) as threads:
        return list(threads.map(lambda name: start_and_stop(docker, name), names))


@pytest.fixture
def hundred(docker):
    """A hundred containers that do not run, on ten networks."""
    networks = [docker.network() for _ in range(10)]
    names = [docker.name("s") for _ in range(100)]
    for name, network in zip(names, itertools.cycle(networks)):
        docker("create", "--name", name, "--network", network, "bb:latest", "sleep", "100")
    return networks, names


def test_a_restart_storm_leaves_no_lease_without_a_container(lab, binary, docker, hundred, leases):
    networks, names = hundred
    assert all(storm(docker, names))
    assert leases.addresses_in_use() == held_by_docker(docker, networks), "the gateways"

    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        running = threads.submit(storm, docker, names[:40])
        for _ in range(2):
            calls = lab.drawbridge_log().count("RequestAddress")
            wait_for(lambda: lab.drawbridge_log().count("RequestAddress") > calls + 10, 60, "calls")
            lab.kill_drawbridge()
            lab.start_drawbridge(binary)
        running.result()
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda name: docker("start", name, check=False), names[:20]))

    def agrees():
        return leases.addresses_in_use() == held_by_docker(docker, networks)

    wait_for(agrees, 40, "leases and Docker's endpoints to agree")
    assert sum(leases.addresses_in_use().values()) >= 10 + 15
