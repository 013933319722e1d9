"""Every requirement of the catalogue, with exchanges that violate it and exchanges that do not."""

import importlib
from pathlib import Path
from typing import Any

import pytest
from builders import (
    TOOL_CALL,
    TOOLS,
    answered,
    home,
    numbered,
    refused,
    streamed,
    verdicts,
)
from sample_runs import (
    CALLED,
    CITATION,
    CONTROL,
    ERROR_EVENT,
    HI,
    LONG,
    OK,
    OK_STREAM,
    REFUSAL,
    SEQUENCE,
    SEQUENCES,
    SIGNATURE,
    SIGNED,
    THINKING,
    Run,
    call,
    events,
    first,
    headed,
    http,
    invalid,
    last,
    prompting,
    say,
    thought,
    timed,
    used,
    with_type,
)
from stream_frames import FULL, HELLO, block, delta, ends, fragment, over, sse, start, stop, text

from messages_conformance.contract import profile, profile_names
from messages_conformance.contract.probes import Probe, probes
from messages_conformance.exchange import ACCEPTED, KEY_PLACEHOLDER, RESET, TIMEOUT, TOO_LARGE
from messages_conformance.rules import CATALOGUE, NOT_VERIFIED, PASS

Row = tuple[Run, Run]
"""A run that violates the requirement, and one that does not."""

ROWS: dict[str, Row] = {
    # -- transport and headers
    "transport.content-type.charset": (
        http(media_type="application/json; charset=iso-8859-1"),
        http(media_type='application/json;charset="UTF-8"'),
    ),
    "transport.content-type.json-response": (http(media_type="text/plain"), http(media_type="Application/JSON; x=y")),
    "transport.content-type.sse-response": ([answered(stream=True)], OK_STREAM),
    "transport.content-type.error-json": (
        [refused(502, b"<html>Bad gateway", http={"media_type": "text/html"})],
        [refused()],
    ),
    "transport.content-type.error-json-tokmodel": (
        [refused(502, b"<html>Bad gateway", http={"media_type": "text/html"})],
        [refused(401, {"error": {"message": "no"}})],
    ),
    "transport.charset.utf8": (
        [answered(say("cafÃ©"), ask=prompting("Say 'café'."))],
        [answered(say("It is café."), ask=prompting("Say 'café'."))],
    ),
    "transport.accept-encoding": ([answered(b"\x1f\x8b\x08rest")], OK),
    "request.stream.false-json": ([answered(sse(HELLO), http={"media_type": "text/event-stream"})], OK),
    "auth.key-not-echoed": (headed(x_echo=f"Bearer {KEY_PLACEHOLDER}"), OK),
    "transport.path.post-messages": (
        [refused(expect=ACCEPTED, probes=("transport.path.post-messages",))],
        [answered(expect=ACCEPTED, probes=("transport.path.post-messages",))],
    ),
    "headers.request-id.present": (headed(request_id=None), OK),
    "headers.request-id.pattern": (headed(request_id="7f3a-11"), OK),
    "headers.request-id.matches-body": ([refused(400, {"request_id": "req_other"})], [refused()]),
    "headers.request-id.unique": (
        [answered(), answered({"id": "msg_2"})],
        [answered(), answered(http={"headers": {"request-id": "req_2"}})],
    ),
    "headers.ratelimit.format": (
        headed(anthropic_ratelimit_requests_limit="10", anthropic_ratelimit_requests_remaining="11"),
        headed(anthropic_ratelimit_tokens_limit="10", anthropic_ratelimit_tokens_reset="2026-11-22T10:00:00Z"),
    ),
    "headers.x-should-retry": (headed(x_should_retry="maybe"), headed(x_should_retry="false")),
    "headers.retry-after.sane": (headed(retry_after="90000"), headed(retry_after="30")),
    # -- errors
    "errors.envelope.type": ([refused(400, {"type": ...})], [refused()]),
    "errors.envelope.error-object": ([refused(400, {"error": {"type": "x"}})], [refused()]),
    "errors.envelope.tokmodel": ([refused(400, {"error": "no"})], [refused()]),
    "errors.envelope.request_id": ([refused(400, {"request_id": ...})], [refused()]),
    "errors.status.400": (invalid(refused(422)), invalid(refused())),
    "errors.status.402": (with_type(402, "invalid_request_error"), with_type(402, "billing_error")),
    "errors.status.403": (with_type(403, "invalid_request_error"), with_type(403, "permission_error")),
    "errors.status.409": (with_type(409, "invalid_request_error"), with_type(409, "conflict_error")),
    "errors.status.413": (with_type(413, "api_error"), with_type(413, "request_too_large")),
    "errors.status.429": (with_type(429, "api_error"), with_type(429, "rate_limit_error")),
    "errors.status.500": (with_type(500, "server_error"), with_type(500, "api_error")),
    "errors.status.504": (with_type(504, "api_error"), with_type(504, "timeout_error")),
    "errors.status.529": (with_type(529, "api_error"), with_type(529, "overloaded_error")),
    "errors.not-200": ([answered({"type": "error", "error": {"type": "api_error", "message": "m"}})], OK),
    "errors.stream-request-prevalidation": (
        invalid(streamed([ERROR_EVENT])),
        invalid(refused(ask={"stream": True})),
    ),
    "errors.no-5xx-on-bad-input": (invalid(refused(500)), invalid(refused())),
    "errors.no-redirect": ([answered(http={"status": 307, "headers": {"location": "/v2"}})], OK),
    # -- the message
    "response.object": ([answered([1])], OK),
    "response.id.string": ([answered({"id": 7})], OK),
    "response.id.msg-prefix": ([answered({"id": "chatcmpl-1"})], OK),
    "response.id.msg-prefix-anthropic": ([answered({"id": "chatcmpl-1"})], OK),
    "response.id.unique": ([answered(), answered()], [answered(), answered({"id": "msg_2"})]),
    "response.type.message": ([answered({"type": "chat.completion"})], OK),
    "response.role.assistant": ([answered({"role": "model"})], OK),
    "response.content.array": ([answered({"content": "Hello"})], [answered({"content": [], **used(2)})]),
    "response.content.block-type": (
        [answered({"content": [{"text": "Hello"}]})],
        [answered({"content": [{"type": "hologram"}]})],
    ),
    "response.content.text-block": ([answered({"content": [{"type": "text", "text": None}]})], OK),
    "response.content.text-citations": (
        [answered({"content": [{"type": "text", "text": "x", "citations": "none"}]})],
        [answered({"content": [{"type": "text", "text": "x", "citations": None}]})],
    ),
    "response.content.tool_use-fields": (
        [answered({"content": [{**TOOL_CALL, "input": "{}"}], "stop_reason": "tool_use"}, ask={"tools": TOOLS})],
        CALLED,
    ),
    "response.content.no-unrequested-tools": ([answered({"content": [TOOL_CALL], "stop_reason": "tool_use"})], CALLED),
    "response.content.echoable": (
        [refused(probes=("response.content.echoable",))],
        [answered(probes=("response.content.echoable",))],
    ),
    "response.content.echoable-tokmodel": (
        [refused(probes=("response.content.echoable",))],
        [answered(probes=("response.content.echoable",))],
    ),
    "request.messages.content-blocks": (
        [refused(probes=("request.messages.content-blocks",))],
        [answered(probes=("request.messages.content-blocks",))],
    ),
    "response.model.string": ([answered({"model": ""})], OK),
    "response.model.matches-request": ([answered({"model": "other"})], OK),
    "response.stop_reason.present": ([answered({"stop_reason": None})], OK),
    "response.stop_reason.enum-tokmodel": ([answered({"stop_reason": "stop"})], OK),
    "response.stop_reason.enum": ([answered({"stop_reason": "concluded"})], OK),
    "response.stop_reason.own-words": ([answered({"stop_reason": "stop"})], OK),
    "response.stop_sequence.present": ([answered({"stop_sequence": ...})], OK),
    "response.stop_details.refusal-only": ([answered({"stop_details": {"type": "refusal"}})], [answered(REFUSAL)]),
    "tokmodel.example.response-keys": (
        [answered({"usage": ...}, situations=("tokmodel.example",))],
        [answered(situations=("tokmodel.example",))],
    ),
    # -- usage
    "usage.present": ([answered({"usage": ...})], OK),
    "usage.input.positive": ([answered({"usage": {"input_tokens": 0, "output_tokens": 5}})], OK),
    "usage.output.positive": ([answered(used(0))], OK),
    "usage.output.le-max": ([answered(used(101))], [answered(used(100))]),
    "usage.output.eq-max-on-max_tokens": (
        [answered({"stop_reason": "max_tokens", **used(3)})],
        [answered({"stop_reason": "max_tokens", **used(100)})],
    ),
    "usage.output.monotone-with-text": ([answered(say(LONG))], [answered(say(LONG, **used(99)))]),
    "usage.cache.fields-type": (
        [answered(used(cache_read_input_tokens="3"))],
        [answered(used(cache_read_input_tokens=None))],
    ),
    "usage.cache.breakdown-sum": (
        [
            answered(
                used(
                    cache_creation_input_tokens=7,
                    cache_creation={"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 3},
                )
            )
        ],
        [
            answered(
                used(
                    cache_creation_input_tokens=6,
                    cache_creation={"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 3},
                )
            )
        ],
    ),
    "usage.cache.zero-without-control": (
        [answered(used(cache_read_input_tokens=7))],
        [answered(used(cache_read_input_tokens=0))],
    ),
    "usage.thinking.le-output": (
        [answered(used(output_tokens_details={"thinking_tokens": 6}))],
        [answered(used(output_tokens_details={"thinking_tokens": 5}))],
    ),
    "usage.server_tool_use": (
        [answered(used(server_tool_use={"web_search_requests": -1}))],
        [answered(used(server_tool_use={"web_search_requests": 1}))],
    ),
    "usage.no-openai-names": ([answered({"usage": {"prompt_tokens": 10, "completion_tokens": 5}})], OK),
    "usage.input.deterministic": (
        [answered(), answered({"usage": {"input_tokens": 11, "output_tokens": 5}})],
        [answered(), answered({"usage": {"input_tokens": 4, "output_tokens": 5, "cache_read_input_tokens": 6}})],
    ),
    "usage.input.stream-equals-nonstream": (
        [answered(), *first(usage={"input_tokens": 9, "output_tokens": 1})],
        [answered(), streamed()],
    ),
    "usage.input.monotone": (
        [answered(), answered({"usage": {"input_tokens": 7, "output_tokens": 5}}, ask=prompting("Hello" + "!" * 40))],
        [answered(), answered({"usage": {"input_tokens": 20, "output_tokens": 5}}, ask=prompting("Hello" + "!" * 40))],
    ),
    "request.system.affects-input-tokens": (
        [answered(), answered(ask={"system": "x" * 60})],
        [answered(), answered({"usage": {"input_tokens": 30, "output_tokens": 5}}, ask={"system": "x" * 60})],
    ),
    # -- stop reasons
    "stop.end_turn.stop_sequence-null": ([answered({"stop_sequence": "7"})], OK),
    "stop.stop_sequence.none-requested": ([answered({"stop_reason": "stop_sequence", "stop_sequence": "7"})], OK),
    "stop.stop_sequence.value": (
        [answered({"stop_reason": "stop_sequence", "stop_sequence": None}, ask=SEQUENCE)],
        [answered({"stop_reason": "stop_sequence", "stop_sequence": "7"}, ask=SEQUENCE)],
    ),
    "stop.stop_sequence.excluded-from-text": (
        [answered(say("5, 6, 7", stop_reason="stop_sequence", stop_sequence="7"), ask=SEQUENCE)],
        [answered(say("5, 6, ", stop_reason="stop_sequence", stop_sequence="7"), ask=SEQUENCE)],
    ),
    "stop.stop_sequence.stream-no-leak": (
        [streamed([*HELLO[:2], text("6, 7"), stop(), ends("stop_sequence", stop_sequence="7"), over()], ask=SEQUENCE)],
        [streamed([*HELLO[:2], text("6, "), stop(), ends("stop_sequence", stop_sequence="7"), over()], ask=SEQUENCE)],
    ),
    "stop.max_tokens.occurs": (
        [*[answered(say("one two three", **used(5)), ask={"max_tokens": 5})] * 2, answered(CONTROL)],
        [answered(say("one two three", stop_reason="max_tokens"), ask={"max_tokens": 5}), answered(CONTROL)],
    ),
    "stop.stop_sequence.occurs": (
        [answered(say("5, 6, 7, 8"), ask=SEQUENCE), answered(say("5, 6, 7, 8"))],
        [
            answered(say("5, 6, ", stop_reason="stop_sequence", stop_sequence="7"), ask=SEQUENCE),
            answered(say("5, 6, 7, 8")),
        ],
    ),
    "stop.stop_sequence.matched": (
        [
            answered(say("5, 6, ", stop_reason="stop_sequence", stop_sequence="zebra"), ask=SEQUENCES),
            answered(say("5, 6, 7, 8")),
        ],
        [
            answered(say("5, 6, ", stop_reason="stop_sequence", stop_sequence="7"), ask=SEQUENCES),
            answered(say("5, 6, 7, 8")),
        ],
    ),
    "stop.stop_sequence.exact": (
        [
            *[
                answered(
                    say("x, y, ", stop_reason="stop_sequence", stop_sequence="\tZ"), ask={"stop_sequences": ["\tZ"]}
                )
                for _ in range(2)
            ],
            answered(say("x, y, z, w")),
        ],
        [answered(say("x, y, z, w"), ask={"stop_sequences": ["\tZ"]}), answered(say("x, y, z, w"))],
    ),
    "stop.tool_use.implies-block": ([answered({"stop_reason": "tool_use"}, ask={"tools": TOOLS})], CALLED),
    "stop.tool_use.block-implies": ([answered({"content": [TOOL_CALL]}, ask={"tools": TOOLS})], CALLED),
    "stop.pause_turn.server-tools-only": (
        [answered({"stop_reason": "pause_turn"})],
        [
            answered(
                {"stop_reason": "pause_turn"}, ask={"tools": [{"type": "web_search_20250305", "name": "web_search"}]}
            )
        ],
    ),
    "stop.refusal.http-200": ([answered({**REFUSAL, "stop_details": None})], [answered(REFUSAL)]),
    # -- frames of a stream
    "stream.frame.event-line": ([streamed(sse(HELLO).replace(b"event: content_block_delta\n", b""))], OK_STREAM),
    "stream.frame.blank-line": ([streamed(sse(HELLO)[:-1])], OK_STREAM),
    "stream.frame.data-json": ([streamed(sse(HELLO).replace(b'"Hel"}}', b'"Hel"'))], OK_STREAM),
    "stream.frame.type-matches-event": ([streamed([*HELLO[:2], ("message", text("x")[1]), *HELLO[3:]])], OK_STREAM),
    "stream.frame.no-done": ([streamed(sse(HELLO) + b"data: [DONE]\n\n")], OK_STREAM),
    "stream.frame.no-bom": ([streamed(b"\xef\xbb\xbf" + sse(HELLO))], OK_STREAM),
    "stream.frame.line-endings": (
        [streamed(sse(HELLO).replace(b"\n\n", b"\n\r\n"))],
        [streamed(sse(HELLO).replace(b"\n", b"\r\n"))],
    ),
    "stream.frame.incremental": (
        [*2 * timed(*[9.7] * 12, ended_at_s=10), *OK],
        [*2 * timed(*range(1, 13), ended_at_s=13), *OK],
    ),
    "stream.frame.terminates": (
        [streamed(http={"ending": TIMEOUT, "detail": "still open 5 s after message_stop"})],
        OK_STREAM,
    ),
    "stream.frame.utf8-boundaries": (
        events(block(), text("caf\ufffd"), stop()),
        events(block(), text("café😀"), stop()),
    ),
    # -- the order of events
    "stream.order.message-start-first": ([streamed(HELLO[1:])], OK_STREAM),
    "stream.order.message-start-once": ([streamed([*HELLO[:1], *HELLO])], OK_STREAM),
    "stream.order.block-start-before-delta": (events(HI, stop()), OK_STREAM),
    "stream.order.block-start-before-stop": (events(stop()), OK_STREAM),
    "stream.order.block-closed-once": (events(block(), HI), OK_STREAM),
    "stream.order.no-delta-after-stop": (events(block(), stop(), HI), OK_STREAM),
    "stream.order.blocks-sequential": (events(block(0), block(1), stop(0), stop(1)), OK_STREAM),
    "stream.order.message-delta-present": ([streamed([*HELLO[:-2], over()])], OK_STREAM),
    "stream.order.message-stop-last": ([streamed([*HELLO, HI])], OK_STREAM),
    "stream.order.message-stop-once": ([streamed(HELLO[:-1])], OK_STREAM),
    # -- the events of a stream
    "stream.start.message-object": (first(role=...), OK_STREAM),
    "stream.start.content-empty": (first(content=[{"type": "text", "text": "X"}]), OK_STREAM),
    "stream.start.stop_reason-null": (first(stop_reason="end_turn"), first(stop_reason=...)),
    "stream.start.usage-object": (first(usage={"input_tokens": 1.0, "output_tokens": 1}), OK_STREAM),
    "stream.start.input-tokens-real": (first(usage={"input_tokens": 0, "output_tokens": 1}), OK_STREAM),
    "stream.start.id-stable": (first(id=""), OK_STREAM),
    "stream.block.index-integer": (events(block("0"), HI, stop()), OK_STREAM),
    "stream.block.index-sequential": (events(block(1), text("x", 1), stop(1)), OK_STREAM),
    "stream.block.start-text-empty": (events(block(text="Hel"), text("lo"), stop()), OK_STREAM),
    "stream.block.start-call-named": (call('{"a": 1}', id=...), call('{"a": 1}')),
    "stream.block.start-tool-input-empty": (call(input={"a": 1}), call('{"a": 1}')),
    "stream.block.tool-input-in-deltas": (call(input={"a": 1}), call('{"a": 1}', input={"early": 1})),
    "stream.block.start-thinking-fields": (thought(THINKING, SIGNATURE, thinking=...), SIGNED),
    "stream.delta.type-matches-block": (events(block(), fragment("{}"), stop()), OK_STREAM),
    "stream.delta.text-string": (events(block(), text(None), stop()), events(block(), text(""), stop())),
    "stream.delta.text-incremental": (
        events(block(), text("Hel"), text("Hello"), stop()),
        events(block(), text("1"), text("12"), stop()),
    ),
    "stream.delta.partial-json-string": (events(block(0, "tool_use"), fragment(None), stop()), call("", "{}")),
    "stream.delta.partial-json-concat": (call('{"a"', '{"a": 1}'), call('{"a"', ": 1}")),
    "stream.delta.signature-single": (thought(SIGNATURE, THINKING), SIGNED),
    "response.content.no-model-markup": (
        [answered(say("The user greets me.</think>Hello!"))],
        [answered(say("Use a < b, and the tag <b>."), ask=prompting("What does <think> mean?"))],
    ),
    "stream.delta.citations": (
        events(block(), delta(type="citations_delta", citation=None), stop()),
        events(block(), delta(type="citations_delta", citation=CITATION), stop()),
    ),
    "stream.msgdelta.delta-object": (last(ends(None)), last(ends(None), ends())),
    "stream.msgdelta.no-null-overwrite": (last(ends(), ends(None, 6)), last(ends(), ends(..., 6))),
    "stream.msgdelta.stop_sequence-key": (last(ends(stop_sequence=...)), OK_STREAM),
    "stream.msgdelta.usage-required": (last(ends("end_turn", ...)), OK_STREAM),
    "stream.msgdelta.usage-cumulative": (
        last(ends("end_turn", 6), ends("end_turn", 5)),
        last(ends(None, 5), ends("end_turn", 5)),
    ),
    "stream.msgdelta.no-zero-overwrite": (
        last(ends("end_turn", {"input_tokens": 0, "output_tokens": 5})),
        last(ends("end_turn", {"input_tokens": 12, "output_tokens": 5})),
    ),
    "stream.final.output-tokens-positive": (
        [streamed([start(usage={"input_tokens": 9, "output_tokens": 0}), *HELLO[1:-2], ends("end_turn", 0), over()])],
        OK_STREAM,
    ),
    "stream.final.equals-nonstream-shape": (first(diagnostics=7), OK_STREAM),
    "stream.error.event-shape": ([streamed([*HELLO[:3], ERROR_EVENT, stop()])], [streamed([*HELLO[:3], ERROR_EVENT])]),
    "stream.error.named": (
        [streamed([*HELLO[:3], ("message", ERROR_EVENT[1])])],
        [streamed([*HELLO[:3], ERROR_EVENT])],
    ),
    "stream.error.no-silent-truncation": ([streamed(HELLO[:3])], [streamed([*HELLO[:3], ERROR_EVENT])]),
}


def _error_type(probe: Probe) -> dict[str, Any]:
    return {"error": {"type": probe.error_type or "invalid_request_error", "message": "m"}}


def _probed(probe: Probe) -> Row:
    """A run with the wrong answer to the probe, and one with the right answer."""
    asked = {"probes": (probe.requirement,), "expect": probe.expect, "statuses": probe.statuses}
    status = probe.error_status or (probe.statuses or (400,))[0]
    kept = [refused(status, _error_type(probe), **asked)]
    if probe.expect == ACCEPTED:
        # A controlled row also needs another request with the same features that was accepted.
        return [refused(400, **asked), answered()], [answered(**asked), answered()]
    if probe.refusals_only:
        return [refused(418, **asked)], kept
    if probe.error_status is not None:
        return [refused(status, {"error": {"type": "odd_error", "message": "m"}}, **asked)], kept
    return [answered(**asked)], kept


PROBED = {name: _probed(probe) for name, probe in probes().items() if not probe.judged_elsewhere}
TABLE: dict[str, Row] = {**PROBED, **ROWS}


def elsewhere() -> set[str]:
    """The requirements with rows in a table of their own topic: `ROWS` of the other test modules of this folder."""
    names = [path.stem for path in Path(__file__).parent.glob("test_rules_*.py") if path.stem != __name__]
    return {name for module in names for name in getattr(importlib.import_module(module), "ROWS", {})}


def test_every_requirement_has_a_row() -> None:
    # The cases of a gateway are the rows of its requirements: tests/gateways compares what each fault violates.
    about_gateways = {name for name, row in CATALOGUE.items() if row.topic == "gateway"}
    missing = sorted(set(CATALOGUE) - set(TABLE) - elsewhere() - about_gateways)
    rows = "\n".join(
        f'    "{name}": ([an exchange that violates it], [an exchange that does not]),' for name in missing
    )
    assert missing == [], f"add to ROWS in tests/rules/test_rules_requirements.py:\n{rows}"


def test_no_row_is_of_an_unknown_requirement() -> None:
    assert sorted((set(TABLE) | elsewhere()) - set(CATALOGUE)) == []
    assert not set(ROWS) & set(PROBED)


@pytest.mark.parametrize("requirement", TABLE)
def test_it_is_violated(requirement: str) -> None:
    bad, _ = TABLE[requirement]
    verdict = verdicts(numbered(*bad), under=home(requirement), only=[requirement])[requirement]
    assert verdict.findings, verdict
    for finding in verdict.findings:
        assert finding.requirement == requirement
        assert finding.exchange in range(1, len(bad) + 1)
        assert finding.found
        assert finding.wanted
        assert str(finding.place)


@pytest.mark.parametrize("requirement", TABLE)
def test_it_passes(requirement: str) -> None:
    _, good = TABLE[requirement]
    verdict = verdicts(numbered(*good), under=home(requirement), only=[requirement])[requirement]
    assert (verdict.outcome, verdict.findings) == (PASS, ())
    assert verdict.judged


@pytest.mark.parametrize(
    ("requirement", "run"),
    [
        ("response.content.tool_use-fields", OK),
        ("transport.charset.utf8", [answered(ask=prompting("Say 'café'."))]),
        ("usage.output.eq-max-on-max_tokens", OK),
        ("usage.output.monotone-with-text", OK),
        ("stop.stop_sequence.value", OK),
        ("stop.stop_sequence.excluded-from-text", [answered(ask=SEQUENCE)]),
        ("stop.stop_sequence.stream-no-leak", OK_STREAM),
        ("stop.max_tokens.occurs", OK),
        ("stop.max_tokens.occurs", [answered(ask={"max_tokens": 5}), answered()]),
        ("stop.stop_sequence.occurs", [answered(ask=SEQUENCE), answered()]),
        ("stop.stop_sequence.matched", [answered(ask=SEQUENCES), answered()]),
        ("stop.stop_sequence.exact", [answered(ask=SEQUENCES), answered()]),
        ("response.id.unique", OK),
        ("headers.request-id.unique", OK),
        ("usage.input.deterministic", OK),
        ("usage.input.stream-equals-nonstream", OK),
        ("usage.input.monotone", OK),
        ("request.system.affects-input-tokens", OK),
        ("response.object", [answered(b'{"id', http={"ending": TIMEOUT, "detail": "time ran out"})]),
        ("usage.input.positive", [streamed(HELLO[1:])]),
        ("stream.start.input-tokens-real", [streamed(HELLO[1:])]),
        ("stream.final.output-tokens-positive", [streamed(HELLO[:3])]),
        ("stream.final.equals-nonstream-shape", [streamed(HELLO[:3])]),
        ("stream.frame.incremental", OK_STREAM),
        ("stream.frame.incremental", 2 * timed(*[9.7] * 12, ended_at_s=10)),
        ("stream.frame.incremental", [*2 * timed(*[9.7] * 12, ended_at_s=10), answered(http={"ended_at_s": 9.0})]),
        ("stream.frame.terminates", [streamed(HELLO[:3], http={"ending": TIMEOUT, "detail": "no byte came"})]),
    ],
)
def test_a_requirement_without_its_premise_is_not_verified(requirement: str, run: Run) -> None:
    verdict = verdicts(numbered(*run), only=[requirement])[requirement]
    assert (verdict.outcome, verdict.findings) == (NOT_VERIFIED, ())
    assert verdict.reason


CALLS = streamed(FULL, ask={"tools": [*TOOLS, {**TOOLS[0], "name": "g"}]}, http={"headers": {"request-id": "req_3"}})


@pytest.mark.parametrize("name", profile_names())
def test_a_correct_run_has_no_findings(name: str) -> None:
    run = numbered(answered({"id": "msg_0"}), streamed(http={"headers": {"request-id": "req_2"}}))
    run = [*run, *([CALLS] if profile(name).family == "anthropic" else [])]
    result = verdicts(run, under=name)
    # Both streams are called msg_1.
    alike = {"response.id.unique"} if CALLS in run and profile(name).includes("response.id.unique") else set()
    assert {requirement for requirement, verdict in result.items() if verdict.findings} == alike


@pytest.mark.parametrize(
    ("bad", "wanted"),
    [
        ([answered(stream=True)], {"transport.content-type.sse-response"}),
        ([streamed(HELLO, http={"media_type": "application/json"})], {"transport.content-type.sse-response"}),
        ([streamed(http={"ending": TOO_LARGE, "detail": "cut off"})], {"stream.frame.terminates"}),
        ([streamed(HELLO[:3], http={"ending": RESET, "detail": "x"})], {"stream.error.no-silent-truncation"}),
        (
            [answered(b"<html>", http={"media_type": "text/html"})],
            {"response.object", "transport.content-type.json-response"},
        ),
        # The names of message members are unknown fields in a message_delta, which are legal.
        (last(ends(type="message_delta", role=None)), set()),
        ([refused(500, b"oops")], {"transport.content-type.error-json"}),
        ([answered({"usage": {"input_tokens": 10.0, "output_tokens": 5}})], {"usage.present"}),
        ([answered(sse(HELLO), http={"media_type": "text/event-stream"})], {"request.stream.false-json"}),
    ],
)
def test_one_fault_is_one_finding(bad: Run, wanted: set[str]) -> None:
    result = verdicts(numbered(*bad))
    assert {requirement for requirement, verdict in result.items() if verdict.findings} == wanted
