"""The host boots again: the kernel has forgotten everything, files are as they were."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from containers import Docker
from lab import Lab, wait_for
from reboots import Estate, is_running, owned_links, power_off, turned_away


@pytest.fixture(scope="module")
def host(binary):
    """A lab of its own: other tests need no host that is switched off."""
    with Lab() as made:
        made.image()
        made.start_drawbridge(binary)
        yield made


@pytest.fixture
def estate(host):
    with Estate(Docker(host)) as made:
        made.assert_back()
        yield made


def test_drawbridge_first(host, estate, binary):
    networks = {name: alias for name, alias in owned_links(host).items() if name.startswith("db-")}
    power_off(host)
    assert not owned_links(host)
    assert host.engine_place.sysctl("net.ipv4.ip_forward") == "0"
    host.start_drawbridge(binary)
    assert owned_links(host) == networks, "every network, and nothing of containers that are gone"
    assert "drawbridge" in host.engine_ns("nft", "list", "tables").stdout
    host.start_engine()
    estate.assert_back()
    assert not is_running(estate.never)
    assert_nothing_stays(host, estate)


def test_the_engine_first(host, estate, binary):
    power_off(host)
    before = turned_away(host)
    with ThreadPoolExecutor(1) as pool:
        engine = pool.submit(host.start_engine)
        wait_for(lambda: turned_away(host) > before, 15, "the engine's first try")
        host.start_drawbridge(binary)
        engine.result(timeout=60)
    estate.assert_back()
    assert_nothing_stays(host, estate)


def assert_nothing_stays(host, estate):
    estate.assert_usable()
    estate.docker.clean()
    wait_for(lambda: not owned_links(host), 10, "the end of all links")
