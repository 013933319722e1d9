"""The embedded endpoint: correct by default, wrong on request, different where the contract leaves freedom."""

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
    Received,
    Server,
    endpoint,
    serve,
    serve_endpoint,
    serve_forever,
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
    "Received",
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
    "serve_forever",
    "variants",
]
