"""scripts/demo, which `make run` ends with: it shows what it promises and leaves nothing."""

import os
import signal
import subprocess

import pytest

from conftest import HERE
from probes import leaves_nothing

# They look for folders that demos leave in /tmp.
pytestmark = pytest.mark.xdist_group("demo")

DEMO = os.path.join(HERE, "..", "..", "scripts", "demo")


def start_demo(binary, engine_socket):
    environment = {**os.environ, "DRAWBRIDGE_BINARY": binary}
    environment["DOCKER_HOST"] = f"unix://{engine_socket}"
    return subprocess.Popen(
        [DEMO],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def docker_objects(lab):
    listings = (["ps", "-aq"], ["images", "-q"], ["network", "ls", "--format", "{{.Name}}"])
    return [lab.docker(*listing).stdout for listing in listings]


@pytest.fixture
def engine_alone(make_lab):
    lab = make_lab()
    lab.stop_drawbridge()
    lab.engine_ns("nft", "delete", "table", "inet", "drawbridge", check=False)
    return lab


def test_shows_what_gets_through_beside_a_running_drawbridge(lab, binary):
    objects = docker_objects(lab)
    with leaves_nothing(lab):
        demo = start_demo(binary, lab.engine_socket)
        shown, complaints = demo.communicate(timeout=30)
    assert (demo.returncode, complaints) == (0, "")
    assert "the one that already serves this engine" in shown
    assert shown.count("no answer: blocked") == 2
    assert docker_objects(lab) == objects


def test_brings_its_own_drawbridge_and_takes_it_away(engine_alone, binary):
    objects = docker_objects(engine_alone)
    demo = start_demo(binary, engine_alone.engine_socket)
    shown, complaints = demo.communicate(timeout=30)
    assert (demo.returncode, complaints) == (0, "")
    assert "started for this demo" in shown
    assert "All as expected, and nothing is left behind" in shown
    assert docker_objects(engine_alone) == objects
    assert not os.path.exists(engine_alone.plugin_socket)


def demo_folders():
    return [name for name in os.listdir("/tmp") if name.startswith("drawbridge-demo-")]


MOMENTS = ["drawbridge  ", "$ docker network", "$ docker run", "$ docker exec"]


@pytest.mark.parametrize("line", MOMENTS)
def test_an_interrupt_leaves_nothing(engine_alone, binary, line):
    objects, folders = docker_objects(engine_alone), demo_folders()
    demo = start_demo(binary, engine_alone.engine_socket)
    with demo.stdout, demo.stderr:
        assert any(line in shown for shown in iter(demo.stdout.readline, ""))
        os.killpg(demo.pid, signal.SIGINT)
        demo.stdout.read()
        assert demo.stderr.read() == ""
    assert demo.wait(timeout=30) == 130
    assert docker_objects(engine_alone) == objects
    assert demo_folders() == folders
    assert not os.path.exists(engine_alone.plugin_socket)


def test_an_engine_elsewhere_is_refused_with_the_way_out():
    environment = {**os.environ, "DOCKER_HOST": "tcp://192.0.2.1:2375"}
    done = subprocess.run([DEMO], env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert done.stderr.startswith("demo: DOCKER_HOST is tcp://192.0.2.1:2375:")
    assert "set a unix:// one" in done.stderr
