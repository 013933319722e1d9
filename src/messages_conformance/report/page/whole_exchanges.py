"""The requests and answers that failures show, whole: headers and bodies, each once, at the end of the page.

A failure shows a part of an answer and links to the whole of it. A body beyond the limits is cut, and a note says where
the rest is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from messages_conformance.exchange import Exchange, RecordingPart, Response
from messages_conformance.report.causes import finding_of
from messages_conformance.report.model import Report, excused, failures, warnings
from messages_conformance.report.page.document import Section, paragraph
from messages_conformance.report.page.html import Markup, element, joined
from messages_conformance.report.recording import FILE_NAME
from messages_conformance.report.request_features import describe_request
from messages_conformance.report.text import counted, sentence

BODY_BYTES: Final = 32_768
"""How much of one body is shown: more than any ordinary answer has (our own choice)."""

PAGE_BYTES: Final = 2_000_000
"""How much of all bodies together is shown, so that a browser opens the page at once (our own choice)."""


def section(report: Report) -> Section | None:
    """The exchanges of the failures and warnings, folded one by one; None without any."""
    numbers = dict.fromkeys(number for number in _named(report) if number in report.exchanges)
    if not numbers:
        return None
    found, left = [], PAGE_BYTES
    for number in numbers:
        exchange = report.exchanges[number]
        most = min(BODY_BYTES, left)
        found.append(_whole(exchange, most))
        left -= sum(min(len(body), most) for body in _bodies(exchange))
    return Section(name="exchanges", title=f"Whole requests and answers ({len(found):,})", body=joined(found))


def link(report: Report, number: int) -> Markup | None:
    """The link from a failure to its whole exchange; None when the report does not have it."""
    if number not in report.exchanges:
        return None
    return paragraph(element("a", "the whole request and answer", href=f"#{_anchor(number)}"), class_="note")


def _named(report: Report) -> Iterator[int]:
    verdicts = {verdict.requirement: verdict for verdict in report.verdicts}
    for cause in report.causes:
        shown = finding_of(verdicts[cause.requirement], cause) if cause.requirement in verdicts else None
        yield shown.exchange if shown is not None else 0
    for verdict in (*failures(report), *excused(report), *warnings(report)):
        yield from (finding.exchange for finding in verdict.findings[:1])


def _anchor(number: int) -> str:
    return f"exchange-{number}"


def _bodies(exchange: Exchange) -> tuple[bytes, ...]:
    response = exchange.response
    return (exchange.request.body, *((response.body,) if response is not None else ()))


def _whole(exchange: Exchange, most_bytes: int) -> Markup:
    response = exchange.response
    outcome = str(response.status) if response is not None else "no answer"
    return element(
        "details",
        element("summary", f"{describe_request(exchange)}: {outcome}"),
        # A link to what is inside unfolds it; a link to the folded element does not.
        element("p", "request", class_="note", id=_anchor(exchange.number)),
        _request(exchange, most_bytes),
        *(_answer(response, most_bytes) if response is not None else _failure(exchange)),
        class_="whole",
    )


def _request(exchange: Exchange, most_bytes: int) -> Markup:
    if RecordingPart.REQUEST in exchange.lacks:
        return paragraph("The recording has no request.", class_="note")
    request = exchange.request
    return _block(f"{request.method} {request.path}", request.headers, request.body, most_bytes)


def _answer(response: Response, most_bytes: int) -> Iterator[Markup]:
    yield paragraph(f"answer, {counted(len(response.body), 'byte')}", class_="note")
    yield _block(f"{response.http_version} {response.status}", response.headers, response.body, most_bytes)


def _failure(exchange: Exchange) -> Iterator[Markup]:
    if exchange.failure is not None:
        yield paragraph(sentence(exchange.failure.message), class_="note")


def _block(first: str, headers: Sequence[tuple[str, str]], body: bytes, most_bytes: int) -> Markup:
    head = "\n".join((first, *(f"{name}: {value}" for name, value in headers)))
    text = body[: max(most_bytes, 0)].decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    code = element("pre", element("code", f"{head}\n\n{text}".rstrip()), tabindex="0")
    rest = len(body) - max(most_bytes, 0)
    if rest <= 0:
        return code
    return joined((code, paragraph(f"{counted(rest, 'more byte')} in {FILE_NAME}.", class_="note")))
