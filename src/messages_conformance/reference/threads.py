"""Conversations that the endpoint holds for a client: `thread` in a request (beta message-threads).

A request with {"type": "create"} is remembered under the id of its answer; one with {"type": "continue"} sends only
what is new, and names the answer that it follows (anthropic 2.12.0, lib/threads, read 2026-11-25).
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from messages_conformance.reference.failures import Failure

MAX_THREADS = 1_000
"""The oldest is forgotten when one more begins (our own limit)."""

CREATE_ONLY = ("system", "tools")
"""Fields that a continued thread keeps, and that its requests may not repeat (anthropic 2.12.0, _thread_state.py)."""

Body = Mapping[str, Any]


def shape_failure(body: Body) -> Failure | None:
    """Why `thread` itself cannot be understood; None when it can."""
    thread = body.get("thread")
    if thread is None:
        return None
    kind = thread.get("type") if isinstance(thread, dict) else None
    wanted = {"create": {"type"}, "continue": {"type", "previous_message_id"}}.get(str(kind))
    if wanted is None or set(thread) != wanted or not all(isinstance(value, str) for value in thread.values()):
        return Failure(message="thread: Input should be {type: 'create'} or {type: 'continue', previous_message_id}")
    repeated = [name for name in CREATE_ONLY if name in body] if kind == "continue" else []
    if repeated:
        return Failure(message=f"{repeated[0]}: a continued thread keeps it, and takes no other")
    return None


def continues(body: Body) -> bool:
    thread = body.get("thread")
    return isinstance(thread, dict) and thread.get("type") == "continue"


def resumed(body: Body, memory: Mapping[str, Any]) -> Body | Failure:
    """The whole request that a continuing one stands for, or why there is none."""
    held = memory.get("threads", {}).get(body["thread"]["previous_message_id"])
    if held is None:
        return Failure(
            status=404,
            message="thread.previous_message_id: no thread is held for this message; send the whole conversation",
            details={"error_code": "thread_not_found"},
        )
    new = body.get("messages")
    return {**held, **body, "messages": [*held["messages"], *(new if isinstance(new, list) else [])]}


def remember(body: Body, answer: Mapping[str, Any], memory: MutableMapping[str, Any]) -> None:
    """Holds a conversation, its answer included, under the answer's id; a refused turn is not held."""
    if not isinstance(body.get("thread"), dict) or answer.get("stop_reason") == "refusal":
        return
    threads: dict[str, Body] = memory.setdefault("threads", {})
    turn = {"role": "assistant", "content": answer["content"]}
    kept = {name: body[name] for name in CREATE_ONLY if name in body}
    threads[answer["id"]] = {**kept, "messages": [*body["messages"], turn]}
    while len(threads) > MAX_THREADS:
        del threads[next(iter(threads))]
