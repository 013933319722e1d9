"""The dialect `openai-responses`: POST /v1/responses, whole and streamed, and GET /v1/models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from messages_conformance.upstream import openai_common, response_events, responses_requests
from messages_conformance.upstream.openai_form import OpenAIForm
from messages_conformance.upstream.openai_prompts import responses_prompt
from messages_conformance.upstream.pacing import Frame
from messages_conformance.upstream.replies import Reply
from messages_conformance.upstream.response_items import Item, items
from messages_conformance.upstream.script import Failure, Usage

CREATES: Final = "/responses"
INCOMPLETE: Final[Mapping[str, str]] = {"length": "max_output_tokens", "content_filter": "content_filter"}
COMPLETE: Final = frozenset({"stop", "tool_calls", "stop_sequence"})
ECHOED: Final[Mapping[str, Any]] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "service_tier": "default",
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
    "metadata": {},
}
"""The fields of a request that its response repeats, with their defaults."""


class Responses(OpenAIForm):
    """The form of the Responses API."""

    creates_path = CREATES
    id_prefix = "resp_"
    problems = staticmethod(responses_requests.problems)
    prompt = staticmethod(responses_prompt)

    def whole(self, reply: Reply) -> Mapping[str, Any]:
        """The response object."""
        return response(reply, items(reply))

    def frames(self, reply: Reply) -> list[Frame]:
        """The events from response.created to response.completed, response.incomplete or none."""
        made = items(reply)
        started = response(reply, (), status="in_progress")
        events: list[response_events.Event] = [
            ("around", "response.created", {"response": started}),
            ("around", "response.in_progress", {"response": started}),
            *_item_events(reply, made),
        ]
        if reply.finish != "missing":
            ended = response(reply, made)
            events.append(("end", f"response.{ended['status']}", {"response": ended}))
        return [
            Frame(response_events.to_bytes(name, data, number), kind)
            for number, (kind, name, data) in enumerate(events)
        ]

    def error_frame(self, failure: Failure, reply: Reply, position: int) -> bytes:
        """An error event, and the response that failed."""
        error = openai_common.error_body(failure)["error"]
        code = error["code"] or error["type"]
        event = {"code": code, "message": failure.message, "param": None}
        failed = response(reply, (), status="failed", error={"code": code, "message": failure.message})
        return response_events.to_bytes("error", event, position) + response_events.to_bytes(
            "response.failed", {"response": failed}, position + 1
        )


def _item_events(reply: Reply, made: tuple[Item, ...]) -> Iterator[response_events.Event]:
    """The events of all items: one after the other, or those of neighbouring calls in turn."""
    numbered = list(enumerate(made))
    if not reply.script.chunking.interleaved:
        for index, item in numbered:
            yield from response_events.of_item(index, item, reply.script)
        return
    for are_calls, group in groupby(numbered, key=lambda pair: pair[1].is_call):
        if are_calls:
            yield from response_events.of_calls_in_turn(list(group), reply.script)
        else:
            for index, item in group:
                yield from response_events.of_item(index, item, reply.script)


def response(
    reply: Reply, made: tuple[Item, ...], *, status: str = "", error: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The response object. Without a status: that of the finish reason of the script."""
    finish = reply.finish
    ended = "in_progress" if finish == "missing" else "completed" if finish in COMPLETE else "incomplete"
    status = status or ended
    details = {"reason": INCOMPLETE.get(finish, finish)} if status == "incomplete" else None
    counted = status not in ("in_progress", "failed") and reply.script.usage_place != "absent"
    echoed = {name: reply.body.get(name, default) for name, default in ECHOED.items()}
    return {
        "id": reply.id,
        "object": "response",
        "created_at": reply.created,
        "status": status,
        "completed_at": reply.created if status == "completed" else None,
        "error": error,
        "incomplete_details": details,
        "model": reply.model,
        "output": [item.value for item in made],
        **echoed,
        "usage": usage_of(reply.script.usage) if counted else None,
    }


def usage_of(usage: Usage) -> dict[str, Any]:
    """The counts of tokens in this dialect."""
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_written},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
