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


NO_ROLE = prompting('Unexpected role "system". The Messages API accepts a top-level `system` parameter.')
NO_ADAPTIVE = prompting("adaptive thinking is not supported on this model")
TURN, WHOLE = for_("turn"), for_("turn.whole")
COUNTED = {"path": "/v1/messages/count_tokens", **for_("count-tokens")}


def thinks(adaptive: Exchange, budgeted: Exchange) -> Run:
    return [adaptive, budgeted]


def call(*fragments: str, **changes: Any) -> Run:
    begun = block(0, "tool_use", **changes)
    return [streamed([start(), begun, *map(fragment, fragments), stop(), ends("tool_use"), over()])]


ROWS: dict[str, tuple[Run, Run]] = {
    name: ([refused(probes=(name,))], [answered(probes=(name,))]) for name, *_ in FEATURES
} | {
    "claude-code.messages.system-role": (
        [refused(400, prompting("messages.1.role: Input should be 'user'"), **for_("messages.system-role"))],
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
    assert set(ROWS) == {name for name in CATALOGUE if name.startswith("claude-code.")}


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
        (400, b'{"message": "Unexpected role \\"system\\". The Messages API"}', "system"),
        (400, b"adaptive thinking is not supported on this model", "adaptive"),
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
