"""An engine of a later Debian release, in a lab beside the machine's own programs.

Its packages are fetched by URL and unpacked into a folder; apt's own lists and configuration are
left alone. In the lab's mount namespace the folder then lies over /usr, C library included: so the
engine and all that it starts find theirs, and nobody else does.
"""

import glob
import os
import tempfile

from .errors import run

CACHE = "/var/cache/drawbridge-lab"
HOW_TO_GET = "DRAWBRIDGE_FETCH_ENGINES=1 fetches the engine, 65 MB, into /var/cache/drawbridge-lab"
MIRROR = "http://deb.debian.org/debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# What dockerd, containerd, runc and iptables are linked with, and no more: about 65 MB.
PACKAGES = """
docker.io containerd runc tini iptables nftables libc6 libgcc-s1 libip4tc2 libip6tc2 libxtables12
libnftnl11 libnftables1 libmnl0 libnfnetlink0 libnetfilter-conntrack3 libjansson4 libedit2 libbpf1
zlib1g libelf1t64 libseccomp2 libsystemd0 libcap2 libapparmor1 libdevmapper1.02.1 libselinux1 libudev1
libpcre2-8-0 libzstd1 libgcrypt20 liblz4-1 liblzma5 libgpg-error0
""".split()


def is_there(release):
    """Whether it was fetched already, or may be."""
    return os.path.isdir(f"{CACHE}/{release}") or bool(os.environ.get("DRAWBRIDGE_FETCH_ENGINES"))


def unpacked(release):
    """The folder with the engine of Debian `release` ("trixie"); fetched once per machine."""
    folder = f"{CACHE}/{release}"
    if not os.path.isdir(folder):
        os.makedirs(CACHE, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as work:
            os.rename(_fetch(release, work), folder)
    return folder


def _fetch(release, work):
    for part in ("lists/partial", "archives/partial", "debs", "root"):
        os.makedirs(f"{work}/{part}")
    with open(f"{work}/sources.list", "w", encoding="ascii") as file:
        file.write(f"deb [signed-by={KEYRING}] {MIRROR} {release} main\n")
    options = {
        "Dir::Etc::sourcelist": f"{work}/sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::State::lists": f"{work}/lists",
        "Dir::Cache": work,
        "Dir::Cache::archives": f"{work}/archives",
        "APT::Sandbox::User": "root",
    }
    apt = ["apt-get", "-qq", *(f"-o{key}={value}" for key, value in options.items())]
    run([*apt, "update"], timeout=300)
    run([*apt, "download", *PACKAGES], timeout=600, cwd=f"{work}/debs")
    for package in glob.glob(f"{work}/debs/*.deb"):
        run(["dpkg-deb", "-x", package, f"{work}/root"])
    return f"{work}/root"


def lay_over(place, release):
    """Lets what starts in `place` (a Place with a mount namespace of its own) find that engine."""
    options = f"lowerdir={unpacked(release)}/usr:/usr"
    place.run("mount", "-n", "-t", "overlay", "-o", options, "lab", "/usr")
