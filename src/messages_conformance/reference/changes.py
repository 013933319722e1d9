"""The stages of the endpoint that a fault or a variant can rewrite, and the context of the request that it gets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from messages_conformance.reference.http import HttpRequest


class Stage(StrEnum):
    """The stage that a change rewrites, in the order in which a request passes them."""

    REQUEST = "request"
    """HttpRequest -> HttpRequest, as it arrived."""
    FAILURES = "failures"
    """list[Failure] -> list[Failure]: the reasons to refuse a request; an empty list accepts it."""
    BODY = "body"
    """dict -> dict: the accepted request body."""
    MODEL = "model"
    """Model -> Model: the language model that writes and counts the answer."""
    MESSAGE = "message"
    """dict -> dict: the Message from which the JSON document or the stream is made."""
    DOCUMENT = "document"
    """dict -> any JSON value: the Message of an answer that is not streamed."""
    EVENTS = "events"
    """list[(name, data)] -> the same: the events of a stream."""
    FRAMES = "frames"
    """list[bytes] -> list[bytes]: the bytes of a stream, one item for each event."""
    COUNT = "count"
    """dict -> any JSON value: the answer of count_tokens."""
    MODELS = "models"
    """dict -> any JSON value: the answer of /v1/models and /v1/models/{id}."""
    OBJECTS = "objects"
    """dict -> any JSON value: an answer about batches or files."""
    ERROR = "error"
    """ErrorReply -> ErrorReply: an error before it is written as bytes."""
    BROKEN = "broken"
    """HttpResponse -> HttpResponse: the answer to bytes that are not a whole HTTP request, such as a truncated body."""
    RESPONSE = "response"
    """HttpResponse -> HttpResponse: status, headers, pieces, framing and ending."""


@dataclass(frozen=True, kw_only=True)
class RequestContext:
    """What is known about one request. `memory` is shared by all requests of one endpoint.

    `received_at_s` is when the request arrived, on the clock of the endpoint.
    """

    request: HttpRequest
    number: int
    request_id: str
    received_at_s: float
    body: Mapping[str, Any]
    memory: MutableMapping[str, Any] = field(repr=False)
    answer: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The Message before any change; empty if the response is not a Message."""

    @property
    def streams(self) -> bool:
        """Whether the request asks for a stream."""
        return self.body.get("stream") is True


@dataclass(frozen=True, kw_only=True)
class ErrorReply:
    """An error response. A `body` of bytes is sent as it is, any other as JSON."""

    status: int
    body: Any
    headers: Mapping[str, str]
    requirement: str | None = None


Rewrite = Callable[[Any, RequestContext], Any]


class Change(Protocol):
    """A fault or a variant: a named rewrite of one stage, and of others in `also`."""

    @property
    def name(self) -> str:
        """The name that a user gives."""
        ...

    @property
    def at(self) -> Stage:
        """The main stage."""
        ...

    @property
    def rewrite(self) -> Rewrite:
        """The rewrite of the main stage."""
        ...

    @property
    def also(self) -> Mapping[Stage, Rewrite]:
        """The rewrites of other stages."""
        ...

    @property
    def needs_socket(self) -> bool:
        """Whether the change exists only on a real connection; the transport in memory cannot show it."""
        ...


def rewrites(change: Change, stage: Stage) -> tuple[Rewrite, ...]:
    """The rewrites of a change at a stage; mostly none or one."""
    own = (change.rewrite,) if change.at is stage else ()
    return (*own, change.also[stage]) if stage in change.also else own


def with_context(function: Callable[..., Any]) -> Rewrite:
    """The function with the parameters (thing, context). A function with one parameter gets the thing only."""
    if len(inspect.signature(function).parameters) == 2:
        return function
    return lambda thing, context: function(thing)


def summary_of(function: Callable[..., Any]) -> str:
    """The first line of the docstring. TypeError if there is none."""
    text = inspect.getdoc(function)
    if not text:
        raise TypeError(f"{function.__name__} has no docstring; its first line is its summary in lists")
    return text.splitlines()[0]
