"""One request with its response, or with the failure that left none."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Final

from messages_conformance.exchange.ask import EITHER, Origin
from messages_conformance.exchange.behind import Behind
from messages_conformance.exchange.http_request import MESSAGES_PATH, Request
from messages_conformance.exchange.http_response import Response
from messages_conformance.exchange.load_facts import LoadFacts

SILENT: Final = "silent"
"""The kind of a Failure that is not one: no answer came, and the wire form of the request permits that."""

UNRECORDED: Final = "unrecorded"
"""The kind of a Failure of a saved run that has no answer to a request: it says nothing about the target."""

NOT_KEPT: Final = "not kept"
"""The kind of a Failure of a recording that has only the beginning of a body: the answer is judged in the live run."""

ASKED_AGAIN: Final = "asked again"
"""How the note in `Exchange.waits` begins when the request was sent again because its failure may be chance."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why there is no response: the network's fault or a limit, never a verdict about the target.

    `kind` is "refused", "dns", "tls", "timeout", "disconnected", "rate-limited", "overloaded", "budget", "cancelled",
    "outage", UNRECORDED, NOT_KEPT or SILENT.
    """

    kind: str
    message: str


class RecordingPart(StrEnum):
    """A part of a recording that a source of exchanges may be unable to provide."""

    TIMES = "times"
    """When things happened: the `at_s` of chunks and events, `headers_at_s`, `ended_at_s` and `started_s`."""

    CHUNK_BORDERS = "chunk-borders"
    """Which bytes of the body arrived together: without it the body may be one chunk, or be cut anywhere."""

    RAW_BODY = "raw-body"
    """The body byte for byte as the target sent it: without it only the decoded JSON or event data are certain."""

    RESPONSE_HEADERS = "response-headers"
    """All headers of the response: without it a header that is absent from the recording may have been sent."""

    REQUEST = "request"
    """The request as it was sent: without it method, path, headers and body are unknown or assumed."""

    IDS = "ids"
    """The ids of messages and calls as the target sent them: without it they may be placeholders of a recorder."""

    PROBES = "probes"
    """What the sender expected, `probes`, `expect` and `statuses`: without it a refusal may be right or wrong."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Exchange:
    """One request and its result: a response, or the failure that left none."""

    number: int
    """The number in its run, from 1."""
    request: Request
    response: Response | None
    situations: tuple[str, ...] = ()
    """The slugs of the situations that share it."""
    probes: tuple[str, ...] = ()
    """The requirements that the target violates when it does not do what `expect` says."""
    expect: str = EITHER
    """ACCEPTED, REFUSED or EITHER."""
    statuses: tuple[int, ...] = ()
    """The statuses that a refusal may have; any 4xx when empty."""
    failure: Failure | None = None
    attempt: int = 1
    """Counts from 1 when the same request is sent again."""
    started_s: float = 0.0
    """When the request began to be sent, in seconds since the run began."""
    requested_model: str | None = None
    waits: tuple[str, ...] = ()
    """What delayed it, one note each, such as "waited 2.0 s after 429"."""
    observer_lag_s: float = 0.0
    """The longest time for which our own clock stood still meanwhile: times are no more exact than this."""
    capability: str | None = None
    """What only some models can do, and the request needs."""
    origin: Origin | None = None
    """How the request was generated; None when a suite wrote it."""
    intermittent: bool = False
    """Whether a second answer to the same request did not have the fault of this one."""
    lacks: frozenset[RecordingPart] = frozenset()
    """The parts that the source of this recording could not provide; none in a live run."""
    capture: str = ""
    """The file in which it was recorded; empty in a live run. Rules over several exchanges hold within one capture."""
    behind: Behind | None = None
    """What happened behind a gateway meanwhile; None where only the front was seen."""
    load: LoadFacts | None = None
    """Its part in a load test; None elsewhere."""

    @cached_property
    def succeeded(self) -> bool:
        """Whether the response has a 2xx status."""
        return self.response is not None and 200 <= self.response.status < 300

    @property
    def repeated(self) -> bool:
        """Whether the request was sent again because its first answer failed in a way that may be chance."""
        return any(note.startswith(ASKED_AGAIN) for note in self.waits)

    @cached_property
    def creates_message(self) -> bool:
        """True for a POST to the Messages path."""
        return self.request.method == "POST" and self.request.route == MESSAGES_PATH

    @cached_property
    def size_bytes(self) -> int:
        """The size of both bodies as they are recorded."""
        chunks = () if self.response is None else self.response.chunks
        return len(self.request.body) + sum(len(chunk.data) for chunk in chunks)
