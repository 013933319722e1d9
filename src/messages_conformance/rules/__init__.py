"""Rules by topic, as pure functions of recorded exchanges, and the judge that asks them.

A user's own rule needs `rule`, `Finding`, `Place`, `Unverified`, a function for `applies` (`answered`, `has_message`,
`json_message`, `refused` or `streamed`) and the names of the parts of a recording that it reads.
"""

from messages_conformance.rules import (
    boundary_requests,
    cached_input,
    claude_code,
    code_words,
    concurrent_streams,
    count_tokens,
    counted_parts,
    error_responses,
    headers,
    input_counts,
    markup,
    models_endpoint,
    probe_rules,
    response,
    robustness,
    stop,
    stream,
    stream_parity,
    structured_output,
    thinking,
    tools,
    transport,
    unique_ids,
    usage,
)
from messages_conformance.rules.accessors import answered, has_message, json_message, refused, streamed
from messages_conformance.rules.catalogue import CATALOGUE, Requirement, reserve_topics, rule
from messages_conformance.rules.judge import Judge, matches, select
from messages_conformance.rules.recording_parts import (
    CHUNK_BORDERS,
    PROBES,
    RAW_BODY,
    REQUEST,
    RESPONSE_HEADERS,
    TIMES,
)
from messages_conformance.rules.verdict import (
    ERROR,
    FAIL,
    MAY,
    MUST,
    NOT_APPLICABLE,
    NOT_VERIFIED,
    OUTCOMES,
    PASS,
    SHOULD,
    WARN,
    Finding,
    Place,
    Unverified,
    Verdict,
)

TOPICS = (
    transport,
    error_responses,
    headers,
    response,
    usage,
    stop,
    stream,
    unique_ids,
    input_counts,
    cached_input,
    concurrent_streams,
    stream_parity,
    counted_parts,
    code_words,
    markup,
    boundary_requests,
    count_tokens,
    models_endpoint,
    tools,
    thinking,
    structured_output,
    probe_rules,
    robustness,
    claude_code,
)
"""The modules of rules; importing them fills the catalogue."""

probe_rules.register()
reserve_topics()

__all__ = [
    "CATALOGUE",
    "CHUNK_BORDERS",
    "ERROR",
    "FAIL",
    "MAY",
    "MUST",
    "NOT_APPLICABLE",
    "NOT_VERIFIED",
    "OUTCOMES",
    "PASS",
    "PROBES",
    "RAW_BODY",
    "REQUEST",
    "RESPONSE_HEADERS",
    "SHOULD",
    "TIMES",
    "WARN",
    "Finding",
    "Judge",
    "Place",
    "Requirement",
    "Unverified",
    "Verdict",
    "answered",
    "has_message",
    "json_message",
    "matches",
    "refused",
    "rule",
    "select",
    "streamed",
]
