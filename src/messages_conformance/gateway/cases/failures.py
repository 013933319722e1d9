"""Cases in which the upstream fails, and in which the client leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from messages_conformance.gateway.cases.case import STREAM, TRANSLATES, WHOLE, Case, case
from messages_conformance.gateway.cases.requests import TOOLS
from messages_conformance.upstream import Failure, Interruption, Pause, Script, Text, ToolCall

STATUSES: Final = (400, 401, 403, 404, 413, 429, 500, 502, 503, 504, 529)
TOO_LONG: Final = "prompt is too long: 210000 tokens > 200000 maximum"
"""Words with which clients begin to compact; gateways read them, too, so only a 400 has them."""

WORDS: Final = "The scripted upstream does not answer this one."
SENTENCE: Final = "This sentence has more than forty characters in it."
LEAVING: Final = Script(blocks=(Text("word " * 160),), wait_between_deltas_s=0.05)
"""A stream of five seconds, which nobody reads to its end: the gateway has to leave it within two."""


def refusals() -> Iterator[Case]:
    """Each status, with the error body of the dialect; and the page of a front end."""
    for status in STATUSES:
        headers = (("retry-after", "17"),) if status in (429, 503, 529) else ()
        forms = (WHOLE, STREAM) if status in (400, 429, 500, 529) else (WHOLE,)
        yield case(
            f"status-{status}",
            Script(failure=Failure(status=status, message=TOO_LONG if status == 400 else WORDS), headers=headers),
            forms=forms,
        )
    page = "<html><body><h1>502 Bad Gateway</h1></body></html>"
    script = Script(failure=Failure(status=502, body=page, content_type="text/html"))
    yield case("page-502", script, promises=(TRANSLATES,))
    plain = Script(
        failure=Failure(status=429, body="slow down", content_type="text/plain"), headers=(("retry-after", "9"),)
    )
    yield case("plain-429", plain, promises=(TRANSLATES,), forms=(WHOLE,))


def interruptions() -> Iterator[Case]:
    """Answers that do not reach their end."""
    for how in ("error", "cut", "reset", "end"):
        failure = Failure(status=500, message="The model crashed.")
        broken = Interruption(after=3, how=how, failure=failure)
        yield case(f"mid-{how}", Script(blocks=(Text(SENTENCE),), interruption=broken), forms=(STREAM,))
        call = ToolCall("get_weather", arguments='{"city": "Zürich", "unit": "celsius"}')
        yield case(f"mid-call-{how}", Script(blocks=(call,), interruption=broken), tools=TOOLS, forms=(STREAM,))
    overloaded = Failure(status=529, message="Overloaded")
    broken = Interruption(after=2, how="error", failure=overloaded)
    yield case("mid-overloaded", Script(blocks=(Text(SENTENCE),), interruption=broken), forms=(STREAM,))
    for how in ("cut", "reset"):
        broken = Interruption(after=0, how=how)  # type: ignore[arg-type]
        yield case(f"whole-{how}", Script(blocks=(Text(SENTENCE),), interruption=broken), forms=(WHOLE,))
    yield case("late-cut", Script(interruption=Interruption(after=10_000, how="cut")), forms=(STREAM,))


def leaving() -> Iterator[Case]:
    """A client that leaves in the middle of a stream: while the upstream speaks, and while it is silent."""
    yield case("client-leaves", LEAVING, forms=(STREAM,), leaves=True)
    silent = replace(LEAVING, pauses=(Pause(after=1, seconds=2.0),))
    yield case("client-leaves-in-silence", silent, forms=(STREAM,), leaves=True, observes=("leaves-in-silence",))


def silences(limit_s: float) -> Iterator[Case]:
    """An upstream that falls silent for ever; only for gateways that promise to end a request after `limit_s`."""
    silent = Script(blocks=(Text(SENTENCE),), interruption=Interruption(after=3, how="hang"))
    yield case("silent-upstream", silent, observes=(f"endless-silence:{limit_s}",))


def cases() -> Iterator[Case]:
    """All cases of failures."""
    for topic in (refusals, interruptions, leaving):
        yield from topic()
