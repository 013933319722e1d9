"""The requirements about whole turns of Claude Code, with runs that violate them and runs that do not."""

from typing import Any

import pytest
from builders import answered, numbered, refused, verdicts

from messages_conformance.exchange import Exchange
from messages_conformance.rules import CATALOGUE, FAIL, NOT_VERIFIED, PASS
from messages_conformance.rules.claude_code_session import CALL, QUESTION_READ, RESULT_READ, SESSION

UNDER = "claude-code"
Run = list[Exchange]

GLOB: dict[str, Any] = {"name": "Glob", "input_schema": {"type": "object", "required": ["pattern"]}}
RENAMED: dict[str, Any] = {"name": "Glob", "input_schema": {"type": "object", "required": ["wanted"]}}
READ: dict[str, Any] = {"name": "Read", "input_schema": {"type": "object", "required": ["file_path"]}}
THINKING: dict[str, Any] = {"thinking": {"type": "adaptive"}}
WHOLE: dict[str, Any] = {"tools": [GLOB, READ], **THINKING}
SYSTEM: dict[str, Any] = {"role": "system", "content": "The folder is /home."}
WORDS = "panda-31, cedar-64"
LIST: dict[str, Any] = {"role": "user", "content": f"The code words are {WORDS}. List every code word."}


def turn(*content: dict[str, Any], tokens: int = 9000, probe: str = CALL, **fields: Any) -> Exchange:
    """An answer to a whole turn."""
    asked = {**WHOLE, **fields}
    usage = {"input_tokens": tokens, "output_tokens": 9}
    reason = "tool_use" if any(block["type"] == "tool_use" for block in content) else "end_turn"
    return answered({"content": [*content], "usage": usage, "stop_reason": reason}, ask=asked, probes=(probe,))


def call(**given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "toolu_1", "name": "Glob", "input": given}


TEXT: dict[str, Any] = {"type": "text", "text": "Nothing is there."}
WHOLE_CALL, EMPTY_CALL = call(pattern="Paris"), call(path="Paris")
SMALL = [turn(call(wanted="Paris"), tools=[RENAMED], thinking=...)] * 5
PLAIN = turn(WHOLE_CALL, thinking=...)

RESULTS: list[dict[str, Any]] = [
    {"role": "user", "content": "Find it."},
    {"role": "assistant", "content": [WHOLE_CALL]},
    {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "No.", "is_error": True}],
    },
]


def after(*content: dict[str, Any], tokens: int = 9000, messages: Any = RESULTS) -> Exchange:
    return turn(*content, tokens=tokens, probe=RESULT_READ, messages=messages)


WITHOUT = after(WHOLE_CALL, messages=RESULTS[:1])


def listing(text: str, *messages: dict[str, Any], probe: str = QUESTION_READ) -> Exchange:
    return answered({"content": [{"type": "text", "text": text}]}, ask={"messages": [*messages]}, probes=(probe,))


CONTROL = listing(WORDS, LIST, probe="request.context.complete")

ROWS: dict[str, tuple[Run, Run]] = {
    SESSION: ([refused(ask=WHOLE, probes=(SESSION,))], [turn(TEXT, probe=SESSION)]),
    CALL: ([*[turn(EMPTY_CALL)] * 5, *SMALL], [turn(WHOLE_CALL)]),
    RESULT_READ: ([*[after(WHOLE_CALL)] * 3, WITHOUT], [after(TEXT)]),
    QUESTION_READ: ([*[listing("Hello.", LIST, SYSTEM)] * 5, *[CONTROL] * 5], [listing(WORDS, LIST, SYSTEM), CONTROL]),
}


def outcome(requirement: str, run: Run) -> str:
    return str(verdicts(numbered(*run), under=UNDER, only=[requirement])[requirement].outcome)


def test_every_requirement_has_a_row() -> None:
    assert set(ROWS) == {name for name in CATALOGUE if name.startswith(SESSION)}


@pytest.mark.parametrize("requirement", ROWS)
def test_it_is_violated(requirement: str) -> None:
    assert outcome(requirement, ROWS[requirement][0]) == FAIL


@pytest.mark.parametrize("requirement", ROWS)
def test_it_is_kept(requirement: str) -> None:
    assert outcome(requirement, ROWS[requirement][1]) == PASS


@pytest.mark.parametrize(
    ("requirement", "run"),
    [
        (SESSION, [refused(ask=WHOLE, probes=(SESSION,)), refused(probes=("claude-code.tools",))]),
        (CALL, [turn(EMPTY_CALL)]),  # a model forgets an argument now and then
        (CALL, [*[turn(EMPTY_CALL)] * 5, *[turn(call(), tools=[RENAMED], thinking=...)] * 5]),  # a weak model
        (CALL, [*[turn(TEXT)] * 5, *SMALL]),  # it may answer without a tool
        (CALL, [*[turn(TEXT)] * 5, *SMALL, PLAIN]),
        (RESULT_READ, [*[after(WHOLE_CALL)] * 2, WITHOUT]),
        (RESULT_READ, [*[after(WHOLE_CALL, tokens=9050)] * 3, WITHOUT]),  # the result costs tokens: the model has it
        (QUESTION_READ, [*[listing("Hello.", LIST, SYSTEM)] * 5, *[CONTROL] * 4, listing("Hello.", LIST, probe="x")]),
        (QUESTION_READ, [*[listing("Perhaps.", LIST, SYSTEM)] * 3, CONTROL]),
    ],
)
def test_a_model_is_not_blamed(requirement: str, run: Run) -> None:
    assert outcome(requirement, run) == NOT_VERIFIED


def test_tools_are_lost_beside_thinking() -> None:
    """The turn with thinking costs 8,000 tokens less than the one without."""
    assert outcome(CALL, [*[turn(TEXT, tokens=900)] * 5, *SMALL, PLAIN]) == FAIL


def test_a_refusal_of_the_display_of_thinking_is_no_failure() -> None:
    shown = {**WHOLE, "thinking": {"type": "adaptive", "display": "updates"}}
    assert outcome(SESSION, [refused(ask=shown, probes=(CALL,)), turn(TEXT)]) == PASS
