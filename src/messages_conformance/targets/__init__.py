"""Targets carry: a string becomes something that turns a Request into a Response. The only room with a network.

A target judges nothing and repairs nothing. What it hands over are the bytes as they came, with their times; the key
is in none of them.
"""

from messages_conformance.targets.address import VALID_FORMS
from messages_conformance.targets.http import (
    HELD_OPEN_GRACE_S,
    MAX_RESPONSE_BYTES,
    TOTAL_TIMEOUT_FACTOR,
    HttpTarget,
)
from messages_conformance.targets.opening import DEFAULT_TIMEOUT_S, open_target
from messages_conformance.targets.redaction import is_secret, redact, redact_text
from messages_conformance.targets.simulated_time import SimulatedClock
from messages_conformance.targets.target import Target, TargetError, Unreachable

__all__ = [
    "DEFAULT_TIMEOUT_S",
    "HELD_OPEN_GRACE_S",
    "MAX_RESPONSE_BYTES",
    "TOTAL_TIMEOUT_FACTOR",
    "VALID_FORMS",
    "HttpTarget",
    "SimulatedClock",
    "Target",
    "TargetError",
    "Unreachable",
    "is_secret",
    "open_target",
    "redact",
    "redact_text",
]
