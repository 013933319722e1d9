"""Each named tolerance at its limit, and one step beyond it."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, exchange, numbered, response, streamed, verdicts
from stream_frames import HELLO, ends, over, sse, start, text

from messages_conformance.exchange import ACCEPTED, Chunk, Exchange
from messages_conformance.rules import NOT_VERIFIED, PASS

Run = list[Exchange]
FOUND = "found"
PROSE = "word " * 40
"""The shortest text that counts as prose: 200 characters, which need 10 output tokens."""


def wrote(content: str, tokens: int, reason: str = "end_turn", *, ask: Any = None, **changes: Any) -> Exchange:
    usage = {"input_tokens": 10, "output_tokens": tokens}
    return answered(
        {"content": [{"type": "text", "text": content}], "stop_reason": reason, "usage": usage, **changes}, ask=ask
    )


def stream_that_counts(first: int, last: int) -> Exchange:
    """A stream with these output_tokens in message_start and message_delta."""
    usage = {"input_tokens": 10}
    opening, closing = start(usage={**usage, "output_tokens": first}), ends(usage={**usage, "output_tokens": last})
    return streamed([opening, *HELLO[1:-2], closing, over()])


def counted(tokens: int, **ask: Any) -> Exchange:
    fields = {"path": "/v1/messages/count_tokens", "expect": ACCEPTED}
    return exchange(response({"input_tokens": tokens}), ask={"max_tokens": ..., **ask}, **fields)


def billed(tokens: int, *, probes: tuple[str, ...] = (), cached: int = 0, **ask: Any) -> Exchange:
    usage = {"input_tokens": tokens, "output_tokens": 5, "cache_read_input_tokens": cached}
    return answered({"usage": usage}, ask=ask, probes=probes)


def user(content: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": content}]}


def limits(kind: str, remaining: int) -> Exchange:
    prefix = f"anthropic-ratelimit-{kind}"
    return answered(http={"headers": {f"{prefix}-limit": "1000", f"{prefix}-remaining": str(remaining)}})


def waits(**headers: str) -> Exchange:
    return answered(http={"headers": {name.replace("_", "-"): value for name, value in headers.items()}})


def empty(tokens: int, thinking: int = 0) -> Exchange:
    usage = {"input_tokens": 10, "output_tokens": tokens, "output_tokens_details": {"thinking_tokens": thinking}}
    return answered({"content": [], "usage": usage})


def timed(first_s: float, last_s: float, ended_at_s: float = 10.0, deltas: int = 8) -> Run:
    """Two streams whose deltas arrive from `first_s` to `last_s`, after a short answer that took 0.2 s."""
    times = [first_s, *[last_s] * (deltas - 1)]
    stream = [*HELLO[:2], *(text(f"w{number} ") for number in range(deltas)), *HELLO[4:]]
    at_s = (first_s, first_s, *times, *[ended_at_s] * 3)
    chunks = tuple(Chunk(at_s=at, data=sse([event])) for at, event in zip(at_s, stream, strict=True))
    http = {"chunks": chunks, "headers_at_s": 0.01, "ended_at_s": ended_at_s}
    return [streamed(stream, http=http), streamed(stream, http=http), answered()]


LONGER = user("Hello" + "!" * 40)
BARELY_LONGER = user("Hello" + "!" * 39)
BLOCKS = {"probes": ("request.messages.content-blocks",), **user([{"type": "text", "text": "Hello"}])}
SMALL = ("request.cache_control.below-minimum",)
SYSTEM = [{"type": "text", "text": "Be brief."}]
CACHED = {"system": [{"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral"}}]}
UNCACHED = counted(1000, system=[{"type": "text", "text": "Long."}])
FOUR_WORDS = "one two three four"

LIMITS: list[tuple[str, Run, str]] = [
    # -- output tokens
    ("usage.output.le-max", [wrote("Hello", 100)], PASS),
    ("usage.output.le-max", [wrote("Hello", 101)], FOUND),
    ("usage.output.le-max", [stream_that_counts(101, 101)], FOUND),
    ("usage.output.le-max", [stream_that_counts(102, 101)], PASS),  # stream.msgdelta.usage-cumulative judges it
    ("usage.output.eq-max-on-max_tokens", [wrote("Hello", 75, "max_tokens")], PASS),
    ("usage.output.eq-max-on-max_tokens", [wrote("Hello", 74, "max_tokens")], FOUND),
    ("usage.output.eq-max-on-max_tokens", [wrote("Hello", 2, "max_tokens", ask={"max_tokens": 4})], PASS),
    ("usage.output.eq-max-on-max_tokens", [wrote("Hello", 1, "max_tokens", ask={"max_tokens": 4})], FOUND),
    ("usage.output.monotone-with-text", [wrote(PROSE, 10)], PASS),
    ("usage.output.monotone-with-text", [wrote(PROSE, 9)], FOUND),
    ("usage.output.monotone-with-text", [wrote(PROSE[:-1], 9)], NOT_VERIFIED),
    ("usage.output.monotone-with-text", [wrote(PROSE, 0)], NOT_VERIFIED),
    ("usage.output.monotone-with-text", [wrote(PROSE[:180] + "-" * 20, 9)], FOUND),
    ("usage.output.monotone-with-text", [wrote(PROSE[:179] + "-" * 21, 9)], NOT_VERIFIED),
    ("usage.output.positive", [wrote("Hello", 1)], PASS),
    ("response.content.array", [empty(16)], PASS),
    ("response.content.array", [empty(17), empty(17)], FOUND),
    ("response.content.array", [empty(17)], NOT_VERIFIED),
    ("response.content.array", [empty(26, 10)], PASS),
    ("response.content.array", [empty(27, 10), empty(27, 10)], FOUND),
    ("response.content.array", [empty(17), empty(17), wrote("Hello", 13)], FOUND),
    ("response.content.array", [empty(17), empty(17), wrote("Hello", 14)], NOT_VERIFIED),
    ("stop.max_tokens.occurs", [wrote(FOUR_WORDS, 1, ask={"max_tokens": 1}), wrote("x", 9)], NOT_VERIFIED),
    ("stop.max_tokens.occurs", [wrote(f"{FOUR_WORDS} five", 1, ask={"max_tokens": 1}), wrote("x", 9)], FOUND),
    # -- input tokens
    ("adjacent.count_tokens.approx", [billed(1000), counted(1050)], PASS),
    ("adjacent.count_tokens.approx", [billed(1000), counted(1051)], FOUND),
    ("adjacent.count_tokens.approx", [billed(1000), counted(949)], FOUND),
    ("adjacent.count_tokens.approx", [billed(100), counted(110)], PASS),
    ("adjacent.count_tokens.approx", [billed(100), counted(111)], FOUND),
    ("adjacent.count_tokens.monotone", [counted(20), counted(18, **LONGER)], PASS),
    ("adjacent.count_tokens.monotone", [counted(20), counted(17, **LONGER)], FOUND),
    ("usage.input.monotone", [billed(20), billed(18, **LONGER)], PASS),
    ("usage.input.monotone", [billed(20), billed(17, **LONGER)], FOUND),
    ("usage.input.monotone", [billed(20), billed(17, **BARELY_LONGER)], NOT_VERIFIED),
    ("request.system.affects-input-tokens", [billed(20), billed(21, system="x" * 38)], PASS),
    ("request.system.affects-input-tokens", [billed(20), billed(20, system="x" * 38)], FOUND),
    ("request.system.affects-input-tokens", [billed(20), billed(20, system="x" * 37)], NOT_VERIFIED),
    ("request.messages.content-blocks", [billed(10), billed(8, **BLOCKS)], PASS),
    ("request.messages.content-blocks", [billed(10), billed(7, **BLOCKS)], FOUND),
    ("request.messages.content-blocks", [billed(10), billed(17, **BLOCKS)], PASS),
    ("request.messages.content-blocks", [billed(10), billed(18, **BLOCKS)], FOUND),
    ("request.system.blocks-read", [billed(10, system=SYSTEM), billed(14, system="Be brief.")], PASS),
    ("request.system.blocks-read", [billed(10, system=SYSTEM), billed(15, system="Be brief.")], FOUND),
    ("request.system.blocks-read", [billed(19, system=SYSTEM), billed(14, system="Be brief.")], FOUND),
    ("request.cache_control.below-minimum", [billed(500, cached=11, probes=SMALL)], FOUND),
    ("request.cache_control.below-minimum", [billed(500, cached=12, probes=SMALL)], NOT_VERIFIED),
    ("usage.cache.exclusive-buckets", [UNCACHED, billed(949, cached=900, **CACHED)], PASS),
    ("usage.cache.exclusive-buckets", [UNCACHED, billed(950, cached=900, **CACHED)], FOUND),
    ("usage.cache.exclusive-buckets", [UNCACHED, billed(950, cached=50, **CACHED)], NOT_VERIFIED),
    ("usage.cache.exclusive-buckets", [UNCACHED, billed(950, cached=51, **CACHED)], FOUND),
    # -- headers
    ("headers.ratelimit.format", [limits("tokens", 1500)], PASS),
    ("headers.ratelimit.format", [limits("tokens", 1501)], FOUND),
    ("headers.ratelimit.format", [limits("requests", 1000)], PASS),
    ("headers.ratelimit.format", [limits("requests", 1001)], FOUND),
    ("headers.retry-after.sane", [waits(retry_after="0")], PASS),
    ("headers.retry-after.sane", [waits(retry_after="3600")], PASS),
    ("headers.retry-after.sane", [waits(retry_after="3601")], FOUND),
    ("headers.retry-after.sane", [waits(retry_after="2s")], FOUND),
    ("headers.retry-after.sane", [waits(retry_after="Wed, 21 Oct 2026 07:28:00 GMT")], PASS),
    ("headers.retry-after.sane", [waits(retry_after="-1")], FOUND),
    ("headers.retry-after.sane", [waits(retry_after="2s")], FOUND),
    ("headers.retry-after.sane", [waits(retry_after="Sun, 06 Nov 1994 08:49:37 GMT")], PASS),
    ("headers.retry-after.sane", [waits(retry_after="Sunday, 06-Nov-94 08:49:37 GMT")], PASS),
    ("headers.retry-after.sane", [waits(retry_after="Sun Nov  6 08:49:37 1994")], PASS),
    ("headers.retry-after.sane", [waits(retry_after_ms="3600000")], PASS),
    ("headers.retry-after.sane", [waits(retry_after_ms="3600001")], FOUND),
    # -- times
    ("stream.frame.incremental", timed(8.01, 8.01), FOUND),
    ("stream.frame.incremental", timed(8.0, 8.0), PASS),
    ("stream.frame.incremental", timed(8.01, 8.05), FOUND),
    ("stream.frame.incremental", timed(8.01, 8.07), PASS),
    ("stream.frame.incremental", timed(8.01, 8.01, deltas=7), NOT_VERIFIED),
    ("stream.frame.incremental", timed(0.9, 0.9, ended_at_s=1.0), FOUND),
    ("stream.frame.incremental", timed(0.9, 0.9, ended_at_s=0.99), NOT_VERIFIED),
    ("stream.frame.incremental", timed(8.01, 8.01)[1:], NOT_VERIFIED),
]
"""(requirement, run, what the verdict is)."""


@pytest.mark.parametrize(
    ("requirement", "run", "outcome"), LIMITS, ids=[f"{number}-{row[0]}" for number, row in enumerate(LIMITS)]
)
def test_a_tolerance_ends_at_its_limit(requirement: str, run: Run, outcome: str) -> None:
    verdict = verdicts(numbered(*run), under=FULL_PROFILE, only=[requirement])[requirement]
    assert (FOUND if verdict.findings else verdict.outcome) == outcome, verdict
