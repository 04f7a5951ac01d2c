"""Two hundred attachments at once: none is lost, none waits for ever, nothing is left behind."""

import concurrent.futures
import itertools
import re

from probes import assert_answered, leaves_nothing

NETWORKS = 20
CONTAINERS = 10
PATIENCE = 60  # of one call: whoever waits longer is in a deadlock


def change_at_once(lab, changes):
    """Every (action, network, container) of `changes` in a request of its own, all at once."""
    def change(one):
        action, network, container = one
        body = {"Container": container.name}
        status, reply = lab.api("POST", f"/networks/{network}/{action}", body, timeout=PATIENCE)
        return None if status == 200 else f"{action} {network} {container.name}: {status} {reply}"

    with concurrent.futures.ThreadPoolExecutor(len(changes)) as pool:
        failed = list(filter(None, pool.map(change, changes)))
    assert not failed, failed


def halves(networks, containers):
    """All pairs of both, like the fields of a chessboard: every network and container in each."""
    fields = {False: [], True: []}
    for (row, network), (column, container) in itertools.product(enumerate(networks),
                                                                 enumerate(containers)):
        fields[(row + column) % 2 == 1].append((network, container))
    return fields[False], fields[True]


def addresses_by_network(containers):
    """Network -> container -> its address there."""
    found = {}
    for container in containers:
        for network, attached in container.networks().items():
            found.setdefault(network, {})[container] = attached["IPAddress"]
    return found


def assert_neighbours_answer(addresses, stranger):
    """Members of a network reach each other; a stranger reaches none of them."""
    expected, outsider = {}, stranger.still()
    places = {member: member.still() for members in addresses.values() for member in members}
    for members in addresses.values():
        for source, destination in itertools.permutations(members, 2):
            expected[places[source], members[destination]] = {"ping"}
        expected[outsider, next(iter(members.values()))] = set()
    assert_answered(expected, ["ping"])


def test_two_hundred_attach_and_detach_at_once(lab, docker, leases, news):
    leased = leases.addresses_in_use()
    with leaves_nothing(lab, timeout=60):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            networks = list(pool.map(lambda _: docker.network(), range(NETWORKS)))
        home = docker.network()
        containers = docker.run_each([home] * CONTAINERS)
        stranger = docker.run(docker.network())
        first, second = halves(networks, containers)
        change_at_once(lab, [("connect", *pair) for pair in first])
        change_at_once(lab, [("disconnect", *pair) for pair in first]
                       + [("connect", *pair) for pair in second])
        addresses = addresses_by_network(containers)
        attached = {(network, container) for network in networks
                    for container in addresses[network]}
        assert attached == set(second)
        assert_neighbours_answer({network: addresses[network] for network in networks}, stranger)
        docker.clean()
    assert leases.addresses_in_use() == leased
    assert not re.search(r"Driver\.\w+ .*failed in .*", news())
