"""What the Messages API promises, as data: shapes, blocks, deltas, status codes, profiles, and what deviations break.

Nothing here judges a recording. `valid` gives the verdict on one JSON value, `explain` the places where it fails and
the requirements that these failures violate; the tables say what the stream and the rules need to know.
"""

from messages_conformance.contract.block_definitions import (
    BlockType,
    DeltaEffect,
    block_types,
    delta_types,
    event_types,
)
from messages_conformance.contract.capabilities import Capability, capabilities
from messages_conformance.contract.documents import (
    API_VERSIONS,
    ContractError,
    annotated_requirements,
    schema,
    schema_names,
)
from messages_conformance.contract.impacts import Measurement, clients, faults, impact, is_failure, severity
from messages_conformance.contract.inputs import misfit
from messages_conformance.contract.problems import Problem, explain
from messages_conformance.contract.profiles import Auth, Profile, profile, profile_names
from messages_conformance.contract.recovery import recovery
from messages_conformance.contract.tables import error_types, stop_reasons
from messages_conformance.contract.validity import valid

__all__ = [
    "API_VERSIONS",
    "Auth",
    "BlockType",
    "Capability",
    "ContractError",
    "DeltaEffect",
    "Measurement",
    "Problem",
    "Profile",
    "annotated_requirements",
    "block_types",
    "capabilities",
    "clients",
    "delta_types",
    "error_types",
    "event_types",
    "explain",
    "faults",
    "impact",
    "is_failure",
    "misfit",
    "profile",
    "profile_names",
    "recovery",
    "schema",
    "schema_names",
    "severity",
    "stop_reasons",
    "valid",
]
