"""proxy_mode=route: the proxy stays where it is, and exactly its addresses may open connections to
exactly the routable containers."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from containers import Docker
from lab import wait_for
from probes import EVERYTHING, NOTHING, assert_reached, gets_through, ping, reach_all, tcp_connect
from proxies import MARKS, NO_MARKS, ROUTABLE, Proxy, keeps_its_way, memberships, serve
from servers import TcpServer
from streams import Newcomers

HOMES = {
    "bridge": lambda docker: None,
    "own": lambda docker: docker.native_network(),
    "drawbridge": lambda docker: docker.dual_network(),
}


@pytest.fixture(scope="module")
def proxies(lab):
    """One in each place where a proxy can be."""
    docker = Docker(lab)
    yield {where: Proxy(docker, home(docker)) for where, home in HOMES.items()}
    docker.clean()


@pytest.fixture(params=["bridge", "drawbridge"])
def proxy(request, proxies):
    return proxies[request.param]


@pytest.fixture
def routed(proxies):
    """The proxy on a network of drawbridge: IPv4 and IPv6."""
    return proxies["drawbridge"]


@pytest.fixture(autouse=True)
def all_stay_at_home(proxies):
    yield
    for each in proxies.values():
        assert memberships(each.container) == each.home


def routed_network(docker, proxy, *options, **keys):
    return docker.dual_network(*options, proxy=proxy.name, **keys)


def families(proxy, container):
    """The addresses of `container` that the proxy has a family for."""
    has_ipv6 = any(each["GlobalIPv6Address"] for each in proxy.container.networks().values())
    return [container.address(), *([container.address6()] if has_ipv6 else [])]


def assert_reached_by(proxy, containers, expected):
    found = reach_all({(each.name, address): (proxy.container, each, address)
                       for each in containers for address in families(proxy, each)})
    assert set(found.values()) == {expected}, found


# --- who is reached ---


@pytest.mark.parametrize("home", HOMES)
def test_it_reaches_the_app_at_once_and_nothing_beside_it(docker, proxies, home):
    proxy = proxies[home]
    network = routed_network(docker, proxy)
    db = docker.run(network)
    app = serve(docker, network, *ROUTABLE)
    assert gets_through(proxy.container, app.address()), "when docker run returns the way is open"
    proxy.assert_serves(app)
    neighbour = docker.run(proxy.where)
    own_address = proxy.container.address(*proxy.home)
    assert_reached({
        (proxy.container, app, app.address()): EVERYTHING,
        (db, app, app.address()): EVERYTHING,
        (proxy.container, db, db.address()): NOTHING,
        (neighbour, app, app.address()): NOTHING,
        (app, proxy.container, own_address): NOTHING,
        (db, proxy.container, own_address): NOTHING,
        (neighbour, proxy.container, own_address): EVERYTHING,
    })
    assert_reached_by(proxy, [app], EVERYTHING)
    assert_reached_by(proxy, [db], NOTHING)


def test_every_mark_counts_and_nothing_else(docker, routed):
    network = routed_network(docker, routed)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda marks: docker.run(network, *marks), (*MARKS, *NO_MARKS)))
    assert_reached_by(routed, made[: len(MARKS)], EVERYTHING)
    assert_reached_by(routed, made[len(MARKS) :], NOTHING)


@pytest.mark.parametrize("options", [("--internal",), ("-o", "egress=none"),
                                     ("-o", "isolation=members")])
def test_a_closed_network_is_open_to_its_proxy(docker, routed, options):
    network = routed_network(docker, routed, *options)
    app, db = docker.run(network, *ROUTABLE), docker.run(network)
    assert_reached_by(routed, [app], EVERYTHING)
    assert_reached_by(routed, [db], NOTHING)


def test_each_of_several_proxies_reaches_it(docker, proxies):
    names = ",".join(each.name for each in proxies.values())
    app = serve(docker, docker.dual_network(proxy=names), *ROUTABLE)
    for each in proxies.values():
        each.assert_serves(app)


def test_apps_that_share_a_proxy_stay_apart(docker, routed):
    one, other = (docker.run(routed_network(docker, routed), *ROUTABLE) for _ in range(2))
    assert_reached({(one, other): NOTHING, (other, one): NOTHING})
    assert_reached_by(routed, [one, other], EVERYTHING)


# --- while things change ---


def test_the_way_ends_with_the_container(docker, proxy):
    network = routed_network(docker, proxy)
    app = serve(docker, network, *ROUTABLE)
    address, address6 = app.address(), app.address6()
    proxy.assert_serves(app)
    app.remove()
    # An unroutable one under the same address: what is closed is not merely nobody there.
    heir = docker.run(network, "--ip", address, "--ip6", address6)
    assert_reached_by(proxy, [heir], NOTHING)
    heir.remove()
    again = serve(docker, network, "--ip", address, *ROUTABLE)
    assert gets_through(proxy.container, address)
    proxy.assert_serves(again)
    docker("stop", again.name)
    docker("start", again.name)
    assert gets_through(proxy.container, again.address())
    proxy.assert_serves(again)


def test_a_rule_of_the_configuration_opens_and_closes_what_is_there(docker, proxy, configure):
    network = docker.dual_network()
    app = serve(docker, network, *ROUTABLE)
    with TcpServer(app.still(), 4500):
        assert tcp_connect(proxy.container, app.address(), 4500) is None
        configure({"proxies": [proxy.rule()]})
        channel = wait_for(lambda: tcp_connect(proxy.container, app.address(), 4500), what="a way in")
        with channel, channel.makefile("rwb", buffering=0) as lines:
            assert lines.readline()
            lines.write(b"before\n")
            assert lines.readline() == b"before\n"
            configure({})
            wait_for(lambda: tcp_connect(proxy.container, app.address(), 4500) is None,
                     what="the end of the way in")
            lines.write(b"after\n")
            with pytest.raises(OSError):
                lines.readline()


def test_a_proxy_that_is_made_again_is_let_in_again(docker, routed):
    proxy = Proxy(docker, routed.where)
    app = serve(docker, routed_network(docker, proxy), *ROUTABLE)
    proxy.assert_serves(app)
    docker("restart", "-t", "0", proxy.name)
    proxy.wait_until_up()
    proxy.assert_serves(app)
    address = proxy.container.address()
    proxy.remove()
    heir = docker.run(routed.where, "--ip", address)
    assert reach_all({0: (heir, app, app.address())}) == {0: NOTHING}
    proxy.start()
    proxy.assert_serves(app)


def test_a_container_is_what_its_name_says_now(docker, routed):
    proxy = routed
    app = serve(docker, routed_network(docker, proxy), *ROUTABLE)
    address = app.address()
    place = proxy.container.still()
    proxy.assert_serves(app)
    docker("rename", proxy.name, "for-a-while")
    try:
        wait_for(lambda: not ping(place, address), what="the end of the way in")
    finally:
        docker("rename", "for-a-while", proxy.name)
    wait_for(lambda: ping(place, address), what="the way in")
    for change in (["pause", app.name], ["unpause", app.name], ["rename", app.name, f"{app.name}-b"]):
        docker(*change)
        assert gets_through(place, address), change
    proxy.wait_for_answer(address, app.name)


def test_nothing_is_lost_while_the_daemon_is_dead(lab, docker, binary, proxy):
    app = serve(docker, routed_network(docker, proxy), *ROUTABLE)
    assert gets_through(proxy.container, app.address())
    with Newcomers(proxy.container.still(), app.address()) as stream:
        stream.wait_for_answered(100)
        lab.kill_drawbridge()
        stream.wait_for_answered(100)
        lab.start_drawbridge(binary)
        stream.wait_for_answered(2000)
    assert stream.lost == 0
    with keeps_its_way(proxy):
        proxy.assert_serves(app)
