"""The life of a network with one container, as an engine tells it to the plugin socket.

A step is (name, body): `body(known)` makes the request of what earlier answers said, and answers are
remembered in `known` by take(). The order is that of engine 20.10, transcripts/ 08, 05, 27, 23, 02:
the subnet is released before its network is deleted.
"""

NETWORK = "c7a5" * 16
ENDPOINT = "e9d1" * 16
LOCAL = "drawbridge-local"
GATEWAY = {"RequestAddressType": "com.docker.network.gateway"}
TCP, UDP = 6, 17
OPTIONS = {"isolation": "members", "ports": "30000-30009:80"}


def _port(protocol, port, host_port):
    return {"Proto": protocol, "IP": "", "Port": port, "HostIP": "", "HostPort": host_port,
            "HostPortEnd": host_port}


# One port, a range, as the engine spells it, and one of UDP; TCP 80 takes one of the network's own.
PORTS = [_port(TCP, 443, 8443), *(_port(TCP, 6000 + n, 7000 + n) for n in range(3)),
         _port(UDP, 53, 5353)]
EXPOSED = [{"Proto": each["Proto"], "Port": each["Port"]} for each in PORTS]
PORT_OPTIONS = {
    "com.docker.network.endpoint.exposedports": EXPOSED,
    "com.docker.network.portmap": PORTS,
}


def _request_pool(v6):
    return lambda known: {"AddressSpace": LOCAL, "Pool": "fd00:c7::/64" if v6 else "",
                          "SubPool": "", "Options": {}, "V6": v6}


def _of_pool(pool):
    return lambda known: {"PoolID": known[pool]}


def _request_address(pool, options=None):
    return lambda known: {"PoolID": known[pool], "Address": "", "Options": options or {}}


def _release_address(pool, address):
    return lambda known: {"PoolID": known[pool], "Address": known[address].split("/")[0]}


def _create_network(known):
    def data(family):
        return [{"AddressSpace": LOCAL, "Gateway": known[f"gateway{family}"],
                 "Pool": known[f"subnet{family}"]}]

    generic = {"com.docker.network.enable_ipv6": True, "com.docker.network.generic": OPTIONS}
    return {"NetworkID": NETWORK, "Options": generic, "IPv4Data": data(4), "IPv6Data": data(6)}


def _network(_known):
    return {"NetworkID": NETWORK}


def _endpoint(_known):
    return {"NetworkID": NETWORK, "EndpointID": ENDPOINT}


def _create_endpoint(known):
    interface = {"Address": known["address4"], "AddressIPv6": known["address6"], "MacAddress": ""}
    return {**_endpoint(known), "Interface": interface, "Options": PORT_OPTIONS}


def _join(known):
    return {**_endpoint(known), "SandboxKey": "/run/docker/netns/c1b50755f012",
            "Options": PORT_OPTIONS}


def _program(known):
    return {**_endpoint(known), "Options": PORT_OPTIONS}


# name -> (path, body, what its answer is remembered as)
STEPS = {
    "RequestPool": ("IpamDriver.RequestPool", _request_pool(False), "pool4"),
    "RequestPool6": ("IpamDriver.RequestPool", _request_pool(True), "pool6"),
    "RequestGateway": ("IpamDriver.RequestAddress", _request_address("pool4", GATEWAY), "gateway4"),
    "RequestGateway6": ("IpamDriver.RequestAddress", _request_address("pool6", GATEWAY), "gateway6"),
    "CreateNetwork": ("NetworkDriver.CreateNetwork", _create_network, None),
    "RequestAddress": ("IpamDriver.RequestAddress", _request_address("pool4"), "address4"),
    "RequestAddress6": ("IpamDriver.RequestAddress", _request_address("pool6"), "address6"),
    "CreateEndpoint": ("NetworkDriver.CreateEndpoint", _create_endpoint, None),
    "Join": ("NetworkDriver.Join", _join, None),
    "ProgramExternalConnectivity":
        ("NetworkDriver.ProgramExternalConnectivity", _program, None),
    "RevokeExternalConnectivity":
        ("NetworkDriver.RevokeExternalConnectivity", _endpoint, None),
    "Leave": ("NetworkDriver.Leave", _endpoint, None),
    "DeleteEndpoint": ("NetworkDriver.DeleteEndpoint", _endpoint, None),
    "ReleaseAddress": ("IpamDriver.ReleaseAddress", _release_address("pool4", "address4"), None),
    "ReleaseAddress6": ("IpamDriver.ReleaseAddress", _release_address("pool6", "address6"), None),
    "ReleaseGateway": ("IpamDriver.ReleaseAddress", _release_address("pool4", "gateway4"), None),
    "ReleaseGateway6": ("IpamDriver.ReleaseAddress", _release_address("pool6", "gateway6"), None),
    "ReleasePool": ("IpamDriver.ReleasePool", _of_pool("pool4"), None),
    "ReleasePool6": ("IpamDriver.ReleasePool", _of_pool("pool6"), None),
    "DeleteNetwork": ("NetworkDriver.DeleteNetwork", _network, None),
}


# Connections that are there when a step comes, and end with it: to a host port that nobody had, by
# way of a published port, and one that the container opened. Arguments of conntrack(8) -I.
CLIENT, HOST = "198.51.100.2", "198.51.100.1"
FLOWS = {
    "ProgramExternalConnectivity":
        f"-p udp -s {CLIENT} -d {HOST} --sport 1111 --dport 5353 -t 600",
    "RevokeExternalConnectivity":
        f"-p tcp -s {CLIENT} -d {HOST} --sport 1112 --dport 8443 -t 600 --state ESTABLISHED"
        " --dst-nat {address4} --reply-port-src 443",
    "DeleteEndpoint":
        "-p tcp -s {address4}" + f" -d {CLIENT} --sport 1113 --dport 80 -t 600 --state ESTABLISHED",
}
UNPUBLISHES = ("RevokeExternalConnectivity", "Leave")  # either may be the first


def flow_before(step, known):
    """Arguments of the connection that is there when `step` comes; none mostly."""
    plain = {key: value.split("/")[0] for key, value in known.items()}
    key = UNPUBLISHES[0] if step in UNPUBLISHES else step
    return FLOWS.get(key, "").format(**plain).split()


def before(step):
    """Names of the steps before `step`; a Leave has more to do where no Revoke came."""
    names = list(STEPS)
    skipped = "RevokeExternalConnectivity" if step == "Leave" else ""
    return [name for name in names[:names.index(step)] if name != skipped]


def after(step):
    """Names of the steps behind `step`."""
    names = list(STEPS)
    return names[names.index(step) + 1:]


def take(known, step, answer):
    """Remembers what `answer` to `step` tells later steps."""
    key = STEPS[step][2]
    if key is None:
        return
    if key.startswith("pool"):
        known[key], known[f"subnet{key[-1]}"] = answer["PoolID"], answer["Pool"]
    else:
        known[key] = answer["Address"]
