"""Proxies in both modes and the engine: containers and networks that go at once, engines that end."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from containers import Docker
from lab import wait_for
from probes import NOTHING, reach_all
from proxies import ROUTABLE, Proxy, memberships, serve, wait_for_memberships

MODES = ("route", "join")
TIMES = 20
# The engine connects and disconnects one container, the proxy, for one network after the other.
AT_ONCE = {"route": 4, "join": 1}


def proxied(docker, proxy, mode):
    return docker.network("-o", f"proxy={proxy.name}", "-o", f"proxy_mode={mode}")


@pytest.mark.parametrize("mode", MODES)
def test_app_and_network_go_at_once_20_of_20_times(lab, docker, mode):
    proxy = Proxy(docker, None)

    def come_and_go(_):
        network = proxied(docker, proxy, mode)
        app = docker.run(network, *ROUTABLE).name
        docker("rm", "-f", app)
        return docker("network", "rm", network, check=False).stderr

    with ThreadPoolExecutor(AT_ONCE[mode]) as pool:
        assert list(pool.map(come_and_go, range(TIMES))) == [""] * TIMES
    assert memberships(proxy.container) == {"bridge"}


class Site:
    """A network in each mode, an app on each, and the proxy of both; all come back by themselves."""

    def __init__(self, docker):
        self.docker = docker
        always = "--restart", "always"
        self.proxy = Proxy(docker, None, *always)
        self.networks = {mode: proxied(docker, self.proxy, mode) for mode in MODES}
        self.apps = {mode: serve(docker, network, *always, *ROUTABLE)
                     for mode, network in self.networks.items()}
        self.db = docker.run(self.networks["route"], *always)

    def assert_works(self):
        everybody = [self.proxy.container, self.db, *self.apps.values()]
        wait_for(lambda: all(each.inspect()["State"]["Running"] for each in everybody), 30,
                 "the return of the containers")
        self.proxy.wait_until_up()
        wait_for_memberships(self.proxy.container, {"bridge", self.networks["join"]}, 15)
        self.proxy.assert_serves(self.apps["route"])
        self.proxy.assert_serves_by_name(self.apps["join"])
        closed = self.proxy.container, self.db, self.db.address()
        assert reach_all({0: closed}) == {0: NOTHING}

    def assert_goes(self):
        for mode, app in self.apps.items():
            app.remove()
            if mode == "route":
                self.db.remove()
            self.docker("network", "rm", self.networks[mode])
        assert memberships(self.proxy.container) == {"bridge"}


def test_an_engine_that_ends_and_comes_back_finds_it_as_it_was(make_lab, binary):
    lab = make_lab()
    site = Site(Docker(lab))
    site.assert_works()
    lab.restart_engine()
    site.assert_works()
    lab.kill_engine()
    lab.kill_drawbridge()
    lab.start_drawbridge(binary)
    lab.start_engine()
    site.assert_works()
    site.assert_goes()


def test_with_live_restore_it_goes_on(make_lab):
    lab = make_lab(live_restore=True)
    site = Site(Docker(lab))
    site.assert_works()
    address = site.apps["route"].address()
    lab.stop_engine()
    site.proxy.wait_for_answer(address, site.apps["route"].name)
    lab.start_engine()
    site.assert_works()
    site.assert_goes()
