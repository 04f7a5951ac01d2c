"""The namespaces of a lab and the wires between them. Nothing here touches the machine's own.

                 segment (a bridge)     198.51.100.0/24, 2001:db8:51::/64
    uplink0 .1 ──┤         ├── eth0 .2 outside      (the engine's default route)
     engine      └─────────┴── eth0 .3 neighbour
"""

import os
import subprocess

from .errors import LabError, run
from .places import call_in_netns, named_place

ROLES = ("engine", "outside", "neighbour", "segment")
HOSTS = {"engine": ("uplink0", 1), "outside": ("eth0", 2), "neighbour": ("eth0", 3)}

# Runs as the holder of the engine's mount namespace; $1 is the lab's folder. A mount namespace that
# is copied pins every network namespace mounted in it, other labs' too: those copies are dropped,
# but for those of labs that end at this moment, which are gone already.
# A /run of its own keeps plugin sockets, sandbox keys, shims and locks of several engines apart.
HOLDER_SCRIPT = """
set -eu
awk '$5 ~ "^/run/netns/" {print $5}' /proc/self/mountinfo | xargs -r umount -n -l || true
mount -n -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/docker/plugins /run/docker/netns /run/containerd /run/lock /run/netns
mount -n --bind "$1/plugins" /run/docker/plugins
ln -s "$1/engine.sock" /run/docker.sock
# The engine writes a key into /etc/docker and its containerd makes folders in /opt.
for folder in /etc/docker /opt; do
  layers="/run/lab-layers$folder"
  mkdir -p "$layers/upper" "$layers/work"
  if [ -d "$folder" ]; then
    options="lowerdir=$folder,upperdir=$layers/upper,workdir=$layers/work"
    mount -n -t overlay -o "$options" lab "$folder"
  fi
done
if [ "$2" = memory ]; then mount -n -t tmpfs -o mode=711 tmpfs "$1/engine"; fi
echo ready
exec sleep infinity
"""


def _batch(lines, namespace=None):
    where = ["-n", namespace] if namespace else []
    run(["ip", *where, "-batch", "-"], input="\n".join(lines) + "\n")


def make_namespaces(names, uplink_mtu):
    """Makes the namespaces of `names` (role -> name) and joins them to one segment."""
    _batch([f"netns add {names[role]}" for role in ROLES])
    for role in ROLES:
        named_place(names[role]).sysctl("net.ipv6.conf.all.disable_ipv6", 0)
    mtu = f"mtu {uplink_mtu}"
    wires = ["link set lo up", f"link add segment0 {mtu} type bridge", "link set segment0 up"]
    for role, (device, _) in HOSTS.items():
        peer = f"peer name {device} {mtu} netns {names[role]}"
        wires.append(f"link add {role} {mtu} type veth {peer}")
        wires.append(f"link set {role} master segment0 up")
    _batch(wires, names["segment"])
    for role, (device, number) in HOSTS.items():
        _batch(
            [
                "link set lo up",
                f"link set {device} up",
                f"addr add 198.51.100.{number}/24 dev {device}",
                f"addr add 2001:db8:51::{number}/64 dev {device} nodad",
            ],
            names[role],
        )
    routes = ["route add default via 198.51.100.2", "-6 route add default via 2001:db8:51::2"]
    for route in routes:
        run(["ip", "-n", names["engine"], *route.split()])


def start_holder(engine_name, root, data):
    """Starts the process that owns the engine's mount namespace; returns its Popen.

    root  the lab's folder
    data  "memory" keeps the engine's data in memory, "disk" below `root`
    """
    # nsenter, for `ip netns exec` mounts /sys anew and so hides the control groups.
    command = ["nsenter", f"--net=/run/netns/{engine_name}", "unshare", "-m"]
    command += ["--propagation", "private", "sh", "-c", HOLDER_SCRIPT, "sh", root, data]
    holder = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    if holder.stdout.readline().strip() != "ready":
        words = holder.communicate()[1].strip()
        raise LabError(f"mount namespace of {engine_name}: {words}")
    return holder


def delete_namespaces(names):
    """Deletes those of `names` (a list) that exist; somebody else may be at it, too."""
    for name in names:
        done = run(["ip", "netns", "del", name], check=False)
        if os.path.exists(f"/run/netns/{name}"):
            raise LabError(f"delete namespace {name}: {done.stderr.strip()}")


def link_names(path="/proc/self/ns/net"):
    """Names of the links in the namespace at `path`."""
    return call_in_netns(path, lambda: sorted(os.listdir("/proc/sys/net/ipv4/conf")))
