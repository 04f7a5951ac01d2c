"""Between a client of the Docker API and the engine: counts the calls, refuses some, cuts streams.

    with EngineRelay(lab.engine_socket, f"{lab.root}/relay.sock") as relay:
        lab.start_drawbridge(binary, "--docker-socket", relay.path)
        ...
        relay.calls       ["GET /networks", "POST /networks/0123/connect", …] in order
        relay.cut()       ends the streams of events that are open; returns how many
        relay.hold()      answers nobody until release()

Every call needs a connection of its own, as drawbridge and the docker command line make them.
"""

import contextlib
import os
import re
import socket
import threading

REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def _shut(channel):
    with contextlib.suppress(OSError):
        channel.shutdown(socket.SHUT_RDWR)


class EngineRelay:
    """allowed  a regular expression that a whole "METHOD /path" without version and query matches,
    or it is refused with 403; None allows everything."""

    def __init__(self, engine_socket, path, allowed=None):
        self.path = path
        self.calls = []
        self._engine_socket = engine_socket
        self._allowed = allowed and re.compile(allowed)
        self._streams = []
        self._channels = set()
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)

    def __enter__(self):
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.path)
        self._listener.bind(self.path)
        self._listener.listen(128)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._open.set()
        _shut(self._listener)
        self._listener.close()
        for channel in list(self._channels):
            _shut(channel)
        os.remove(self.path)

    def count(self, pattern="."):
        """How many of the calls so far match the regular expression."""
        return sum(1 for call in list(self.calls) if re.search(pattern, call))

    def streams(self):
        """How many streams of events are open."""
        return len(self._streams)

    def cut(self):
        streams, self._streams = self._streams, []
        for channel in streams:
            _shut(channel)
        return len(streams)

    def hold(self):
        self._open.clear()

    def release(self):
        self._open.set()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        self._channels.add(client)
        with client, contextlib.suppress(OSError):
            head = self._head(client)
            if not head:
                return
            method, target = head.split(b" ", 2)[:2]
            call = re.sub(r"^(\S+ )/v1\.\d+|\?.*", r"\1", f"{method.decode()} {target.decode()}")
            self.calls.append(call)
            self._open.wait()
            if self._allowed and not self._allowed.fullmatch(call):
                client.sendall(REFUSAL)
                return
            self._forward(client, head, call == "GET /events")
        self._channels.discard(client)

    @staticmethod
    def _head(client):
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(65536)
            if not data:
                return b""
            head += data
        return head

    def _forward(self, client, head, is_stream):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as engine:
            engine.connect(self._engine_socket)
            engine.sendall(head)
            if is_stream:
                self._streams.append(client)
            back = threading.Thread(target=self._copy, args=(engine, client), daemon=True)
            back.start()
            self._copy(client, engine)
            back.join()
        if client in self._streams:
            self._streams.remove(client)

    @staticmethod
    def _copy(source, destination):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                destination.sendall(data)
        _shut(destination)
