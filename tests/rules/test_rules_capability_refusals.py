"""A capability is refused by a refusal that names it, or by the same refusal of a second request of its kind."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, refused

from messages_conformance.contract import capabilities, profile, profile_names
from messages_conformance.exchange import EITHER, Exchange
from messages_conformance.rules.accessors import cleanly_refused
from messages_conformance.rules.capability_refusals import NAMED, refused_capabilities

PROFILE = profile(FULL_PROFILE)


def refusing(message: str, size: int = 1) -> Exchange:
    error = {"error": {"type": "invalid_request_error", "message": message}}
    return refused(400, error, ask={"max_tokens": size}, capability="images", expect=EITHER)


@pytest.mark.parametrize(
    ("run", "is_refused"),
    [
        ([refusing("image blocks are not supported")], True),
        ([refusing("Bad request")], False),
        ([refusing("messages.0.content.1: no", 1), refusing("messages.12.content.0: no", 2)], True),
        ([refusing("Bad request", 1), refusing("Bad request", 1)], False),
        ([refusing("Bad request", 1), refusing("Something else", 2)], False),
        ([refusing("image blocks are not supported"), answered(capability="images", expect=EITHER)], False),
    ],
)
def test_a_single_odd_refusal_says_nothing(run: list[Exchange], is_refused: bool) -> None:
    assert ("images" in refused_capabilities(run, PROFILE)) is is_refused


def test_words_are_known_for_everything_that_a_profile_leaves_to_the_model() -> None:
    left = {name for one in profile_names() for name in profile(one).depends_on_model}
    assert left <= NAMED.keys() <= capabilities().keys()


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("Images are not supported", '422 "Images are not supported"'),
        ([{"loc": ["body"], "msg": "no images"}, {"msg": "no files"}], '422 "no images; no files"'),
        ([], ""),
        (17, ""),
    ],
)
def test_the_detail_of_a_web_framework_is_a_refusal(detail: Any, words: str) -> None:
    body = {"type": ..., "error": ..., "request_id": ..., "detail": detail}
    assert cleanly_refused(refused(422, body)) == words
