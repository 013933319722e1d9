"""Conversations that the endpoint stores for a client: `thread` in a request (beta message-threads).

A request with {"type": "create"} is stored under the id of its answer. One with {"type": "continue"} has only the
new messages, and names the answer that it follows (anthropic 2.12.0, lib/threads, read 2026-11-25).
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from messages_conformance.reference.failures import Failure

MAX_THREADS = 1_000
"""When there is one more, the oldest is deleted (our own limit)."""

CREATE_ONLY = ("system", "tools")
"""Fields that the thread stores, and that a continuing request may not repeat (anthropic 2.12.0, _thread_state.py)."""

Body = Mapping[str, Any]


def shape_failure(body: Body) -> Failure | None:
    """Why `thread` itself is invalid; None if it is valid."""
    thread = body.get("thread")
    if thread is None:
        return None
    kind = thread.get("type") if isinstance(thread, dict) else None
    fields = {"create": {"type"}, "continue": {"type", "previous_message_id"}}.get(str(kind))
    if fields is None or set(thread) != fields or not all(isinstance(value, str) for value in thread.values()):
        return Failure(message="thread: Input should be {type: 'create'} or {type: 'continue', previous_message_id}")
    repeated = [name for name in CREATE_ONLY if name in body] if kind == "continue" else []
    if repeated:
        return Failure(message=f"{repeated[0]}: a continued thread keeps it, and accepts no other")
    return None


def continues(body: Body) -> bool:
    """Whether a request continues a stored thread."""
    thread = body.get("thread")
    return isinstance(thread, dict) and thread.get("type") == "continue"


def resumed(body: Body, memory: Mapping[str, Any]) -> Body | Failure:
    """The continuing request with the stored conversation before its messages, or why that is missing."""
    stored = memory.get("threads", {}).get(body["thread"]["previous_message_id"])
    if stored is None:
        return Failure(
            status=404,
            message="thread.previous_message_id: no thread is stored for this message; send the whole conversation",
            details={"error_code": "thread_not_found"},
        )
    new = body.get("messages")
    return {**stored, **body, "messages": [*stored["messages"], *(new if isinstance(new, list) else [])]}


def remember(body: Body, answer: Mapping[str, Any], memory: MutableMapping[str, Any]) -> None:
    """Stores a conversation with its answer under the answer's id. A refused turn is not stored."""
    if not isinstance(body.get("thread"), dict) or answer.get("stop_reason") == "refusal":
        return
    threads: dict[str, Body] = memory.setdefault("threads", {})
    turn = {"role": "assistant", "content": answer["content"]}
    kept = {name: body[name] for name in CREATE_ONLY if name in body}
    threads[answer["id"]] = {**kept, "messages": [*body["messages"], turn]}
    while len(threads) > MAX_THREADS:
        del threads[next(iter(threads))]
