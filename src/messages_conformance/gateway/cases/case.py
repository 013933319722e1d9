"""A case: one request of a client, and the script that says what the upstream answers to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from messages_conformance.upstream import Script

SCRIPT: Final = "<script>"
"""The place in the request's last user turn where the token of the script is written."""

WHOLE: Final = "whole"
STREAM: Final = "stream"
FORMS: Final = (WHOLE, STREAM)

PASSTHROUGH: Final = "passthrough"
TRANSLATES: Final = "translates"
PROMISES: Final = (PASSTHROUGH, TRANSLATES)

Fields = dict[str, Any]
ASK: Final[tuple[Fields, ...]] = ({"role": "user", "content": f"Please answer. {SCRIPT}"},)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One case. It is sent in each of its forms, to gateways that make one of its `promises`.

    `request` is the body without model, max_tokens and stream, which have defaults. `query` is that of the path.
    `inexpressible` names the fields that OpenAI's dialects have no form for. `leaves`: the client leaves after the
    first delta. `pauses` holds how many characters the upstream has sent before each pause. `keeps_alive`: the upstream
    pings meanwhile. `observes` names what else a case is made for, where no record shows it.
    """

    name: str
    script: Script
    request: Mapping[str, Any]
    headers: tuple[tuple[str, str], ...] = ()
    query: str = ""
    forms: tuple[str, ...] = FORMS
    promises: tuple[str, ...] = PROMISES
    inexpressible: tuple[str, ...] = ()
    leaves: bool = False
    pauses: tuple[int, ...] = ()
    keeps_alive: bool = False
    observes: tuple[str, ...] = ()


def case(name: str, script: Script | None = None, /, **fields: Any) -> Case:
    """A case whose request has these fields; those of `Case` itself are taken out of them."""
    own = {key: fields.pop(key) for key in tuple(fields) if key in _OWN}
    return Case(name=name, script=script or Script(), request={"messages": list(ASK), **fields}, **own)


_OWN: Final = frozenset(Case.__dataclass_fields__) - {"name", "script", "request"}


def user(*content: Any) -> Fields:
    """A turn of the user: a text, or blocks."""
    return {"role": "user", "content": content[0] if isinstance(content[0], str) else list(content)}


def assistant(*content: Any) -> Fields:
    """A turn of the assistant: a text, or blocks."""
    return {**user(*content), "role": "assistant"}


def text(value: str, **more: Any) -> Fields:
    """A text block."""
    return {"type": "text", "text": value, **more}
