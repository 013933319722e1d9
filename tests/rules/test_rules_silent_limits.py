"""A lowered max_tokens shows in two long answers that end at the same number of tokens, and in nothing else."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, numbered, verdicts

from messages_conformance.exchange import Exchange
from messages_conformance.rules import FAIL, NOT_VERIFIED, PASS, Verdict

Run = list[Exchange]
UPWARDS = "request.max_tokens.honoured-upwards"
COMMAS = "Count from 1 to 1300, separated by commas."
LINES = "Count from 301 to 1700, one number per line."


def listing(first: int, count: int, separator: str = ", ") -> str:
    return separator.join(str(number) for number in range(first, first + count))


def gives(tokens: int, question: str, text: str = "1, 2, 3", *, reason: str = "max_tokens") -> Exchange:
    usage = {"input_tokens": 30, "output_tokens": tokens}
    answer: dict[str, Any] = {"content": [{"type": "text", "text": text}], "stop_reason": reason, "usage": usage}
    return answered(answer, ask={"max_tokens": 1300, "messages": [{"role": "user", "content": question}]})


ROWS: dict[str, tuple[Run, Run]] = {UPWARDS: ([gives(256, COMMAS), gives(256, LINES)], [gives(1300, COMMAS)])}


def judged(run: Run) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[UPWARDS])[UPWARDS]


@pytest.mark.parametrize(
    "run",
    [
        pytest.param([gives(256, COMMAS), gives(256, LINES)], id="a limit of 256"),
        pytest.param([gives(1024, COMMAS), gives(1023, LINES)], id="a limit of 1024"),
        pytest.param(
            [
                gives(256, COMMAS, listing(1, 128), reason="end_turn"),
                gives(256, LINES, listing(301, 127, "\n"), reason="end_turn"),
            ],
            id="a limit that is reported as end_turn",
        ),
    ],
)
def test_a_lowered_limit_is_found(run: Run) -> None:
    verdict = judged(run)
    assert verdict.outcome == FAIL
    assert "up to 1300 tokens" in verdict.findings[0].wanted


def test_an_answer_that_reaches_the_limit_passes() -> None:
    assert judged([gives(1300, COMMAS)]).outcome == PASS


@pytest.mark.parametrize(
    "run",
    [
        pytest.param([gives(256, COMMAS)], id="one short answer"),
        pytest.param([gives(256, COMMAS), gives(256, COMMAS)], id="the same question twice"),
        pytest.param([gives(256, COMMAS), gives(400, LINES)], id="different lengths"),
        pytest.param(
            [
                gives(5, COMMAS, "1, 2, ...", reason="end_turn"),
                gives(5, LINES, "301\n302\n...", reason="end_turn"),
            ],
            id="a model that shortens the list",
        ),
        pytest.param(
            [
                gives(200, COMMAS, listing(1, 100), reason="end_turn"),
                gives(200, LINES, listing(301, 100, "\n"), reason="end_turn"),
            ],
            id="a model that stops after 100 numbers",
        ),
        pytest.param(
            [
                gives(90, COMMAS, "I cannot list so many numbers, but here are 3.", reason="end_turn"),
                gives(90, LINES, "I cannot list so many numbers, but here are 3.", reason="end_turn"),
            ],
            id="a model that explains",
        ),
    ],
)
def test_short_answers_of_a_model_show_nothing(run: Run) -> None:
    assert judged(run).outcome == NOT_VERIFIED
