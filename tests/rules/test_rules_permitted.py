"""Correct behaviour that looks like a violation, beside the violation that it looks like."""

from typing import Any

import pytest
from builders import TOOLS, answered, numbered, refused, streamed, verdicts
from stream_frames import HELLO, block, delta, ends, over, start, stop

from messages_conformance.exchange import UNPARSED, Exchange
from messages_conformance.rules.accessors import shown

Run = list[Exchange]
LIST = "one two three four five six seven eight"


def wrote(content: str, tokens: int, reason: str = "end_turn", **ask: Any) -> Exchange:
    message = {
        "content": [{"type": "text", "text": content}] if content else [],
        "stop_reason": reason,
        "usage": {"input_tokens": 10, "output_tokens": tokens},
    }
    return answered(message, ask=ask)


def thought(reason: str) -> Exchange:
    opened = [start(), block(0, "thinking"), delta(0, "thinking_delta", thinking="hm"), stop()]
    return streamed([*opened, ends(reason), over()])


def counted(first: dict[str, int], last: dict[str, int]) -> Exchange:
    return streamed(
        [start(usage={"output_tokens": 1, **first}), *HELLO[1:-2], ends(usage={"output_tokens": 5, **last}), over()]
    )


def limited(kind: str, limit: str, remaining: str) -> Exchange:
    prefix = f"anthropic-ratelimit-{kind}"
    return answered(http={"headers": {f"{prefix}-limit": limit, f"{prefix}-remaining": remaining}})


def silent(spent: int, thinking: int) -> Exchange:
    usage = {"input_tokens": 10, "output_tokens": spent, "output_tokens_details": {"thinking_tokens": thinking}}
    return answered({"content": [], "usage": usage})


def forced(*turns: str, reason: str = "end_turn") -> Exchange:
    """A text as the answer to tool_choice any; the turns alternate between user and assistant."""
    roles = ("user", "assistant")
    messages = [{"role": roles[number % 2], "content": turn} for number, turn in enumerate(turns)]
    asked = {"messages": messages, "tools": TOOLS, "tool_choice": {"type": "any"}}
    return answered({"stop_reason": reason}, ask=asked)


def page(status: int) -> Exchange:
    http = {"media_type": "text/html", "headers": {"request-id": None}}
    return refused(status, b"<html>Request Entity Too Large", http=http)


SEAM = answered(
    {"content": [{"type": "text", "text": "1, 2, z"}, {"type": "text", "text": "ebra"}]},
    ask={"stop_sequences": ["zebra"]},
)

PAIRS: dict[str, tuple[str, Run, Run]] = {
    "an answer that the model ended": (
        "stop.max_tokens.occurs",
        [*[wrote("one two", 5, max_tokens=5)] * 2, wrote(LIST, 9)],
        [*[wrote("one two", 2, max_tokens=5)] * 2, wrote("one", 5, max_tokens=5), wrote(LIST, 9)],
    ),
    "an answer that just fits": (
        "stop.max_tokens.occurs",
        [*[wrote("one two", 5, max_tokens=5)] * 2, wrote(LIST, 6)],
        [wrote(LIST, 8, max_tokens=8), wrote(LIST, 9)],
    ),
    "a sequence across the seam of two blocks": (
        "stop.stop_sequence.occurs",
        [wrote("1, 2, zebra", 9, stop_sequences=["zebra"]), answered()],
        [SEAM, answered()],
    ),
    "one short text that ends before a sequence": (
        "stop.stop_sequence.occurs",
        [wrote("5, 6, ", 5, stop_sequences=["7"]), wrote("5, 6, 7, 8", 9)],
        [
            wrote("5, 6, ", 5, stop_sequences=["7"]),
            wrote("5, 6, 7, ", 7, "stop_sequence", stop_sequences=["8"]),
            wrote("5, 6, 7, 8", 9),
        ],
    ),
    "a text that goes on where a call is forced": (
        "request.tool_choice.any-forces",
        [forced("Hello")],
        [forced("Hello", "The weather"), forced("Hello", reason="stop_sequence"), forced("Hello", reason="paused_new")],
    ),
    "a cut thought without a signature": (
        "stream.delta.signature-single",
        [thought("end_turn")],
        [thought("max_tokens")],
    ),
    "a cache that is known at the end": (
        "stream.msgdelta.no-zero-overwrite",
        [counted({"input_tokens": 100}, {"input_tokens": 10, "cache_read_input_tokens": 5})],
        [counted({"input_tokens": 100}, {"input_tokens": 10, "cache_read_input_tokens": 90})],
    ),
    "a proxy that refuses a large body": ("headers.request-id.present", [page(400)], [page(413)]),
    "a rounded remainder": (
        "headers.ratelimit.format",
        [limited("input-tokens", "450700", "452000"), limited("requests", "7", "8")],
        [limited("input-tokens", "450700", "451000")],
    ),
    "silence after thinking": ("response.content.array", [silent(40, 10)] * 2, [silent(40, 38)] * 2),
    "silence of a model that reasons unseen": (
        "response.content.array",
        [silent(40, 10), silent(40, 10), wrote("one two", 3)],
        [silent(40, 10), wrote("one two", 60)],
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_only_the_violation_is_a_finding(name: str) -> None:
    requirement, bad, good = PAIRS[name]
    assert verdicts(numbered(*bad), only=[requirement])[requirement].findings
    assert not verdicts(numbered(*good), only=[requirement])[requirement].findings


def prewarmed(reason: str) -> Exchange:
    """An empty answer to max_tokens 0."""
    answer = {"content": [], "stop_reason": reason, "usage": {"input_tokens": 9, "output_tokens": 0}}
    return answered(answer, ask={"max_tokens": 0}, probes=("request.max_tokens.zero-prewarm",))


@pytest.mark.parametrize(
    ("others", "is_violated"),
    [
        ([], True),
        ([wrote("one two", 5, "max_tokens", max_tokens=5)], True),
        # stop.max_tokens.occurs judges a target that never reports the limit.
        ([wrote("one two", 5, max_tokens=5)], False),
    ],
)
def test_the_stop_reason_of_a_prewarm_counts_if_the_target_reports_limits(others: Run, is_violated: bool) -> None:
    requirement = "request.max_tokens.zero-prewarm"
    verdict = verdicts(numbered(prewarmed("end_turn"), *others), under="anthropic-2026-10-21", only=[requirement])
    assert bool(verdict[requirement].findings) is is_violated


@pytest.mark.parametrize(
    ("reason", "sequences", "is_violated"),
    [
        ("end_turn", ["7"], True),
        ("max_tokens", ["7"], True),
        ("tool_use", ["7"], False),
        ("refusal", ["7"], False),
        (None, ["7"], False),
        ("end_turn", [""], False),
    ],
)
def test_a_sequence_in_the_text_is_a_violation_unless_the_answer_ended_for_another_reason(
    reason: Any, sequences: list[str], is_violated: bool
) -> None:
    run = numbered(wrote("5, 6, 7, 8", 9, reason, stop_sequences=sequences), wrote("5, 6, 7, 8", 9))
    assert bool(verdicts(run, only=["stop.stop_sequence.occurs"])["stop.stop_sequence.occurs"].findings) is is_violated


@pytest.mark.parametrize(
    ("value", "text"),
    [("x" * 98, f'"{"x" * 98}"'), ("x" * 99, f'"{"x" * 98}…'), (7, "7"), (UNPARSED, "not JSON")],
)
def test_a_value_is_shown_in_at_most_100_characters(value: Any, text: str) -> None:
    assert shown(value) == text
    assert len(text) <= 100
