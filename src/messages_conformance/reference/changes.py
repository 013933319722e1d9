"""The layers of the endpoint that a fault or a variant can rewrite, and what it is told while it does."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from messages_conformance.reference.http import HttpRequest


class Stage(StrEnum):
    """Where a change takes hold, in the order in which a request passes through."""

    REQUEST = "request"
    """HttpRequest -> HttpRequest, as it arrived."""
    FAILURES = "failures"
    """list[Failure] -> list[Failure]: reasons to refuse; an empty list accepts."""
    BODY = "body"
    """dict -> dict: the accepted request body, before it is answered."""
    MODEL = "model"
    """Model -> Model: how the answer is found and counted."""
    MESSAGE = "message"
    """dict -> dict: the Message that both the JSON document and the stream are made of."""
    DOCUMENT = "document"
    """dict -> any JSON value: the Message of an answer that is not streamed."""
    EVENTS = "events"
    """list[(name, data)] -> the same: the events of a stream."""
    FRAMES = "frames"
    """list[bytes] -> list[bytes]: the stream as it is sent, one item for one event."""
    COUNT = "count"
    """dict -> any JSON value: the answer of count_tokens."""
    MODELS = "models"
    """dict -> any JSON value: the answer of /v1/models and /v1/models/{id}."""
    ERROR = "error"
    """ErrorReply -> ErrorReply: an error before it becomes bytes."""
    BROKEN = "broken"
    """HttpResponse -> HttpResponse: the answer to what is no whole HTTP request, such as a body that was cut off."""
    RESPONSE = "response"
    """HttpResponse -> HttpResponse: status, headers, pieces, framing and ending."""


@dataclass(frozen=True, kw_only=True)
class RequestContext:
    """The circumstances of one exchange. `memory` is shared by all exchanges of one endpoint.

    `received_at_s` is when the request arrived, on the clock of the endpoint.
    """

    request: HttpRequest
    number: int
    request_id: str
    received_at_s: float
    body: Mapping[str, Any]
    memory: MutableMapping[str, Any] = field(repr=False)
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The Message before any change; empty where the request is not answered with one."""

    @property
    def streams(self) -> bool:
        return self.body.get("stream") is True


@dataclass(frozen=True, kw_only=True)
class ErrorReply:
    """An error on its way out. A `body` of bytes is sent as it is, any other as JSON."""

    status: int
    body: Any
    headers: Mapping[str, str]
    requirement: str | None = None


Rewrite = Callable[[Any, RequestContext], Any]


class Change(Protocol):
    """A named rewriting of one layer."""

    @property
    def name(self) -> str: ...
    @property
    def at(self) -> Stage: ...
    @property
    def rewrite(self) -> Rewrite: ...
    @property
    def also(self) -> Mapping[Stage, Rewrite]: ...
    @property
    def needs_socket(self) -> bool: ...


def rewrites(change: Change, stage: Stage) -> tuple[Rewrite, ...]:
    """What a change does at a stage: mostly nothing, or one thing."""
    own = (change.rewrite,) if change.at is stage else ()
    return (*own, change.also[stage]) if stage in change.also else own


def with_context(function: Callable[..., Any]) -> Rewrite:
    """The function as one of (thing, scene); most need the thing only."""
    if len(inspect.signature(function).parameters) == 2:
        return function
    return lambda thing, scene: function(thing)


def summary_of(function: Callable[..., Any]) -> str:
    """The first line of the docstring; every change must have one."""
    text = inspect.getdoc(function)
    if not text:
        raise TypeError(f"{function.__name__} has no docstring; its first line is shown to people who choose by name")
    return text.splitlines()[0]
