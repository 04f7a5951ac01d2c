"""Socket activation as a service manager does it: it listens, and passes what it listens on.

    sockets = {"plugin": listen(path), "control": listen(other)}
    command, numbers = passing(sockets, ["drawbridge", "serve"])
    subprocess.Popen(command, pass_fds=numbers)
"""

import os
import socket
import sys

# Puts the descriptors where sd_listen_fds(3) wants them; LISTEN_PID is known only here.
STARTER = """
import fcntl, os, sys
numbers = [int(number) for number in sys.argv[2].split(",")]
apart = [fcntl.fcntl(number, fcntl.F_DUPFD, 100) for number in numbers]
for place, number in enumerate(apart, 3):
    os.dup2(number, place)
    os.close(number)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(numbers)),
                  LISTEN_FDNAMES=sys.argv[1])
os.execvp(sys.argv[3], sys.argv[3:])
"""


def listen(path):
    """A listening socket at `path`, for its owner alone."""
    if os.path.exists(path):
        os.unlink(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.fchmod(listening.fileno(), 0o600)
    listening.bind(path)
    listening.listen(socket.SOMAXCONN)
    return listening


def passing(sockets, command):
    """`command` (a list) so that it gets `sockets`, name -> socket, and the descriptors to pass on."""
    if not sockets:
        return command, ()
    numbers = [each.fileno() for each in sockets.values()]
    words = [":".join(sockets), ",".join(map(str, numbers))]
    return [sys.executable, "-c", STARTER, *words, *command], numbers
