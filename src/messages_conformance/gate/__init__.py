"""What decides that a run fails, beyond the levels: waivers, an edition of the catalogue, and an earlier report."""

from messages_conformance.gate.difference import Difference, difference
from messages_conformance.gate.errors import GateError
from messages_conformance.gate.settlement import Excuse, Gate, settled
from messages_conformance.gate.waivers import Waiver, read, unknown_requirement, written

__all__ = [
    "Difference",
    "Excuse",
    "Gate",
    "GateError",
    "Waiver",
    "difference",
    "read",
    "settled",
    "unknown_requirement",
    "written",
]
