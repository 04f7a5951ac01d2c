"""Containers and networks of one test, under names of their own, removed when the test ends."""

import itertools
import re
from concurrent.futures import ThreadPoolExecutor

from lab import Place, wait_for

_numbers = itertools.count(1)
_subnets = itertools.count(0)


class Container(Place):
    """A container as a place: Place's run, spawn, socket and sysctl act in its network namespace
    with the machine's programs (`run("ip", "route")`); `exec` runs inside it as a user would.
    """

    def __init__(self, lab, name):
        super().__init__(name, None, None)
        self._lab = lab

    def inspect(self):
        status, found = self._lab.api("GET", f"/containers/{self.name}/json")
        assert status == 200, f"inspect {self.name}: {found}"
        return found

    def pid(self):
        pid = self.inspect()["State"]["Pid"]
        assert pid > 0, f"{self.name} is not running"
        return pid

    def netns_path(self):
        return f"/proc/{self.pid()}/ns/net"

    def enter(self):
        return ["nsenter", "-t", str(self.pid()), "-n", "--"]

    def exec(self, *command, check=True, timeout=30):
        """`docker exec`; CompletedProcess with text."""
        __tracebackhide__ = True
        return self._lab.docker("exec", self.name, *command, check=check, timeout=timeout)

    def networks(self):
        """Network name -> what the engine says about the attachment."""
        return self.inspect()["NetworkSettings"]["Networks"]

    def _attachment(self, network):
        attached = self.networks()
        if network is None:
            assert len(attached) == 1, f"{self.name} is on {sorted(attached)}: say which"
            return next(iter(attached.values()))
        return attached[network]

    def address(self, network=None):
        """Its IPv4 address on `network` (may be left out when there is one)."""
        return self._attachment(network)["IPAddress"]

    def address6(self, network=None):
        return self._attachment(network)["GlobalIPv6Address"]

    def mac(self, network=None):
        return self._attachment(network)["MacAddress"]

    def gateway(self, network=None):
        return self._attachment(network)["Gateway"]

    def gateway6(self, network=None):
        return self._attachment(network)["IPv6Gateway"]

    def link_local(self, interface="eth0"):
        """Its address in fe80::/64 on `interface`, once the kernel found no other that has it."""
        show = ("ip", "-6", "-o", "addr", "show", "dev", interface, "scope", "link", "-tentative")
        pattern = re.compile("inet6 (fe80:[^/]+)/")
        found = wait_for(lambda: pattern.search(self.run(*show).stdout), what="a link-local address")
        return found[1]

    def still(self):
        """The same namespace as a place that asks the engine nothing; good until a restart."""
        return Place(self.name, self.netns_path(), self.enter())

    def interfaces(self):
        """Its interfaces but lo, in order: eth0, eth1."""
        shown = self.run("ip", "-o", "link", "show").stdout
        return [name for name in re.findall(r"^\d+: ([^:@]+)", shown, re.M) if name != "lo"]

    def default_route(self):
        """`ip route show default`, a line or empty."""
        return self.run("ip", "route", "show", "default").stdout.strip()

    def resolve(self, name, family=4):
        """The address (of `family` 4 or 6) that `name` has inside the container, or None."""
        shown = self.exec("ping", f"-{family}", "-c1", "-W1", name, check=False).stdout
        found = re.match(r"PING \S+ \(([^)]+)\)", shown)
        return found[1] if found else None

    def remove(self):
        self._lab.docker("rm", "-f", "-v", self.name)


class Docker:
    """What a test does to the engine; callable like lab.docker: `docker("ps", "-a")`.

    name(hint="x")                       a name that no other test has
    network(*options, name=None)         creates a drawbridge network, returns its name
    native_network(*options, name=None)  creates one of Docker's own bridge driver
    dual_network(*options, name=None, team="x")  creates one with IPv4 and IPv6 on subnets that no
                                         other network of the run has; keywords are `-o` options
    run_each(networks, *options)         a container on each, started side by side
    run(network, *options, name=None, command=None, image="bb:latest") -> Container, started with
                                         `docker run -d`
    container(name) -> Container for one that exists
    clean()                              removes what was made since construction
    """

    def __init__(self, lab):
        self.lab = lab
        self._number = next(_numbers)
        self._counter = itertools.count(1)
        self._made = []
        self._containers_before = self._container_ids()
        self._networks_before = self._network_ids()

    def __call__(self, *args, **options):
        __tracebackhide__ = True
        return self.lab.docker(*args, **options)

    def name(self, hint="x"):
        return f"t{self._number}-{hint}{next(self._counter)}"

    def network(self, *options, name=None):
        drivers = ("--driver", "drawbridge", "--ipam-driver", "drawbridge")
        return self.native_network(*drivers, *options, name=name)

    def native_network(self, *options, name=None):
        name = name or self.name("net")
        self("network", "create", *options, name)
        return name

    def dual_network(self, *options, name=None, **driver_options):
        # Subnets of their own: conntrack remembers what addresses of earlier tests were allowed.
        number = next(_subnets)
        subnets = f"10.{100 + number // 256}.{number % 256}.0/24", f"fd00:100:{number:x}::/64"
        flags = ["--ipv6", "--subnet", subnets[0], "--subnet", subnets[1], *options]
        for key, value in driver_options.items():
            flags += ["-o", f"{key}={value}"]
        return self.network(*flags, name=name)

    def run_each(self, networks, *options):
        with ThreadPoolExecutor(4) as pool:
            return list(pool.map(lambda network: self.run(network, *options), networks))

    def run(self, network, *options, name=None, command=None, image="bb:latest"):
        name = name or self.name("c")
        command = command or ("sleep", "infinity")
        where = ("--network", network) if network else ()
        # What runs there ignores TERM: who stops it, an engine too, would wait ten seconds.
        words = ("--name", name, "--stop-signal", "KILL", *where, *options)
        self("run", "-d", *words, image, *command)
        return self.container(name)

    def container(self, name):
        made = Container(self.lab, name)
        self._made.append(made)
        return made

    def subnet(self, network):
        """The first subnet of `network`, such as 10.249.1.0/24."""
        return self.inspect_network(network)["IPAM"]["Config"][0]["Subnet"]

    def subnets(self, network):
        """Every subnet of `network`."""
        return [each["Subnet"] for each in self.inspect_network(network)["IPAM"]["Config"]]

    def inspect_network(self, network):
        status, found = self.lab.api("GET", f"/networks/{network}")
        assert status == 200, f"inspect network {network}: {found}"
        return found

    def clean(self):
        for place in self._made:
            place.close()
        containers = self._container_ids() - self._containers_before
        if containers:
            self("rm", "-f", "-v", *sorted(containers))
        networks = self._network_ids() - self._networks_before
        if networks:
            self("network", "rm", *sorted(networks))

    def _container_ids(self):
        return {each["Id"] for each in self.lab.api("GET", "/containers/json?all=1")[1]}

    def _network_ids(self):
        # The engine's own networks get new ids when it starts again.
        listed = self.lab.api("GET", "/networks")[1]
        return {each["Id"] for each in listed if each["Name"] not in ("bridge", "host", "none")}
