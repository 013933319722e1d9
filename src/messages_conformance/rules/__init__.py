"""The verdicts: pure functions of recorded exchanges, by topic, and the judge that asks them all."""

from messages_conformance.rules import errors, headers, probes, relations, response, stop, stream, transport, usage
from messages_conformance.rules.catalogue import CATALOGUE, Requirement, rule
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

TOPICS = (transport, errors, headers, response, usage, stop, stream, relations, probes)
"""The modules whose import fills the catalogue."""

probes.register()

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
