"""A changed text is a finding only if a stop sequence shows that the model wrote it unchanged."""

import pytest
from builders import FULL_PROFILE, answered, numbered, verdicts

from messages_conformance.exchange import Exchange
from messages_conformance.rules import FAIL, NOT_VERIFIED, PASS, Verdict
from messages_conformance.rules.echoed_text import PROMPT

UNCHANGED = "response.content.text-unchanged"
TEXT = "begin-41 a &amp; b and c &lt; d end-41"
CHANGED = "begin-41 a & b and c < d end-41"
ANOTHER = "begin-41 a &amp; b and c < d end-41"
SEQUENCE = " c &lt; d"


def says(text: str, **more: object) -> Exchange:
    asked = {"messages": [{"role": "user", "content": PROMPT + TEXT}]}
    return answered({"content": [{"type": "text", "text": text}], **more}, ask=asked)


def stops(text: str, sequence: str = SEQUENCE, reason: str = "stop_sequence") -> Exchange:
    """An answer to the same question with a stop sequence."""
    asked = {"messages": [{"role": "user", "content": PROMPT + TEXT}], "stop_sequences": [sequence]}
    reached = sequence if reason == "stop_sequence" else None
    answer = {"content": [{"type": "text", "text": text}], "stop_reason": reason, "stop_sequence": reached}
    return answered(answer, ask=asked)


def judged(*run: Exchange) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[UNCHANGED])[UNCHANGED]


PROOF = [stops("begin-41 a & b and") for _ in range(2)]
VIOLATED = [says(CHANGED), says(CHANGED), *PROOF]
ROWS = {UNCHANGED: (VIOLATED, [says(TEXT)])}


def test_a_change_that_the_model_did_not_make_is_found() -> None:
    verdict = judged(*VIOLATED)
    assert verdict.outcome == FAIL
    assert [finding.exchange for finding in verdict.findings] == [1]
    assert "c < d" in verdict.findings[0].found
    assert "c &lt; d" in verdict.findings[0].wanted


def test_an_unchanged_text_passes() -> None:
    assert judged(says(TEXT)).outcome == PASS


@pytest.mark.parametrize(
    "run",
    [
        pytest.param([says(CHANGED), says(CHANGED)], id="nothing shows who changed it"),
        pytest.param([says(CHANGED), *PROOF], id="one answer may be chance"),
        pytest.param([says(CHANGED), says(CHANGED), PROOF[0]], id="one stop may be chance"),
        pytest.param([says(CHANGED), says(ANOTHER), *PROOF], id="the changes differ"),
        pytest.param(
            [says(CHANGED), says(CHANGED), PROOF[0], stops(CHANGED, reason="end_turn")], id="not stopped each time"
        ),
        pytest.param(
            [says(CHANGED), says(CHANGED), *[stops("begin-41 a &amp; b and")] * 2], id="the model changed it only once"
        ),
        pytest.param([says("No."), says("No."), *PROOF], id="the model says something else"),
        pytest.param([answered()], id="no such question"),
    ],
)
def test_a_change_that_the_model_may_have_made_is_no_finding(run: list[Exchange]) -> None:
    assert judged(*run).outcome == NOT_VERIFIED
