"""A small, correct gateway: a Messages endpoint in front of a model server. It proves the rules about gateways.

In the mode `passthrough` the model server speaks the Messages API too; in the mode `translates` it speaks Chat
Completions or the Responses API. Faults and correct variants are rows of `faults`, `variants` and `freedoms`. It shares
no code with the rules.
"""

from messages_conformance.reference_gateway.change_list import changes, find
from messages_conformance.reference_gateway.changes import (
    FAULT,
    MODES,
    PASSTHROUGH,
    RESPONSES,
    TRANSLATES,
    VARIANT,
    Change,
)
from messages_conformance.reference_gateway.gateway import PING_AFTER_S, UPSTREAM_KEY, Settings, served

__all__ = [
    "FAULT",
    "MODES",
    "PASSTHROUGH",
    "PING_AFTER_S",
    "RESPONSES",
    "TRANSLATES",
    "UPSTREAM_KEY",
    "VARIANT",
    "Change",
    "Settings",
    "changes",
    "find",
    "served",
]
