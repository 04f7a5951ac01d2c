"""Places: network namespaces that commands and sockets can be put into.

A socket belongs for ever to the namespace it was made in. So a thread enters the namespace, makes
the socket and ends; the test then uses the socket from where it stands, without a process inside.
"""

import contextlib
import ctypes
import os
import socket
import subprocess
import threading
import time
import weakref

from .errors import run

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def wait_for(predicate, timeout=10.0, what="the awaited state", interval=0.02):
    """Polls `predicate` until it returns something true, and returns that.

    An AssertionError that names `what` ends the wait after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come within {timeout} s"
        time.sleep(interval)


def call_in_netns(path, function):
    """Calls `function` in a thread that stands in the network namespace at `path`."""
    outcome = {}

    def work():
        try:
            with open(path, "rb") as namespace:
                if _libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                    number = ctypes.get_errno()
                    raise OSError(number, f"enter {path}: {os.strerror(number)}")
            outcome["value"] = function()
        except BaseException as error:  # carried over to the caller's thread
            outcome["error"] = error

    thread = threading.Thread(target=work, name=f"in {path}")
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


class Place:
    """A network namespace: `Place(name, netns_path, enter)`.

    netns_path()   path of the namespace, such as /proc/PID/ns/net
    enter()        command prefix that runs a program there, a list
    run(*cmd, check=True, timeout=60, **subprocess options) -> CompletedProcess with text output
    spawn(*cmd, **subprocess options) -> Popen in a session of its own; the lab ends it at last
    socket(family, type, proto=0) -> socket.socket made in the namespace; the lab closes it at last
    sysctl(key, value=None) -> str; reads, or writes and reads back, /proc/sys/KEY of the namespace
    """

    def __init__(self, name, netns_path, enter):
        self.name = name
        self._netns_path = netns_path
        self._enter = enter
        self._sockets = weakref.WeakSet()
        self._children = []

    def __repr__(self):
        return f"<{type(self).__name__} {self.name}>"

    def netns_path(self):
        return self._netns_path

    def enter(self):
        return list(self._enter)

    def run(self, *command, check=True, timeout=60, **options):
        return run([*self.enter(), *command], check=check, timeout=timeout, **options)

    def spawn(self, *command, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        child = subprocess.Popen([*self.enter(), *command], start_new_session=True, **options)
        self._children.append(child)
        return child

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, proto=0):
        made = call_in_netns(self.netns_path(), lambda: socket.socket(family, kind, proto))
        self._sockets.add(made)
        return made

    def sysctl(self, key, value=None):
        def access():
            path = "/proc/sys/" + key.replace(".", "/")
            if value is not None:
                with open(path, "w", encoding="ascii") as file:
                    file.write(str(value))
            with open(path, encoding="ascii") as file:
                return file.read().strip()

        return call_in_netns(self.netns_path(), access)

    def close(self):
        """Closes the sockets and ends the processes that were made through this place."""
        for made in list(self._sockets):
            with contextlib.suppress(OSError):
                made.shutdown(socket.SHUT_RDWR)  # wakes a thread that still waits for data
            made.close()
        for child in self._children:
            if child.poll() is None:
                child.kill()
            child.wait()
            for stream in (child.stdin, child.stdout, child.stderr):
                if stream is not None:
                    stream.close()
        self._children.clear()


def named_place(name):
    """The place that `ip netns add NAME` made."""
    path = f"/run/netns/{name}"
    return Place(name, path, ["nsenter", f"--net={path}", "--"])
