"""Faults that turn a failure of the upstream into something that looks like an answer, and errors that say too much."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from messages_conformance.reference_gateway.changes import TRANSLATES, Events, Failed, Fields
from messages_conformance.reference_gateway.chat_answer import BrokenAnswerError
from messages_conformance.reference_gateway.faults.edges import shown_by
from messages_conformance.reference_gateway.faults.row import fault
from messages_conformance.reference_gateway.http import UpstreamError

CHAT = (TRANSLATES,)


async def _empty_end(events: Events) -> AsyncIterator[Fields]:
    """An error before the first words ends the stream as if the answer were empty."""
    said = False
    try:
        async for event in events:
            if event["type"] == "error" and not said:
                raise UpstreamError("error")
            said = said or event["type"] == "content_block_delta"
            yield event
    except (UpstreamError, BrokenAnswerError):
        if said:
            raise
        delta = {"stop_reason": "end_turn", "stop_sequence": None}
        yield {"type": "message_delta", "delta": delta, "usage": {"input_tokens": 0, "output_tokens": 0}}
        yield {"type": "message_stop"}


fault(
    "early_errors_end_well",
    "An error before the first words of a stream ends it as if the answer were empty.",
    "error.mid-stream",
    modes=CHAT,
    events=_empty_end,
)


def _spoken_body(completion: Fields) -> Fields:
    if "choices" in completion:
        return completion
    message = {"role": "assistant", "content": json.dumps(completion)}
    return {"choices": [{"message": message, "finish_reason": "stop"}]}


fault(
    "hidden_errors_as_text",
    "A body that is no answer becomes the text of a whole message.",
    "error.hidden",
    modes=CHAT,
    completion=_spoken_body,
    **shown_by("error-in-200", "page-in-200", "text"),
)


async def _spoken_errors(events: Events) -> AsyncIterator[Fields]:
    """The words of an error are the last text of a stream, before its error event."""
    opened: int | None = None
    try:
        async for event in events:
            if event["type"] == "content_block_start" and event["content_block"]["type"] == "text":
                opened = event["index"]
            if event["type"] == "error" and opened is not None:
                yield _text_delta(opened, f"[{event['error']['message']}]")
            yield event
    except (UpstreamError, BrokenAnswerError) as error:
        if opened is not None:
            yield _text_delta(opened, f"[{error}]")
        raise


def _text_delta(index: int, text: str) -> Fields:
    return {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}}


fault(
    "errors_as_text",
    "The words of an error in mid-stream are text of the answer, too.",
    "error.text-before",
    events=_spoken_errors,
)


def _traced(failed: Failed) -> Failed:
    try:
        body = json.loads(failed.body)
        message = body["error"]["message"]
    except (ValueError, KeyError, TypeError):
        return failed
    trace = f"{message}\n    at Route.post (/opt/gateway/dist/server.js:1021:17)"
    body["error"]["message"] = trace
    return Failed(status=failed.status, headers=failed.headers, body=json.dumps(body).encode())


fault("stack_traces", "Errors have a stack trace of the gateway.", "credentials.internals", failed=_traced)
