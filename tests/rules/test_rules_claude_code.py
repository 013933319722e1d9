"""The requirements of Claude Code, with exchanges that violate them and exchanges that do not."""

from fnmatch import fnmatchcase
from typing import Any

import pytest
from builders import TOOL_CALL, answered, exchange, numbered, refused, response, streamed, verdicts
from stream_frames import HELLO, block, ends, fragment, over, sse, start, stop

from messages_conformance.contract import profile, recovery
from messages_conformance.exchange import EITHER, Exchange
from messages_conformance.rules import CATALOGUE, FAIL, NOT_VERIFIED, PASS, WARN
from messages_conformance.rules.claude_code import FEATURES

UNDER = "claude-code"
Run = list[Exchange]

ADAPTIVE: dict[str, Any] = {"thinking": {"type": "adaptive"}}
BUDGET: dict[str, Any] = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


def for_(name: str) -> dict[str, Any]:
    return {"probes": (f"claude-code.{name}",)}


def prompting(message: str) -> dict[str, Any]:
    """An error envelope with this message."""
    return {"error": {"type": "invalid_request_error", "message": message}}


NO_ROLE = prompting('Unexpected role "system". Use `system` instead of "system" as an input message role.')
NO_ADAPTIVE = prompting("adaptive thinking is not supported on this model")
TURN, WHOLE = for_("turn"), for_("turn.whole")
MODELS = {"ask": b"", "method": "GET", "path": "/v1/models?limit=1000", **for_("models.discovery")}
BLOCK = [block(0, "text", text=""), stop()]
COUNTED = {"path": "/v1/messages/count_tokens", **for_("count-tokens")}


def thinks(adaptive: Exchange, budgeted: Exchange) -> Run:
    return [adaptive, budgeted]


REFUSED_BY_NAME = prompting("Unexpected value(s) `later-beta-2027-01-31` for the `anthropic-beta` header")


def call(*fragments: str, **changes: Any) -> Run:
    begun = block(0, "tool_use", **changes)
    return [streamed([start(), begun, *map(fragment, fragments), stop(), ends("tool_use"), over()])]


ROWS: dict[str, tuple[Run, Run]] = {
    name: ([refused(probes=(name,))], [answered(probes=(name,))]) for name, *_ in FEATURES
} | {
    "claude-code.messages.system-role": (
        [refused(400, prompting("System message must be at the beginning."), **for_("messages.system-role"))],
        [refused(400, NO_ROLE, **for_("messages.system-role"))],
    ),
    "claude-code.thinking": (
        [
            refused(400, prompting("thinking: Input tag 'adaptive' is unknown"), ask=ADAPTIVE, **for_("thinking")),
            answered(ask=BUDGET, **for_("thinking")),
        ],
        [
            refused(400, NO_ADAPTIVE, ask=ADAPTIVE, **for_("thinking")),
            answered(ask=BUDGET, **for_("thinking")),
        ],
    ),
    "claude-code.turn": (
        [answered(stream=True, **TURN), refused(**WHOLE)],
        [answered(stream=True, **TURN), answered(**WHOLE)],
    ),
    "claude-code.turn.whole": ([answered({"content": ...}, **WHOLE)], [answered(**WHOLE)]),
    "claude-code.tool-loop": ([refused(**for_("tool-loop"))], [streamed(**for_("tool-loop"))]),
    "claude-code.stream.tool-input": (call(input={"a": 1}), call('{"a": 1}')),
    "claude-code.stream.delta-object": (
        [
            streamed(
                [start(), *BLOCK, ("message_delta", {"type": "message_delta", "usage": {"output_tokens": 2}}), over()]
            )
        ],
        [streamed()],
    ),
    "claude-code.stream.not-cut": (
        [streamed([start(), *BLOCK, ends("max_tokens"), over()], ask={"max_tokens": 1024})],
        [streamed([start(), *BLOCK, ends("max_tokens"), over()], ask={"max_tokens": 2})],
    ),
    "claude-code.path.hello": (
        [exchange(response(b"", status=502), ask=b"", method="HEAD", path="/api/hello", **for_("path.hello"))],
        [exchange(response(b"", status=401), ask=b"", method="HEAD", path="/api/hello", **for_("path.hello"))],
    ),
    "claude-code.models.discovery": (
        [exchange(response(b"", status=308), **MODELS)],
        [exchange(response({"data": [{"id": "m"}]}), **MODELS)],
    ),
    "claude-code.path.head": (
        [exchange(response(b"", status=500), ask=b"", method="HEAD", path="/", **for_("path.head"))],
        [exchange(response(b"", status=404), ask=b"", method="HEAD", path="/", **for_("path.head"))],
    ),
    "claude-code.count-tokens": (
        [exchange(response({"input_tokens": "7"}), **COUNTED)],
        [exchange(response({"error": "Not found"}, status=404), **COUNTED)],
    ),
    "claude-code.count-tokens.fallback": (
        [answered({"usage": {"output_tokens": 1}}, **for_("count-tokens.fallback"))],
        [answered(**for_("count-tokens.fallback"))],
    ),
}


def verdict(requirement: str, run: Run) -> Any:
    return verdicts(numbered(*run), under=UNDER, only=[requirement])[requirement]


def test_every_requirement_has_a_row() -> None:
    named = {name for name in CATALOGUE if name.startswith("claude-code.")}
    elsewhere = {name for name in named if name.startswith("claude-code.session")} | {"claude-code.stream.silence"}
    assert set(ROWS) == named - elsewhere, "those have rows in test_rules_claude_code_session.py, and with times"


@pytest.mark.parametrize("requirement", ROWS)
def test_it_is_violated(requirement: str) -> None:
    result = verdict(requirement, ROWS[requirement][0])
    assert result.findings, result
    assert result.outcome == (FAIL if CATALOGUE[requirement].level == "MUST" else WARN)
    for finding in result.findings:
        assert finding.found
        assert finding.wanted
        assert finding.exchange


@pytest.mark.parametrize("requirement", ROWS)
def test_it_passes(requirement: str) -> None:
    result = verdict(requirement, ROWS[requirement][1])
    assert (result.outcome, result.findings) == (PASS, ())


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [(200, {"input_tokens": 7}, []), (400, NO_ROLE, ["400: "]), (200, {"input_tokens": True}, ["True"])],
)
def test_a_count_is_an_integer_or_404(status: int, body: dict[str, Any], found: list[str]) -> None:
    rule = "claude-code.count-tokens"
    findings = verdict(rule, [exchange(response(body, status=status), **COUNTED)]).findings
    assert [one.found[: len(start)] for one, start in zip(findings, found, strict=True)] == found


@pytest.mark.parametrize("requirement", ROWS)
def test_no_other_profile_requires_it(requirement: str) -> None:
    for name in ("tokmodel", "anthropic-2023-06-01", "anthropic-2026-10-21"):
        assert CATALOGUE[requirement].inapplicable(profile(name))


# -- turns ----------------------------------------------------------------------------------------------------------

PART = refused(probes=("claude-code.metadata",))
UNNAMED = b"\n".join(line for line in sse(HELLO).split(b"\n") if not line.startswith(b"event:"))


@pytest.mark.parametrize(
    ("run", "outcome"),
    [
        ([streamed(**TURN)], PASS),
        ([refused(**TURN)], FAIL),
        ([refused(400, NO_ROLE, **TURN), streamed(**TURN)], PASS),
        ([refused(**TURN), PART], NOT_VERIFIED),
        ([refused(**TURN), refused(probes=("claude-code.tool-result.image",))], FAIL),
        ([streamed(HELLO[1:], **TURN), answered(**WHOLE)], PASS),
        ([streamed(HELLO[1:], **TURN)], FAIL),
        ([streamed(HELLO[1:], **TURN), answered({"type": "error", "error": {}}, **WHOLE)], FAIL),
        ([streamed([HELLO[0], *HELLO[2:]], **TURN)], FAIL),
        ([], NOT_VERIFIED),
    ],
)
def test_a_turn_needs_a_readable_stream_or_a_message(run: Run, outcome: str) -> None:
    assert verdict("claude-code.turn", run).outcome == outcome


@pytest.mark.parametrize(
    ("adaptive", "budgeted", "outcome"),
    [
        (answered(ask=ADAPTIVE, **for_("thinking")), refused(ask=BUDGET, **for_("thinking")), PASS),
        (refused(400, NO_ADAPTIVE, ask=ADAPTIVE, **for_("thinking")), refused(ask=BUDGET, **for_("thinking")), FAIL),
        (refused(422, NO_ADAPTIVE, ask=ADAPTIVE, **for_("thinking")), answered(ask=BUDGET, **for_("thinking")), FAIL),
        (answered(**for_("thinking")), answered(ask=BUDGET, **for_("thinking")), NOT_VERIFIED),
    ],
)
def test_one_kind_of_thinking_suffices(adaptive: Exchange, budgeted: Exchange, outcome: str) -> None:
    assert verdict("claude-code.thinking", thinks(adaptive, budgeted)).outcome == outcome


def test_a_model_that_calls_no_tool_is_no_failure() -> None:
    result = verdict("claude-code.tool-loop", [streamed(**TURN), answered(**WHOLE)])
    assert result.outcome == NOT_VERIFIED
    assert "called no tool" in result.reason


def test_a_call_without_input_needs_no_delta() -> None:
    assert verdict("claude-code.stream.tool-input", call()).outcome == PASS
    whole = answered({"content": [TOOL_CALL], "stop_reason": "tool_use"})
    assert verdict("claude-code.stream.tool-input", [whole]).outcome == NOT_VERIFIED


@pytest.mark.parametrize(
    ("status", "body", "part"),
    [
        (400, b"role 'system' is not supported", "system"),
        (422, b'{"message": "Unexpected role \\"system\\". Not allowed as an input message role"}', "system"),
        (400, b'{"message": "Unexpected role \\"system\\"."}', None),
        (400, b"messages.1.role: Input should be 'user' or 'assistant'", "system"),
        (400, b"capability_rejected: mid_conv_system", "system"),
        (400, b"adaptive thinking is not supported on this model", "adaptive"),
        (400, b"thinking.type: adaptive is not supported", "adaptive"),
        (400, b"thinking: Input tag 'adaptive' found using 'type' does not match", None),
        (400, b"context_management: Extra inputs are not permitted", "context_management"),
        (400, b"unknown field `context_management`", None),
        (400, b"output_config.effort: Extra inputs are not permitted", "effort"),
        (400, b"This model does not support the effort parameter.", "effort"),
        (400, b"output_config: Extra inputs are not permitted", None),
        (400, b"Unexpected value(s) `a-2026-01-01` for the `anthropic-beta` header", "betas"),
        (400, b"Unexpected value(s) for the `anthropic-beta` header", None),
        (400, b"max_tokens: 9 > 8, which is the maximum allowed number of output tokens for m", "max_tokens"),
        (400, b"max_tokens: 9 > 8", None),
        (500, b"adaptive thinking is not supported on this model", None),
        (400, b"System message must be at the beginning.", None),
        (400, b"", None),
    ],
)
def test_claude_code_recovers_only_after_certain_messages(status: int, body: bytes, part: str | None) -> None:
    assert recovery(status, body) == part


# -- the profile ----------------------------------------------------------------------------------------------------


def test_deviations_that_claude_code_handles_are_warnings() -> None:
    unnamed = [streamed(UNNAMED, expect=EITHER)]
    assert verdicts(unnamed, under=UNDER)["stream.frame.event-line"].outcome == WARN
    assert verdicts(unnamed)["stream.frame.event-line"].outcome == FAIL


def test_the_profile_requires_only_measured_requirements() -> None:
    row = CATALOGUE["request.messages.extra-fields-rejected"]
    assert row.inapplicable(profile(UNDER)) == "profile claude-code does not ask for it"


def test_each_glob_of_the_profile_matches_a_requirement() -> None:
    known = profile(UNDER)
    for globs in (known.judges, known.warns):
        for glob in globs:
            assert any(fnmatchcase(name, glob) for name in CATALOGUE), glob


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("claude-code.headers.beta-unknown", REFUSED_BY_NAME),
        ("claude-code.headers.beta", REFUSED_BY_NAME),
        ("claude-code.context-management", prompting("context_management: Extra inputs are not permitted")),
        ("claude-code.output-config.effort", prompting("output_config.effort: Extra inputs are not permitted")),
    ],
)
def test_a_refusal_from_which_claude_code_recovers_is_no_failure(name: str, message: dict[str, Any]) -> None:
    assert verdict(name, [refused(400, message, probes=(name,))]).outcome == PASS
