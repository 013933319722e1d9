"""Circumstances under which a fault strikes, so that a server can be right most of the time: `FAULT@CONDITION`.

Real faults are seldom total: a translation goes wrong where tools are given, a buffer overflows on a long prompt, a
pool mixes up what it serves at once. A condition is a predicate over the scene; any fault can be bound to any of them.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from messages_conformance.reference.changes import RequestContext, Rewrite, Stage, summary_of
from messages_conformance.reference.faults import Fault
from messages_conformance.reference.faults import find_fault as find_plain_fault
from messages_conformance.reference.http import HttpRequest, HttpResponse
from messages_conformance.reference.lookup import find

SIGN: Final = "@"
"""Stands between the fault and its condition."""

SLOW_S: Final = 0.04
"""How long an endpoint under `concurrent` holds every answer back, so that requests meet in it."""

Holds = Callable[..., bool]


@dataclass(frozen=True, kw_only=True)
class Condition:
    """When a fault strikes. `holds` takes the scene, and a number of at least 1 where there is a `default` for one."""

    name: str
    summary: str
    holds: Holds = field(repr=False)
    default: int | None = None
    also: Mapping[Stage, Rewrite] = field(default_factory=dict, repr=False)
    """What an endpoint does besides, so that the condition can be met."""

    @property
    def usage(self) -> str:
        """As a user writes it: the name, with the default number behind those that take one."""
        return self.name if self.default is None else f"{self.name}={self.default}"


_CONDITIONS: dict[str, Condition] = {}


def condition(*, also: Mapping[Stage, Rewrite] | None = None) -> Callable[[Holds], Holds]:
    """Declares a condition: the docstring's first line says when it holds; a second parameter is its number."""

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


# What is asked for


@condition()
def streamed(scene: RequestContext) -> bool:
    """The answer is asked for as a stream."""
    return body(scene).get("stream") is True


@condition()
def whole(scene: RequestContext) -> bool:
    """The answer is asked for in one piece."""
    return body(scene).get("stream") is not True


@condition()
def tools(scene: RequestContext) -> bool:
    """The request offers tools."""
    return bool(body(scene).get("tools"))


@condition()
def system(scene: RequestContext) -> bool:
    """The request has a system prompt."""
    return bool(body(scene).get("system"))


@condition()
def stops(scene: RequestContext) -> bool:
    """The request has stop sequences."""
    return bool(body(scene).get("stop_sequences"))


@condition()
def thinking(scene: RequestContext) -> bool:
    """The request asks for extended thinking."""
    wanted = body(scene).get("thinking")
    return isinstance(wanted, Mapping) and wanted.get("type") != "disabled"


@condition()
def unicode(scene: RequestContext) -> bool:
    """Some text of the request is not ASCII."""
    return any(not text.isascii() for text in strings(body(scene)))


@condition()
def long(scene: RequestContext, characters: int = 2_000) -> bool:
    """The prompt, system prompt included, has at least so many characters."""
    prompt = [body(scene).get("system"), body(scene).get("messages")]
    return sum(map(len, strings(prompt))) >= characters


@condition()
def max_tokens(scene: RequestContext, limit: int = 1) -> bool:
    """The request allows at most so many output tokens."""
    value = body(scene).get("max_tokens")
    return isinstance(value, int) and 0 < value <= limit


@condition()
def history(scene: RequestContext, turns: int = 2) -> bool:
    """The conversation has at least so many turns."""
    messages = body(scene).get("messages")
    return isinstance(messages, list) and len(messages) >= turns


# What is answered


@condition()
def blocks(scene: RequestContext, count: int = 2) -> bool:
    """The answer has at least so many content blocks."""
    return len(scene.answer.get("content") or ()) >= count


# When it is asked


@condition()
def every(scene: RequestContext, count: int = 5) -> bool:
    """It is the turn of each so-many-th exchange that the fault could strike."""
    return turn(scene) % count == 0


@condition()
def first(scene: RequestContext, count: int = 1) -> bool:
    """The exchange is among the first that the fault could strike: a cold start."""
    return turn(scene) <= count


@condition()
def after(scene: RequestContext, count: int = 20) -> bool:
    """So many exchanges that the fault could strike have gone before."""
    return turn(scene) > count


def _noted(request: HttpRequest, scene: RequestContext) -> HttpRequest:
    scene.memory.setdefault("begun", {})[scene.number] = scene.received_at_s
    return request


def _held_back(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    return replace(response, delay_s=max(response.delay_s, SLOW_S))


@condition(also={Stage.REQUEST: _noted, Stage.RESPONSE: _held_back})
def concurrent(scene: RequestContext) -> bool:
    """Another request is in flight; the endpoint holds its answers back, so that requests meet."""
    others = (at_s for number, at_s in scene.memory.get("begun", {}).items() if number != scene.number)
    return any(scene.received_at_s - at_s < SLOW_S for at_s in others)


def turn(scene: RequestContext) -> int:
    """The number of this exchange, from 1, among those in which the fault had its chance."""
    reached: dict[int, int] = scene.memory.setdefault("reached", {})
    return reached.setdefault(scene.number, len(reached) + 1)


def body(scene: RequestContext) -> Mapping[str, Any]:
    """The request's body; read here where the endpoint has not got that far."""
    if scene.body:
        return scene.body
    try:
        read = json.loads(scene.request.body)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def strings(value: object) -> Iterator[str]:
    """Every string inside a JSON value, names of members left out."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, str):
            yield inner
        elif isinstance(inner, Mapping):
            waiting += inner.values()
        elif isinstance(inner, list):
            waiting += inner


# Faults under conditions


def conditions() -> Mapping[str, Condition]:
    """All conditions by name, in alphabetical order."""
    return MappingProxyType(dict(sorted(_CONDITIONS.items())))


def find_fault(name: str) -> Fault:
    """The fault of that name, bound where the name has an @; LookupError names near matches."""
    plain, bound, text = name.partition(SIGN)
    fault = find_plain_fault(plain)
    return under(fault, text) if bound else fault


def under(fault: Fault, text: str) -> Fault:
    """The fault, committed only where the condition holds; LookupError for one that means nothing."""
    name, given, value = text.partition("=")
    chosen = find("condition", name, conditions())
    if given and (chosen.default is None or not value.isdecimal() or not int(value)):
        takes = "takes no number" if chosen.default is None else f"takes a number of at least 1: {chosen.usage}"
        raise LookupError(f"condition {text!r}: {name} {takes}")
    number = int(value) if given else chosen.default
    return replace(
        fault,
        name=f"{fault.name}{SIGN}{text}",
        summary=f"{fault.summary} Only where: {chosen.summary[0].lower()}{chosen.summary[1:]}",
        rewrite=_guarded(fault.rewrite, chosen, number),
        also={**chosen.also, **{stage: _guarded(also, chosen, number) for stage, also in fault.also.items()}},
    )


def _guarded(rewrite: Rewrite, chosen: Condition, number: int | None) -> Rewrite:
    extra = () if number is None else (number,)
    return lambda thing, scene: rewrite(thing, scene) if chosen.holds(scene, *extra) else thing


@dataclass(frozen=True, kw_only=True)
class ConditionalFault:
    """A fault under a condition that a standard run has to find, by the same requirements as without it."""

    fault: str
    condition: str

    @property
    def name(self) -> str:
        return f"{self.fault}{SIGN}{self.condition}"


PROVED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "after=20": ("drop_message_stop", "omit_usage"),
        "blocks": ("drop_message_stop", "claim_tool_use", "reuse_block_index"),
        "concurrent": ("drop_message_stop", "omit_usage"),
        "every=5": ("drop_message_stop", "claim_tool_use", "send_snapshots"),
        "first": ("omit_usage",),
        "history": ("drop_message_stop", "omit_usage"),
        "long": ("drop_message_stop", "omit_usage"),
        "max_tokens=1": ("drop_message_stop", "omit_usage"),
        "stops": ("drop_message_stop", "claim_tool_use"),
        "streamed": ("claim_tool_use", "name_stop_sequence_at_natural_end"),
        "system": ("drop_message_stop", "omit_usage", "reuse_block_index"),
        "thinking": ("drop_message_stop", "omit_usage"),
        "tools": ("drop_message_stop", "nullify_usage_in_start"),
        "unicode": ("drop_message_stop", "omit_usage"),
        "whole": ("claim_tool_use", "name_stop_sequence_at_natural_end"),
    }
)
"""The faults that are bound to each condition: where it can be, one of streams and one of whole answers."""


def conditional_faults() -> tuple[ConditionalFault, ...]:
    """The pairs of fault and condition that the proof tries."""
    return tuple(
        ConditionalFault(fault=fault, condition=condition) for condition, names in PROVED.items() for fault in names
    )
