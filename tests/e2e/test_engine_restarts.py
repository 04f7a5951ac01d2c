"""The engine ends and starts again, in every way, while drawbridge runs or is restarted, too."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from containers import Docker
from lab import Lab, engines, wait_for
from published import HOST
from reboots import (SECOND_PORT, Estate, is_running, leaves_nothing_but_order, owned_links,
                     turned_away)
from servers import TcpServer
from streams import Newcomers, Visitors


def made_lab(binary, **options):
    made = Lab(**options)
    made.__enter__()
    made.image()
    made.start_drawbridge(binary)
    made.restart_engine()  # with it come rules of the engine's that its first start did not make
    return made


@pytest.fixture(scope="module")
def restarting(binary):
    made = made_lab(binary)
    yield made
    made.close()


@pytest.fixture(scope="module")
def live(binary):
    made = made_lab(binary, live_restore=True)
    yield made
    made.close()


def end_engine(lab, end):
    (lab.stop_engine if end == "term" else lab.kill_engine)()


def start_both(lab, binary):
    """The engine first: drawbridge comes when it is asked for, or else after it."""
    before = turned_away(lab)
    with ThreadPoolExecutor(1) as pool:
        engine = pool.submit(lab.start_engine)
        wait_for(lambda: engine.done() or turned_away(lab) > before, 30, "the engine's first try")
        lab.start_drawbridge(binary)
        engine.result(timeout=60)


@pytest.mark.parametrize(("end", "drawbridge"),
                         [("term", "runs"), ("kill", "runs"), ("term", "restarts")])
def test_containers_come_back(restarting, binary, end, drawbridge):
    lab = restarting
    with leaves_nothing_but_order(lab), Estate(Docker(lab)) as estate:
        end_engine(lab, end)
        if drawbridge == "runs":
            lab.start_engine()
        else:
            lab.stop_drawbridge()
            start_both(lab, binary)
        estate.assert_back()
        assert not is_running(estate.never)
        estate.assert_usable()


@pytest.mark.parametrize(("end", "drawbridge"), [("kill", "runs"), ("term", "restarts")])
def test_with_live_restore_containers_run_on(live, binary, end, drawbridge):
    lab = live
    with leaves_nothing_but_order(lab), Estate(Docker(lab)) as estate:
        pids = [each.pid() for each in (estate.always, estate.unless, estate.never)]
        one, web = estate.never.still(), estate.always.still()
        with TcpServer(web, 81), \
                Newcomers(one, estate.always.address()) as inside, \
                Newcomers(one, "198.51.100.2") as outward, \
                Visitors(lab.outside_place, HOST[4], SECOND_PORT) as visitors:
            visitors.wait_for_rounds(5)
            end_engine(lab, end)
            if drawbridge == "runs":
                lab.start_engine()
            else:
                lab.kill_drawbridge()
                start_both(lab, binary)
            visitors.wait_for_rounds(5)
        lost = inside.lost, outward.lost, visitors.troubles
        assert lost == (0, 0, [])
        estate.assert_back()
        assert pids == [each.pid() for each in (estate.always, estate.unless, estate.never)]
        estate.assert_usable()


@pytest.mark.skipif(not engines.is_there("trixie"), reason=engines.HOW_TO_GET)
@pytest.mark.parametrize("live_restore", [False, True])
def test_the_engine_is_upgraded(binary, live_restore):
    """From 20.10 to 26.1, on the same data."""
    with Lab(live_restore=live_restore) as lab:
        lab.image()
        lab.start_drawbridge(binary)
        with Estate(Docker(lab)) as estate:
            pid = estate.always.pid()
            lab.stop_engine()
            engines.lay_over(lab.engine_place, "trixie")
            lab.start_engine()
            assert lab.docker("version", "-f", "{{.Server.Version}}").stdout.startswith("26.")
            estate.assert_back()
            assert (estate.always.pid() == pid) == live_restore
            estate.assert_usable()
            lab.kill_engine()
            lab.start_engine()
            estate.assert_back()
            estate.assert_usable()
        wait_for(lambda: not owned_links(lab), 10, "the end of all links")
