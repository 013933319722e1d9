"""Faults in what a client gets when the upstream fails."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from messages_conformance.reference_gateway.changes import PASSTHROUGH, TRANSLATES, Events, Failed, Fields
from messages_conformance.reference_gateway.chat_answer import BrokenAnswerError
from messages_conformance.reference_gateway.edits import per_event
from messages_conformance.reference_gateway.faults.row import fault
from messages_conformance.reference_gateway.http import UpstreamError

PASSES = (PASSTHROUGH,)
CHAT = (TRANSLATES,)


def _status(before: int, after: int) -> Any:
    return lambda failed: replace(failed, status=after) if failed.status == before else failed


def _body(change: Any) -> Any:
    def edited(failed: Failed) -> Failed:
        try:
            given = json.loads(failed.body)
        except ValueError:
            return failed
        return replace(failed, body=json.dumps(change(given)).encode())

    return edited


for before, after, trips in (
    (529, 500, ("error.status",)),
    (529, 502, ("error.status",)),
    (429, 500, ("error.status",)),
    (429, 503, ("error.status",)),
    (400, 500, ("error.status",)),
    (404, 500, ()),
    (413, 500, ("error.status",)),
    (500, 400, ("error.status",)),
    (500, 429, ("error.status",)),
):
    if trips:
        fault(
            f"status_{before}_as_{after}",
            f"A {before} of the upstream becomes {after}.",
            *trips,
            "error.type",
            failed=_status(before, after),
        )
fault(
    "every_error_500",
    "Every error of the upstream becomes 500.",
    "error.status",
    "error.type",
    "error.same-status",
    failed=lambda failed: replace(failed, status=500),
)
fault(
    "every_error_400",
    "Every error of the upstream becomes 400.",
    "error.status",
    "error.type",
    "error.same-status",
    failed=lambda failed: replace(failed, status=400),
)
fault(
    "errors_as_200",
    "Errors of the upstream have the status 200.",
    "error.status",
    failed=lambda failed: replace(failed, status=200),
)
fault(
    "other_retry_status",
    "A 503 of the upstream becomes 502.",
    "error.same-status",
    modes=PASSES,
    failed=_status(503, 502),
)
fault(
    "openai_envelope",
    "Errors have the envelope of OpenAI.",
    "error.envelope",
    failed=_body(lambda body: {"error": body.get("error")}),
)
fault(
    "detail_envelope",
    "Errors have the envelope of a web framework.",
    "error.envelope",
    "error.message",
    failed=_body(lambda body: {"detail": "Internal error"}),
)
fault(
    "text_errors",
    "Errors are plain text.",
    "error.envelope",
    failed=lambda failed: replace(
        failed,
        headers=(("content-type", "text/plain"), *(pair for pair in failed.headers if pair[0] != "content-type")),
        body=json.loads(failed.body)["error"]["message"].encode(),
    ),
)
fault(
    "empty_errors",
    "Errors have no body.",
    "error.envelope",
    "error.message",
    failed=lambda failed: replace(failed, body=b""),
)
fault(
    "upstream_error_types",
    "Types of errors are those of the upstream.",
    "error.type",
    modes=CHAT,
    failed=_body(lambda body: {**body, "error": {**body["error"], "type": "server_error"}}),
)
fault(
    "api_error_always",
    "Every error has the type api_error.",
    "error.type",
    failed=_body(lambda body: {**body, "error": {**body["error"], "type": "api_error"}}),
)
fault(
    "lose_words",
    "The words of the upstream's errors are lost.",
    "error.message",
    failed=_body(lambda body: {**body, "error": {**body["error"], "message": "Upstream error"}}),
)
fault(
    "drop_retry_after",
    "retry-after is lost.",
    "error.retry-after",
    failed=lambda failed: replace(
        failed, headers=tuple(pair for pair in failed.headers if pair[0].lower() != "retry-after")
    ),
)
fault(
    "fixed_retry_after",
    "retry-after is always 1.",
    "error.retry-after",
    failed=lambda failed: replace(
        failed, headers=tuple((name, "1" if name.lower() == "retry-after" else value) for name, value in failed.headers)
    ),
)

# -- in the middle of an answer

END: Fields = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}}


async def _ends_well(events: Events) -> AsyncIterator[Fields]:
    """A stream that breaks ends as if it were complete."""
    opened: int | None = None
    try:
        async for event in events:
            if event["type"] == "error":
                raise UpstreamError("error")
            if event["type"] == "content_block_start":
                opened = event["index"]
            opened = None if event["type"] == "content_block_stop" else opened
            yield event
    except (UpstreamError, BrokenAnswerError):
        if opened is not None:
            yield {"type": "content_block_stop", "index": opened}
        yield {**END, "usage": {"input_tokens": 0, "output_tokens": 1}}
        yield {"type": "message_stop"}


async def _cuts_end_well(events: Events) -> AsyncIterator[Fields]:
    """A cut ends as if the answer were complete; an error is passed on."""
    opened: int | None = None
    try:
        async for event in events:
            if event["type"] == "content_block_start":
                opened = event["index"]
            opened = None if event["type"] == "content_block_stop" else opened
            yield event
    except UpstreamError:
        if opened is not None:
            yield {"type": "content_block_stop", "index": opened}
        yield {**END, "usage": {"input_tokens": 0, "output_tokens": 1}}
        yield {"type": "message_stop"}


async def _ends_silently(events: Events) -> AsyncIterator[Fields]:
    """A stream that breaks just ends."""
    try:
        async for event in events:
            if event["type"] == "error":
                return
            yield event
    except (UpstreamError, BrokenAnswerError):
        return


async def _error_and_end(events: Events) -> AsyncIterator[Fields]:
    """After an error event comes a normal end."""
    try:
        async for event in events:
            yield event
            if event["type"] == "error":
                yield {**END, "usage": {"output_tokens": 1}}
                yield {"type": "message_stop"}
    except (UpstreamError, BrokenAnswerError) as error:
        yield {"type": "error", "error": {"type": "api_error", "message": str(error)}}
        yield {**END, "usage": {"output_tokens": 1}}
        yield {"type": "message_stop"}


async def _odd_error(events: Events) -> AsyncIterator[Fields]:
    """The error event has its error under another name."""
    try:
        async for event in events:
            yield {"type": "error", "message": event["error"]} if event["type"] == "error" else event
    except (UpstreamError, BrokenAnswerError) as error:
        yield {"type": "error", "message": {"type": "api_error", "message": str(error)}}


async def _forgets(events: Events) -> AsyncIterator[Fields]:
    """What came before an error is not sent."""
    held: list[Fields] = []
    async for event in events:
        if event["type"] == "error":
            held = []
        held.append(event)
        if event["type"] == "message_stop":
            break
    for event in held:
        yield event


fault(
    "broken_streams_end_well",
    "A stream that breaks ends as if it were complete.",
    "error.mid-stream",
    "error.cut",
    events=_ends_well,
)
fault("cuts_end_well", "A stream that is cut ends as if it were complete.", "error.cut", events=_cuts_end_well)
fault(
    "broken_streams_end_silently",
    "A stream that breaks just ends.",
    "error.mid-stream",
    "error.cut-reported",
    modes=CHAT,
    events=_ends_silently,
)
fault(
    "errors_end_silently", "A stream with an error just ends.", "error.mid-stream", modes=PASSES, events=_ends_silently
)
fault(
    "error_and_end",
    "After an error event comes a normal end.",
    "error.mid-stream",
    "stream.order",
    events=_error_and_end,
)
fault("odd_error_event", "The error of an error event has another name.", "error.mid-stream-form", events=_odd_error)
fault(
    "typeless_error_event",
    "The error of an error event has a type that is none.",
    "error.mid-stream-form",
    modes=PASSES,
    events=per_event(
        lambda event: (
            [{**event, "error": {**event["error"], "type": "server_error"}}] if event["type"] == "error" else [event]
        )
    ),
)
fault(
    "forget_before_error",
    "What a stream said before its error is lost.",
    "error.text-before",
    "stream.incremental",
    modes=PASSES,
    events=_forgets,
)
fault(
    "finish_for_nobody",
    "The request to the upstream goes on when the client has left.",
    "error.client-leaves",
    "error.client-leaves-soon",
    flags=frozenset({"finishes_for_nobody"}),
)
fault(
    "notice_leaving_late",
    "The request to the upstream ends only when the next chunk comes after the client has left.",
    "error.client-leaves-soon",
    modes=PASSES,
    flags=frozenset({"notices_leaving_late"}),
)
fault(
    "wait_for_ever",
    "The gateway waits without a limit for a silent upstream.",
    "error.silence",
    modes=PASSES,
    flags=frozenset({"waits_for_ever"}),
)
