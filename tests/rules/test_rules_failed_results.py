"""Whether the model learns from is_error that a tool call failed."""

from __future__ import annotations

from typing import Any

import pytest
from builders import answered, numbered, verdicts

from messages_conformance.exchange import Exchange
from messages_conformance.rules import NOT_VERIFIED, PASS
from messages_conformance.rules.failed_results import IS_ERROR

Run = list[Exchange]


def asked(answer: str, **flag: Any) -> Exchange:
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "42", **flag}
    turn = {"role": "user", "content": [result, {"type": "text", "text": "Did the tool call fail?"}]}
    return answered({"content": [{"type": "text", "text": answer}]}, ask={"messages": [turn]}, probes=(IS_ERROR,))


def run(told: str, *pairs: tuple[str, str]) -> Run:
    """The answer where the result tells of a failure, then the answers with is_error true and false."""
    return [
        asked(told),
        *(asked(text, is_error=flag) for pair in pairs for text, flag in zip(pair, (True, False), strict=True)),
    ]


ROWS: dict[str, tuple[list[Run], list[Run]]] = {
    IS_ERROR: (
        [run("Yes.", *[("no", "no")] * 3), run("yes", ("No", "no"), ("**no**", "no."), ("no", "No, it did not."))],
        [run("yes", ("yes", "no")), run("yes", ("no", "no"), ("Yes.", "No."))],
    ),
}

UNVERIFIED = {
    "two pairs": run("yes", *[("no", "no")] * 2),
    "the model always says no": run("no", *[("no", "no")] * 3),
    "the model always says yes": run("yes", *[("yes", "yes")] * 3),
    "the model says something else": run("yes", ("no", "no"), ("no", "42"), ("no", "no")),
}


def judged(sent: Run) -> Any:
    return verdicts(numbered(*sent), only=[IS_ERROR])[IS_ERROR]


@pytest.mark.parametrize("sent", ROWS[IS_ERROR][0])
def test_it_is_violated(sent: Run) -> None:
    (finding,) = judged(sent).findings
    assert finding.exchange == 2
    assert "with is_error true" in finding.found


@pytest.mark.parametrize("sent", ROWS[IS_ERROR][1])
def test_it_passes(sent: Run) -> None:
    assert judged(sent).outcome == PASS


@pytest.mark.parametrize("name", UNVERIFIED)
def test_a_model_that_cannot_tell_accuses_nobody(name: str) -> None:
    assert judged(UNVERIFIED[name]).outcome == NOT_VERIFIED
