"""Exchanges for tests: a request with a JSON answer, a streamed answer or a refusal, with changes."""

import json
from collections.abc import Iterable
from typing import Any

from stream_frames import HELLO, Event, sse

from messages_conformance.contract import profile, profile_names
from messages_conformance.exchange import COMPLETE, EITHER, Chunk, Exchange, Failure, Request, Response
from messages_conformance.rules import CATALOGUE, Judge, Requirement, Verdict

FULL_PROFILE = "anthropic-2023-06-01"
QUESTION: dict[str, Any] = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}
TOOLS: list[dict[str, Any]] = [{"name": "f", "input_schema": {"type": "object"}}]
ANSWER: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 5},
}
TOOL_CALL: dict[str, Any] = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
ERROR_BODY: dict[str, Any] = {
    "type": "error",
    "error": {"type": "invalid_request_error", "message": "max_tokens: required"},
    "request_id": "req_1",
}


def changed(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy with some members replaced; the value Ellipsis removes a member."""
    return {name: value for name, value in {**base, **changes}.items() if value is not ...}


def response(
    body: Any = None, *, status: int = 200, media_type: str | None = "application/json", **fields: Any
) -> Response:
    """A response; `body` is bytes or a value for JSON, `headers` a dict of changes to the usual headers."""
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    headers = changed({"content-type": media_type, "request-id": "req_1"}, fields.pop("headers", {}))
    given = {
        "chunks": (Chunk(at_s=0.1, data=data),),
        "headers_at_s": 0.05,
        "ended_at_s": 0.2,
        "ending": COMPLETE,
        "headers": tuple((name, value) for name, value in headers.items() if value is not None),
    }
    return Response(status=status, **{**given, **fields})


def exchange(
    response: Response | None, *, number: int = 1, ask: Any = None, stream: bool = False, **fields: Any
) -> Exchange:
    """An exchange; `ask` is a dict of changes to the usual request, or the bytes of the body."""
    body = ask if isinstance(ask, bytes) else changed({**QUESTION, **({"stream": True} if stream else {})}, ask or {})
    request = Request(
        method=fields.pop("method", "POST"),
        path=fields.pop("path", "/v1/messages"),
        headers=(("content-type", "application/json"), ("x-api-key", "$MESSAGES_API_KEY")),
        body=body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode(),
    )
    return Exchange(number=number, request=request, response=response, expect=fields.pop("expect", EITHER), **fields)


def answered(changes: Any = None, *, ask: Any = None, http: Any = None, **fields: Any) -> Exchange:
    """A message without streaming; `changes` change it, or are the body if they are not a dict."""
    body = changed(ANSWER, changes or {}) if changes is None or isinstance(changes, dict) else changes
    return exchange(response(body, **(http or {})), ask=ask, **fields)


def streamed(
    events: list[Event] | bytes | None = None, *, ask: Any = None, http: Any = None, **fields: Any
) -> Exchange:
    """A streamed answer, the simplest one unless `events` are given."""
    body = events if isinstance(events, bytes) else sse(HELLO if events is None else events)
    given = {"media_type": "text/event-stream", **(http or {})}
    return exchange(response(body, **given), ask=ask, stream=True, **fields)


def refused(status: int = 400, changes: Any = None, *, ask: Any = None, http: Any = None, **fields: Any) -> Exchange:
    """A refusal in the documented envelope; `changes` change it, or are the body if they are not a dict."""
    body = changed(ERROR_BODY, changes or {}) if changes is None or isinstance(changes, dict) else changes
    return exchange(response(body, status=status, **(http or {})), ask=ask, **fields)


def unanswered(kind: str = "timeout", message: str = "no byte came for 60 s", **fields: Any) -> Exchange:
    return exchange(None, failure=Failure(kind=kind, message=message), **fields)


def numbered(*exchanges: Exchange) -> list[Exchange]:
    """The same exchanges, numbered from 1 in the order of a run."""
    return [
        Exchange(**{**{name: getattr(one, name) for name in Exchange.__dataclass_fields__}, "number": number})
        for number, one in enumerate(exchanges, start=1)
    ]


def verdicts(
    exchanges: Iterable[Exchange],
    *,
    under: str = FULL_PROFILE,
    catalogue: dict[str, Requirement] | None = None,
    only: Iterable[str] = (),
) -> dict[str, Verdict]:
    """Every verdict of a run of these exchanges, by requirement."""
    wanted = frozenset(only)
    judge = Judge(
        profile(under),
        catalogue=CATALOGUE if catalogue is None else catalogue,
        selected=(lambda requirement: requirement in wanted) if wanted else None,
    )
    for one in exchanges:
        judge.add(one)
    return {verdict.requirement: verdict for verdict in judge.verdicts()}


def found(*exchanges: Exchange, under: str = FULL_PROFILE) -> set[str]:
    """The requirements that a run of these exchanges violates."""
    return {name for name, verdict in verdicts(exchanges, under=under).items() if verdict.findings}


def home(requirement: str) -> str:
    """A profile that requires it, preferably the one with most requirements."""
    ordered = sorted(profile_names(), key=lambda name: name != FULL_PROFILE)
    return next(name for name in ordered if not CATALOGUE[requirement].inapplicable(profile(name)))
