"""Conditions of a fault, so that a server is correct most of the time: `FAULT@CONDITION`.

Most real faults depend on the request: a gateway translates tools wrongly, a buffer overflows on a long prompt, a pool
mixes up concurrent requests. A condition is a predicate over the request context. Any fault can have any condition.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from messages_conformance.reference.changes import RequestContext, Rewrite, Stage, summary_of
from messages_conformance.reference.crowd import COUNTING, CROWD, in_progress
from messages_conformance.reference.faults import Fault
from messages_conformance.reference.faults import find_fault as find_plain_fault
from messages_conformance.reference.http import HttpRequest, HttpResponse
from messages_conformance.reference.lookup import find

SIGN: Final = "@"
"""Separates the name of a fault from its condition."""

OVERLAP_S: Final = 0.04
"""How long an endpoint with `concurrent` delays every answer, so that requests overlap; our own number."""

Holds = Callable[..., bool]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """When a fault happens. `holds` takes the context, and a number of at least 1 if there is a `default` for it."""

    name: str
    summary: str
    holds: Holds = field(repr=False)
    default: int | None = None
    also: Mapping[Stage, Rewrite] = field(default_factory=dict, repr=False)
    """What the endpoint also rewrites, so that the condition can become true."""

    @property
    def usage(self) -> str:
        """How a user writes it: the name, and the default number if it takes one."""
        return self.name if self.default is None else f"{self.name}={self.default}"


_CONDITIONS: dict[str, Condition] = {}


def condition(*, also: Mapping[Stage, Rewrite] | None = None) -> Callable[[Holds], Holds]:
    """Declares a condition. The first line of the docstring says when it holds; a second parameter is its number."""

    def declare(function: Holds) -> Holds:
        number = list(inspect.signature(function).parameters.values())[1:]
        _CONDITIONS[function.__name__] = Condition(
            name=function.__name__,
            summary=summary_of(function),
            holds=function,
            default=number[0].default if number else None,
            also=also or {},
        )
        return function

    return declare


# What the request contains


@condition()
def streamed(context: RequestContext) -> bool:
    """The request asks for a stream."""
    return body(context).get("stream") is True


@condition()
def whole(context: RequestContext) -> bool:
    """The request does not ask for a stream."""
    return body(context).get("stream") is not True


@condition()
def tools(context: RequestContext) -> bool:
    """The request offers tools."""
    return bool(body(context).get("tools"))


@condition()
def system(context: RequestContext) -> bool:
    """The request has a system prompt."""
    return bool(body(context).get("system"))


@condition()
def stops(context: RequestContext) -> bool:
    """The request has stop sequences."""
    return bool(body(context).get("stop_sequences"))


@condition()
def thinking(context: RequestContext) -> bool:
    """The request asks for extended thinking."""
    value = body(context).get("thinking")
    return isinstance(value, Mapping) and value.get("type") != "disabled"


@condition()
def unicode(context: RequestContext) -> bool:
    """Some text of the request is not ASCII."""
    return any(not text.isascii() for text in strings(body(context)))


@condition()
def long(context: RequestContext, characters: int = 2_000) -> bool:
    """The prompt, with the system prompt, has at least the given number of characters."""
    prompt = [body(context).get("system"), body(context).get("messages")]
    return sum(map(len, strings(prompt))) >= characters


@condition()
def max_tokens(context: RequestContext, limit: int = 1) -> bool:
    """The request has at most the given max_tokens."""
    value = body(context).get("max_tokens")
    return isinstance(value, int) and 0 < value <= limit


@condition()
def history(context: RequestContext, turns: int = 2) -> bool:
    """The conversation has at least the given number of turns."""
    messages = body(context).get("messages")
    return isinstance(messages, list) and len(messages) >= turns


@condition()
def later(context: RequestContext) -> bool:
    """The conversation has an assistant turn before its last message."""
    messages = body(context).get("messages")
    earlier = messages[:-1] if isinstance(messages, list) else []
    return any(isinstance(turn, Mapping) and turn.get("role") == "assistant" for turn in earlier)


@condition()
def prefilled(context: RequestContext) -> bool:
    """The last message is one of the assistant, which the answer continues."""
    messages = body(context).get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    return isinstance(last, Mapping) and last.get("role") == "assistant"


@condition()
def formatted(context: RequestContext) -> bool:
    """The request asks for an output format."""
    config = body(context).get("output_config")
    return isinstance(config, Mapping) and bool(config.get("format"))


@condition()
def images(context: RequestContext) -> bool:
    """The request has an image."""
    return "image" in kinds(context)


@condition()
def documents(context: RequestContext) -> bool:
    """The request has a document."""
    return "document" in kinds(context)


@condition()
def results(context: RequestContext) -> bool:
    """The request has the result of a tool."""
    return "tool_result" in kinds(context)


@condition()
def cached(context: RequestContext) -> bool:
    """The request has a cache_control."""
    return any("cache_control" in inner for inner in objects(body(context)))


@condition()
def size(context: RequestContext, length: int = 50_000) -> bool:
    """The body of the request has at least the given number of bytes."""
    return len(context.request.body) >= length


# What the answer contains


@condition()
def blocks(context: RequestContext, count: int = 2) -> bool:
    """The answer has at least the given number of content blocks."""
    return len(context.answer.get("content") or ()) >= count


# Which request it is


@condition()
def every(context: RequestContext, count: int = 5) -> bool:
    """Of the requests that the fault could affect, it is number N, 2N, 3N and so on, for the given N."""
    return affected_number(context) % count == 0


@condition()
def first(context: RequestContext, count: int = 1) -> bool:
    """It is among the first requests that the fault could affect, as after a cold start."""
    return affected_number(context) <= count


@condition()
def after(context: RequestContext, count: int = 20) -> bool:
    """The fault could affect at least the given number of earlier requests."""
    return affected_number(context) > count


def _record_start(request: HttpRequest, context: RequestContext) -> HttpRequest:
    context.memory.setdefault("started", {})[context.number] = context.received_at_s
    return request


def _delay_answer(response: HttpResponse, context: RequestContext) -> HttpResponse:
    return replace(response, delay_s=max(response.delay_s, OVERLAP_S))


@condition(also={Stage.REQUEST: _record_start, Stage.RESPONSE: _delay_answer})
def concurrent(context: RequestContext) -> bool:
    """Another request is in progress. The endpoint delays its answers, so that requests overlap."""
    others = (at_s for number, at_s in context.memory.get("started", {}).items() if number != context.number)
    return any(context.received_at_s - at_s < OVERLAP_S for at_s in others)


@condition(also=COUNTING)
def above(context: RequestContext, count: int = CROWD) -> bool:
    """More than the given number of requests are in progress. The endpoint delays its answers, as in `concurrent`."""
    return in_progress(context) > count


def affected_number(context: RequestContext) -> int:
    """The number of this request, from 1, among those that the fault could affect."""
    reached: dict[int, int] = context.memory.setdefault("reached", {})
    return reached.setdefault(context.number, len(reached) + 1)


def body(context: RequestContext) -> Mapping[str, Any]:
    """The body of the request, also before the endpoint has parsed it."""
    if context.body:
        return context.body
    try:
        parsed = json.loads(context.request.body)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def strings(value: object) -> Iterator[str]:
    """Every string inside a JSON value, except the names of members."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, str):
            yield inner
        elif isinstance(inner, Mapping):
            waiting += inner.values()
        elif isinstance(inner, list):
            waiting += inner


def objects(value: object) -> Iterator[Mapping[str, Any]]:
    """Every object inside a JSON value, the value itself included."""
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)


def kinds(context: RequestContext) -> set[str]:
    """The types of all objects in the messages of the request."""
    return {str(inner.get("type")) for inner in objects(body(context).get("messages"))}


# Faults under conditions


def conditions() -> Mapping[str, Condition]:
    """All conditions by name, in alphabetical order."""
    return MappingProxyType(dict(sorted(_CONDITIONS.items())))


def find_fault(name: str) -> Fault:
    """The fault with that name, with a condition after the @ if there is one. LookupError suggests similar names."""
    plain, sign, text = name.partition(SIGN)
    fault = find_plain_fault(plain)
    return under_condition(fault, text) if sign else fault


def under_condition(fault: Fault, text: str) -> Fault:
    """The fault with a condition. LookupError if the condition is unknown or its number is wrong."""
    name, equals, value = text.partition("=")
    chosen = find("condition", name, conditions())
    if equals and (chosen.default is None or not value.isdecimal() or not int(value)):
        takes = "takes no number" if chosen.default is None else f"takes a number of at least 1: {chosen.usage}"
        raise LookupError(f"condition {text!r}: {name} {takes}")
    number = int(value) if equals else chosen.default
    return replace(
        fault,
        name=f"{fault.name}{SIGN}{text}",
        summary=f"{fault.summary} Only when this holds: {chosen.summary}",
        rewrite=_guarded(fault.rewrite, chosen, number),
        also={**chosen.also, **{stage: _guarded(also, chosen, number) for stage, also in fault.also.items()}},
    )


def _guarded(rewrite: Rewrite, chosen: Condition, number: int | None) -> Rewrite:
    extra = () if number is None else (number,)
    return lambda thing, context: rewrite(thing, context) if chosen.holds(context, *extra) else thing


@dataclass(frozen=True, kw_only=True)
class ConditionalFault:
    """A fault with a condition. A standard run must find it through the same requirements as without the condition."""

    fault: str
    condition: str

    @property
    def name(self) -> str:
        """The name that a user gives: FAULT@CONDITION."""
        return f"{self.fault}{SIGN}{self.condition}"


PROVED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "above=2": ("drop_message_stop", "omit_usage"),
        "after=20": ("drop_message_stop", "omit_usage"),
        "cached": ("drop_documents",),
        "blocks": ("drop_message_stop", "claim_tool_use", "reuse_block_index"),
        "concurrent": ("drop_message_stop", "omit_usage"),
        "every=5": ("drop_message_stop", "claim_tool_use", "skip_block_index"),
        "documents": ("omit_usage",),
        "first": ("omit_usage",),
        "formatted": ("drop_documents",),
        "history": ("drop_message_stop", "omit_usage"),
        "images": ("drop_documents",),
        "later": ("drop_documents",),
        "long": ("drop_message_stop", "omit_usage"),
        "max_tokens=1": ("drop_message_stop", "omit_usage"),
        "prefilled": ("drop_message_stop",),
        "results": ("drop_message_stop", "omit_usage"),
        "size": ("omit_usage",),
        "stops": ("drop_message_stop", "claim_tool_use"),
        "streamed": ("claim_tool_use", "drop_stop_sequences", "name_stop_sequence_at_natural_end"),
        "system": ("drop_message_stop", "drop_stop_sequences", "omit_usage", "reuse_block_index"),
        "thinking": ("drop_documents", "drop_message_stop", "omit_usage"),
        "tools": ("drop_message_stop", "drop_stop_sequences", "nullify_usage_in_start"),
        "unicode": ("drop_message_stop", "omit_usage"),
        "whole": ("claim_tool_use", "name_stop_sequence_at_natural_end"),
    }
)
"""Condition -> the faults that the proof tries with it: if possible one of streams and one of whole answers."""


def conditional_faults() -> tuple[ConditionalFault, ...]:
    """The pairs of fault and condition that the proof tries."""
    return tuple(
        ConditionalFault(fault=fault, condition=condition) for condition, names in PROVED.items() for fault in names
    )
