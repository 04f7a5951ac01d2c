"""proxy_mode=join: the proxy is a member of the networks that hold a routable container, and of no
other because of us; it resolves names there.

Networks of drawbridge name the proxy themselves; those of Docker's own bridge driver are followed
by `proxies` of the configuration.
"""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from containers import Docker
from lab import wait_for
from lab.engine_relay import EngineRelay
from probes import EVERYTHING, NOTHING, assert_reached
from proxies import (
    MARKS,
    NO_MARKS,
    ROUTABLE,
    Proxy,
    keeps_its_way,
    memberships,
    serve,
    wait_for_memberships,
)


@pytest.fixture(scope="module")
def shared(lab):
    docker = Docker(lab)
    yield Proxy(docker, None)
    docker.clean()


@pytest.fixture(autouse=True)
def proxy(shared):
    """It is at home again when everything of the test is gone: so it is made before all else."""
    yield shared
    wait_for_memberships(shared.container, shared.home)


def joined_network(docker, proxy, *options, **more):
    wish = ("-o", f"proxy={proxy.name}", "-o", "proxy_mode=join")
    return docker.network(*wish, *options, **more)


def joins(proxy, *drivers):
    return {"proxies": [proxy.rule(mode="join", drivers=list(drivers or ["bridge"]))]}


@pytest.fixture(params=["drawbridge", "bridge"])
def network_for(request, docker, proxy, configure):
    """Makes networks that the proxy follows: network_for(*options, name=None)."""
    if request.param == "drawbridge":
        return lambda **more: joined_network(docker, proxy, **more)
    configure(joins(proxy))
    return docker.native_network


def remove_all(*containers):
    for each in containers:
        each.remove()


# --- the flow ---


def test_it_follows_the_routable_containers(docker, proxy, network_for):
    one, two, three = network_for(), network_for(), network_for()
    app, api = serve(docker, one, *MARKS[0]), serve(docker, two, *MARKS[1])
    other = serve(docker, two)
    serve(docker, three)
    wait_for_memberships(proxy.container, {"bridge", one, two})
    proxy.assert_serves_by_name(app, api)
    docker("stop", api.name)
    wait_for_memberships(proxy.container, {"bridge", one})
    assert two in memberships(other)
    docker("start", api.name)
    wait_for_memberships(proxy.container, {"bridge", one, two})
    proxy.assert_serves_by_name(app, api)
    second = serve(docker, one, *MARKS[2])
    app.remove()
    proxy.assert_serves_by_name(second)
    api.remove()
    wait_for_memberships(proxy.container, {"bridge", one})
    second.remove()
    wait_for_memberships(proxy.container, {"bridge"})


def test_what_is_not_routable_is_ignored(docker, proxy):
    ignored = joined_network(docker, proxy)
    wanted = [joined_network(docker, proxy) for _ in MARKS]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda marks: docker.run(ignored, *marks), NO_MARKS))
        list(pool.map(lambda network, marks: docker.run(network, *marks), wanted, MARKS))
    wait_for_memberships(proxy.container, {"bridge", *wanted})


def test_containers_that_are_there_already_count(lab, docker, binary, proxy, configure):
    native, ours = docker.native_network(), docker.network()
    apps = serve(docker, native, *ROUTABLE), serve(docker, ours, *ROUTABLE)
    assert memberships(proxy.container) == {"bridge"}
    configure(joins(proxy, "bridge", "drawbridge"))
    wait_for_memberships(proxy.container, {"bridge", native, ours})
    proxy.assert_serves_by_name(*apps)
    lab.stop_drawbridge()
    late = docker.native_network()
    apps = *apps, serve(docker, late, *ROUTABLE)
    docker("network", "disconnect", native, apps[0].name)
    lab.start_drawbridge(binary)
    wait_for_memberships(proxy.container, {"bridge", late, ours})
    proxy.assert_serves_by_name(*apps[1:])
    configure({})
    wait_for_memberships(proxy.container, {"bridge"})


# --- what it never leaves, and what it keeps ---


def test_it_leaves_only_what_it_joined(docker, proxy, network_for):
    by_hand, by_rule = network_for(), network_for()
    docker("network", "connect", by_hand, proxy.name)
    apps = [serve(docker, network, *ROUTABLE) for network in (by_hand, by_rule)]
    wait_for_memberships(proxy.container, {"bridge", by_hand, by_rule})
    remove_all(*apps)
    wait_for_memberships(proxy.container, {"bridge", by_hand})
    docker("network", "disconnect", by_hand, proxy.name)


def test_the_network_of_its_own_file_is_never_left(docker, configure):
    home = docker.native_network()
    proxy = Proxy(docker, home)
    configure(joins(proxy, "bridge", "drawbridge"))
    control = docker.network()
    apps = [serve(docker, network, *ROUTABLE) for network in (home, control)]
    wait_for_memberships(proxy.container, {home, control})
    proxy.assert_serves_by_name(*apps)
    remove_all(*apps)
    wait_for_memberships(proxy.container, {home})


@pytest.mark.parametrize("where", ["bridge", "drawbridge"])
def test_route_and_ports_stay_whatever_the_networks_are_called(docker, where):
    proxy = Proxy(docker, None if where == "bridge" else docker.network())
    before, after = f"0-{docker.name()}", f"z-{docker.name()}"
    with keeps_its_way(proxy):
        for name in (before, after):
            app = serve(docker, joined_network(docker, proxy, name=name), *ROUTABLE)
            proxy.assert_serves_by_name(app)
    wait_for_memberships(proxy.container, proxy.home | {before, after})
    with keeps_its_way(proxy):
        docker("restart", "-t", "0", proxy.name)
        proxy.wait_until_up()
        proxy.assert_serves_by_name(app)


# --- what happens to the proxy ---


def test_it_comes_back_everywhere_when_it_is_made_again(lab, docker, configure, news):
    proxy = Proxy(docker, None)
    configure(joins(proxy, "bridge"))
    networks = {joined_network(docker, proxy), joined_network(docker, proxy), docker.native_network()}
    apps = [serve(docker, network, *ROUTABLE) for network in networks]
    wait_for_memberships(proxy.container, {"bridge", *networks})
    docker("restart", "-t", "0", proxy.name)
    proxy.wait_until_up()
    assert memberships(proxy.container) == {"bridge", *networks}
    proxy.assert_serves_by_name(*apps)
    proxy.remove()
    missing = f"proxy {proxy.name} is not there"
    wait_for(lambda: missing in news(), what="the word that the proxy is missing")
    proxy.start()
    wait_for_memberships(proxy.container, {"bridge", *networks})
    proxy.assert_serves_by_name(*apps)
    assert news().count(missing) == 1


def test_a_stopped_proxy_can_be_started_when_a_network_went(docker):
    proxy = Proxy(docker, None)
    kept, gone = joined_network(docker, proxy), joined_network(docker, proxy)
    apps = [serve(docker, network, *ROUTABLE) for network in (kept, gone)]
    wait_for_memberships(proxy.container, {"bridge", kept, gone})
    docker("stop", proxy.name)
    apps[1].remove()
    docker("network", "rm", gone)
    docker("start", proxy.name)
    proxy.wait_until_up()
    wait_for_memberships(proxy.container, {"bridge", kept})
    proxy.assert_serves_by_name(apps[0])


def test_each_of_several_proxies_joins(docker):
    one, other = Proxy(docker, None), Proxy(docker, docker.native_network())
    network = docker.network("-o", f"proxy={one.name},{other.name}", "-o", "proxy_mode=join")
    app = serve(docker, network, *ROUTABLE)
    for each in (one, other):
        wait_for_memberships(each.container, each.home | {network})
        each.assert_serves_by_name(app)
    app.remove()
    for each in (one, other):
        wait_for_memberships(each.container, each.home)


def test_a_container_is_what_its_name_says_now(docker, proxy):
    network = joined_network(docker, proxy)
    app = serve(docker, network, *ROUTABLE)
    wait_for_memberships(proxy.container, {"bridge", network})
    docker("pause", app.name)
    docker("rename", proxy.name, "for-a-while")
    renamed = docker.container("for-a-while")
    try:
        wait_for_memberships(renamed, {"bridge"})
    finally:
        docker("rename", "for-a-while", proxy.name)
    wait_for_memberships(proxy.container, {"bridge", network})
    docker("unpause", app.name)
    proxy.assert_serves_by_name(app)
    docker("rename", app.name, f"{app.name}-b")
    proxy.wait_for_answer(f"{app.name}-b", app.name)
    docker("rm", "-f", f"{app.name}-b")


# --- what goes wrong ---


class Relayed(EngineRelay):
    """Between the engine and a drawbridge that follows networks of Docker's own; start() and
    kill_at() are that drawbridge's."""

    def __init__(self, lab, binary, proxy):
        allowed = (r"GET /(_ping|events|networks|networks/[^/]+|containers(/[^/]+)?/json)|"
                   r"POST /networks/(create|[^/]+/(connect|disconnect))")
        super().__init__(lab.engine_socket, f"{lab.root}/relay.sock", allowed)
        self._lab, self._binary = lab, binary
        self._config = f"{lab.root}/relayed.json"
        with open(self._config, "w", encoding="ascii") as file:
            json.dump(joins(proxy), file)

    def start(self):
        own = "--docker-socket", self.path, "--config", self._config
        self._lab.start_drawbridge(self._binary, *own)

    def kill_at(self, call, action):
        """Kills drawbridge when it makes a call like this because of `action`; starts it again."""
        before = self.count(call)
        with ThreadPoolExecutor(1) as pool:
            acting = pool.submit(action)
            wait_for(lambda: self.count(call) > before, what=call, interval=0.001)
            self._lab.kill_drawbridge()
            self.start()
            return acting.result()


@pytest.fixture
def relayed(lab, docker, binary, proxy):
    with Relayed(lab, binary, proxy) as made:
        lab.stop_drawbridge()
        made.start()
        yield made
        lab.stop_drawbridge()
        lab.start_drawbridge(binary)


def test_a_socket_that_allows_little_and_breaks_is_enough(docker, proxy, relayed, news):
    one, two = docker.native_network(), docker.native_network()
    app = serve(docker, one, *ROUTABLE)
    wait_for_memberships(proxy.container, {"bridge", one})
    wait_for(relayed.streams, what="the stream of events")
    relayed.hold()
    assert relayed.cut() > 0
    late = serve(docker, two, *ROUTABLE)
    app.remove()
    relayed.release()
    wait_for_memberships(proxy.container, {"bridge", two})
    proxy.assert_serves_by_name(late)
    assert " 403" not in news()
    late.remove()
    wait_for_memberships(proxy.container, {"bridge"})


@pytest.mark.parametrize("call", ["GET /containers/.+/json", "POST /networks/.+/connect"])
def test_a_daemon_that_is_killed_while_it_joins_goes_on(docker, proxy, relayed, call):
    network = docker.native_network()
    app = relayed.kill_at(call, lambda: serve(docker, network, *ROUTABLE))
    wait_for_memberships(proxy.container, {"bridge", network})
    proxy.assert_serves_by_name(app)
    relayed.kill_at("POST /networks/.+/disconnect", app.remove)
    wait_for_memberships(proxy.container, {"bridge"})


def test_apps_that_share_a_proxy_stay_apart(docker, proxy):
    """Also with the proxy as the next hop, which forwards for anybody."""
    wish = {"proxy": proxy.name, "proxy_mode": "join"}
    one, other = (docker.run(docker.dual_network(**wish), *ROUTABLE) for _ in range(2))
    networks = {next(iter(each.networks())) for each in (one, other)}
    wait_for_memberships(proxy.container, {"bridge", *networks})
    for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        proxy.container.sysctl(key, 1)
    for source, destination in ((one, other), (other, one)):
        network = next(iter(source.networks()))
        for target, hop in ((destination.address(), proxy.container.address(network)),
                            (destination.address6(), proxy.container.address6(network))):
            source.run("ip", "route", "replace", target, "via", hop)
    expected = {(one, other): NOTHING, (other, one): NOTHING}
    expected |= {(proxy.container, each): EVERYTHING for each in (one, other)}
    assert_reached(expected)
