"""Which processes belong to a lab, and how they are ended: by id, never by name.

A process belongs when it stands in one of the lab's namespaces or control groups, or in the
network namespace of such a process (a container's).
"""

import contextlib
import glob
import os
import select
import signal
import time


def namespace_id(path):
    """Inode number of the namespace at `path`, or None when it is gone."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return None


@contextlib.contextmanager
def held(paths):
    """Inode numbers of the namespaces at `paths`, a set; those that are gone are left out.

    Held open while the block runs: the kernel would give the number of one that ends to the next
    namespace that anybody makes, and that one's processes would be taken for ours.
    """
    with contextlib.ExitStack() as stack:
        numbers = set()
        for path in paths:
            with contextlib.suppress(OSError):
                namespace = stack.enter_context(open(path, "rb"))
                numbers.add(os.fstat(namespace.fileno()).st_ino)
        yield numbers


def read_text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _all_pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _in_cgroup(pid, name):
    groups = read_text(f"/proc/{pid}/cgroup").splitlines()
    return any(f"/{name}/" in f"{group}/" for group in groups)


def container_pids(name):
    """Processes in the control groups of lab `name`: those inside containers."""
    return [pid for pid in _all_pids() if _in_cgroup(pid, name)]


def pids_in(namespace_ids):
    """Processes whose network or mount namespace is one of `namespace_ids`."""
    own = {os.getpid(), os.getppid()}
    found = []
    for pid in _all_pids():
        here = {namespace_id(f"/proc/{pid}/ns/{kind}") for kind in ("net", "mnt")}
        if pid not in own and here & namespace_ids:
            found.append(pid)
    return found


def belonging(name, namespace_ids):
    """All processes of lab `name`, whose network and mount namespaces are `namespace_ids`."""
    contained = container_pids(name)
    machine = {namespace_id(f"/proc/self/ns/{kind}") for kind in ("net", "mnt")}
    with held(f"/proc/{pid}/ns/net" for pid in contained) as inner:
        return sorted({*contained, *pids_in((namespace_ids | inner) - machine - {None})})


def open_pidfds(pids):
    handles = {}
    for pid in pids:
        try:
            handles[pid] = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
    return handles


def wait_ends(handles, timeout):
    """Waits until every process of `handles` (pid -> pidfd) ended; True when all did."""
    deadline = time.monotonic() + timeout
    waiting = select.poll()  # select.select takes no number above 1023
    for handle in handles.values():
        waiting.register(handle, select.POLLIN)
    count = len(handles)
    while count:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        for ended, _ in waiting.poll(1000 * left):
            waiting.unregister(ended)
            count -= 1
    return True


def end(pids, grace):
    """Ends `pids`: TERM, `grace` seconds, then KILL. A grace of 0 is KILL at once."""
    handles = open_pidfds(pids)
    try:
        steps = [(signal.SIGTERM, grace)] if grace > 0 else []
        for number, patience in [*steps, (signal.SIGKILL, 5.0)]:
            for handle in handles.values():
                try:
                    signal.pidfd_send_signal(handle, number)
                except ProcessLookupError:
                    continue
            if wait_ends(handles, patience):
                return
    finally:
        for handle in handles.values():
            os.close(handle)


def cgroup_folders(name):
    """The lab's control groups, innermost first, in every hierarchy that is mounted."""
    tops = glob.glob(f"/sys/fs/cgroup/{name}") + glob.glob(f"/sys/fs/cgroup/*/{name}")
    inner_first = []
    for top in tops:
        inner_first += [folder for folder, _, _ in os.walk(top, topdown=False)]
    return inner_first


def remove_cgroups(name):
    for folder in cgroup_folders(name):
        try:
            os.rmdir(folder)
        except OSError:
            continue
