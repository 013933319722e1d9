"""What happened behind a gateway while it answered a client: the requests to the upstream, and what that had to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from messages_conformance.exchange.http_request import Request
from messages_conformance.exchange.http_response import Response

UPSTREAM_KEY_PLACEHOLDER: Final = "$UPSTREAM_KEY"
"""Replaces the key that the gateway sends to the upstream, in every record."""

UPSTREAM_ADDRESS_PLACEHOLDER: Final = "$UPSTREAM_ADDRESS"
"""Replaces the host and port of the upstream, in every record."""

TEXT: Final = "text"
REASONING: Final = "reasoning"
REDACTED: Final = "redacted"
CALL: Final = "call"
REFUSAL: Final = "refusal"
OTHER: Final = "other"


@dataclass(frozen=True, kw_only=True)
class SaidBlock:
    """One part of the upstream's answer. `kind` is TEXT, REASONING, REDACTED, CALL, REFUSAL or OTHER.

    `text` is the text, the reasoning, or the arguments of a call or a whole other block as JSON text.
    """

    kind: str
    text: str
    name: str = ""
    signature: str = ""


@dataclass(frozen=True, kw_only=True)
class SaidUsage:
    """The counts of the upstream. `input` includes the cached tokens, `output` those of reasoning."""

    input: int
    output: int
    cached: int = 0
    cache_written: int = 0


@dataclass(frozen=True, kw_only=True)
class Said:
    """What the script of a case made the upstream answer, in words that no dialect owns.

    `status` is 200 or that of an error; `message` is the error's. `finish` is a finish reason of Chat Completions, or
    `stop_sequence`. `broken` says how the answer ended if it did not end well: error, cut, reset, end, hang, or `page`
    for the page of another server in front of it. `usage` is None when the upstream gave no counts. `headers` are
    those that the script adds.
    """

    blocks: tuple[SaidBlock, ...] = ()
    finish: str = "stop"
    stop_sequence: str | None = None
    usage: SaidUsage | None = None
    status: int = 200
    message: str = ""
    broken: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    after: int = 0
    """In a stream that breaks, the number of characters before it does."""


@dataclass(frozen=True, kw_only=True, eq=False)
class UpstreamCall:
    """One request of the gateway to the upstream, with the answer as far as it was sent.

    Times of the answer are in seconds since the client's request began to be sent. `ending` is complete, cut, reset,
    hang or left (by the gateway); `left_at_s` is when it left. `refused` says why the upstream's dialect forbids the
    request; empty when it does not.
    """

    request: Request
    response: Response | None
    started_s: float = 0.0
    ending: str = ""
    left_at_s: float | None = None
    refused: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Behind:
    """The upstream's side of one case.

    `promises` are what the gateway promises beyond its profile. `dialect` is that of the upstream. `inexpressible`
    names what the dialect has no form for: such a request may be refused. `nonce` belongs to this client alone.
    `observes` names what the case was made for, where no record shows it.
    """

    case: str
    dialect: str
    said: Said
    calls: tuple[UpstreamCall, ...]
    promises: tuple[str, ...] = ()
    inexpressible: tuple[str, ...] = ()
    nonce: str = ""
    observes: tuple[str, ...] = ()
