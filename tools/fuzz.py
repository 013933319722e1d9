"""Gives the program damaged answers and files for a time, and stops at the first crash.

    .venv/bin/python tools/fuzz.py --minutes 1

An answer is a correct one of the reference endpoint with random changes: values of other types, members that are
missing, doubled or nested deeply, numbers of thousands of digits, lone surrogates, bytes that are not UTF-8, strange
headers and content codings. Files are recordings of each format, saved reports, waivers, profiles and option files. The
lexer, the walk, the judge, the reports and the readers of files take them. Hypothesis makes the changes and shrinks
what it finds.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from rich.console import Console

import fuzz_files
from messages_conformance import contract, report
from messages_conformance.engine.backoff import stated_pause_s
from messages_conformance.engine.outage import doubt_about
from messages_conformance.engine.token_counts import reported_tokens
from messages_conformance.exchange import ENDINGS, Chunk, Exchange, Response, from_record, limited, to_record, trimmed
from messages_conformance.masking import masked_response
from messages_conformance.proof import run
from messages_conformance.rules import ERROR, Judge
from messages_conformance.session import Clock, SessionOptions, Source, judge_recordings
from messages_conformance.stream import walk
from messages_conformance.wire import Lexer

PROFILE: Final = "anthropic-2023-06-01"
MODEL: Final = "anthropic/claude-opus-4-5"
EXAMPLES_A_ROUND: Final = 60
KEY: Final = "sk-fuzz-0123456789abcdefghij"
CLOCK: Final = Clock(now=lambda: datetime.now(UTC), monotonic_s=time.monotonic)


@cache
def samples() -> tuple[Exchange, ...]:
    """The exchanges of a run against the reference endpoint."""
    _, found = run("reference:transport=memory", PROFILE, model=MODEL, seed=0, depth="smoke")
    return tuple(one for one in found.exchanges.values() if one.response is not None)


# -- strange values ---------------------------------------------------------------------------------------------------


def nested(depth: int) -> str:
    """JSON text of arrays in arrays."""
    return "[" * depth + "]" * depth


STRANGE_JSON: Final = (
    *("null", "true", "0", "-1", "1.5", "1e999", "-0.0", "[]", "{}", '""', '"\\ud800"', '"\\udc00\\ud800"', "NaN"),
    *(
        "9" * 30,
        "9" * 5_000,
        "-" + "9" * 400,
        "1e400",
        "1" + "0" * 308,
        '"\\u0000"',
        '"\\u202e"',
        '"' + "x" * 5_000 + '"',
    ),
    *('["text"]', '{"type": "text"}', '[{"type": []}]', '{"type": {}}', "[[]]", '{"a": {"a": {"a": []}}}', nested(60)),
    *(nested(3_000), '{"": 0}', '{"a": 1, "a": 2}', '"message_stop"', '"tool_use"', '"error"', '"\ufeff"', '"a\\/b~c"'),
)
STRANGE_HEADERS: Final = (
    *(
        ("content-type", text)
        for text in ("", "text/html", "application/json; charset=utf-16", "text/event-stream", "\xff")
    ),
    *(
        ("content-encoding", text)
        for text in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "identity", "x", "," * 50)
    ),
    *(
        ("retry-after", text)
        for text in ("-1", "1e999", "nan", "9" * 400, "Mon, 30 Nov 2026 07:00:00 +99999999", "\x00")
    ),
    ("retry-after", "Mon, 99 Nov 99999 99:99:99 GMT"),
    ("retry-after", format_datetime(datetime(1, 1, 1, tzinfo=UTC))),
    *(("request-id", text) for text in ("", "x" * 10_000, "\x1b[31m", KEY)),
    *(("anthropic-ratelimit-requests-limit", text) for text in ("", "9" * 5_000, "-1", "²")),
    *(
        ("anthropic-ratelimit-requests-reset", text)
        for text in ("", "9999-99-99T00:00:00Z", "2026-11-30T00:00:00+99:99")
    ),
)


@st.composite
def damaged_json(draw: st.DrawFn, text: str, *, signs: str = ":[,") -> str:
    """JSON text in which some values, members or characters are changed."""
    for _ in range(draw(st.integers(0, 3))):
        # A value ends where the next sign is: good enough to damage it, and the text stays JSON more often than not.
        starts = [at for at, sign in enumerate(text) if sign in signs] or [0]
        at = draw(st.sampled_from(starts)) + 1
        rest = text[at:].lstrip()
        end = len(text) - len(rest) + _value_length(rest)
        text = text[:at] + draw(st.sampled_from(STRANGE_JSON)) + text[end:]
    return text


def _value_length(text: str) -> int:
    try:
        return json.JSONDecoder().raw_decode(text)[1]
    except (ValueError, RecursionError):
        return 1


@st.composite
def bodies(draw: st.DrawFn, body: bytes) -> bytes:
    """A body with damaged JSON in it, lines moved, and bytes replaced."""
    text = body.decode("utf-8", "replace")
    if not text.startswith(("event:", "data:")):
        body = draw(damaged_json(text)).encode("utf-8", "surrogatepass")
    else:
        events = text.split("\n\n")
        for _ in range(draw(st.integers(0, 3))):
            number = draw(st.integers(0, len(events) - 1))
            head, data, value = events[number].partition("data: ")
            changed = head + data + draw(damaged_json(value))
            events[number : number + draw(st.integers(0, 2))] = [changed] * draw(st.integers(0, 2))
            events = events or [""]
        ending = draw(st.sampled_from(["\n\n", "\n\n", "\r\r", "\r\n\r\n", "\n", ""]))
        body = ending.join(events).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.binary(max_size=20)) + body[at + draw(st.integers(0, 20)) :]
    return gzip.compress(body, mtime=0) if draw(st.integers(0, 9)) == 0 else body


@st.composite
def exchanges(draw: st.DrawFn) -> Exchange:
    """A sample with a damaged response."""
    sample = draw(st.sampled_from(samples()))
    response = sample.response
    assert response is not None
    body = draw(bodies(response.body))
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=3)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    return replace(
        sample,
        response=Response(
            status=draw(st.sampled_from([response.status, response.status, 200, 400, 401, 429, 500, 529, 204])),
            headers=(*draw(st.lists(st.sampled_from(STRANGE_HEADERS), max_size=2)), *response.headers),
            chunks=tuple(Chunk(at_s=0.1 * at, data=piece) for at, piece in enumerate(pieces)),
            headers_at_s=0.0,
            ended_at_s=1.0,
            ending=draw(st.sampled_from([response.ending] * 3 + list(ENDINGS))),
            detail="",
        ),
    )


@st.composite
def damaged_files(draw: st.DrawFn) -> tuple[str, bytes]:
    """The name of a file, and its content with other values, lines that are missing or doubled, and other bytes."""
    name, text = draw(st.sampled_from(fuzz_files.files()))
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            text = draw(damaged_json(text, signs=":[,=-"))
            continue
        lines = text.splitlines(keepends=True) or [""]
        at = draw(st.integers(0, len(lines) - 1))
        lines[at : at + draw(st.integers(0, 2))] = [lines[at]] * draw(st.integers(0, 2))
        text = "".join(lines)
    content = text.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(content)))
        content = content[:at] + draw(st.binary(max_size=20)) + content[at + draw(st.integers(0, 20)) :]
    return name, gzip.compress(content, mtime=0) if draw(st.integers(0, 9)) == 0 else content


# -- what must hold ---------------------------------------------------------------------------------------------------


def check_lexer(data: bytes, cut: int) -> None:
    """The events do not depend on where the bytes are cut, and cover them in order."""
    whole, cut_once = Lexer(), Lexer()
    events = [*whole.feed(data), *whole.close()]
    assert [*cut_once.feed(data[:cut]), *cut_once.feed(data[cut:]), *cut_once.close()] == events
    ends = [0, *(event.end_bytes for event in events)]
    assert all(before <= event.offset_bytes <= event.end_bytes for before, event in zip(ends, events, strict=False))


def check_response(exchange: Exchange) -> None:
    """Reading, limiting, masking and walking a response raise nothing, and a record of it can be read again."""
    response = exchange.response
    assert response is not None
    kept = trimmed(masked_response(limited(response), KEY))
    walk(kept)
    stated_pause_s(kept, now_s=0.0)
    reported_tokens(kept)
    doubt_about(kept)
    saved = from_record(json.loads(json.dumps(to_record(replace(exchange, response=kept)), allow_nan=False)))
    assert saved.response is not None
    assert saved.response.chunks == kept.chunks


def check_judge(judged: Sequence[Exchange]) -> None:
    """No rule raises an exception."""
    judge = Judge(contract.profile(PROFILE))
    for number, exchange in enumerate(judged, 1):
        judge.add(replace(exchange, number=number))
    errors = [f"{verdict.requirement}: {verdict.reason}" for verdict in judge.verdicts() if verdict.outcome == ERROR]
    assert not errors, errors[0]


def check_report(judged: Sequence[Exchange]) -> None:
    """Every form of the report can be written, and is read as it was written."""
    with tempfile.TemporaryDirectory() as folder:
        code, result = judge_recordings(
            Source(name="fuzz", model=MODEL),
            [replace(exchange, number=number) for number, exchange in enumerate(judged, 1)],
            options=SessionOptions(profile=PROFILE, report=folder),
            clock=CLOCK,
            out=Console(quiet=True),
        )
        assert not result.harness_errors
        assert report.exit_code(report.load(folder)) == code


def _rounds(examples: int, number: int) -> list[tuple[str, Callable[[], None]]]:
    """The checks, each with some examples that depend on the number of the round."""
    chosen = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )

    def made(check: Callable[..., None], *given_values: st.SearchStrategy[Any]) -> Callable[[], None]:
        return seed(number)(chosen(given(*given_values)(check)))

    lines = st.lists(
        st.sampled_from([b"data: 1", b":", b"event: x", b"\n", b"\r", b"\r\n", b"\xff", b"\xef\xbb\xbf", b"id"])
    )
    streams = st.one_of(st.binary(max_size=200), lines.map(b"".join), st.sampled_from(samples()).flatmap(_body_of))
    several = st.lists(exchanges(), min_size=1, max_size=6)
    return [
        ("lexer", made(check_lexer, streams, st.integers(0, 300))),
        ("response and walk", made(check_response, exchanges())),
        ("judge", made(check_judge, several)),
        ("report", made(check_report, several)),
        ("files", made(lambda file: fuzz_files.check_file(*file), damaged_files())),
    ]


def _body_of(exchange: Exchange) -> st.SearchStrategy[bytes]:
    assert exchange.response is not None
    return bodies(exchange.response.body)


def fuzz_once(*, examples: int, number: int) -> None:
    """One round of all checks. Raises what a check raises, with the smallest example in its notes."""
    for _, check in _rounds(examples, number):
        check()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs rounds until the time is over; returns 1 at the first crash."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0, help="how long to search (default: 1)")
    parser.add_argument("--only", default="", help="only the checks with this word in their name")
    parser.add_argument("--seed", type=int, default=0, help="the number of the first round (default: 0)")
    options = parser.parse_args(arguments)
    ends_s = time.monotonic() + 60 * options.minutes
    number = options.seed
    while time.monotonic() < ends_s:
        for name, check in _rounds(EXAMPLES_A_ROUND, number):
            if options.only not in name:
                continue
            try:
                check()
            except BaseException:
                print(f"crash in {name}; the same again: {Path(__file__).name} --seed {number}", file=sys.stderr)
                raise
            if time.monotonic() > ends_s:
                break
        number += 1
    print(f"no crash in {number - options.seed} rounds of {EXAMPLES_A_ROUND} examples for each check")
    return 0


if __name__ == "__main__":
    sys.exit(main())
