"""Details of the rules on streams: which block a limit excuses, and what findings say."""

import pytest
from builders import TOOLS, found, streamed, verdicts
from stream_frames import Event, block, delta, ends, fragment, over, start, stop, text

UNFINISHED_INPUT = {"stream.delta.partial-json-concat"}


def call_then(*events: Event, reason: str = "max_tokens") -> list[Event]:
    """A stream whose tool input is unfinished, with other events after the block."""
    return [start(), block(0, "tool_use"), fragment('{"a": "b'), stop(), *events, ends(reason), over()]


@pytest.mark.parametrize(
    ("events", "violated"),
    [
        (call_then(), set()),
        (call_then(reason="refusal"), set()),
        (call_then(reason="end_turn"), UNFINISHED_INPUT),
        (call_then(block(1), text("Hello", 1), stop(1)), UNFINISHED_INPUT),
    ],
    ids=["cut", "refused", "not-cut", "cut-in-a-later-block"],
)
def test_a_limit_excuses_only_the_last_block(events: list[Event], violated: set[str]) -> None:
    assert found(streamed(events, ask={"tools": TOOLS, "max_tokens": 5})) & UNFINISHED_INPUT == violated


def thinking(*kinds: str) -> list[Event]:
    """A stream with a thinking block of these deltas and a text block."""
    deltas = [delta(0, f"{kind}_delta", **{kind: "x"}) for kind in kinds]
    return [start(), block(0, "thinking"), *deltas, stop(), block(1), text("Hello", 1), stop(1), ends(), over()]


@pytest.mark.parametrize(
    ("kinds", "finding"),
    [
        (("thinking",), "0 signature deltas"),
        (("thinking", "signature", "signature"), "2 signature deltas"),
        (("signature", "thinking"), "a thinking_delta after the signature"),
        (("thinking", "signature"), None),
    ],
)
def test_a_finding_on_signatures_counts_them_or_names_their_place(kinds: tuple[str, ...], finding: str | None) -> None:
    rule = "stream.delta.signature-single"
    findings = verdicts([streamed(thinking(*kinds))], only=[rule])[rule].findings
    assert [one.found for one in findings] == ([] if finding is None else [finding])
