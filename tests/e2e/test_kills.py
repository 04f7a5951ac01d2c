"""Random kills with a real engine, in short; tests/soak/kills.py is the long run."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "soak"))

from census import leaks, table  # noqa: E402  the folder must be on the path first
from kills import check_kept, give_back, same_as, soak  # noqa: E402

ROUNDS = 15


def test_fifteen_rounds_of_random_kills_leave_nothing(make_lab, binary):
    lab = make_lab(ip_forward=0)
    before, after, made, killer = soak(lab, binary, ROUNDS, seed=1, patience=5)
    assert killer.kills >= 2, "control: the daemon was killed"
    assert made.counts["connect", "ok"] >= 5, "control: containers were there to be reached"
    if give_back(lab):  # what Docker lost is released by two looks, which would take too long here
        after = same_as(before, lab, 15)
    check_kept(lab, made)
    assert not made.faults + killer.faults
    assert not leaks(before, after), "\n".join(table(before, after))
