"""Targets turn a Request into a Response. `open_target` makes one from a string. The only package with a network.

A target judges nothing and repairs nothing: it returns the bytes as they came, with their times, and without the key.
"""

from messages_conformance.targets.address import VALID_FORMS
from messages_conformance.targets.body import LISTENER
from messages_conformance.targets.connection import Connection
from messages_conformance.targets.http import HttpTarget
from messages_conformance.targets.opening import DEFAULT_TIMEOUT_S, open_target
from messages_conformance.targets.simulated_time import SimulatedClock
from messages_conformance.targets.stages import DNS, HTTP, KEY, MODEL, TLS
from messages_conformance.targets.target import Target, TargetError, Unreachable

__all__ = [
    "DEFAULT_TIMEOUT_S",
    "DNS",
    "HTTP",
    "KEY",
    "LISTENER",
    "MODEL",
    "TLS",
    "VALID_FORMS",
    "Connection",
    "HttpTarget",
    "SimulatedClock",
    "Target",
    "TargetError",
    "Unreachable",
    "open_target",
]
