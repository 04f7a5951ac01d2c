"""A container image of a few megabytes without a registry: static busybox and its applets."""

import io
import subprocess
import tarfile

from . import engine_api
from .errors import LabError

BUSYBOX = "/bin/busybox"


def busybox_tar():
    """The root file system as an uncompressed tar, in memory."""
    listing = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True)
    applets = [name for name in listing.stdout.split() if name != "busybox"]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in ("bin", "etc", "tmp"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(entry)
        archive.add(BUSYBOX, "bin/busybox")
        for name in applets:
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(entry)
    return buffer.getvalue()


def import_image(engine_socket, archive, repository, tag="latest"):
    """Imports a root file system, a tar, as `repository:tag` and returns that name."""
    status, reply = engine_api.request(
        engine_socket,
        "POST",
        f"/images/create?fromSrc=-&repo={repository}&tag={tag}",
        body=archive,
        content_type="application/x-tar",
    )
    if status != 200 or "error" in str(reply):
        raise LabError(f"import {repository}:{tag}: {status}: {reply}")
    return f"{repository}:{tag}"


def import_busybox(engine_socket, repository="bb", tag="latest"):
    """Imports busybox alone as `repository:tag` into the engine and returns that name."""
    return import_image(engine_socket, busybox_tar(), repository, tag)
