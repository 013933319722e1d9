"""Rules about gateways: the four records of a case compared, by topic.

A case has what the client sent, what the upstream received, what the upstream answered, and what the client got. These
rules belong to the profiles of gateways alone, and are asked only about exchanges that have both sides (`behind`).
"""

from messages_conformance.rules.gateway import (
    answers,
    failures,
    isolation,
    passing_on,
    request_content,
    request_options,
    streams,
)

TOPICS = (request_content, request_options, answers, passing_on, streams, failures, isolation)
"""The modules of rules; importing them fills the catalogue."""

__all__ = ["TOPICS"]
