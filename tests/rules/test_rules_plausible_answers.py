"""Answers that look right alone: citations, headers of streams, cached counts, capabilities, silence."""

from typing import Any

import pytest
from builders import answered, exchange, home, numbered, refused, response, streamed, verdicts

from messages_conformance.exchange import ACCEPTED, EITHER, Chunk, Exchange
from messages_conformance.rules import NOT_APPLICABLE, NOT_VERIFIED, PASS

Run = list[Exchange]

DATA = "The library opens at nine. It closes at five."
CITATION = {
    "type": "char_location",
    "cited_text": "It closes at five.",
    "document_index": 0,
    "document_title": None,
    "start_char_index": 27,
    "end_char_index": 45,
}
DOCUMENT = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": DATA}}
ENABLED = {**DOCUMENT, "citations": {"enabled": True}}
RESULT = {
    "type": "search_result",
    "source": "https://a.invalid",
    "title": "Hours",
    "content": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}],
    "citations": {"enabled": True},
}
OF_RESULT = {
    "type": "search_result_location",
    "cited_text": "Two.",
    "search_result_index": 0,
    "source": "https://a.invalid",
    "title": "Hours",
    "start_block_index": 1,
    "end_block_index": 2,
}


def cited(citation: Any, *blocks: Any) -> Run:
    text = {"type": "text", "text": "At five.", "citations": [citation]}
    return [answered({"content": [text]}, ask={"messages": [{"role": "user", "content": list(blocks)}]})]


SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "name": {"type": "string"}},
    "required": ["name"],
}


def structured(text: str, stop_reason: str = "end_turn") -> Run:
    ask = {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}
    return [answered({"content": [{"type": "text", "text": text}], "stop_reason": stop_reason}, ask=ask)]


LIMITS = {"headers": {"anthropic-ratelimit-requests-reset": "2026-11-30T08:01:00Z"}}
DATED = {"headers": {**LIMITS["headers"], "date": "Mon, 30 Nov 2026 08:05:00 GMT"}}
LATE = {"headers": {**LIMITS["headers"], "date": "Mon, 30 Nov 2026 09:03:00 GMT"}}
WHOLE = [answered(http=LIMITS)] * 3


def item(supported: Any) -> Exchange:
    body = {"id": "m", "type": "model", "capabilities": {"image_input": {"supported": supported}}}
    return exchange(response(body), ask=b"", method="GET", path="/v1/models/m", expect=EITHER)


def picture(answer: Exchange, number: int = 0) -> Exchange:
    ask = {"max_tokens": 50 + number}
    return exchange(answer.response, ask=ask, capability="images", requested_model="m", expect=ACCEPTED)


COUNT = "/v1/messages/count_tokens"
LONG = {"system": [{"type": "text", "text": "A long text.", "cache_control": {"type": "ephemeral"}}]}


def fresh(read: int, written: int) -> Exchange:
    usage = {"input_tokens": 9, "output_tokens": 1, "cache_read_input_tokens": read}
    return answered(
        {"usage": {**usage, "cache_creation_input_tokens": written}}, ask=LONG, probes=("usage.cache.isolated",)
    )


COUNTED = exchange(response({"input_tokens": 2000}), ask={**LONG, "max_tokens": ...}, path=COUNT, expect=EITHER)


def edited(**management: Any) -> Run:
    body = {"input_tokens": 20, **({"context_management": management} if management else {})}
    return [exchange(response(body), ask={"context_management": {"edits": []}}, path=COUNT, expect=EITHER)]


def latin_1(text: str) -> Run:
    return [answered({"content": [{"type": "text", "text": text}]}, probes=("transport.request.charset",))]


def too_large(**details: Any) -> Run:
    error = {"type": "invalid_request_error", "message": "too large"}
    return [refused(400, {"error": {**error, "details": {"error_code": "image_dimensions_too_large", **details}}})]


def paused(seconds: float) -> Run:
    one = streamed()
    assert one.response is not None
    body = one.response.body
    chunks = (Chunk(at_s=0.1, data=body[:50]), Chunk(at_s=0.1 + seconds, data=body[50:]))
    return [streamed(http={"chunks": chunks, "ended_at_s": 0.2 + seconds})]


SLICE, ENABLING = "response.citations.slice", "response.citations.only-when-enabled"
ISOLATED, UNWRITTEN = "usage.cache.isolated", "adjacent.count_tokens.no-side-effect"
CAPABILITIES = "adjacent.models.capabilities"

ROWS: dict[str, tuple[list[Run], list[Run]]] = {
    SLICE: (
        [
            cited({**CITATION, "start_char_index": 20}, ENABLED),
            cited({**CITATION, "document_index": 1}, ENABLED),
            cited({**CITATION, "document_title": "Other"}, ENABLED),
            cited({**OF_RESULT, "start_block_index": 0, "end_block_index": 1}, RESULT),
            cited({**OF_RESULT, "source": "https://b.invalid"}, RESULT),
        ],
        [
            cited(CITATION, ENABLED),
            cited({**CITATION, "document_index": 1}, {**ENABLED, "title": "First"}, ENABLED),
            cited(OF_RESULT, RESULT),
            cited({**OF_RESULT, "start_block_index": 0, "cited_text": "One.Two."}, RESULT),
            cited(OF_RESULT, {"type": "tool_result", "tool_use_id": "toolu_1", "content": [RESULT]}),
            cited({"type": "page_location", "cited_text": "x", "document_index": 0}, ENABLED),
        ],
    ),
    ENABLING: (
        [cited(CITATION, DOCUMENT), cited(CITATION), cited(OF_RESULT)],
        [
            cited(CITATION, ENABLED),
            cited(OF_RESULT, {"type": "tool_result", "tool_use_id": "toolu_1", "content": [RESULT]}),
            cited({"type": "web_search_result_location", "cited_text": "x"}),
            [answered()],
        ],
    ),
    "response.output_config.property-order": (
        [structured('{"city": "Rome", "name": "Ada"}')],
        [structured('{"name": "Ada", "city": "Rome"}'), structured('{"name": "Ada"}')],
    ),
    "headers.stream-equals-json": (
        [[*WHOLE, *[streamed()] * 3]],
        [[*WHOLE, *[streamed(http=LIMITS)] * 3], [*WHOLE, answered(), *[streamed()] * 3]],
    ),
    "headers.ratelimit.sane": ([[answered(http=LATE)]], [[answered(http=DATED)]]),
    "errors.image.details": (
        [too_large(), too_large(max_side_length_pixels=8000, paths=[])],
        [too_large(max_side_length_pixels=8000, paths=["messages.0.content.1"])],
    ),
    CAPABILITIES: (
        [
            [item(False), picture(answered())],
            [item(True), picture(refused()), picture(refused(), 1)],
        ],
        [[item(True), picture(answered())], [item(False), picture(refused())]],
    ),
    ISOLATED: ([[fresh(2000, 0)]], [[fresh(0, 2000)]]),
    UNWRITTEN: ([[COUNTED, fresh(2000, 0)]], [[COUNTED, fresh(0, 2000)]]),
    "adjacent.count_tokens.context_management": (
        [edited(), edited(original_input_tokens=10)],
        [edited(original_input_tokens=20), edited(original_input_tokens=90)],
    ),
    "transport.request.charset": (
        [latin_1("caf\ufffd"), latin_1("cafÃ©")],
        [latin_1("café"), [refused(400, probes=("transport.request.charset",))]],
    ),
    "claude-code.stream.silence": ([paused(25.0)], [paused(15.0), [streamed()]]),
}


def judged(requirement: str, run: Run) -> Any:
    under = "claude-code" if requirement.startswith("claude-code.") else home(requirement)
    return verdicts(numbered(*run), under=under, only=[requirement])[requirement]


@pytest.mark.parametrize(("requirement", "run"), [(name, run) for name, rows in ROWS.items() for run in rows[0]])
def test_it_is_violated(requirement: str, run: Run) -> None:
    (finding,) = judged(requirement, run).findings
    assert finding.exchange
    assert finding.wanted


@pytest.mark.parametrize(("requirement", "run"), [(name, run) for name, rows in ROWS.items() for run in rows[1]])
def test_it_passes(requirement: str, run: Run) -> None:
    verdict = judged(requirement, run)
    assert (verdict.outcome, verdict.findings) == (PASS, ())


@pytest.mark.parametrize(
    ("requirement", "run"),
    [
        (ISOLATED, [fresh(0, 0)]),
        ("headers.stream-equals-json", [*WHOLE, streamed()]),
        ("response.output_config.property-order", structured("Ada")),
        ("response.output_config.property-order", structured('{"city": "Rome", "name": 7}')),
        ("response.output_config.property-order", structured('{"city": "Rome", "name": "Ada"}', "max_tokens")),
        ("response.output_config.property-order", structured('["city", "name"]')),
        ("transport.request.charset", latin_1("cafe")),
    ],
)
def test_without_its_premise_it_is_not_verified(requirement: str, run: Run) -> None:
    assert judged(requirement, run).outcome == NOT_VERIFIED


def test_capabilities_that_no_request_uses_are_not_judged() -> None:
    assert judged(CAPABILITIES, [item(False), answered()]).outcome == NOT_APPLICABLE
