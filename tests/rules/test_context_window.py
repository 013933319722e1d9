"""A refusal that names the context window is a limit of the model, if the request can have exceeded it."""

import pytest
from builders import ERROR_BODY, exchange, response

from messages_conformance.rules.accessors import MIN_WINDOW_TOKENS, beyond_context

LONG = {"messages": [{"role": "user", "content": "x" * 3 * MIN_WINDOW_TOKENS}]}
WORDS = (
    "prompt is too long: 210000 tokens > 200000 maximum",
    "This model's maximum context length is 4096 tokens. However, you requested 4097 tokens.",
    "the request exceeds the available context size (2048 tokens), try increasing it",
    "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
    "The prompt exceeds the context window of this model",
)


def refusal(message, *, status=400, ask=LONG):
    body = {**ERROR_BODY, "error": {"type": "invalid_request_error", "message": message}}
    return exchange(response(body, status=status), ask=ask)


@pytest.mark.parametrize("message", WORDS)
def test_the_words_of_vendors_are_known(message):
    assert message[:40] in beyond_context(refusal(message))


@pytest.mark.parametrize("status", [400, 413, 422])
def test_any_clean_refusal_counts(status):
    assert beyond_context(refusal(WORDS[0], status=status))


def test_a_high_max_tokens_can_exceed_the_window_too():
    assert beyond_context(refusal(WORDS[3], ask={"max_tokens": 200_000}))


@pytest.mark.parametrize(
    "given",
    [
        refusal(WORDS[0], ask={}),
        refusal("system: Input should be a valid string"),
        refusal(WORDS[0], status=500),
        refusal(WORDS[0], status=429),
        exchange(response(), ask=LONG),
    ],
    ids=["a short request", "other words", "5xx", "a rate limit", "success"],
)
def test_other_answers_are_no_limit_of_the_model(given):
    assert beyond_context(given) == ""
