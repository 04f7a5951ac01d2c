"""A name server at the outside client, so that names that nobody has fail at once.

Without an answer the engine's resolver waits ten seconds for each. It knows one name:
`outside.test` is 198.51.100.2 and 2001:db8:51::2.
"""

import socket
import struct
import threading

RECORDS = {
    ("outside.test", 1): socket.inet_pton(socket.AF_INET, "198.51.100.2"),
    ("outside.test", 28): socket.inet_pton(socket.AF_INET6, "2001:db8:51::2"),
}
NAMES = {name for name, _ in RECORDS}


def _question(query):
    """(name, type, end of the question) of a DNS query."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii").lower())
        at += 1 + query[at]
    return ".".join(labels), struct.unpack_from("!H", query, at + 1)[0], at + 5


def answer(query):
    """The reply to a DNS query, both as bytes: RFC 1035, one question, no compression but one."""
    name, kind, end = _question(query)
    data = RECORDS.get((name, kind))
    flags = 0x8180 if name in NAMES else 0x8183  # 3: no such name
    reply = query[:2] + struct.pack("!HHHHH", flags, 1, int(data is not None), 0, 0)
    reply += query[12:end]
    if data is not None:
        reply += struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(data)) + data
    return reply


def start_name_server(place, address):
    """Answers on UDP port 53 of `address` until `place` is closed."""
    channel = place.socket(socket.AF_INET, socket.SOCK_DGRAM)
    channel.bind((address, 53))

    def serve():
        while True:
            try:
                query, client = channel.recvfrom(2048)
                if not query:
                    return
                channel.sendto(answer(query), client)
            except (OSError, IndexError, UnicodeDecodeError, struct.error):
                if channel.fileno() < 0:
                    return

    threading.Thread(target=serve, daemon=True, name="name server").start()
