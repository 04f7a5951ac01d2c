"""Servers inside a place's network namespace, run by a thread of the test's own process.

All are context managers, bind when entered, and take `(place, port, address="")`: an empty address
is every address of both families. `sources` lists the client addresses seen, in order.

    TcpServer    greets with a line that holds the client's address, then echoes
    UdpServer    answers each datagram with the client's address
    HttpServer   answers each GET with `text`
    serving      servers for several services, named as in `allow_from`: tcp/80, udp/53
"""

import contextlib
import os
import selectors
import socket
import threading


def _plain(address):
    return address.removeprefix("::ffff:")


class _Server:
    """Binds, and lets `on_ready(socket)` of the subclass work whenever a socket can be read."""

    kind = socket.SOCK_STREAM

    def __init__(self, place, port, address=""):
        self.sources = []
        self._place = place
        self._where = (address, port)
        self._selector = selectors.DefaultSelector()
        self._stop = os.eventfd(0)
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self.listener = self._bind()
        self._selector.register(self.listener, selectors.EVENT_READ)
        self._selector.register(self._stop, selectors.EVENT_READ)
        self._thread.start()
        return self

    def __exit__(self, *_):
        os.eventfd_write(self._stop, 1)
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            if key.fileobj != self._stop:
                key.fileobj.close()
        self._selector.close()
        os.close(self._stop)

    def _bind(self):
        address, port = self._where
        plain_v4 = address != "" and ":" not in address
        family = socket.AF_INET if plain_v4 else socket.AF_INET6
        bound = self._place.socket(family, self.kind)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if not plain_v4:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        bound.bind((address, port))
        if self.kind == socket.SOCK_STREAM:
            bound.listen(64)
        return bound

    def _serve(self):
        while True:
            for key, _ in self._selector.select():
                if key.fileobj == self._stop:
                    return
                self.on_ready(key.fileobj)


class UdpServer(_Server):
    kind = socket.SOCK_DGRAM

    def on_ready(self, channel):
        try:
            _, client = channel.recvfrom(2048)
            self.sources.append(_plain(client[0]))
            channel.sendto(_plain(client[0]).encode(), client)
        except OSError:
            return  # an ICMP error about an earlier answer; the next datagram counts


class TcpServer(_Server):
    def on_ready(self, channel):
        if channel is self.listener:
            self._accept()
            return
        try:
            data = channel.recv(65536)
            if data and self.answer(channel, data):
                return
        except OSError:
            pass  # the client is gone
        self._selector.unregister(channel)
        channel.close()

    def _accept(self):
        channel, client = self.listener.accept()
        self.sources.append(_plain(client[0]))
        self._selector.register(channel, selectors.EVENT_READ)
        try:
            self.greet(channel)
        except OSError:
            return  # gone already; its end is read next

    def greet(self, channel):
        channel.sendall(f"{self.sources[-1]}\n".encode())

    def answer(self, channel, data):
        """Answers `data`; returns whether the connection stays open."""
        channel.sendall(data)
        return True


class HttpServer(TcpServer):
    def __init__(self, place, port, text="hello", address=""):
        super().__init__(place, port, address)
        self._text = text

    def greet(self, channel):
        pass

    def answer(self, channel, data):
        size = len(self._text.encode())
        head = f"HTTP/1.0 200 OK\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
        channel.sendall((head + self._text).encode())
        return False


@contextlib.contextmanager
def serving(place, services, address=""):
    """Answers `services` (tcp/80, udp/53) at `address` of `place`; ping needs no server."""
    kinds = {"tcp": TcpServer, "udp": UdpServer}
    with contextlib.ExitStack() as stack:
        for service in services:
            protocol, _, port = service.partition("/")
            if protocol in kinds:
                stack.enter_context(kinds[protocol](place, int(port), address))
        yield
