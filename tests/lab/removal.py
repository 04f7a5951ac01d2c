"""How a lab ends: by its name alone, so that a killed run can be tidied by the next one."""

import os
import re
import shutil
import signal
import threading

from . import processes, wiring
from .places import wait_for

FOLDERS = "/tmp"  # not TMPDIR: the path of a unix socket has at most 107 characters


def namespaces_named(name):
    """Paths of the network namespaces of lab `name`."""
    folder = "/run/netns"
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [f"{folder}/{entry}" for entry in names if entry.startswith(f"{name}-")]


def held_namespaces(name):
    """Inode numbers of the lab's network namespaces, and of the mount namespaces in use there.

    A context manager: see processes.held.
    """
    networks = namespaces_named(name)
    inside = processes.pids_in({processes.namespace_id(path) for path in networks} - {None})
    mounts = [f"/proc/{pid}/ns/mnt" for pid in inside]
    return processes.held([*networks, *mounts])


def remove_lab(name):
    """Ends and removes everything that carries the name of a lab."""
    with held_namespaces(name) as ids:
        wait_for(lambda: _end_all(name, ids), 20, f"the end of the processes of {name}")
    wiring.delete_namespaces([os.path.basename(path) for path in namespaces_named(name)])
    processes.remove_cgroups(name)
    shutil.rmtree(f"{FOLDERS}/{name}", ignore_errors=True)


def _end_all(name, ids):
    found = processes.belonging(name, ids)
    processes.end(found, grace=0)
    return not found


def remove_stale_labs():
    """Removes labs whose own process is gone."""
    folders = [entry for entry in os.listdir(FOLDERS) if entry.startswith("dblab-")]
    for entry in folders:
        match = re.fullmatch(r"dblab-(\d+)-\d+", entry)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            remove_lab(entry)


def turn_signals_into_exits():
    """Lets a TERM or HUP unwind the stack, so that context managers and atexit do their work."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _exit_by_signal)


def _exit_by_signal(number, _frame):
    raise SystemExit(128 + number)


class SignalsHeld:
    """Holds back the signals that would interrupt a clean-up half-way."""

    def __enter__(self):
        held = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
        self._before = signal.pthread_sigmask(signal.SIG_BLOCK, held)

    def __exit__(self, *_):
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)
