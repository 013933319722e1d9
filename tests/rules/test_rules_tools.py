"""Tool calls, thinking, output formats and sizes; and capabilities that the target refuses."""

import json
import random
from typing import Any

import pytest
from builders import FULL_PROFILE, TOOL_CALL, TOOLS, answered, numbered, refused, streamed, verdicts
from stream_frames import block, delta, ends, fragment, over, start, stop, text

from messages_conformance.exchange import ACCEPTED, EITHER, REFUSED, Exchange
from messages_conformance.rules import FAIL, NOT_APPLICABLE, NOT_VERIFIED, PASS, WARN, Verdict
from messages_conformance.rules.json_prefix import is_prefix

Run = list[Exchange]
PAIR = [{"name": name, "input_schema": {"type": "object"}} for name in ("f", "g")]
SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
STRICT = [{"name": "f", "input_schema": SCHEMA, "strict": True}]
FORMAT = {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
OMITTED = {"thinking": {"type": "enabled", "budget_tokens": 1024, "display": "omitted"}}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
HELLO = {"type": "text", "text": "Hello"}
EMPTY = {"type": "text", "text": ""}
UNMODIFIED: dict[str, Any] = {"probes": ("request.thinking.unmodified-blocks",), "expect": REFUSED}
SIZE: dict[str, Any] = {"probes": ("transport.request.size-limit",), "expect": REFUSED}
NO_IMAGES = {"error": {"type": "invalid_request_error", "message": "this model takes no images"}}


def called(*calls: dict[str, Any], choice: Any = ..., tools: Any = PAIR, reason: str = "tool_use") -> Exchange:
    """An answer with these tool calls, each a change to the plainest one."""
    content = [{**TOOL_CALL, "id": f"toolu_{number}", **changes} for number, changes in enumerate(calls)]
    return answered({"content": content, "stop_reason": reason}, ask={"tools": tools, "tool_choice": choice})


def with_blocks(*blocks: Any, ask: Any = None, reason: str = "end_turn", **fields: Any) -> Exchange:
    return answered({"content": list(blocks), "stop_reason": reason}, ask=ask, **fields)


def uncalled(choice: Any, reason: str = "end_turn") -> Exchange:
    return with_blocks(HELLO, ask={"tools": PAIR, "tool_choice": choice}, reason=reason)


def streams_call(*fragments: str, tools: Any = TOOLS) -> Exchange:
    events = [start(), block(0, "tool_use"), *map(fragment, fragments), stop(), ends("tool_use"), over()]
    return streamed(events, ask={"tools": tools})


def streams_thought(*deltas: Any) -> Exchange:
    events = [start(), block(0, "thinking"), *deltas, stop(), block(1), text("Hello", 1), stop(1), ends(), over()]
    return streamed(events, ask=OMITTED)


def judged(requirement: str, run: Run) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[requirement])[requirement]


ANY, NAMED, NONE = {"type": "any"}, {"type": "tool", "name": "g"}, {"type": "none"}
ONE = {"disable_parallel_tool_use": True}
SIGNATURE = delta(0, "signature_delta", signature="c2ln")

DEMANDING = [{**TOOLS[0], "input_schema": {"type": "object", "required": ["age"]}}]

ANNOUNCED = with_blocks(HELLO, TOOL_CALL, ask={"tools": PAIR, "tool_choice": ANY}, reason="tool_use")

ROWS: dict[str, tuple[Run, Run]] = {
    "request.tool_choice.any-forces": ([uncalled(ANY)], [called({}, choice=ANY)]),
    "request.tool_choice.tool-forces": ([called({}, choice=NAMED)], [called({"name": "g"}, choice=NAMED)]),
    "response.tool_use.forced-first": (
        [with_blocks(EMPTY, TOOL_CALL, ask={"tools": PAIR, "tool_choice": ANY}, reason="tool_use")],
        [with_blocks(HELLO, TOOL_CALL, EMPTY, ask={"tools": PAIR, "tool_choice": ANY}, reason="tool_use")],
    ),
    "response.tool_use.forced-alone": ([ANNOUNCED] * 4, [*[ANNOUNCED] * 3, called({}, choice=ANY)]),
    "request.tool_choice.none-forbids": ([called({}, choice=NONE)], [uncalled(NONE)]),
    "request.tool_choice.disable-parallel-auto": (
        [called({}, {"name": "g"}, choice={"type": "auto", **ONE})],
        [called({}, choice={"type": "auto", **ONE})],
    ),
    "request.tool_choice.disable-parallel-any": (
        [called({}, {"name": "g"}, choice={**ANY, **ONE})],
        [called({}, choice={**ANY, **ONE})],
    ),
    "response.content.tool_use-id-pattern": ([called({"id": "call:1."})], [called({"id": "call_1-A"})]),
    "response.content.tool_use-ids-unique": ([called({"id": "f"}, {"id": "f"})], [called({}, {})]),
    "response.content.tool_use-name-known": ([called({"name": "F"})], [called({"name": "g"})]),
    "response.content.tool_use-input-schema": (
        [called({"input": {"age": "old"}}, tools=STRICT)],
        [called({"input": {"age": 36}}, tools=STRICT)],
    ),
    "response.content.server-tool-ids": (
        [with_blocks({"type": "server_tool_use", "id": "toolu_1", "name": "web_search", "input": {}})],
        [with_blocks({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}})],
    ),
    "response.content.tool_use-input-arrives": (
        [called({"input": {}}, tools=DEMANDING), called({"input": {}}, tools=DEMANDING)],
        [called({"input": {}}, tools=DEMANDING), called({"input": {"age": 36}}, tools=DEMANDING)],
    ),
    "response.content.thinking-signature": (
        [with_blocks({**THOUGHT, "signature": None}, HELLO, ask=THINKING)],
        [with_blocks(THOUGHT, HELLO, ask=THINKING)],
    ),
    "response.content.thinking-order": (
        [with_blocks(HELLO, THOUGHT, ask=THINKING)],
        [with_blocks(THOUGHT, HELLO, ask=THINKING)],
    ),
    "response.content.thinking-omitted": (
        [with_blocks(THOUGHT, HELLO, ask=OMITTED)],
        [with_blocks({**THOUGHT, "thinking": ""}, HELLO, ask=OMITTED)],
    ),
    "stream.delta.thinking-omitted": (
        [streams_thought(delta(0, "thinking_delta", thinking="hm"), SIGNATURE)],
        [streams_thought(SIGNATURE)],
    ),
    "stream.delta.partial-json-prefix-valid": ([streams_call('{"a": ', "'b'}")], [streams_call('{"a": ', '"b"}')]),
    "request.thinking.unmodified-blocks": ([answered(**UNMODIFIED)], [refused(**UNMODIFIED)]),
    "request.output_config.format-valid-json": (
        [with_blocks({"type": "text", "text": '```json\n{"age": 36}\n```'}, ask=FORMAT)],
        [with_blocks({"type": "text", "text": '{"age": 36}'}, ask=FORMAT)],
    ),
    "transport.request.size-limit": ([refused(400, **SIZE)], [refused(413, **SIZE)]),
}


@pytest.mark.parametrize("requirement", ROWS)
def test_it_is_violated(requirement: str) -> None:
    verdict = judged(requirement, ROWS[requirement][0])
    assert len(verdict.findings) == 1
    assert verdict.findings[0].exchange == 1
    assert verdict.findings[0].found
    assert verdict.findings[0].wanted


@pytest.mark.parametrize("requirement", ROWS)
def test_it_passes(requirement: str) -> None:
    verdict = judged(requirement, ROWS[requirement][1])
    assert (verdict.outcome, verdict.findings) == (PASS, ())


@pytest.mark.parametrize(
    ("requirement", "run"),
    [
        ("request.tool_choice.tool-forces", [uncalled(NAMED)]),
        ("response.content.thinking-signature", [with_blocks({"type": "thinking", "thinking": "hm"}, HELLO)]),
        ("response.content.tool_use-input-arrives", [streams_call(tools=DEMANDING), streams_call(tools=DEMANDING)]),
        ("response.content.thinking-omitted", [with_blocks({**THOUGHT, "thinking": "", "signature": ""}, ask=OMITTED)]),
        (
            "request.output_config.format-valid-json",
            [with_blocks({"type": "text", "text": '{"age": "old"}'}, ask=FORMAT)],
        ),
        (
            "request.output_config.format-valid-json",
            [with_blocks({"type": "text", "text": "Ada is 36 years"}, ask=FORMAT, reason="max_tokens")],
        ),
        ("transport.request.size-limit", [answered(**SIZE)]),
        ("stream.delta.partial-json-prefix-valid", [streams_call('{"a": 1}', '{"a": 1}')]),
    ],
)
def test_other_ways_of_violating_it(requirement: str, run: Run) -> None:
    assert len(judged(requirement, run).findings) == 1


EAGER = [{**TOOLS[0], "eager_input_streaming": True}]


@pytest.mark.parametrize(
    ("requirement", "run"),
    [
        # An answer that the limit cut, or a refusal, is not a violation.
        ("request.tool_choice.any-forces", [uncalled(ANY, reason="max_tokens")]),
        ("request.tool_choice.any-forces", [uncalled(ANY, reason="refusal")]),
        ("request.tool_choice.tool-forces", [uncalled(NAMED, reason="max_tokens")]),
        ("request.tool_choice.any-forces", [streamed([start(), block()], ask={"tools": PAIR, "tool_choice": ANY})]),
        # Another requirement judges an unknown name.
        ("request.tool_choice.tool-forces", [called({"name": "G"}, choice=NAMED)]),
        ("request.tool_choice.disable-parallel-auto", [uncalled({"type": "auto", **ONE})]),
        ("request.tool_choice.disable-parallel-any", [uncalled({**ANY, **ONE})]),
        ("response.content.tool_use-id-pattern", [answered()]),
        ("response.content.tool_use-ids-unique", [called({})]),
        ("response.content.tool_use-name-known", [uncalled({"type": "auto"})]),
        (
            "response.content.tool_use-name-known",
            [called({"name": "h"}, tools=[*PAIR, {"type": "computer_toolset_1"}])],
        ),
        ("response.content.tool_use-input-schema", [with_blocks(HELLO, ask={"tools": STRICT})]),
        ("response.content.tool_use-input-schema", [called({}, tools=STRICT, reason="max_tokens")]),
        ("response.content.thinking-order", [with_blocks(HELLO, ask=THINKING)]),
        ("response.content.tool_use-input-arrives", [called({"input": {}}, tools=DEMANDING)]),
        ("response.content.thinking-omitted", [with_blocks(HELLO, ask=OMITTED)]),
        ("stream.delta.partial-json-prefix-valid", [streams_call("{'a'", tools=EAGER)]),
        ("stream.delta.partial-json-prefix-valid", [streams_call("")]),
        (
            "request.output_config.format-valid-json",
            [with_blocks({"type": "text", "text": '{"age"'}, ask=FORMAT, reason="max_tokens")],
        ),
    ],
)
def test_a_requirement_without_its_premise_is_not_verified(requirement: str, run: Run) -> None:
    verdict = judged(requirement, run)
    assert (verdict.outcome, verdict.findings) == (NOT_VERIFIED, ())
    assert verdict.reason


def test_a_model_that_does_not_call_is_quoted() -> None:
    reason = judged("response.content.tool_use-name-known", [uncalled({"type": "auto"})]).reason
    assert reason == 'no tool was called; the model answered "Hello"'


def test_empty_ids_are_not_equal_ids() -> None:
    # response.content.tool_use-fields judges them.
    assert judged("response.content.tool_use-ids-unique", [called({"id": ""}, {"id": ""})]).findings == ()


def test_an_empty_input_is_a_mismatch_without_streaming_only() -> None:
    required = [{**STRICT[0], "input_schema": {**STRICT[0]["input_schema"], "required": ["age"]}}]
    assert judged("response.content.tool_use-input-schema", [called({"input": {}}, tools=required)]).findings


def test_thinking_between_two_texts_is_in_order() -> None:
    run = [with_blocks(THOUGHT, HELLO, THOUGHT, HELLO, ask=THINKING), with_blocks(THOUGHT, ask=THINKING)]
    assert judged("response.content.thinking-order", run).outcome == PASS


CALL = {"type": "tool_use", "id": "toolu_9", "name": "f", "input": {}}


@pytest.mark.parametrize(("content", "outcome"), [((CALL, THOUGHT), WARN), ((THOUGHT, CALL, THOUGHT), PASS)])
def test_a_turn_of_calls_does_not_begin_to_think_behind_them(content: Any, outcome: str) -> None:
    run = [with_blocks(*content, ask={**THINKING, "tools": DEMANDING}, reason="tool_use")]
    assert judged("response.content.thinking-order", run).outcome == outcome


# -- capabilities of some models ------------------------------------------------------------------------------------

ROW = "request.image.bad-base64"
IMAGES: dict[str, Any] = {"capability": "images"}
INVALID: dict[str, Any] = {**IMAGES, "probes": (ROW,), "expect": REFUSED}


def test_a_capability_that_every_answer_refuses_is_not_applicable_and_quotes_the_target() -> None:
    verdict = judged(ROW, [refused(400, NO_IMAGES, expect=EITHER, **IMAGES), refused(400, **INVALID)])
    assert verdict.outcome == NOT_APPLICABLE
    assert verdict.reason == 'the target refuses images: 400 "this model takes no images"'


def test_a_capability_that_one_answer_shows_is_judged() -> None:
    asked = {"expect": EITHER, **IMAGES}
    verdict = judged(ROW, [refused(400, NO_IMAGES, **asked), answered(**asked), refused(400, **INVALID)])
    assert verdict.outcome == PASS


def test_a_capability_that_no_request_needs_is_not_decided() -> None:
    assert judged(ROW, [answered()]).outcome == NOT_VERIFIED
    assert judged(ROW, [refused(400, **INVALID)]).outcome == PASS


def test_a_violation_counts_even_if_other_answers_refuse() -> None:
    run = [refused(400, NO_IMAGES, expect=EITHER, **IMAGES), answered(**INVALID)]
    assert len(judged(ROW, run).findings) == 1


@pytest.mark.parametrize("status", [401, 429, 500])
def test_a_failure_is_not_a_refusal_of_a_capability(status: int) -> None:
    run = [refused(status, NO_IMAGES, expect=EITHER, **IMAGES), refused(400, **INVALID)]
    assert judged(ROW, run).outcome == PASS


PLAIN = "transport.path.post-messages"


def test_a_clean_refusal_is_not_a_fault_if_the_capability_depends_on_the_model() -> None:
    verdict = judged(PLAIN, [refused(400, NO_IMAGES, probes=(PLAIN,), expect=EITHER, **IMAGES)])
    assert (verdict.outcome, verdict.findings) == (NOT_VERIFIED, ())


@pytest.mark.parametrize(("status", "expect"), [(500, EITHER), (400, ACCEPTED)])
def test_a_crash_and_the_refusal_of_a_promised_capability_are_faults(status: int, expect: str) -> None:
    verdict = judged(PLAIN, [refused(status, NO_IMAGES, probes=(PLAIN,), expect=expect, **IMAGES)])
    assert verdict.outcome == FAIL


# -- the beginning of a JSON object ---------------------------------------------------------------------------------

DOCUMENTS: list[Any] = [
    {},
    {"a": 1},
    {"location": "Paris", "days": [1, -2.5e-7, 1e30, 0], "deep": {"x": [{}, [], None, True, False]}},
    {'q"uote': "back\\slash \\\\", "\n": "é😀\u2028", "k\\": ["tru", "\\", '"']},
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=range(len(DOCUMENTS)))
@pytest.mark.parametrize("options", [{}, {"indent": 1}, {"ensure_ascii": False}], ids=["plain", "indented", "raw"])
def test_every_beginning_of_a_json_object_is_accepted(document: Any, options: dict[str, Any]) -> None:
    written = json.dumps(document, **options)
    assert [at for at in range(len(written) + 1) if not is_prefix(written[:at])] == []


@pytest.mark.parametrize(
    "broken",
    [
        *("{'a", '{"a"}', '{"a":1}}', '{"a":1}{', '{"a":1,,', "{a", '{"a":tru3', '{"a":01', '{"a":"\n', '{"a":"\\x'),
        *('{"a" 1', '{"a":{"a":1}{', "{,", ":", "]", '{"a":1 2', '{"a"{"a":1}', "hello", '"a" "b"'),
    ],
)
def test_other_texts_are_not_the_beginning_of_a_json_object(broken: str) -> None:
    assert not is_prefix(broken)


def test_one_extra_character_is_noticed() -> None:
    chance, written = random.Random(7), json.dumps(DOCUMENTS[2])
    places = [chance.randrange(1, len(written)) for _ in range(50)]
    assert not any(is_prefix(f"{written[:at]}\x01{written[at:]}") for at in places)
