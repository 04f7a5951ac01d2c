"""A pod: nginx in a container that hands requests to services beside it, and those services.

    nginx_image(lab)   an image with the machine's nginx; returns its name
    nginx_tar(text)    the root file system of one with another configuration
    WebServices        HTTP and websocket servers on 127.0.0.1 of a container
    get, websocket_echo   what a client asks, with a Host of its choice
"""

import base64
import hashlib
import io
import re
import secrets
import subprocess
import tarfile

from lab.image import busybox_tar, import_image
from probes import http_get, tcp_connect
from servers import TcpServer

NGINX = "/usr/sbin/nginx"
MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # source: RFC 6455, 1.3

# The host name says the port: localhost-3000-pod-x.localhost, localhost-8726.pod-x.localhost.
CONFIGURATION = r"""
user root;
daemon off;
worker_processes 1;
pid /tmp/nginx.pid;
error_log /dev/stderr;
events {}
http {
  access_log off;
  client_body_temp_path /tmp/body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  map $http_upgrade $connection_upgrade { default upgrade; '' close; }
  server {
    listen 80 default_server;
    listen [::]:80 default_server;
    return 404;
  }
  server {
    listen 80;
    listen [::]:80;
    server_name "~^localhost-(?<service>\d+)[-.]pod-x\.localhost$";
    location / {
      proxy_pass http://127.0.0.1:$service;
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
      proxy_set_header X-Real-IP $remote_addr;
    }
  }
}
"""
TEXTS = {
    "etc/passwd": "root:x:0:0:root:/:/bin/sh\n",
    "etc/group": "root:x:0:\n",
}


def _libraries(program):
    return re.findall(r"(/\S+) \(0x", subprocess.check_output(["ldd", program], text=True))


def nginx_tar(configuration):
    """The root file system of such an image; nginx reads /etc/nginx.conf."""
    buffer = io.BytesIO(busybox_tar())
    with tarfile.open(fileobj=buffer, mode="a", dereference=True) as archive:
        for path in (NGINX, *_libraries(NGINX)):
            archive.add(path, path.lstrip("/"))
        for name, text in {**TEXTS, "etc/nginx.conf": configuration}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def nginx_image(lab):
    return import_image(lab.engine_socket, nginx_tar(CONFIGURATION), "nginx-of-debian")


class WebServices(TcpServer):
    """Answers a GET with its own headers, and an upgrade with a websocket that echoes a frame."""

    def greet(self, channel):
        pass

    def answer(self, channel, data):
        if data[0] & 0x80:  # the first byte of a frame that is no fragment
            channel.sendall(_server_frame(_payload(data)))
            return True
        key = re.search(rb"(?im)^sec-websocket-key: *(\S+)", data)
        if key:
            channel.sendall(_upgrade(key[1].decode()))
            return True
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n"
        channel.sendall(head.encode() + data)
        return False


def _accept(key):
    return base64.b64encode(hashlib.sha1((key + MAGIC).encode()).digest()).decode()


def _upgrade(key):
    lines = ("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
             f"Sec-WebSocket-Accept: {_accept(key)}", "", "")
    return "\r\n".join(lines).encode()


def _masked(text, mask):
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(text))


def _client_frame(text):
    """A whole text frame of less than 126 bytes, masked as a client must."""
    mask = secrets.token_bytes(4)
    return bytes((0x81, 0x80 | len(text))) + mask + _masked(text, mask)


def _server_frame(text):
    return bytes((0x81, len(text))) + text


def _payload(frame):
    size = frame[1] & 0x7F
    return _masked(frame[6 : 6 + size], frame[2:6])


def get(place, address, port, host):
    """(status, headers that the service saw, lower case -> value), or None without an answer."""
    got = http_get(place, address, port, host=host)
    if got is None:
        return None
    headers = re.findall(r"(?m)^([\w-]+): (.*?)\r?$", got[1])
    return got[0], {key.lower(): value for key, value in headers}


def websocket_echo(place, address, port, host, text):
    """What a websocket at `host` answers to `text` (bytes), or None when there is none."""
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    lines = ("GET / HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade",
             f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", "")
    channel = tcp_connect(place, address, port, 2)
    if channel is None:
        return None
    with channel, channel.makefile("rb") as stream:
        channel.sendall("\r\n".join(lines).encode())
        head = b"".join(iter(stream.readline, b"\r\n")).decode()
        if " 101 " not in head or f"Sec-WebSocket-Accept: {_accept(key)}" not in head:
            return None
        channel.sendall(_client_frame(text))
        return stream.read(2 + len(text))[2:]
