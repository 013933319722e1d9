"""One requirement shown in bytes: a right answer and a wrong one, from the reference endpoint.

The wrong answer is that of a fault that breaks the requirement; the right one answers the same request without the
fault. Both are made in memory when they are asked for, so they cannot become outdated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from messages_conformance.exchange import Exchange, Response
from messages_conformance.proof.subjects import FAULT, Subject, subjects
from messages_conformance.proof.trial import MODEL, run
from messages_conformance.report import Report
from messages_conformance.report.failure_text import readable
from messages_conformance.report.request_features import describe_request
from messages_conformance.rules.verdict import STATUS, Finding

BEFORE_BYTES: Final = 200
AFTER_BYTES: Final = 320
"""How much of a body is shown around the first byte that differs: a few events (our own choice)."""

REQUEST_BYTES: Final = 400
"""How much of the body of a request is shown (our own choice)."""

CUT: Final = "…"
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
    header = finding.place.header if finding.place != STATUS else None
    bodies = tuple(b"" if one is None else one.body for one in (good, bad))
    offset = finding.place.offset_bytes
    start = max((_equal_bytes(*bodies) if offset is None else offset) - BEFORE_BYTES, 0)
    start = bodies[1].rfind(b"\n", 0, start) + 1 if bad is not None and bad.is_event_stream else start
    return Example(
        where=f"{describe_request(wrong)}: {'the status' if finding.place == STATUS else finding.place}",
        found=readable(finding, finding.found),
        wanted=readable(finding, finding.wanted),
        request=_request(wrong),
        right="" if good is None else _answer(good, start, header),
        wrong="no answer" if bad is None else _answer(bad, start, header),
    )


def _equal_bytes(one: bytes, other: bytes) -> int:
    """How many bytes both begin with, except for ids, which are new in every answer."""
    pairs = enumerate(zip(*(_ID.sub(_hidden, body) for body in (one, other)), strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))


def _hidden(found: re.Match[bytes]) -> bytes:
    return b"-" * len(found.group())


def _request(exchange: Exchange) -> str:
    request = exchange.request
    return f"{request.method} {request.path}\n{_part(request.body, 0, REQUEST_BYTES)}".rstrip()


def _answer(response: Response, start: int, header: str | None) -> str:
    """The status line, the headers that matter, and the body around `start`."""
    names = dict.fromkeys(name for name in ("content-type", (header or "").lower()) if name)
    lines = [f"{response.http_version} {response.status}"]
    lines += [f"{name}: {value}" for name, value in response.headers if name.lower() in names]
    return "\n".join((*lines, "", _part(response.body, start, start + BEFORE_BYTES + AFTER_BYTES))).rstrip()


def _part(body: bytes, start: int, end: int) -> str:
    """A part of a body as text; a mark shows where more of it is left out."""
    text = body[start:end].decode("utf-8", "backslashreplace")
    return f"{CUT if start else ''}{text}{CUT if end < len(body) else ''}"
