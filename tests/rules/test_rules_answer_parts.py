"""The rarer parts of an answer: iterations, edits of the context, containers, fallbacks, results of server tools."""

from typing import Any

import pytest
from builders import answered, numbered, refused, streamed, verdicts
from stream_frames import HELLO, delta, ends, ev, over, start, stop

from messages_conformance.exchange import Exchange
from messages_conformance.rules import NOT_APPLICABLE, NOT_VERIFIED, PASS

Run = list[Exchange]

TEXT = {"type": "text", "text": "Hello"}
CALL = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "news"}}
PAGE = {"type": "web_search_result", "url": "https://a.invalid", "title": "A", "encrypted_content": "x"}
RESULT = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [PAGE]}
FAILED = {**RESULT, "content": {"type": "web_search_tool_result_error", "error_code": "unavailable"}}
SEARCHED = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [CALL]}]
FALLBACK = {"type": "fallback", "from": {"model": "a"}, "to": {"model": "m"}}
COMPACTION = {"type": "compaction", "content": None}
EDIT = {"type": "clear_tool_uses_20250919", "cleared_tool_uses": 3, "cleared_input_tokens": 90}


def passes(*iterations: dict[str, Any], **usage: Any) -> Run:
    return [answered({"usage": {"input_tokens": 10, "output_tokens": 5, "iterations": list(iterations), **usage}})]


def counted(kind: str, tokens: int = 10, **more: Any) -> dict[str, Any]:
    return {"type": kind, "input_tokens": tokens, "output_tokens": 5, **more}


def holding(*blocks: dict[str, Any], ask: Any = None, **usage: Any) -> Run:
    counts = {"usage": {"input_tokens": 10, "output_tokens": 5, **usage}}
    return [answered({"content": list(blocks), **counts}, ask=ask)]


def edited(value: Any) -> Run:
    return [answered({"context_management": value})]


def edited_in_a_stream(value: Any) -> Run:
    name, data = ends()
    return [streamed([*HELLO[:-2], ev(name, **{**data, "context_management": value}), over()])]


def block_in_a_stream(block: dict[str, Any], *deltas: Any) -> Run:
    """A stream of one block with these deltas, before a text."""
    begun = [start(), ev("content_block_start", index=0, content_block=block), *deltas, stop(0)]
    second = [ev("content_block_start", index=1, content_block={"type": "text", "text": ""}), stop(1)]
    return [streamed([*begun, *second, ends(), over()])]


def contained(value: Any) -> Run:
    return [answered({"container": value})]


def results_in_a_stream(*deltas: Any) -> Run:
    call, result = (ev("content_block_start", index=at, content_block=one) for at, one in enumerate((CALL, RESULT)))
    events = [start(), call, stop(0), result, *deltas, stop(1), ends(), over()]
    return [streamed(events)]


def detailed(details: Any) -> Run:
    return [refused(400, {"error": {"type": "invalid_request_error", "message": "m", "details": details}})]


ROWS: dict[str, tuple[Run, Run]] = {
    "usage.iterations.sum": (
        passes(counted("message", 6), counted("compaction", 4)),
        passes(counted("message", 4), counted("message", 6, output_tokens=0), counted("compaction", 70)),
    ),
    "usage.inference_geo": (
        [answered({"usage": {"input_tokens": 10, "output_tokens": 5, "inference_geo": 1}})],
        [answered({"usage": {"input_tokens": 10, "output_tokens": 5, "inference_geo": "not_available"}})],
    ),
    "usage.server_tool_use.counts-results": (
        holding(CALL, RESULT, TEXT, server_tool_use={"web_search_requests": 0}),
        holding(CALL, FAILED, TEXT, server_tool_use={"web_search_requests": 0}),
    ),
    "response.server-tool.pairing": (
        holding(CALL, {**RESULT, "tool_use_id": "srvtoolu_2"}, TEXT),
        holding(RESULT, TEXT, ask={"messages": SEARCHED}),
    ),
    "stream.server-tool.result-whole": (
        results_in_a_stream(delta(1, type="result_delta", content=[])),
        results_in_a_stream(),
    ),
    "response.context_management.applied_edits": (
        edited({"applied_edits": [{**EDIT, "cleared_tool_uses": "3"}]}),
        edited({"applied_edits": [EDIT, {"type": "an-edit-of-tomorrow"}]}),
    ),
    "response.container.shape": (
        contained({"id": "container_1", "expires_at": "soon"}),
        contained({"id": "container_1", "expires_at": "2026-11-30T12:00:00.123Z", "more": 1}),
    ),
    "response.fallback.block": (holding({**FALLBACK, "to": "m"}, TEXT), holding(FALLBACK, TEXT)),
    "response.compaction.block": (
        holding(TEXT, {"type": "compaction", "content": "We spoke."}),
        holding({"type": "compaction", "content": None}, TEXT),
    ),
    "errors.details.error_code": (detailed({"error_code": 7}), detailed({"error_code": "too_large", "paths": []})),
}


def judged(requirement: str, run: Run) -> Any:
    return verdicts(numbered(*run), only=[requirement])[requirement]


@pytest.mark.parametrize("requirement", ROWS)
def test_it_is_violated(requirement: str) -> None:
    verdict = judged(requirement, ROWS[requirement][0])
    assert [finding.exchange for finding in verdict.findings] == [1]
    assert verdict.findings[0].found
    assert verdict.findings[0].wanted


@pytest.mark.parametrize("requirement", ROWS)
def test_it_passes(requirement: str) -> None:
    verdict = judged(requirement, ROWS[requirement][1])
    assert (verdict.outcome, verdict.findings) == (PASS, ())


@pytest.mark.parametrize("requirement", sorted(ROWS.keys() - {"usage.inference_geo"}))
def test_what_is_not_seen_is_not_judged(requirement: str) -> None:
    verdict = judged(requirement, [answered(), streamed(HELLO)])
    assert verdict.outcome in (NOT_APPLICABLE, NOT_VERIFIED)
    assert verdict.findings == ()


@pytest.mark.parametrize(
    ("requirement", "bad"),
    [
        ("usage.iterations.sum", passes(counted("message", 9), counted("fallback_message", 9, model="m"))),
        ("response.context_management.applied_edits", edited("none")),
        ("response.context_management.applied_edits", edited({"applied_edits": [7]})),
        (
            "response.context_management.applied_edits",
            edited_in_a_stream({"applied_edits": [{**EDIT, "cleared_input_tokens": -1}]}),
        ),
        ("response.fallback.block", block_in_a_stream(FALLBACK, delta(0, type="fallback_delta"))),
        (
            "response.compaction.block",
            block_in_a_stream(COMPACTION, *2 * [delta(0, type="compaction_delta", content="We spoke.")]),
        ),
        ("response.container.shape", contained("container_1")),
        ("response.container.shape", contained({"id": "container_1", "expires_at": "2026-11-30"})),
        ("response.compaction.block", holding({"type": "compaction", "content": 7}, TEXT)),
        ("errors.details.error_code", detailed("no")),
    ],
)
def test_other_forms_are_found_too(requirement: str, bad: Run) -> None:
    assert judged(requirement, bad).findings


@pytest.mark.parametrize(
    ("requirement", "good"),
    [
        # After a fallback the top level is the serving attempt.
        ("usage.iterations.sum", passes(counted("message", 9, model="a"), counted("fallback_message", model="m"))),
        ("usage.iterations.sum", passes(counted("message", 10), {"type": "advisor_message"})),
        ("response.context_management.applied_edits", edited({"applied_edits": []})),
        ("response.context_management.applied_edits", edited_in_a_stream({"applied_edits": [EDIT]})),
        ("response.fallback.block", block_in_a_stream(FALLBACK)),
        (
            "response.compaction.block",
            block_in_a_stream(COMPACTION, delta(0, type="compaction_delta", content="We spoke.")),
        ),
        ("errors.details.error_code", detailed(None)),
    ],
)
def test_correct_forms_are_no_findings(requirement: str, good: Run) -> None:
    assert judged(requirement, good).findings == ()


@pytest.mark.parametrize(
    "run",
    [
        passes(counted("message", 9), counted("fallback_message", 9)),
        passes(counted("message", 9, model="a"), counted("message", 9, model="b")),
    ],
    ids=["unknown", "two"],
)
def test_passes_of_unknown_and_of_several_models_are_not_compared(run: Run) -> None:
    verdict = judged("usage.iterations.sum", run)
    assert (verdict.outcome, verdict.findings) == (NOT_VERIFIED, ())
