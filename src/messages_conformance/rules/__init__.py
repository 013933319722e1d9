"""The verdicts: pure functions of recorded exchanges, by topic, and the judge that asks them all."""

from messages_conformance.rules import (
    adjacent,
    both_ways,
    claude_code,
    edges,
    errors,
    formats,
    headers,
    markup,
    probes,
    reading,
    recall,
    relations,
    response,
    stop,
    stream,
    thinking,
    tools,
    transport,
    usage,
    wire,
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
    errors,
    headers,
    response,
    usage,
    stop,
    stream,
    relations,
    both_ways,
    reading,
    recall,
    markup,
    edges,
    adjacent,
    tools,
    thinking,
    formats,
    probes,
    wire,
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
