"""The verdicts: pure functions of recorded exchanges, by topic, and the judge that asks them all."""

from messages_conformance.rules import (
    adjacent,
    claude_code,
    connections,
    counted_input,
    error_responses,
    formats,
    headers,
    markup,
    planted_words,
    prefill_and_prewarm,
    probes,
    relations,
    response,
    stop,
    stream,
    stream_parity,
    thinking,
    tools,
    transport,
    usage,
)
from messages_conformance.rules.catalogue import CATALOGUE, Requirement, reserve_topics, rule
from messages_conformance.rules.judge import Judge, matches, select
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
    relations,
    stream_parity,
    counted_input,
    planted_words,
    markup,
    prefill_and_prewarm,
    adjacent,
    tools,
    thinking,
    formats,
    probes,
    connections,
    claude_code,
)
"""The modules whose import fills the catalogue."""

probes.register()
reserve_topics()

__all__ = [
    "CATALOGUE",
    "ERROR",
    "FAIL",
    "MAY",
    "MUST",
    "NOT_APPLICABLE",
    "NOT_VERIFIED",
    "OUTCOMES",
    "PASS",
    "SHOULD",
    "WARN",
    "Finding",
    "Judge",
    "Place",
    "Requirement",
    "Unverified",
    "Verdict",
    "matches",
    "rule",
    "select",
]
