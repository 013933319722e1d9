"""Decides, beyond the levels, whether a run fails: waivers, an edition of the catalogue, and a baseline report."""

from messages_conformance.gate.difference import Difference, difference
from messages_conformance.gate.excuses import KNOWN, Excuse, Gate, evaluate
from messages_conformance.gate.waivers import GateError, Waiver, read, unknown_requirement, waivers_toml

__all__ = [
    "KNOWN",
    "Difference",
    "Excuse",
    "Gate",
    "GateError",
    "Waiver",
    "difference",
    "evaluate",
    "read",
    "unknown_requirement",
    "waivers_toml",
]
