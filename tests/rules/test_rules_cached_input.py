"""What is read from the cache was written to it, and a stream splits its input in one way only."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, numbered, streamed, verdicts
from stream_frames import block, ends, over, start, stop, text

from messages_conformance.exchange import Exchange
from messages_conformance.rules import NOT_VERIFIED, PASS, WARN, Verdict

Run = list[Exchange]
PROMPT: dict[str, Any] = {"system": [{"type": "text", "text": "Long.", "cache_control": {"type": "ephemeral"}}]}
WRITTEN, SPLIT = "usage.cache.read-was-written", "stream.msgdelta.same-split"


def used(fresh: int, *, created: int = 0, read: int = 0) -> dict[str, int]:
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": created,
        "cache_read_input_tokens": read,
        "output_tokens": 5,
    }


def billed(fresh: int, **cached: int) -> Exchange:
    return answered({"usage": used(fresh, **cached)}, ask=PROMPT)


def streaming(first: dict[str, int], last: dict[str, int]) -> Exchange:
    return streamed([start(usage=first), block(), text("Hi"), stop(), ends(usage=last), over()], ask=PROMPT)


COLD, WARM = used(15, created=1660), used(15, read=1660)
ROWS: dict[str, tuple[Run, Run]] = {
    WRITTEN: ([billed(1675), billed(15, read=1660)], [billed(15, created=1660), billed(15, read=1660)]),
    SPLIT: ([streaming(used(1675), WARM)], [streaming(WARM, WARM)]),
}


def judged(requirement: str, run: Run) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[requirement])[requirement]


@pytest.mark.parametrize("requirement", ROWS)
def test_it_is_violated(requirement: str) -> None:
    verdict = judged(requirement, ROWS[requirement][0])
    assert verdict.outcome == WARN
    assert len(verdict.findings) == 1


@pytest.mark.parametrize("requirement", ROWS)
def test_it_passes(requirement: str) -> None:
    assert judged(requirement, ROWS[requirement][1]).outcome == PASS


@pytest.mark.parametrize(
    "run",
    [
        pytest.param([billed(15, read=1660), billed(15, read=1660)], id="an earlier run wrote it"),
        pytest.param([billed(15, created=1000, read=660), billed(15, read=1660)], id="a part was there before"),
        pytest.param([billed(15, created=1660), billed(675, read=1000)], id="a part was read"),
        pytest.param([billed(15, created=1660), billed(1675), billed(15, read=1660)], id="a miss between"),
    ],
)
def test_a_cache_may_hit_partly(run: Run) -> None:
    assert judged(WRITTEN, run).findings == ()


def test_a_prompt_that_is_never_read_shows_nothing() -> None:
    assert judged(WRITTEN, [billed(15, created=1660), billed(1675)]).outcome == NOT_VERIFIED
