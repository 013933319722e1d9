"""What the Messages API promises, as data: schemas, block types, deltas, status codes, profiles, impact on clients.

Nothing here judges an exchange. `valid` says whether one JSON value is valid, `explain` where it is not and which
requirements that violates. The tables are for the walk through a stream and for the rules.
"""

from messages_conformance.contract.block_definitions import (
    BlockType,
    DeltaEffect,
    block_types,
    delta_types,
    event_types,
)
from messages_conformance.contract.capabilities import Capability, capabilities
from messages_conformance.contract.client_uses import FORMS, JSON, STREAM, ClientUse, client_uses
from messages_conformance.contract.documents import (
    API_VERSIONS,
    ContractError,
    annotated_requirements,
    schema,
    schema_names,
)
from messages_conformance.contract.features import Feature, features
from messages_conformance.contract.finding_forms import FindingForm
from messages_conformance.contract.impacts import (
    Measurement,
    clients,
    impact,
    impact_of,
    is_failure,
    measured_faults,
    outcome_on,
    severity,
    short_name,
)
from messages_conformance.contract.observed_effects import near_effect, observed_effect, outcome_words, stops
from messages_conformance.contract.problems import Problem, explain
from messages_conformance.contract.profiles import Auth, Profile, gateway_profile_names, profile, profile_names
from messages_conformance.contract.recovery import recovery
from messages_conformance.contract.tables import error_types, stop_reasons
from messages_conformance.contract.user_schemas import schema_mismatch
from messages_conformance.contract.validity import valid

__all__ = [
    "API_VERSIONS",
    "FORMS",
    "JSON",
    "STREAM",
    "Auth",
    "BlockType",
    "Capability",
    "ClientUse",
    "ContractError",
    "DeltaEffect",
    "Feature",
    "FindingForm",
    "Measurement",
    "Problem",
    "Profile",
    "annotated_requirements",
    "block_types",
    "capabilities",
    "client_uses",
    "clients",
    "delta_types",
    "error_types",
    "event_types",
    "explain",
    "features",
    "gateway_profile_names",
    "impact",
    "impact_of",
    "is_failure",
    "measured_faults",
    "near_effect",
    "observed_effect",
    "outcome_on",
    "outcome_words",
    "profile",
    "profile_names",
    "recovery",
    "schema",
    "schema_mismatch",
    "schema_names",
    "severity",
    "short_name",
    "stop_reasons",
    "stops",
    "valid",
]
