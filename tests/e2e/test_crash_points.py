"""The daemon dies at every instant of every operation, and starts again.

For each operation: one undisturbed run counts the system calls by which it leaves the process
(crash_points.py). Then, for each of them, the same network lives again, and at the operation the
daemon is killed as it enters that call. After its next start the operation happened, or it never did,
in links, rules, host ports, connections and rows alike; the same request gets the same answer; the
rest of the life goes well, and nothing is left at its end. Forwarding is on before that: a
CreateNetwork that never happened may leave it on, and the engine that asks for one has done so.

DRAWBRIDGE_CRASH_STEP=1 walks through all calls; without it each run takes every sixth, beginning at
another one for each operation, and always the last, which is what makes the answer.
"""

import http.client
import os
import signal
import subprocess

import crash_life
import pytest
from crash_points import killed_at, points_of, state_of
from lab import Lab, wait_for
from lab.engine_api import request

STRIDE = int(os.environ.get("DRAWBRIDGE_CRASH_STEP", "6"))

OPERATIONS = ("RequestPool", "RequestAddress", "CreateNetwork", "CreateEndpoint", "Join",
              "ProgramExternalConnectivity", "RevokeExternalConnectivity", "Leave",
              "DeleteEndpoint", "ReleaseAddress", "ReleasePool", "DeleteNetwork")
# Who asks for "any" once more gets another one: engines do so on purpose. What the first answer
# would have been is released when two looks at Docker agree.
GIVES_ANOTHER = {"RequestPool": "ReleasePool", "RequestAddress": "ReleaseAddress"}


class Rig:
    """A daemon without an engine, which is asked as an engine would.

    life    what the answers of the life that goes on said
    """

    def __init__(self, lab, binary):
        self.lab = lab
        self.life = {}
        self._binary = binary

    def start(self):
        self.lab.start_drawbridge(self._binary, "--docker-socket", "", "--log-level=warn")

    def ask(self, step):
        """The answer to `step` of the life, which is no error."""
        path, body, _ = crash_life.STEPS[step]
        status, answer = request(self.lab.plugin_socket, "POST", f"/{path}", body(self.life))
        error = answer.get("Err") or answer.get("Error") if isinstance(answer, dict) else answer
        assert status == 200 and not error, f"{step}: {error}"
        crash_life.take(self.life, step, answer)
        return answer

    def live(self, steps):
        for step in steps:
            if step == "DeleteEndpoint":  # by any way; the others matter to their own step only
                self.connect(step)
            self.ask(step)

    def connect(self, step):
        """Makes the connection that is there when `step` comes."""
        if flow := crash_life.flow_before(step, self.life):
            self.lab.engine_ns("conntrack", "-I", *flow)

    def ask_in_vain(self, step):
        """Whatever comes of it when the daemon dies meanwhile; None without an answer."""
        try:
            return self.ask(step)
        except (OSError, http.client.HTTPException):
            return None

    def wait_for_state(self, *wanted):
        """Waits until the state is one of `wanted`, and returns the number of the last such one.

        What they do not tell is not compared.
        """
        def found():
            state = state_of(self.lab)
            return [number for number, each in enumerate(wanted) if each.items() <= state.items()]

        try:
            return wait_for(found, 5, "the state")[-1]
        except AssertionError:
            raise AssertionError(difference(wanted, state_of(self.lab))) from None


def difference(wanted, found):
    """What of `found` is in none of the states `wanted`."""
    lines = ["neither before nor after the operation:"]
    for key in wanted[0]:
        if found[key] not in [each[key] for each in wanted]:
            lines += [f"{key}: {named}" for named in _unlike(found[key], wanted[0][key])]
    if len(lines) == 1:
        lines += [f"{key} as in {[each[key] for each in wanted].index(found[key])}"
                  for key in wanted[0]]
    return "\n".join(lines)


def _unlike(found, before):
    as_lines = [[f"{k}: {v}" for k, v in each.items()] if isinstance(each, dict) else each
                for each in (found, before)]
    signs = (("+", as_lines[0], as_lines[1]), ("-", as_lines[1], as_lines[0]))
    return [f"{sign} {line}" for sign, here, there in signs for line in here if line not in there]


@pytest.fixture
def rig(binary):
    with Lab(start=False) as lab:
        made = Rig(lab, binary)
        made.start()
        yield made


def undisturbed(rig, operation):
    """One life that nothing disturbs: (points, states before and after, answer)."""
    states, answers = [], []

    def operate():
        states.append(state_of(rig.lab))
        answers.append(rig.ask(operation))

    rig.live(crash_life.before(operation))
    rig.connect(operation)
    points = points_of(rig.lab.drawbridge, f"{rig.lab.root}/strace", operate)
    states.append(state_of(rig.lab))
    rig.live(crash_life.after(operation))
    return points, states, answers[0]


def chosen(points, operation):
    """Of an operation with few calls, which may differ by a look from life to life, more of them."""
    stride = min(STRIDE, max(1, len(points) // 4))
    begin = OPERATIONS.index(operation) % stride
    return sorted({*points[begin::stride], points[-1]}, key=points.index)


def die(rig, operation, point):
    """Kills the daemon at `point` of `operation`; its answer, if it came before that.

    A look that fell into the undisturbed operation made calls that others lack: then the kill comes
    a moment after the operation, and is counted as late.
    """
    daemon = rig.lab.drawbridge
    with killed_at(daemon, point):
        answer = rig.ask_in_vain(operation)
        try:
            status = daemon.wait(3)
        except subprocess.TimeoutExpired:
            rig.late += 1
            daemon.kill()
            status = daemon.wait()
    assert status == -signal.SIGKILL, f"exit {status} instead of a death at {point}"
    return answer


def live_through(rig, operation, point, states, answer):
    """A life in which the daemon dies at `point`; True if the operation had happened.

    states, answer  of the operation when nothing disturbs it
    """
    rig.life.clear()
    rig.live(crash_life.before(operation))
    rig.connect(operation)
    given = die(rig, operation, point)
    rig.start()
    happened = rig.wait_for_state(*states) == 1
    assert happened or given is None, f"what was answered is lost: {given}"
    if happened and operation in GIVES_ANOTHER:
        crash_life.take(rig.life, operation, answer)
        rig.ask(GIVES_ANOTHER[operation])
        rig.ask(operation)
    else:
        assert rig.ask(operation) == answer
        rig.wait_for_state(states[1])
    rig.live(crash_life.after(operation))
    return happened


@pytest.mark.parametrize("operation", OPERATIONS)
def test_killed_at_every_call(rig, operation):
    rig.live(crash_life.STEPS)  # from now on the host forwards, and no first time is special
    empty = state_of(rig.lab)
    rig.life.clear()
    points, states, answer = undisturbed(rig, operation)
    if operation in crash_life.UNPUBLISHES:
        for state in states:  # who was connected may stay until the endpoint goes, which is next
            del state["connections"]
    rig.wait_for_state(empty)
    outcomes = set()
    tried = chosen(points, operation)
    rig.late = 0
    for point in tried:
        try:
            outcomes.add(live_through(rig, operation, point, states, answer))
            rig.wait_for_state(empty)
        except AssertionError as error:
            raise AssertionError(f"{operation} killed at {point}: {error}") from error
    assert outcomes == {False, True}, "control: kills came before it happened, and after"
    assert rig.late <= len(tried) / 3, f"{rig.late} of {len(tried)} kills came late"
