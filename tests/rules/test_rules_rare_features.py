"""Features of requests that are rarely used, such as a temperature of 0: accepted at least once, in any request."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, exchange, numbered, response, verdicts

from messages_conformance.exchange import EITHER, Exchange
from messages_conformance.rules import CATALOGUE, FAIL, MUST, NOT_VERIFIED, PASS, WARN, Verdict

Run = list[Exchange]
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
TEXT = {"type": "text", "text": "Reply with the single word: ok"}
MARK = {"cache_control": {"type": "ephemeral"}}
PROBED = {"probes": ("transport.path.post-messages",), "expect": EITHER}


def asking(*blocks: Any, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [*blocks, TEXT]}], **fields}


def referring(name: str) -> dict[str, Any]:
    found = {"type": "tool_reference", "tool_name": name}
    return asking({"type": "tool_result", "tool_use_id": "toolu_1", "content": [found]})


FORMS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "request.temperature.zero": (asking(temperature=0), asking(temperature=0.7)),
    "request.image.several": (asking(IMAGE, IMAGE), asking(IMAGE)),
    "request.cache_control.top-level": (asking(**MARK), asking({**TEXT, **MARK})),
    "request.tool_reference.long-name": (
        referring("x" * 65),
        {**referring("find_hours"), "tools": [{"name": "x" * 65}]},
    ),
}


def accepted(ask: Any) -> Exchange:
    return answered({}, ask=ask, **PROBED)


def refused(ask: Any, message: str = "no") -> Exchange:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": message}}
    return exchange(response(error, status=400), ask=ask, **PROBED)


def judged(requirement: str, *run: Exchange) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[requirement])[requirement]


ROWS: dict[str, tuple[Run, Run]] = {
    name: ([refused(rare), accepted(usual)], [refused(rare), accepted(rare)]) for name, (rare, usual) in FORMS.items()
}


@pytest.mark.parametrize("requirement", FORMS)
def test_only_the_rare_form_is_refused(requirement: str) -> None:
    rare, usual = FORMS[requirement]
    verdict = judged(requirement, refused(rare), accepted(usual))
    assert verdict.outcome == (FAIL if CATALOGUE[requirement].level == MUST else WARN)


@pytest.mark.parametrize("requirement", FORMS)
def test_it_is_accepted_once(requirement: str) -> None:
    rare, _ = FORMS[requirement]
    assert judged(requirement, refused(rare), accepted(rare)).outcome == PASS


@pytest.mark.parametrize("requirement", FORMS)
def test_the_usual_form_is_refused_too(requirement: str) -> None:
    rare, usual = FORMS[requirement]
    assert judged(requirement, refused(rare), refused(usual)).outcome == NOT_VERIFIED


@pytest.mark.parametrize("requirement", FORMS)
def test_it_was_not_sent(requirement: str) -> None:
    assert judged(requirement, accepted(FORMS[requirement][1])).outcome == NOT_VERIFIED


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("At most 1 image(s) may be provided in one prompt.", NOT_VERIFIED),
        ("Only one image is allowed per prompt", NOT_VERIFIED),
        ("one image per message", NOT_VERIFIED),
        ("this model takes one image per message", NOT_VERIFIED),
        ("The model supports a single image", NOT_VERIFIED),
        ("messages.0.content.1: an image is not expected here", FAIL),
        ("too many images: 2 > 1", NOT_VERIFIED),
        ("This model does not support multiple images.", NOT_VERIFIED),
        ("messages.0.content.1: images are not supported here", FAIL),
        ("messages.0.content: only text is supported after an image", FAIL),
        ("The image is invalid", FAIL),
    ],
)
def test_a_limit_of_images_is_a_limit_of_the_target(message: str, outcome: str) -> None:
    several, one = FORMS["request.image.several"]
    assert judged("request.image.several", refused(several, message), accepted(one)).outcome == outcome
