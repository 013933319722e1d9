"""The faults: a function or a row of a table for each, with the requirements that it breaks."""

from messages_conformance.reference.fault_definition import Fault
from messages_conformance.reference.fault_registry import fault, faults, find_fault

__all__ = ["Fault", "fault", "faults", "find_fault"]
