"""Details of the rules on streams: which block a limit excuses, and what findings say."""

from dataclasses import replace

import pytest
from builders import TOOLS, found, streamed, verdicts
from stream_frames import HELLO, Event, block, delta, ends, fragment, over, sse, start, stop, text

from messages_conformance.exchange import STALLED, TOO_LARGE

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


@pytest.mark.parametrize(
    ("data", "finding"),
    [(b"data: {oops\n", '"{oops"'), (b"data: [1]\n", '"[1]"'), (b"", '"no data"'), (b"data: {}\n", None)],
)
def test_a_finding_on_data_shows_the_data(data: bytes, finding: str | None) -> None:
    rule = "stream.frame.data-json"
    body = sse(HELLO[:2]) + b"event: content_block_delta\n" + data + b"\n" + sse(HELLO[2:])
    findings = verdicts([streamed(body)], only=[rule])[rule].findings
    assert [one.found for one in findings] == ([] if finding is None else [finding])


def test_a_stream_that_does_not_end_is_reported_at_its_last_event() -> None:
    rule = "stream.frame.terminates"
    stalled = streamed(HELLO[:4], http={"ending": STALLED, "detail": "no byte for 60 s"})
    (finding,) = verdicts([stalled], only=[rule])[rule].findings
    assert (finding.place.event, finding.found) == (4, "the stream stalls: no byte for 60 s")


def test_a_stream_of_large_events_that_was_cut_off_is_not_said_to_have_no_end() -> None:
    rule = "stream.frame.terminates"
    cut = {"ending": TOO_LARGE, "detail": "cut off after 50,000 JSON values"}
    (verdict,) = verdicts([streamed(HELLO[:4], http=cut)], only=[rule]).values()
    assert (verdict.outcome, verdict.findings) == ("not-verified", ())


def test_a_process_that_stood_still_does_not_accuse_a_stream_of_staying_open() -> None:
    rule = "stream.frame.terminates"
    held = {"ending": STALLED, "detail": "still open 5 s after message_stop"}
    (slow,) = verdicts([replace(streamed(HELLO, http=held), observer_lag_s=4.8)], only=[rule]).values()
    assert (slow.outcome, slow.findings) == ("not-verified", ())
    assert "stood still for 4.8 s" in slow.reason
    (fast,) = verdicts([replace(streamed(HELLO, http=held), observer_lag_s=0.2)], only=[rule]).values()
    assert fast.findings


@pytest.mark.parametrize(
    ("said", "finding"),
    [(b"caf\xc3", "bytes that are not UTF-8"), (b"caf\\ud83d", "half a surrogate pair in 'caf\\ud83d'")],
)
def test_a_finding_on_a_split_character_says_what_is_left_of_it(said: bytes, finding: str) -> None:
    rule = "stream.frame.utf8-boundaries"
    body = sse([start(), block(), text("SAID"), stop(), ends(), over()]).replace(b"SAID", said)
    findings = verdicts([streamed(body)], only=[rule])[rule].findings
    assert [one.found for one in findings] == [finding]
    if said.endswith(b"\xc3"):
        assert findings[0].place.offset_bytes == body.index(b"\xc3")


def test_tool_input_with_unreadable_data_is_not_judged() -> None:
    rule = "stream.delta.partial-json-concat"
    events = [start(), block(0, "tool_use"), fragment('{"a": '), fragment("LOST"), stop(), ends("tool_use"), over()]
    whole, cut = sse(events), sse(events).replace(b'"LOST"', b'"LOST')
    found = [verdicts([streamed(body, ask={"tools": TOOLS})], only=[rule])[rule].findings for body in (whole, cut)]
    assert [len(findings) for findings in found] == [1, 0]
