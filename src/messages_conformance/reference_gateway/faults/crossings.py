"""Faults that let something cross: words of other clients, keys, addresses, delays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from messages_conformance.reference_gateway.changes import PASSTHROUGH, Failed, Fields
from messages_conformance.reference_gateway.faults.row import fault
from messages_conformance.reference_gateway.http import Headers, HttpRequest


def _remembering() -> Any:
    """A gateway that answers every fourth request with the message of another one."""
    kept: list[Fields] = []

    def edited(message: Fields) -> Fields:
        if "I am answer" not in str(message["content"]):
            return message
        kept.append(message)
        return kept[-2] if len(kept) % 4 == 0 else message

    return edited


def _sharing_system() -> Any:
    """A gateway that adds the last system prompt of anybody."""
    last: list[Any] = []

    def edited(body: Fields) -> Fields:
        earlier = last[-1] if last else None
        text = next((str(turn["content"])[-40_000:] for turn in body["messages"][-1:]), "")
        last.append(text)
        blocks = body.get("system") or []
        given = [{"type": "text", "text": blocks}] if isinstance(blocks, str) else blocks
        return {**body, "system": [*given, {"type": "text", "text": earlier}]} if earlier else body

    return edited


fault(
    "answers_of_others",
    "Every fourth whole answer is that of another client.",
    "isolation.answers",
    "isolation.ids",
    "answer.text",
    message=_remembering(),
)
fault(
    "last_turn_of_others",
    "The last turn of another client is in the system prompt.",
    "isolation.requests",
    "request.system-unmixed",
    request=_sharing_system(),
)
fault(
    "block_on_whole_answers",
    "Requests wait for whole answers to others.",
    "isolation.slow-stream",
    flags=frozenset({"blocks_on_whole"}),
)
fault("one_by_one", "Requests wait for each other.", "isolation.slow-stream", flags=frozenset({"one_by_one"}))


def _forward(headers: dict[str, str], request: HttpRequest) -> dict[str, str]:
    return {**headers, "x-forwarded-key": request.header("x-api-key")}


fault(
    "forward_client_key",
    "The client's key is passed on in a header of its own.",
    "credentials.client-key",
    headers=_forward,
)
fault(
    "use_client_key",
    "The client's key is used for the upstream.",
    "credentials.client-key",
    headers=lambda headers, request: {**headers, "authorization": f"Bearer {request.header('x-api-key')}"},
)


def _reply(name: str, fact: str) -> Any:
    def edited(headers: Headers, facts: Mapping[str, str]) -> Headers:
        return (*headers, (name, facts[fact]))

    return edited


fault(
    "key_in_headers",
    "The key for the upstream is in a header of answers.",
    "credentials.upstream-key",
    reply=_reply("x-upstream-auth", "key"),
)
fault(
    "address_in_headers",
    "The address of the upstream is in a header of answers.",
    "credentials.upstream-address",
    reply=_reply("x-upstream-url", "address"),
)


fault(
    "drop_answer_headers",
    "Headers of the upstream's answers are lost.",
    "answer.headers",
    modes=(PASSTHROUGH,),
    reply=lambda headers, _: tuple(
        pair for pair in headers if pair[0].lower() != "request-id" and not pair[0].lower().startswith("anthropic-")
    ),
)


def _leaking(failed: Failed) -> Failed:
    try:
        body = json.loads(failed.body)
        message = body["error"]["message"]
    except (ValueError, KeyError):
        return failed
    body["error"]["message"] = f"{message} (key upstream-key-4b1f0c9d7e)"
    return replace(failed, body=json.dumps(body).encode())


fault("key_in_errors", "The key for the upstream is in errors.", "credentials.upstream-key", failed=_leaking)
