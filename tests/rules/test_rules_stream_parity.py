"""What streaming must not change: words, spaces, calls and thinking; and correct pairs that differ."""

from typing import Any

import pytest
from builders import FULL_PROFILE, TOOL_CALL, answered, numbered, streamed, verdicts
from stream_frames import Event, block, ends, fragment, over, start, stop, text

from messages_conformance.exchange import Exchange
from messages_conformance.rules import NOT_VERIFIED, PASS, Verdict

Run = list[Exchange]
PROSE = (
    "The bread was baked early in the morning and sold warm on the square before the bells rang for the first time. "
)
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = {"tools": [{"name": "f", "input_schema": SCHEMA}]}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}


CITING = {
    "messages": [{"role": "user", "content": [{"type": "document", "citations": {"enabled": True}}]}],
}


def asked(number: int, more: Any = None) -> dict[str, Any]:
    """A unique request, so that pairs are not mixed up."""
    return {"messages": [{"role": "user", "content": f"Question {number}"}], **(more or {})}


def whole(number: int, *blocks: Any, ask: Any = None, reason: str = "end_turn", tokens: int = 5) -> Exchange:
    usage = {"input_tokens": 10, "output_tokens": tokens}
    return answered({"content": list(blocks), "stop_reason": reason, "usage": usage}, ask=asked(number, ask))


def streaming(number: int, *events: Event, ask: Any = None, reason: str = "end_turn", tokens: int = 5) -> Exchange:
    return streamed([start(), *events, ends(reason, tokens), over()], ask=asked(number, ask))


def written(number: int, pieces: list[str]) -> Exchange:
    return streaming(number, block(), *map(text, pieces), stop())


def calling(number: int, *inputs: str, tokens: int = 5) -> Exchange:
    """A stream with one call for each input, given as JSON."""
    calls: list[Event] = []
    for index, given in enumerate(inputs):
        calls += [block(index, "tool_use", id=f"toolu_{index}"), fragment(given, index), stop(index)]
    return streaming(number, *calls, ask=TOOLS, reason="tool_use", tokens=tokens)


def called(number: int, *inputs: Any, tokens: int = 5) -> Exchange:
    blocks = [{**TOOL_CALL, "id": f"toolu_{index}", "input": given} for index, given in enumerate(inputs)]
    return whole(number, *blocks, ask=TOOLS, reason="tool_use", tokens=tokens)


def words(number: int = 1) -> Exchange:
    return whole(number, {"type": "text", "text": PROSE * 2})


def thought(number: int) -> Exchange:
    return streaming(number, block(0, "thinking"), stop(0), block(1), text("Hello", 1), stop(1), ask=THINKING)


def naming(number: int, model: str) -> Exchange:
    return streamed([start(model=model), block(), text("Hi"), stop(), ends(), over()], ask=asked(number))


def judged(requirement: str, run: Run) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[requirement])[requirement]


SPLIT = PROSE.split()
PARIS = {"city": "Paris"}
SEVERAL = range(1, 7)
"""So many pairs that chance does not explain a difference in one direction."""
SQUEEZED = '{"city": "NewYork"}'
PLAIN = [whole(number, {"type": "text", "text": "Hello"}) for number in SEVERAL]
SILENT = [streaming(number) for number in SEVERAL]

ROWS: dict[str, tuple[Run, Run]] = {
    "stream.delta.blanks-kept": (
        [written(1, SPLIT * 2), words()],
        [written(1, [f"{word} " for word in SPLIT * 2]), words()],
    ),
    "stream.final.tool-input": (
        [answer for number in SEVERAL for answer in (calling(number, ""), called(number, PARIS))],
        [calling(1, '{"city": "Rome"}'), called(1, PARIS), calling(2, '{"city": "Oslo"}'), called(2, PARIS)],
    ),
    "stream.start.same-model": (
        [answer for number in SEVERAL for answer in (naming(number, "m-1"), whole(number))],
        [answer for number in SEVERAL for answer in (naming(number, "m-1" if number > 1 else "m"), whole(number))],
    ),
    "stream.final.same-kinds": ([*SILENT, *PLAIN], [streaming(1, block(), text("Hi"), stop()), *SILENT[1:], *PLAIN]),
}


@pytest.mark.parametrize("requirement", ROWS)
def test_it_is_violated(requirement: str) -> None:
    verdict = judged(requirement, ROWS[requirement][0])
    assert len(verdict.findings) == 1
    assert verdict.findings[0].exchange == 1
    assert verdict.findings[0].wanted


@pytest.mark.parametrize("requirement", ROWS)
def test_it_passes(requirement: str) -> None:
    verdict = judged(requirement, ROWS[requirement][1])
    assert (verdict.outcome, verdict.findings) == (PASS, ())


@pytest.mark.parametrize(
    ("requirement", "run"),
    [
        (
            "stream.final.tool-input",
            [pair for number in SEVERAL for pair in (calling(number, SQUEEZED), called(number, {"city": "New York"}))],
        ),
        # The input is lost without streaming.
        (
            "stream.final.tool-input",
            [pair for number in SEVERAL for pair in (calling(number, '{"city": "Rome"}'), called(number, {}))],
        ),
        # Two calls are billed, and one is returned, without streaming and with it.
        (
            "stream.final.same-kinds",
            [
                pair
                for number in SEVERAL
                for pair in (
                    calling(number, '{"city": "Rome"}', '{"city": "Oslo"}', tokens=40),
                    called(number, PARIS, tokens=40),
                )
            ],
        ),
        (
            "stream.final.same-kinds",
            [
                pair
                for number in SEVERAL
                for pair in (
                    calling(number, '{"city": "Rome"}', tokens=40),
                    called(number, PARIS, {"city": "Oslo"}, tokens=40),
                )
            ],
        ),
        (
            "stream.final.same-kinds",
            [
                answer
                for number in SEVERAL
                for answer in (
                    streaming(number, block(), text("Nine"), stop(), ask=CITING),
                    whole(number, {"type": "text", "text": "Nine", "citations": [{"cited_text": "nine"}]}, ask=CITING),
                )
            ],
        ),
        (
            "stream.final.same-kinds",
            [
                answer
                for number in SEVERAL
                for answer in (thought(number), whole(number, {"type": "text", "text": "Hello"}, ask=THINKING))
            ],
        ),
    ],
)
def test_other_ways_of_violating_it(requirement: str, run: Run) -> None:
    assert len(judged(requirement, run).findings) == 1


LONG_WORD = "rindfleischetikettierungsueberwachungsaufgaben"


@pytest.mark.parametrize(
    ("requirement", "run"),
    [
        # A language without spaces, a short text, and text that is split only within its words.
        ("stream.delta.blanks-kept", [written(1, ["麦"] * 120), whole(1, {"type": "text", "text": "麦" * 120})]),
        ("stream.delta.blanks-kept", [written(1, SPLIT[:5]), words()]),
        # English without streaming, and Chinese with it.
        ("stream.delta.blanks-kept", [written(1, ["麦"] * 120), words()]),
        (
            "stream.delta.blanks-kept",
            [written(1, [f"{a} {b}" for a, b in zip(SPLIT, SPLIT, strict=True)] * 2), words()],
        ),
        # A single call without its input may come from the model.
        ("stream.final.tool-input", [calling(1, ""), called(1, PARIS)]),
        # The model omits spaces with and without streaming.
        (
            "stream.final.tool-input",
            [
                *(pair for number in SEVERAL for pair in (calling(number, ""), called(number, PARIS))),
                *(calling(9, '{"city": "Rome"}'), called(9, {})),
            ],
        ),
        # The model chose other words for the same city.
        ("stream.final.tool-input", [calling(1, '{"city": "NYC"}'), called(1, {"city": "New York"})]),
        # One call that is billed as one, twice: the model decided to call once.
        (
            "stream.final.same-kinds",
            [
                pair
                for number in SEVERAL
                for pair in (
                    calling(number, '{"city": "Rome"}', tokens=20),
                    called(number, PARIS, {"city": "Oslo"}, tokens=40),
                )
            ],
        ),
        (
            "stream.final.same-kinds",
            [
                pair
                for number in SEVERAL
                for pair in (
                    calling(number, '{"city": "Rome"}', '{"city": "Oslo"}', tokens=40),
                    called(number, PARIS, tokens=20),
                )
            ],
        ),
        ("stream.final.same-kinds", [*SILENT[:5], *PLAIN[:5]]),
        # A repeated request makes a pair only with another answer without streaming.
        ("stream.final.same-kinds", [*SILENT[:1] * 6, *PLAIN[:1]]),
        # Long words beside short ones: there are as many spaces as without streaming.
        ("stream.delta.blanks-kept", [written(1, ["a b c d e f g h i j", LONG_WORD] * 20), words()]),
        # Addresses and codes have no spaces.
        ("stream.delta.blanks-kept", [written(1, ["ab-cd", "/ef"] * 30), words()]),
    ],
)
def test_correct_answers_may_differ(requirement: str, run: Run) -> None:
    assert judged(requirement, run).findings == ()


@pytest.mark.parametrize("requirement", ROWS)
def test_answers_with_or_without_streaming_alone_verify_nothing(requirement: str) -> None:
    assert judged(requirement, PLAIN).outcome == NOT_VERIFIED


@pytest.mark.parametrize(
    ("blocks", "is_found"),
    [([{"type": "text", "text": "Hello"}], True), ([{"text": "Hello"}], False), (["Hello"], False)],
    ids=["text only", "blocks without a type", "strings"],
)
def test_thinking_in_streams_only_is_found_where_the_other_answers_are_readable(
    blocks: list[Any], is_found: bool
) -> None:
    run = [thought(number) for number in range(6)] + [whole(number, *blocks, ask=THINKING) for number in range(6, 12)]
    assert bool(judged("stream.final.same-kinds", run).findings) is is_found
