"""A private Docker engine with an outside world, for one test session.

Everything lives in namespaces, control groups and a folder that carry the lab's name,
`dblab-<pid>-<number>`, and is found again by that name: teardown needs no memory of what was done,
and the next lab removes what a killed run left behind.

    with Lab(ip_forward=0) as lab:
        lab.image()
        lab.start_drawbridge("build/release/drawbridge")
        lab.docker("network", "create", "-d", "drawbridge", "--ipam-driver", "drawbridge", "n")
"""

import atexit
import itertools
import json
import os
import re
import signal
import subprocess

from . import activation, engine_api, image, processes, removal, snapshot, wiring
from .errors import LabError, run
from .name_server import start_name_server
from .places import Place, named_place, wait_for

# What the machine has in /etc/docker and /etc/drawbridge is no business of a lab.
NAME_SERVER = "198.51.100.2"
CONFIGURATIONS = {"daemon.json": {"dns": [NAME_SERVER]}, "drawbridge.json": {}}

_numbers = itertools.count(1)


class Lab:
    """A context manager; entering it starts the engine, leaving it removes every trace.

    ip_forward    0 or 1, what forwarding is before the engine starts (0: FORWARD drops)
    uplink_mtu    MTU of the segment that the default route goes through
    engine_args   more arguments for dockerd
    live_restore  containers survive a stop of the engine
    data          "memory" or "disk": where the engine keeps its data (a bench wants the disk)
    start         False leaves the engine to a later start_engine()

    engine_place  the engine's namespaces (uplink0: 198.51.100.1, 2001:db8:51::1)
    outside_place    198.51.100.2, 2001:db8:51::2: a client without a default route;
                     it answers names: outside.test is itself, all others do not exist
    neighbour_place  198.51.100.3, 2001:db8:51::3: another host on the engine's segment
    root          the lab's folder; engine_socket, control_socket, plugin_socket and state_dir in it
    resolv_conf   the file that tells drawbridge the host's name servers
    engine, drawbridge   their Popen while they run, else None
    holder_pid    the process that keeps the engine's namespaces when nothing else runs there
    """

    def __init__(
        self,
        *,
        ip_forward=0,
        uplink_mtu=1500,
        engine_args=(),
        live_restore=False,
        data="memory",
        start=True,
    ):
        self.name = f"dblab-{os.getpid()}-{next(_numbers)}"
        self.root = f"{removal.FOLDERS}/{self.name}"
        self.engine_socket = f"{self.root}/engine.sock"
        self.control_socket = f"{self.root}/control.sock"
        self.plugin_socket = f"{self.root}/plugins/drawbridge.sock"
        self.state_dir = f"{self.root}/state"
        self.resolv_conf = f"{self.root}/resolv.conf"
        self.engine = None
        self.drawbridge = None
        self._ip_forward = ip_forward
        self._uplink_mtu = uplink_mtu
        self._engine_args = [*engine_args, *(["--live-restore"] if live_restore else [])]
        self._data = data
        self._start = start
        self._holder = self.holder_pid = None
        self._names = {role: f"{self.name}-{role}" for role in wiring.ROLES}
        self.outside_place = named_place(self._names["outside"])
        self.neighbour_place = named_place(self._names["neighbour"])
        self.segment_place = named_place(self._names["segment"])
        self.engine_place = None

    def __enter__(self):
        if os.geteuid() != 0:
            raise LabError("the lab makes network namespaces and starts an engine: run it as root")
        removal.remove_stale_labs()
        removal.turn_signals_into_exits()
        atexit.register(self.close)
        try:
            self._build()
            if self._start:
                self.start_engine()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _build(self):
        for folder in ("", "plugins", "engine", "state", "cli"):
            os.mkdir(f"{self.root}/{folder}", 0o711 if folder == "engine" else 0o700)
        for name, content in CONFIGURATIONS.items():
            with open(f"{self.root}/{name}", "w", encoding="ascii") as file:
                json.dump(content, file)
        with open(self.resolv_conf, "w", encoding="ascii") as file:
            file.write(f"nameserver {NAME_SERVER}\n")
        wiring.make_namespaces(self._names, self._uplink_mtu)
        self._holder = wiring.start_holder(self._names["engine"], self.root, self._data)
        self.holder_pid = self._holder.pid
        enter = ["nsenter", "-t", str(self._holder.pid), "-m", "-n", "--"]
        self.engine_place = Place("engine", f"/run/netns/{self._names['engine']}", enter)
        self.engine_place.sysctl("net.ipv4.ip_forward", self._ip_forward)
        start_name_server(self.outside_place, NAME_SERVER)

    # --- the engine ---

    def start_engine(self, timeout=30):
        """Starts dockerd and returns when it answers /_ping, within `timeout` seconds."""
        command = ["dockerd", "--data-root", f"{self.root}/engine/data"]
        command += ["--exec-root", f"{self.root}/engine/exec"]
        command += ["--pidfile", f"{self.root}/engine/pid"]
        command += ["--config-file", f"{self.root}/daemon.json"]
        command += ["-H", f"unix://{self.engine_socket}"]
        # A cgroup parent of the lab's own tells its containers from everybody else's.
        command += ["--exec-opt", "native.cgroupdriver=cgroupfs"]
        command += ["--cgroup-parent", f"/{self.name}"]
        self.engine = self._start_daemon([*command, *self._engine_args], "engine.log")
        self._wait_until_answering(
            self.engine, "dockerd", self.engine_log, self.engine_socket, "GET", "/_ping", timeout
        )

    def stop_engine(self, timeout=30):
        """Ends dockerd with TERM and waits for it."""
        self._stop(self.engine, "dockerd", self.engine_log, timeout)
        self.engine = None

    def kill_engine(self):
        """Ends dockerd with KILL, and with it containerd; containers run on without them.

        A start takes a containerd that is dead but not yet reaped for a living one (dockerd 20.10,
        "containerd is still running") and waits for it in vain: so this waits for the reaping.
        """
        inside = f"/proc/{self._holder.pid}/root{self.root}"
        containerd = processes.read_text(f"{inside}/engine/exec/containerd/containerd.pid").strip()
        self._kill(self.engine, "dockerd")
        self.engine = None
        wait_for(lambda: not os.path.exists(f"/proc/{containerd}"), 30, "the end of containerd")

    def restart_engine(self):
        self.stop_engine()
        self.start_engine()

    def engine_log(self):
        return processes.read_text(f"{self.root}/engine.log")

    def docker(self, *args, check=True, timeout=60, **options):
        """Runs the docker command line against the lab's engine; CompletedProcess with text."""
        __tracebackhide__ = True
        return run(["docker", *args], check, timeout, env=self.docker_environment(), **options)

    def docker_environment(self):
        """Environment in which docker and docker-compose talk to the lab's engine."""
        own = {"DOCKER_HOST": f"unix://{self.engine_socket}", "DOCKER_CONFIG": f"{self.root}/cli"}
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("DOCKER_")}
        return {**inherited, **own}

    def api(self, method, path, body=None, timeout=60):
        """One request to the engine's API; returns (status, decoded JSON or text)."""
        return engine_api.request(self.engine_socket, method, path, body, timeout)

    def image(self):
        """Imports busybox as `bb:latest` and returns that name."""
        return image.import_busybox(self.engine_socket)

    # --- drawbridge ---

    def start_drawbridge(self, binary, *extra_args, env=None, sockets=None):
        """Starts `binary serve` beside the engine and returns when the plugin socket answers.

        extra_args  more arguments of `serve`; a flag among them replaces the lab's own
        env         more environment variables, a dict
        sockets     name -> listening socket, passed as systemd does (activation.py)
        errors      LabError with the tail of the log when it ends instead of answering
        """
        flags = {
            "--config": f"{self.root}/drawbridge.json",
            "--state-dir": self.state_dir,
            "--plugin-socket": "/run/docker/plugins/drawbridge.sock",
            "--control-socket": self.control_socket,
            "--docker-socket": self.engine_socket,
            "--resolv-conf": self.resolv_conf,
            "--log-level": "debug",
        }
        given = {argument.split("=")[0] for argument in extra_args}
        command = [os.path.abspath(binary), "serve", *extra_args]
        for flag in flags.keys() - given:
            command += [flag, flags[flag]]
        environment = {**os.environ, **(env or {})}
        command, passed = activation.passing(sockets or {}, command)
        self.drawbridge = self._start_daemon(command, "drawbridge.log", environment, passed)
        self._wait_until_answering(
            self.drawbridge,
            "drawbridge",
            self.drawbridge_log,
            self.plugin_socket,
            "POST",
            "/Plugin.Activate",
        )

    def stop_drawbridge(self, timeout=10):
        """Ends drawbridge with TERM; LabError unless it exits with 0."""
        self._stop(self.drawbridge, "drawbridge", self.drawbridge_log, timeout)
        self.drawbridge = None

    def kill_drawbridge(self):
        """Ends drawbridge with KILL."""
        self._kill(self.drawbridge, "drawbridge")
        self.drawbridge = None

    def reload_drawbridge(self):
        """Sends SIGHUP and returns when the configuration is read and what was lost repaired."""
        begin = len(self.drawbridge_log())
        self.drawbridge.send_signal(signal.SIGHUP)
        ends = re.compile("configuration (read again|is used as it was)")
        wait_for(lambda: ends.search(self.drawbridge_log()[begin:]), what="the reload")
        # One thread does it all: what it answers now comes after the repair.
        engine_api.request(self.control_socket, "GET", "/status")

    def drawbridge_log(self):
        """What every drawbridge of this lab wrote so far."""
        return processes.read_text(f"{self.root}/drawbridge.log")

    # --- places, and what is in them ---

    def engine_ns(self, *command, **options):
        """Runs a command in the engine's network and mount namespaces; see Place.run."""
        return self.engine_place.run(*command, **options)

    def outside(self, *command, **options):
        """Runs a command as the outside client; see Place.run."""
        return self.outside_place.run(*command, **options)

    def neighbour(self, *command, **options):
        """Runs a command as the neighbour; see Place.run."""
        return self.neighbour_place.run(*command, **options)

    def snapshot(self):
        """Links, routes and rules of the engine's namespace, to be compared with another moment."""
        return snapshot.snapshot(self.engine_place)

    def counts(self, namespaces=frozenset()):
        """How much of this lab exists, and what links and mounts the machine has beside labs.

        namespaces  inode numbers of namespaces whose processes are counted, too; the caller holds
                    them, as with removal.held_namespaces
        """
        mounts = processes.read_text("/proc/self/mountinfo").splitlines()
        with removal.held_namespaces(self.name) as ids:
            found = processes.belonging(self.name, ids | namespaces)
        return {
            "namespaces": len(removal.namespaces_named(self.name)),
            "processes": len(found),
            "mounts": sum(self.name in line for line in mounts),
            "folders": int(os.path.exists(self.root)),
            "control groups": len(processes.cgroup_folders(self.name)),
            "machine links": len(wiring.link_names()),
            "machine mounts": sum("dblab-" not in line for line in mounts),
        }

    # --- the end ---

    def close(self):
        """Removes every trace of the lab. May be called again."""
        atexit.unregister(self.close)
        with removal.SignalsHeld():
            for place in (self.engine_place, self.outside_place, self.neighbour_place):
                if place is not None:
                    place.close()
            # All at once and without a word: an engine that is asked to end takes a second.
            removal.remove_lab(self.name)
            for child in (self.engine, self.drawbridge, self._holder):
                if child is not None:
                    child.wait()
            if self._holder is not None:
                self._holder.stdout.close()
                self._holder.stderr.close()
            self.engine = self.drawbridge = self._holder = None

    # --- daemons ---

    def _start_daemon(self, command, log_name, environment=None, passed=()):
        options = {"env": environment, "pass_fds": passed}
        with open(f"{self.root}/{log_name}", "ab") as log:
            return self._spawn_beside_engine(command, stdout=log, stderr=log, **options)

    def _spawn_beside_engine(self, command, **options):
        """Starts `command` (a list) beside the engine, in a session of its own; its Popen."""
        return subprocess.Popen(
            [*self.engine_place.enter(), *command],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            **options,
        )

    @staticmethod
    def _wait_until_answering(daemon, what, log, path, method, target, timeout=30):
        def answering_or_ended():
            return daemon.poll() is not None or engine_api.answers(path, method, target)

        wait_for(answering_or_ended, timeout, f"an answer from {what}; its log ends:\n{log()[-2000:]}")
        if daemon.poll() is not None:
            raise LabError(f"{what} ended with {daemon.returncode}; its log ends:\n{log()[-2000:]}")

    @staticmethod
    def _stop(daemon, what, log, timeout):
        if daemon is None:
            raise LabError(f"{what} is not running")
        daemon.terminate()
        try:
            status = daemon.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{what} did not end within {timeout} s of TERM") from error
        if status != 0:
            raise LabError(f"{what} ended with {status}; its log ends:\n{log()[-2000:]}")

    @staticmethod
    def _kill(daemon, what):
        if daemon is None:
            raise LabError(f"{what} is not running")
        daemon.kill()
        daemon.wait()
