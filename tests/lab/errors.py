"""The one exception that the lab raises, and the one way it runs commands."""

import subprocess


class LabError(Exception):
    """The lab, or a command in it, did not do what was asked."""


def run(command, check=True, timeout=60, **options):
    """Runs `command` (a list) and returns its CompletedProcess with text output.

    check    raise LabError, with the command's own words, when it exits non-zero
    timeout  seconds; LabError when it is exceeded
    """
    __tracebackhide__ = True  # a failing test shows its own line, not this function's
    # In a session of its own: a Ctrl-C reaches the caller, who decides, and not the command.
    options = {"capture_output": True, "text": True, "start_new_session": True, **options}
    try:
        done = subprocess.run(command, timeout=timeout, **options)
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(command)}: no end after {timeout} s") from error
    if check and done.returncode != 0:
        words = (done.stderr or done.stdout).strip()
        raise LabError(f"{' '.join(command)}: exit {done.returncode}: {words}")
    return done
