"""A part of a request is uncounted only if a note in it, and nothing else, costs no input tokens."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, exchange, numbered, response, verdicts

from messages_conformance.exchange import ACCEPTED, Exchange
from messages_conformance.rules import FAIL, NOT_VERIFIED, PASS, WARN, Verdict
from messages_conformance.rules.parts_counted import NOTE, NOTHING

Run = list[Exchange]
OK = "Reply with ok"
BASE_TOKENS, NOTE_TOKENS = 10, 200
COUNTS = "adjacent.count_tokens.sees-all"
PARTS = "request.parts.counted"


def billed(tokens: int, fields: Any) -> Exchange:
    return answered({"usage": {"input_tokens": tokens, "output_tokens": 5}}, ask=fields)


def counted(tokens: int, fields: Any) -> Exchange:
    body = response({"input_tokens": tokens})
    return exchange(body, ask={**fields, "max_tokens": ...}, path="/v1/messages/count_tokens", expect=ACCEPTED)


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def beside(block: Any) -> dict[str, Any]:
    return {"messages": [user([block, text(OK)])]}


def in_result(block: Any) -> dict[str, Any]:
    call = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [block]}
    return {"messages": [user("Open."), {"role": "assistant", "content": [call]}, user([result])]}


def document(words: str) -> dict[str, Any]:
    return {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": words}}


def found(words: str) -> dict[str, Any]:
    return {"type": "search_result", "source": "https://example.com", "title": "T", "content": [text(words)]}


def described(words: str) -> dict[str, Any]:
    return {"messages": [user(OK)], "tools": [{"name": "f", "description": words, "input_schema": {"type": "object"}}]}


def instructed(*words: str) -> dict[str, Any]:
    return {"messages": [user(OK)], "system": [text(one) for one in words]}


def fixed(words: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"size": {"const": words}}}
    return {"messages": [user(OK)], "tools": [{"name": "f", "input_schema": schema}]}


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 8000}}
NO_IMAGE = text(NOTHING)
FORMS: dict[str, tuple[Any, Any]] = {
    PARTS: (instructed(NOTHING, NOTE), instructed(NOTHING, NOTHING)),
    "request.tools.affects-input-tokens": (described(NOTE), described(NOTHING)),
    "request.tools.keywords-counted": (fixed(NOTE), fixed(NOTHING)),
    "request.document.affects-input-tokens": (beside(document(NOTE)), beside(document(NOTHING))),
    "request.tool_result.document-counts": (in_result(document(NOTE)), in_result(document(NOTHING))),
    "request.search_result.affects-input-tokens": (beside(found(NOTE)), beside(found(NOTHING))),
    "request.tool_result.search-result-counts": (in_result(found(NOTE)), in_result(found(NOTHING))),
    "request.image.affects-input-tokens": (beside(IMAGE), beside(NO_IMAGE)),
    "request.tool_result.image-counts": (in_result(IMAGE), in_result(NO_IMAGE)),
    COUNTS: (described(NOTE), described(NOTHING)),
}


def control(send: Any) -> Run:
    """The question alone, and with a note before it."""
    plain, noted = {"messages": [user(OK)]}, {"messages": [user(f"{NOTE}\n{OK}")]}
    return [send(BASE_TOKENS, plain), send(BASE_TOKENS + NOTE_TOKENS, noted)]


def run(requirement: str, rise: int) -> Run:
    send = counted if requirement == COUNTS else billed
    with_note, without = FORMS[requirement]
    return [send(20 + rise, with_note), send(20, without), *control(send)]


ROWS = {requirement: (run(requirement, 3), run(requirement, NOTE_TOKENS)) for requirement in FORMS}


def judged(requirement: str, exchanges: Run) -> Verdict:
    return verdicts(numbered(*exchanges), under=FULL_PROFILE, only=[requirement])[requirement]


@pytest.mark.parametrize("requirement", ROWS)
def test_a_part_that_costs_nothing_is_found(requirement: str) -> None:
    verdict = judged(requirement, ROWS[requirement][0])
    assert verdict.outcome in (FAIL, WARN)
    assert [finding.exchange for finding in verdict.findings] == [1]


@pytest.mark.parametrize("requirement", ROWS)
def test_a_part_that_costs_its_tokens_passes(requirement: str) -> None:
    assert judged(requirement, ROWS[requirement][1]).outcome == PASS


def long(tokens: int) -> Run:
    return [billed(tokens, {"messages": [user("\n".join([*[NOTE] * 20, OK]))]}), *control(billed)]


def test_a_long_text_that_is_cut_is_found() -> None:
    verdict = judged(PARTS, long(BASE_TOKENS + 15 * NOTE_TOKENS))
    assert verdict.outcome == FAIL
    assert "20 notes" in verdict.findings[0].found


def long_result(tokens: int) -> Run:
    words = " ".join([NOTE] * 20)
    return [billed(20 + tokens, in_result(text(words))), billed(20, in_result(text(NOTHING))), *control(billed)]


def test_a_long_result_of_a_tool_that_is_cut_is_found() -> None:
    verdict = judged(PARTS, long_result(15 * NOTE_TOKENS))
    assert verdict.outcome == FAIL
    assert "20 notes" in verdict.findings[0].found
    assert judged(PARTS, long_result(18 * NOTE_TOKENS)).outcome == PASS


def test_a_long_text_may_cost_a_little_less_than_its_parts() -> None:
    assert judged(PARTS, long(BASE_TOKENS + 18 * NOTE_TOKENS)).outcome == PASS


def test_several_notes_show_that_all_parts_are_counted_but_not_which_one_is_not() -> None:
    both, none = instructed(NOTE, NOTE), instructed(NOTHING, NOTHING)
    counts_all = [billed(20 + 2 * NOTE_TOKENS, both), billed(20, none), *control(billed)]
    counts_one = [billed(20 + NOTE_TOKENS, both), billed(20, none), *control(billed)]
    assert judged(PARTS, counts_all).outcome == PASS
    assert judged(PARTS, counts_one).outcome == NOT_VERIFIED


def test_an_image_in_a_result_that_costs_what_its_base64_costs_as_text_is_found() -> None:
    images = [billed(60, beside(IMAGE)), billed(20, beside(NO_IMAGE))]
    results = [billed(5020, in_result(IMAGE)), billed(20, in_result(NO_IMAGE))]
    verdict = judged("request.tool_result.image-counts", [*results, *images, *control(billed)])
    assert verdict.outcome == FAIL
    assert "base64" in verdict.findings[0].found


def test_an_image_in_a_result_may_cost_as_much_as_one_in_a_message() -> None:
    images = [billed(3020, beside(IMAGE)), billed(20, beside(NO_IMAGE))]
    results = [billed(3020, in_result(IMAGE)), billed(20, in_result(NO_IMAGE))]
    assert judged("request.tool_result.image-counts", [*results, *images, *control(billed)]).outcome == PASS


@pytest.mark.parametrize("tokens", [0, 7])
def test_a_count_that_never_changes_is_found(tokens: int) -> None:
    plain = {"messages": [user(OK)]}
    notes = [{"messages": [user("\n".join([*[NOTE] * number, OK]))]} for number in (1, 20)]
    assert judged(COUNTS, [counted(tokens, one) for one in (*notes, plain)]).outcome == FAIL


def test_counts_that_do_not_show_a_note_show_nothing_about_parts() -> None:
    with_note, without = FORMS[PARTS]
    assert judged(PARTS, [billed(20, with_note), billed(20, without)]).outcome == NOT_VERIFIED


def test_a_single_count_of_zero_counts_nothing() -> None:
    asked = {"messages": [user(OK)]}
    assert judged(COUNTS, [counted(0, asked)]).outcome == FAIL
    assert judged(COUNTS, [counted(1, asked)]).outcome == NOT_VERIFIED


@pytest.mark.parametrize(("tokens", "is_found"), [(64, True), (100, False)], ids=["lost", "counted"])
def test_a_second_image_that_costs_nothing_is_found(tokens: int, is_found: bool) -> None:
    def two(*blocks: Any) -> Any:
        return {"messages": [user([*blocks, text(OK)])]}

    images = [billed(tokens, two(IMAGE, IMAGE)), billed(60, two(IMAGE, NO_IMAGE)), billed(20, two(NO_IMAGE, NO_IMAGE))]
    run = [*images, *control(billed)]
    verdict = judged("request.image.affects-input-tokens", run)
    assert bool(verdict.findings) is is_found
