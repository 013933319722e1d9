"""Streams for tests: events as (name, data) pairs, correct streams, and responses that carry them."""

import json
from typing import Any

from messages_conformance.exchange import COMPLETE, Chunk, Response
from messages_conformance.stream import Walk, walk
from messages_conformance.wire import encode

Event = tuple[str, dict[str, Any]]
"""The name of an event and its data; `type` is filled in from the name."""


def ev(name: str, **data: Any) -> Event:
    return name, {"type": name, **data}


def start(**changes: Any) -> Event:
    """message_start; a change to None keeps the key, a change to Ellipsis leaves it out."""
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [],
        "model": "m",
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 1},
    }
    message.update(changes)
    return ev("message_start", message={key: value for key, value in message.items() if value is not ...})


def block(index: Any = 0, type: str = "text", **fields: Any) -> Event:
    empty: dict[str, Any] = {
        "text": {"text": ""},
        "thinking": {"thinking": "", "signature": ""},
        "tool_use": {"id": "toolu_1", "name": "f", "input": {}},
    }.get(type, {})
    body = {"type": type, **empty, **fields}
    return ev("content_block_start", **_index(index), content_block={k: v for k, v in body.items() if v is not ...})


def delta(index: Any = 0, type: str = "text_delta", **fields: Any) -> Event:
    return ev("content_block_delta", **_index(index), delta={"type": type, **fields})


def text(content: Any, index: Any = 0) -> Event:
    return delta(index, text=content)


def fragment(partial_json: Any, index: Any = 0) -> Event:
    return delta(index, "input_json_delta", partial_json=partial_json)


def stop(index: Any = 0) -> Event:
    return ev("content_block_stop", **_index(index))


def ends(reason: Any = "end_turn", usage: Any = 5, **fields: Any) -> Event:
    """message_delta; `usage` is the output_tokens, a whole object, or Ellipsis for none."""
    counted = {"output_tokens": usage} if isinstance(usage, int) else usage
    members = {"stop_reason": reason, "stop_sequence": None, **fields}
    data: dict[str, Any] = {"delta": {key: value for key, value in members.items() if value is not ...}}
    return ev("message_delta", **data, **({} if counted is ... else {"usage": counted}))


def over() -> Event:
    return ev("message_stop")


def ping() -> Event:
    return ev("ping")


def _index(index: Any) -> dict[str, Any]:
    return {} if index is ... else {"index": index}


def sse(events: list[Event]) -> bytes:
    return b"".join(encode(name, json.dumps(data, ensure_ascii=False)) for name, data in events)


def streamed(body: bytes | list[Event], *, status: int = 200, ending: str = COMPLETE, **fields: Any) -> Response:
    """A response with an event stream for a body, in one chunk unless `chunks` says otherwise."""
    data = body if isinstance(body, bytes) else sse(body)
    given: dict[str, Any] = {
        "headers": (("content-type", "text/event-stream"), ("request-id", "req_1")),
        "chunks": (Chunk(at_s=0.1, data=data),),
        "headers_at_s": 0.05,
        "ended_at_s": 0.2,
    }
    return Response(status=status, ending=ending, **{**given, **fields})


def walked(events: bytes | list[Event], **fields: Any) -> Walk:
    return walk(streamed(events, **fields))


def violated(walk: Walk) -> list[str]:
    """The requirements of the deviations, each once, in order."""
    return list(dict.fromkeys(deviation.requirement for deviation in walk.deviations))


HELLO = [start(), block(), text("Hel"), text("lo"), stop(), ends(), over()]

FULL = [
    start(),
    block(0, "thinking"),
    delta(0, "thinking_delta", thinking="Let me "),
    delta(0, "thinking_delta", thinking="see."),
    delta(0, "signature_delta", signature="c2ln"),
    stop(0),
    block(1),
    text("Two ", 1),
    ping(),
    text("calls ", 1),
    text("come.", 1),
    stop(1),
    block(2, "tool_use", id="toolu_1", name="f"),
    fragment("", 2),
    fragment('{"a":', 2),
    fragment(" 1}", 2),
    stop(2),
    block(3, "tool_use", id="toolu_2", name="g"),
    fragment('{"b": 2}', 3),
    stop(3),
    ends("tool_use", 30),
    over(),
]
"""Thinking with its signature, text in three deltas and with a ping, two tool calls."""
