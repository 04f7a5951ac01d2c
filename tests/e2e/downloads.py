"""A download that goes on while something happens, with a checksum at its end.

    Download    a container sends, a client receives, until the block ends
    throughput  bits per second that get through, in one direction
"""

import contextlib
import hashlib
import os
import socket
import threading
import time

from lab import wait_for
from probes import tcp_connect

CHUNK = 16384


class Download:
    """`client` downloads from `container` through address:port while the block runs.

    with Download(container, 80, client, HOST[4], 8080) as download:
        lab.kill_drawbridge()
        download.wait_for_more()
    assert download.is_whole()
    """

    def __init__(self, container, container_port, client, address, port):
        self.received = 0
        self.trouble = None
        self._ends = container.still(), container_port, client, address, port
        self._stop = threading.Event()
        self._sums = {"sent": hashlib.sha256(), "received": hashlib.sha256()}
        self._threads = [threading.Thread(target=work) for work in (self._send, self._receive)]

    def __enter__(self):
        place, container_port, client, address, port = self._ends
        with place.socket(socket.AF_INET6) as listener:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("", container_port))
            listener.listen()
            listener.settimeout(2)
            self._client = tcp_connect(client, address, port, 2)
            assert self._client is not None, f"no connection to {address}:{port}"
            self._server, _ = listener.accept()
        for channel in (self._client, self._server):
            channel.settimeout(5)
        for thread in self._threads:
            thread.start()
        self.wait_for_more()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._client.close()
        self._server.close()

    def wait_for_more(self, size=1 << 20):
        """Returns when `size` more bytes came; AssertionError once the connection is broken."""
        until = self.received + size
        wait_for(lambda: self.trouble or self.received >= until, 10, f"{size} more bytes")
        assert not self.trouble, self.trouble

    def is_broken(self):
        return self.trouble is not None

    def is_whole(self):
        """After the block: whether what came is what was sent, to the last byte."""
        return not self.trouble and self._sums["sent"].digest() == self._sums["received"].digest()

    def _send(self):
        try:
            while not self._stop.wait(0.001):
                data = os.urandom(CHUNK)
                self._server.sendall(data)
                self._sums["sent"].update(data)
            self._server.shutdown(socket.SHUT_WR)
        except OSError as error:
            self.trouble = f"sending: {error}"

    def _receive(self):
        try:
            while data := self._client.recv(65536):
                self._sums["received"].update(data)
                self.received += len(data)
        except OSError as error:
            self.trouble = f"receiving: {error}"


def throughput(channel_from, channel_to, seconds=2.0, warm_up=0.5):
    """Bits per second that get from one end of a TCP connection to the other, after a warm-up."""
    stop = threading.Event()

    def send():
        with contextlib.suppress(OSError):
            while not stop.is_set():
                channel_from.sendall(bytes(CHUNK))

    sender = threading.Thread(target=send)
    sender.start()
    try:
        _count(channel_to, warm_up)
        begin = time.monotonic()
        return 8 * _count(channel_to, seconds) / (time.monotonic() - begin)
    finally:
        stop.set()
        channel_to.close()
        channel_from.close()
        sender.join()


def _count(channel, seconds):
    deadline, count = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        count += len(channel.recv(1 << 18))
    return count
