"""One requirement shown in bytes: a right answer and a wrong one, from the reference endpoint.

The wrong answer is that of a fault that breaks the requirement; the right one answers the same request without the
fault. Both are made in memory when they are asked for, so they cannot become outdated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.proof.subjects import FAULT, Subject, subjects
from messages_conformance.proof.trial import MODEL, run
from messages_conformance.report import Report
from messages_conformance.report.excerpt import answer_excerpt, body_part
from messages_conformance.report.finding_words import readable
from messages_conformance.report.request_features import describe_request
from messages_conformance.rules.verdict import STATUS, Finding

REQUEST_BYTES: Final = 400
"""How much of the body of a request is shown (our own choice)."""

_ID: Final = re.compile(rb"\b(?:msg|req|toolu|srvtoolu)_\w+")


@dataclass(frozen=True, kw_only=True)
class Example:
    """A violation of a requirement. `right` is empty when the endpoint gives no answer to the same request.

    `request`, `right` and `wrong` are texts of several lines.
    """

    where: str
    found: str
    wanted: str
    request: str
    right: str
    wrong: str


def faults_of(requirement: str) -> tuple[Subject, ...]:
    """The faults that break a requirement; the ones that break the fewest others first, in memory before a socket."""
    found = {one.name: one for one in reversed(subjects()) if one.kind == FAULT and requirement in one.wanted}
    return tuple(sorted(found.values(), key=lambda one: (one.needs_socket, len(one.wanted), "@" in one.name, one.name)))


def example_of(requirement: str, fault: Subject) -> Example | None:
    """The example that a fault gives for a requirement; None when its run does not show it."""
    wrong = _run(fault.target, fault, requirement)
    verdict = next((one for one in wrong.verdicts if one.requirement == requirement), None)
    finding = next((one for one in verdict.findings if one.exchange), None) if verdict is not None else None
    if finding is None:
        return None
    shown = wrong.exchanges[finding.exchange]
    right = _run("reference:transport=memory", fault, requirement)
    same = next((one for one in right.exchanges.values() if one.request.identity == shown.request.identity), None)
    return _example(finding, shown, same)


def _run(target: str, fault: Subject, requirement: str) -> Report:
    _, report = run(
        target,
        fault.profile,
        model=MODEL,
        depth=fault.depth,
        only=(requirement,),
        generated=None,
        max_shrink_requests=0,
    )
    return report


def _example(finding: Finding, wrong: Exchange, right: Exchange | None) -> Example:
    bad = wrong.response
    good = right.response if right is not None else None
    header = (finding.place.header or "") if finding.place != STATUS else ""
    offset = finding.place.offset_bytes
    if offset is None:
        offset = _equal_bytes(*(b"" if one is None else one.body for one in (good, bad)))
    return Example(
        where=f"{describe_request(wrong)}: {'the status' if finding.place == STATUS else finding.place}",
        found=readable(finding, finding.found),
        wanted=readable(finding, finding.wanted),
        request=_request(wrong),
        right="" if good is None else answer_excerpt(good, offset, header=header),
        wrong="no answer" if bad is None else answer_excerpt(bad, offset, header=header),
    )


def _equal_bytes(one: bytes, other: bytes) -> int:
    """How many bytes both begin with, except for ids, which are new in every answer."""
    pairs = enumerate(zip(*(_ID.sub(_hidden, body) for body in (one, other)), strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))


def _hidden(found: re.Match[bytes]) -> bytes:
    return b"-" * len(found.group())


def _request(exchange: Exchange) -> str:
    request = exchange.request
    return f"{request.method} {request.path}\n{body_part(request.body, 0, REQUEST_BYTES)}".rstrip()
