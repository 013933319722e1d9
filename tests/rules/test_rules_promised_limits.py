"""The max_tokens that the list of models promises is accepted; the stream is left early."""

import pytest
from builders import FULL_PROFILE, exchange, numbered, response, streamed, verdicts

from messages_conformance.exchange import EITHER, Exchange
from messages_conformance.rules import NOT_VERIFIED, PASS, WARN

REACHED = "adjacent.models.max_tokens-accepted"


def answer(status: int, message: str = "too many") -> Exchange:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    return exchange(
        response(error, status=status), ask={"max_tokens": 64_000, "stream": True}, probes=(REACHED,), expect=EITHER
    )


ROWS = {REACHED: ([answer(400), streamed()], [answer(200), streamed()])}


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (answer(400), WARN),
        (answer(200), PASS),
        (answer(429), PASS),
        (answer(400, "input length and max_tokens exceed context limit: 9 + 8192 > 8192"), NOT_VERIFIED),
    ],
)
def test_the_limit_of_the_list(given: Exchange, outcome: str) -> None:
    other = streamed()
    assert verdicts(numbered(given, other), under=FULL_PROFILE, only=[REACHED])[REACHED].outcome == outcome


def test_a_target_that_refuses_all_streams_is_not_judged() -> None:
    assert verdicts(numbered(answer(400)), under=FULL_PROFILE, only=[REACHED])[REACHED].outcome == NOT_VERIFIED
