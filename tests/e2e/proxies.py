"""A reverse proxy in a container, as Traefik or nginx-proxy are one, and services behind it.

    Proxy(docker, where, ...)   nginx, asked from outside through its published port
    serve(docker, network, ...) a container whose web server says the container's name
    memberships(container)      the names of its networks: a set
    wait_for_memberships(container, networks)
    wait_until_reached({(source, destination, address): EVERYTHING})
    keeps_its_way(proxy)        the block leaves its default route and its port as they were

The host in the path says where the proxy asks: /to/app, /to/10.249.1.2.
"""

import contextlib
import itertools

from lab import wait_for
from lab.image import import_image
from pods import NGINX, nginx_tar
from probes import http_get, reach_all, tcp
from published import HOST

ROUTABLE = ("-e", "VIRTUAL_HOST=x.example.com")
# What makes a container routable, one of each kind.
MARKS = (
    ROUTABLE,
    ("-l", "traefik.http.routers.x.rule=Host(`x.example.com`)"),
    ("-l", "caddy=x.example.com"),
    ("-l", "drawbridge.proxy=true"),
)
# What does not, though it looks like it.
NO_MARKS = (
    (),
    ("-e", "VIRTUAL_HOST="),
    ("-l", "traefik.enable=false", "-l", "traefik.http.routers.x.rule=Host(`x.example.com`)"),
    (*ROUTABLE, "-l", "drawbridge.proxy=false"),
    (*ROUTABLE, "-l", "com.docker.compose.oneoff=True"),
)
CONFIGURATION = """
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
  resolver 127.0.0.11 valid=1s ipv6=off;
  resolver_timeout 1s;
  proxy_connect_timeout 1s;
  server {
    listen 80;
    listen [::]:80;
    location ~ ^/to/(?<upstream>[^/]+)$ { proxy_pass http://$upstream/; }
  }
}
"""
COMMAND = (NGINX, "-e", "/dev/stderr", "-c", "/etc/nginx.conf")

_ports = itertools.count(8600)


def proxy_image(lab):
    return import_image(lab.engine_socket, nginx_tar(CONFIGURATION), "proxy-of-debian")


class Proxy:
    """nginx on network `where` (None: the default bridge), under `name` or one of its own.

    fetch(host)   what a client outside gets: (status, body), or None
    """

    def __init__(self, docker, where, *options, name=None, image=None):
        self.docker = docker
        self.lab = docker.lab
        self.port = next(_ports)
        self.where = where
        self._image = image or proxy_image(self.lab)
        self._options = options
        self.name = name or docker.name("proxy")
        self.home = {where or "bridge"}
        self.start()

    def start(self):
        """Makes it again, after remove()."""
        published = "-p", f"{self.port}:80"
        self.container = self.docker.run(self.where, *published, *self._options, name=self.name,
                                         image=self._image, command=COMMAND)
        self.wait_until_up()

    def remove(self):
        self.container.remove()

    def wait_until_up(self):
        wait_for(lambda: tcp(self.container, "127.0.0.1", 80), what=f"nginx in {self.name}")

    def fetch(self, host):
        return http_get(self.lab.outside_place, HOST[4], self.port, f"/to/{host}", timeout=4)

    def wait_for_answer(self, host, text, timeout=10):
        """Until `host` answers through the proxy with the line `text`."""
        seen = []

        def answers():
            seen[:] = [self.fetch(host)]
            return seen[0] == (200, f"{text}\n")

        try:
            wait_for(answers, timeout, f"{text} through {self.name}", 0.05)
        except AssertionError as error:
            raise AssertionError(f"{error}; the last answer was {seen}") from None

    def assert_serves(self, *containers):
        """Each answers through the proxy by its address on each of its networks."""
        for each in containers:
            for attached in each.networks().values():
                self.wait_for_answer(attached["IPAddress"], each.name)

    def assert_serves_by_name(self, *containers):
        for each in containers:
            self.wait_for_answer(each.name, each.name)

    def rule(self, **keys):
        """As an entry of `proxies` in the configuration."""
        return {"container": self.name, **keys}


def serve(docker, network, *options, name=None, port=80):
    name = name or docker.name("app")
    line = f"echo {name} > /tmp/index.html; exec httpd -f -p {port} -h /tmp"
    return docker.run(network, *options, name=name, command=("sh", "-c", line))


def memberships(container):
    return set(container.networks())


def wait_for_memberships(container, networks, timeout=10):
    try:
        wait_for(lambda: memberships(container) == set(networks), timeout)
    except AssertionError:
        found = memberships(container)
    else:
        return
    raise AssertionError(f"{container.name} is on {sorted(found)}, not on {sorted(networks)}")


def wait_until_reached(expected, timeout=30):
    """Until reach_all() finds what is expected: Docker tells after the start what a container is."""
    cases = {case: case for case in expected}
    wait_for(lambda: reach_all(cases) == expected, timeout, f"what was expected of {len(cases)}")


@contextlib.contextmanager
def keeps_its_way(proxy):
    """The block leaves the default route and the published port of a Proxy as they were."""
    def way():
        # Which of its interfaces is the first may change with a restart.
        return proxy.container.default_route().partition(" dev ")[0]

    before = way()
    assert before
    yield
    assert way() == before
    assert http_get(proxy.lab.outside_place, HOST[4], proxy.port, "/elsewhere")[0] == 404
