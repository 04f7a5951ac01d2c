"""Traffic that goes on while something happens, and what of it was lost.

    Heartbeat     counts lost packets of one connection
    Newcomers     a thousand new connections per second, and when they fail
    Conversation  one TCP connection, and what had to be sent twice
    Visitors      fifty new TCP connections per second, and which were not taken
"""

import contextlib
import itertools
import socket
import struct
import threading
import time

from echoes import echo_request, family_of, icmp_socket, new_identifier, ping_once
from lab import wait_for
from probes import PATIENCE

SO_RCVBUFFORCE = 33  # <asm-generic/socket.h>


class Heartbeat:
    """Pings `address` from `place` every `interval` seconds while the block runs.

    with Heartbeat(a, b.address()) as beat:
        lab.kill_drawbridge()
        beat.wait_for_beats(10)
    assert beat.lost == 0 and beat.answered > 0
    """

    def __init__(self, place, address, interval=0.02, timeout=1.0):
        self.answered = 0
        self.lost = 0
        self._place = place
        self._address = address
        self._interval = interval
        self._timeout = timeout
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def wait_for_beats(self, count):
        """Returns when `count` more packets were answered or lost."""
        until = self.answered + self.lost + count
        wait_for(lambda: self.answered + self.lost >= until, 30, f"{count} heartbeats")

    def _beat(self):
        identifier, sequence = new_identifier(), 0
        with icmp_socket(self._place, self._address) as channel:
            while not self._stop.wait(self._interval):
                sequence = (sequence + 1) & 0xFFFF
                if ping_once(channel, self._address, identifier, sequence, self._timeout):
                    self.answered += 1
                else:
                    self.lost += 1


class Newcomers:
    """Pings `address` from `place` a thousand times per second, each as a connection of its own.

    Every request has another identifier, so that conntrack knows none of them and the rules judge
    each. After the block `sent` and `answered` are the moments (monotonic seconds) at which
    requests went out and at which those went out that came back.

    with Newcomers(a, b.address()) as stream:
        stream.wait_for_answered(100)
        lab.kill_drawbridge()
        stream.wait_for_answered(100)
    assert stream.lost == 0
    """

    def __init__(self, place, address, rate=1000):
        self.sent = []
        self.answered = []
        self._address = address
        self._interval = 1 / rate
        self._stop = threading.Event()
        self._moments = {}
        self._channel = icmp_socket(place, address)
        # Answers wait for a test that a busy machine holds up: they are not lost.
        self._channel.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 23)
        self._channel.settimeout(0.1)
        self._threads = [threading.Thread(target=work) for work in (self._send, self._receive)]

    @property
    def lost(self):
        return len(self.sent) - len(self.answered)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._channel.close()
        self.answered.sort()

    def wait_for_sent(self, count):
        """Returns when `count` more requests went out."""
        until = len(self.sent) + count
        wait_for(lambda: len(self.sent) >= until, 30, f"{count} requests")

    def wait_for_answered(self, count):
        """Returns when `count` more requests were answered."""
        until = len(self.answered) + count
        wait_for(lambda: len(self.answered) >= until, 30, f"{count} answers")

    def _send(self):
        due = time.monotonic()
        for number in itertools.count():
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            due += self._interval
            request = echo_request(self._address, number & 0xFFFF, 1)
            moment = time.monotonic()
            self._moments[request[8:]] = moment
            self.sent.append(moment)
            with contextlib.suppress(OSError):  # ICMP errors of earlier ones: they count as lost
                self._channel.sendto(request, (self._address, 0))

    def _receive(self):
        quiet_since = time.monotonic()
        while not self._stop.is_set() or time.monotonic() < quiet_since + PATIENCE:
            try:
                packet = self._channel.recv(2048)
            except OSError:
                continue
            if self._is_new_answer(packet):
                quiet_since = time.monotonic()

    def _is_new_answer(self, packet):
        is_ipv6 = family_of(self._address) == socket.AF_INET6
        reply = packet if is_ipv6 else packet[(packet[0] & 15) * 4 :]
        if reply[0] != (129 if is_ipv6 else 0):
            return False
        moment = self._moments.pop(reply[8:], None)
        if moment is not None:
            self.answered.append(moment)
        return moment is not None


def sent_again(channel):
    """How many packets of a TCP connection its sender had to send twice."""
    info = channel.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return struct.unpack_from("I", info, 100)[0]  # struct tcp_info: tcpi_total_retrans


class _Rounds:
    """Does something `rate` times a second while the block runs: `round()` of the subclass."""

    def __init__(self, rate):
        self.done = 0
        self.troubles = []
        self._pause = 1 / rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def wait_for_rounds(self, count):
        """Returns when `count` more rounds are over, in whatever way."""
        until = self.done + len(self.troubles) + count
        wait_for(lambda: self.done + len(self.troubles) >= until, 30, f"{count} rounds")

    def _work(self):
        while not self._stop.wait(self._pause):
            try:
                self.round()
                self.done += 1
            except OSError as error:
                self.troubles.append(f"{time.monotonic():.3f} {error!r}")


class Conversation(_Rounds):
    """Sends lines over one connection to a TcpServer at address:port, and reads them back.

    After the block `troubles` has what broke it, `sent_again` the number of packets that got lost.
    """

    def __init__(self, place, address, port, rate=200):
        super().__init__(rate)
        self.sent_again = None
        self._channel = place.socket(family_of(address), socket.SOCK_STREAM)
        self._channel.settimeout(5)
        self._channel.connect((address, port))
        self._lines = self._channel.makefile("rb")
        self._lines.readline()  # the greeting

    def round(self):
        line = b"line %d\n" % self.done
        self._channel.sendall(line)
        if self._lines.readline() != line:
            raise OSError("the connection ended")

    def __exit__(self, *_):
        super().__exit__()
        self.sent_again = sent_again(self._channel)
        self._lines.close()
        self._channel.close()


class Visitors(_Rounds):
    """Opens connection after connection to address:port, where each must be answered.

    Where a packet had to be sent twice, one was lost: that counts as trouble, too.
    """

    def __init__(self, place, address, port, rate=50):
        super().__init__(rate)
        self._place = place
        self._where = address, port

    def round(self):
        with self._place.socket(family_of(self._where[0]), socket.SOCK_STREAM) as channel:
            channel.settimeout(10)
            channel.connect(self._where)
            channel.sendall(b"GET / HTTP/1.0\r\n\r\n")
            if not channel.recv(100):
                raise OSError("not answered")
            if sent_again(channel):
                raise OSError("sent again")
