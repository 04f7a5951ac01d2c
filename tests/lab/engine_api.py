"""HTTP over a unix socket: the Docker engine's API and the plugin's own."""

import http.client
import json
import socket


class UnixConnection(http.client.HTTPConnection):
    """http.client's connection, over the unix socket at `path`."""

    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def request(path, method, target, body=None, timeout=60, content_type="application/json"):
    """One request to the unix socket at `path`; returns (status, decoded JSON or text).

    body  bytes are sent as they are, None sends none, anything else is sent as JSON
    """
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    connection = UnixConnection(path, timeout)
    try:
        headers = {"Content-Type": content_type} if data is not None else {}
        connection.request(method, target, body=data, headers=headers)
        reply = connection.getresponse()
        text = reply.read().decode("utf-8", "replace")
    finally:
        connection.close()
    try:
        return reply.status, json.loads(text)
    except ValueError:
        return reply.status, text


def answers(path, method, target):
    """Whether the socket at `path` answers `method target` with 200 right now."""
    try:
        return request(path, method, target, timeout=2)[0] == 200
    except (OSError, http.client.HTTPException):
        return False
