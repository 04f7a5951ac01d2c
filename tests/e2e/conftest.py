"""Fixtures of the end-to-end tests: a private engine with drawbridge beside it.

    binary      path of the drawbridge under test: $DRAWBRIDGE_BINARY or build/release/drawbridge
    lab         one Lab for the whole process (FORWARD policy DROP), image there, drawbridge running
    docker      a Docker (containers.py) for one test: unique names, everything removed afterwards
    news        news() -> what the shared drawbridge logged since the test began
    configure   configure(dict or text) gives the shared lab's drawbridge another configuration by
                SIGHUP; without one again after the test
    leases      a Leases (leases.py): subnets leased without the engine, released after the test
    make_lab    make_lab(**Lab options) -> another Lab, image there, drawbridge running; closed
                after the test. For tests that need another engine set-up or break the shared one.

In several processes (pytest -n 3 --dist loadgroup) each has a shared lab of its own, and each test
goes to whichever is free; the tests of a file that share a fixture stay together.

A drawbridge or engine that a test stopped is started again before its containers are removed; a
drawbridge that ended by itself fails the test.
"""

import itertools
import json
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.dirname(HERE)]

from containers import Docker  # noqa: E402  the folders must be on the path first
from lab import Lab  # noqa: E402
from leases import Leases  # noqa: E402

# Lines of each log shown with a failure, and what of the engine's says nothing then.
TAIL = {"drawbridge": 40, "engine": 10}
ENGINE_NOISE = ("module=grpc", "loading plugin", "blkio weight", "level=info", "cleanup warnings")


@pytest.fixture(scope="session")
def binary():
    default = os.path.join(HERE, "..", "..", "build", "release", "drawbridge")
    path = os.path.abspath(os.environ.get("DRAWBRIDGE_BINARY", default))
    if not os.access(path, os.X_OK):
        pytest.exit(f"no drawbridge at {path}: run make build, or set DRAWBRIDGE_BINARY", 2)
    return path


def _equip(lab, binary):
    lab.image()
    lab.start_drawbridge(binary)


@pytest.fixture(scope="session")
def lab(binary):
    with Lab(ip_forward=0) as made:
        _equip(made, binary)
        yield made


@pytest.fixture
def make_lab(binary):
    labs = []

    def make(**options):
        made = Lab(**options)
        labs.append(made)
        made.__enter__()
        _equip(made, binary)
        return made

    make.labs = labs
    yield make
    for made in labs:
        made.close()


@pytest.fixture
def docker(lab, binary):
    made = Docker(lab)
    yield made
    crashed = _bring_back(lab, binary)
    made.clean()
    assert not crashed, f"drawbridge ended by itself: exit {crashed}"


def _bring_back(lab, binary):
    """Starts what does not run; returns the exit status of a drawbridge that ended by itself."""
    status = lab.drawbridge.poll() if lab.drawbridge is not None else None
    if lab.drawbridge is None or status is not None:
        lab.start_drawbridge(binary)
    if lab.engine is None or lab.engine.poll() is not None:
        lab.start_engine()
    return None if status is None else f"status {status}"


@pytest.fixture
def news(lab):
    begin = len(lab.drawbridge_log())
    return lambda: lab.drawbridge_log()[begin:]


@pytest.fixture
def configure(lab):
    path = f"{lab.root}/drawbridge.json"

    def write(content):
        with open(path, "w", encoding="ascii") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        lab.reload_drawbridge()
        return path

    yield write
    if os.path.exists(path):
        os.remove(path)
    if lab.drawbridge is not None and lab.drawbridge.poll() is None:
        lab.reload_drawbridge()


@pytest.fixture
def leases(lab):
    made = Leases(lab)
    yield made
    made.release_all()


def _shares_a_fixture(item):
    definitions = itertools.chain(*item._fixtureinfo.name2fixturedefs.values())
    return any(definition.scope == "module" for definition in definitions)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if _shares_a_fixture(item):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if not report.failed:
        return
    values = getattr(item, "funcargs", {})
    labs = [value for value in values.values() if isinstance(value, Lab)]
    labs += getattr(values.get("make_lab"), "labs", [])
    for each in labs:
        tails = {"drawbridge": each.drawbridge_log(), "engine": each.engine_log()}
        for what, text in tails.items():
            lines = [line for line in text.splitlines() if not any(n in line for n in ENGINE_NOISE)]
            if lines:
                tail = "\n".join(line[:300] for line in lines[-TAIL[what]:])
                report.sections.append((f"end of the {what} log of {each.name}", tail))
