"""The crimes of real servers, one function each, with the requirements that each breaks."""

from messages_conformance.reference.fault_registry import Fault, fault, faults, find_fault

__all__ = ["Fault", "fault", "faults", "find_fault"]
