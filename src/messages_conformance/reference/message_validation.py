"""Why the messages or the system prompt of a request are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from messages_conformance.reference import request_blocks
from messages_conformance.reference.failures import Failure

Body = Mapping[str, Any]
MAX_MESSAGES = 100_000
ROLES = ("user", "assistant", "system")
AFTER_SYSTEM = (["assistant"], ["system"])


def message_failures(body: Body) -> Iterator[Failure]:
    """Why the messages are refused."""
    turns = body.get("messages")
    if "messages" not in body:
        yield Failure(message="messages: Field required", requirement="request.messages.required")
    if not isinstance(turns, list):
        if "messages" in body:
            yield Failure(message="messages: Input should be a valid list", requirement="request.messages.required")
        return
    if not turns:
        yield Failure(message="messages: at least one message is required", requirement="request.messages.non-empty")
        return
    if len(turns) > MAX_MESSAGES:
        yield Failure(
            message=f"messages: at most {MAX_MESSAGES} messages are allowed",
            requirement="request.messages.max-100000",
        )
        return
    if isinstance(turns[0], dict) and turns[0].get("role") == "assistant":
        yield Failure(
            message="messages: first message must use the user role", requirement="request.messages.first-role-user"
        )
    for at, turn in enumerate(turns):
        yield from message(turn, f"messages.{at}", last=at == len(turns) - 1)
    yield from system_messages([turn.get("role") if isinstance(turn, dict) else None for turn in turns])


def system_messages(roles: Sequence[Any]) -> Iterator[Failure]:
    """Why a system message is refused: it must follow a user turn, and come before an assistant turn or at the end."""
    for at, role in enumerate(roles):
        if role == "system" and (
            at == 0 or roles[at - 1] not in ("user", "system") or roles[at + 1 : at + 2] not in ([], *AFTER_SYSTEM)
        ):
            yield Failure(
                message=f"messages.{at}: a system message must follow a user message, and precede an assistant one",
                requirement="request.messages.system-not-first",
            )


def message(turn: object, where: str, *, last: bool) -> Iterator[Failure]:
    """Why one message is refused."""
    if not isinstance(turn, dict):
        yield Failure(message=f"{where}: Input should be an object", requirement="request.fields.types")
        return
    for name in ("role", "content"):
        if name not in turn:
            yield Failure(message=f"{where}.{name}: Field required", requirement="request.messages.role-required")
    if "role" in turn and turn["role"] not in ROLES:
        yield Failure(
            message=f"{where}.role: Input should be 'user', 'assistant' or 'system'",
            requirement="request.messages.role-enum",
        )
    for name in turn.keys() - {"role", "content"}:
        yield request_blocks.extra_input(f"{where}.{name}")
    if "content" in turn:
        yield from content(turn, where, final_assistant=last and turn.get("role") == "assistant")


def content(turn: Body, where: str, *, final_assistant: bool) -> Iterator[Failure]:
    """Why the content of one message is refused."""
    value = turn["content"]
    if not isinstance(value, str | list):
        yield Failure(
            message=f"{where}.content: Input should be a string or a list of blocks",
            requirement="request.fields.types",
        )
        return
    if not value and not final_assistant:
        yield Failure(
            message=f"{where}: all messages must have non-empty content except an optional final assistant one",
            requirement="request.messages.empty-content",
        )
    if isinstance(value, list):
        for at, block in enumerate(value):
            yield from request_blocks.failures(block, f"{where}.content.{at}", role=turn.get("role"))
    if final_assistant and last_text(value) != last_text(value).rstrip():
        yield Failure(
            message=f"{where}: final assistant content cannot end with trailing whitespace",
            requirement="request.prefill.trailing-whitespace",
        )


def last_text(value: str | list[Any]) -> str:
    """The text at the end of a content; empty if the last block is no text."""
    if isinstance(value, str):
        return value
    block = value[-1] if value else None
    text = block.get("text") if isinstance(block, dict) and block.get("type") == "text" else ""
    return text if isinstance(text, str) else ""


def system_failures(body: Body) -> Iterator[Failure]:
    """Why the system prompt is refused."""
    value = body.get("system")
    if value is None and "system" not in body:
        return
    if not isinstance(value, str | list):
        yield Failure(
            message="system: Input should be a string or a list of text blocks", requirement="request.fields.types"
        )
        return
    for at, block in enumerate(value if isinstance(value, list) else ()):
        where = f"system.{at}"
        if not isinstance(block, dict) or block.get("type") != "text":
            yield Failure(message=f"{where}: Input should be a text block", requirement="request.system.non-text-block")
        else:
            yield from request_blocks.failures(block, where, role=None)
