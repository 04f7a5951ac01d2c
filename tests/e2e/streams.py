"""Traffic that goes on while something happens, and what of it was lost.

    Heartbeat   counts lost packets of one connection
    Newcomers   a thousand new connections per second, and when they fail
"""

import contextlib
import itertools
import socket
import threading
import time

from echoes import echo_request, family_of, icmp_socket, new_identifier, ping_once
from lab import wait_for
from probes import PATIENCE


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
