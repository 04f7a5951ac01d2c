"""A private Docker engine in network namespaces of its own, for tests, demo and bench."""

from .errors import LabError
from .lab import Lab
from .places import Place, wait_for

__all__ = ["Lab", "LabError", "Place", "wait_for"]
