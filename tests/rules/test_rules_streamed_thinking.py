"""Streams that show a part of the thinking for which they are billed."""

from builders import FULL_PROFILE, answered, numbered, streamed, verdicts
from stream_frames import block, ends, ev, over, start, stop

from messages_conformance.exchange import Exchange
from messages_conformance.rules import FAIL, NOT_VERIFIED, PASS, Verdict

Run = list[Exchange]
COMPLETE = "stream.delta.thinking-complete"
THOUGHT = "First the tens, then the ones."


def pair(number: int, shown: str, *, tokens: int = 40) -> Run:
    """A streamed and a whole answer to one question; the stream shows this part of the thinking."""
    asked = {"messages": [{"role": "user", "content": f"Question {number}"}], "thinking": {"type": "adaptive"}}
    delta = ev("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": shown})
    content = [{"type": "thinking", "thinking": THOUGHT, "signature": "c2ln"}]
    usage = {"input_tokens": 10, "output_tokens": 40}
    return [
        streamed([start(), block(0, "thinking"), delta, stop(0), ends(usage=tokens), over()], ask=asked),
        answered({"content": content, "usage": usage}, ask=asked),
    ]


def judged(*pairs: Run) -> Verdict:
    run = numbered(*[answer for both in pairs for answer in both])
    return verdicts(run, under=FULL_PROFILE, only=[COMPLETE])[COMPLETE]


ROWS: dict[str, tuple[Run, Run]] = {
    COMPLETE: ([*pair(1, "First the "), *pair(2, "First the ")], [*pair(1, THOUGHT), *pair(2, THOUGHT)])
}


def test_streams_that_lack_thinking_are_found() -> None:
    verdict = judged(ROWS[COMPLETE][0])
    assert verdict.outcome == FAIL
    assert THOUGHT in verdict.findings[0].wanted
    assert judged(ROWS[COMPLETE][1]).outcome == PASS


def test_what_a_model_may_do_is_no_finding() -> None:
    assert judged(pair(1, "First the "), pair(2, THOUGHT)).outcome == PASS
    assert judged(pair(1, "First the ", tokens=20), pair(2, "First the ", tokens=20)).outcome == PASS
    assert judged(pair(1, "Let me see."), pair(2, "I shall add them.")).outcome == PASS
    assert judged(pair(1, "First the ")).outcome == NOT_VERIFIED
