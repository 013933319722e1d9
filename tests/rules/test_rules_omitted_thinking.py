"""A thinking block is missing with display omitted only if the same question has one while thinking is shown."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, numbered, verdicts

from messages_conformance.exchange import Exchange
from messages_conformance.rules import FAIL, NOT_VERIFIED, PASS, Verdict

KEPT = "response.content.omitted-thinking-kept"
THOUGHT = {"type": "thinking", "thinking": "", "signature": "c2ln"}
TEXT = {"type": "text", "text": "1161"}
ENABLED = {"type": "enabled", "budget_tokens": 1024}
OMITTED = {**ENABLED, "display": "omitted"}


def thinks(thinking: dict[str, Any], *blocks: dict[str, Any], number: int = 5, **more: Any) -> list[Exchange]:
    asked = {"messages": [{"role": "user", "content": "What is 27 times 43?"}], "thinking": thinking}
    return [answered({"content": [*blocks, TEXT], **more}, ask=asked) for _ in range(number)]


def judged(*run: Exchange) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[KEPT])[KEPT]


SHOWN = thinks(ENABLED, THOUGHT)
ROWS = {KEPT: ([*thinks(OMITTED), *SHOWN], [*thinks(OMITTED, THOUGHT), *SHOWN])}


def test_a_block_that_only_shown_thinking_has_was_dropped() -> None:
    verdict = judged(*ROWS[KEPT][0])
    assert verdict.outcome == FAIL
    assert "['text'] in all 5 answers" in verdict.findings[0].found


@pytest.mark.parametrize(
    "run",
    [
        [*thinks(OMITTED, number=4), *SHOWN],
        [*thinks(OMITTED), *SHOWN[:4]],
        [*thinks(OMITTED), *SHOWN[:4], *thinks(ENABLED, number=1)],
        [*thinks(OMITTED), *thinks({"type": "adaptive"}, THOUGHT)],
        [*thinks(OMITTED, stop_reason="max_tokens"), *SHOWN],
    ],
    ids=["four without", "four with", "not always with", "another kind of thinking", "cut"],
)
def test_too_few_answers_show_nothing(run: list[Exchange]) -> None:
    assert judged(*run).outcome == NOT_VERIFIED


def test_one_kept_block_is_enough() -> None:
    assert judged(*thinks(OMITTED), *thinks(OMITTED, THOUGHT, number=1), *SHOWN).outcome == PASS
