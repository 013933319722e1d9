"""The reference endpoint: correct by default, wrong with a fault, different but correct with a variant."""

from messages_conformance.reference.api import API_KEY, Endpoint, Settings
from messages_conformance.reference.conditions import (
    Condition,
    ConditionalFault,
    conditional_faults,
    conditions,
    find_fault,
)
from messages_conformance.reference.faults import Fault, faults
from messages_conformance.reference.http import HttpRequest, HttpResponse
from messages_conformance.reference.server import (
    Server,
    endpoint,
    serve,
    serve_endpoint,
)
from messages_conformance.reference.variants import Variant, find_variant, variants

__all__ = [
    "API_KEY",
    "Condition",
    "ConditionalFault",
    "Endpoint",
    "Fault",
    "HttpRequest",
    "HttpResponse",
    "Server",
    "Settings",
    "Variant",
    "conditional_faults",
    "conditions",
    "endpoint",
    "faults",
    "find_fault",
    "find_variant",
    "serve",
    "serve_endpoint",
    "variants",
]
