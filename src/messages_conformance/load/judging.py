"""Judges every answer of a load test, with bounded memory, and makes one report.

Answers that equal an earlier one but for their ids, their nonce and the time are not judged again: no rule reads the
difference. Their ids are compared with those of a number of earlier answers. If an id is repeated, the rules get both
answers.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from rich.console import Console

from messages_conformance.exchange import (
    LOAD,
    Chunk,
    Exchange,
    Failure,
    LoadFacts,
    RecordingPart,
    Request,
    Response,
)
from messages_conformance.load.mix import Kind
from messages_conformance.load.received import Received
from messages_conformance.report import Spent
from messages_conformance.rules import Finding
from messages_conformance.rules.under_load import BURST_S, SPREAD_S
from messages_conformance.session import Clock, Session, SessionOptions, Source
from messages_conformance.session.judging import KEPT_BYTES

WINDOW: Final = 400
"""After this many judged answers the rules over several are asked, and the memory is released (our own)."""

MOST_FORMS: Final = 20_000
"""At most this many forms of answers are remembered as judged (our own; one takes about 100 bytes)."""

MOST_IDS: Final = 100_000
"""At most this many ids are remembered, the latest (our own; a minute of 1,600 answers each second)."""

MOST_RECENT: Final = 2_000
"""This many of the latest answers are kept, for the one that had a repeated id first (our own)."""

ID: Final = re.compile(rb'"(?:id|request_id|tool_use_id)": ?"((?:[a-z]+_)?)([A-Za-z0-9-]{6,})"')
SIGNATURE: Final = re.compile(rb'"signature": ?"[A-Za-z0-9+/=_-]{16,}"')
MESSAGE_ID: Final = re.compile(rb'"id": ?"(msg_[^"]+)"')
PIECE: Final = re.compile(rb'"(text|partial_json|thinking)": ?"([^"\\]{3,24})"')
LEAST_PIECE: Final = 3
VOLATILE: Final = re.compile(r"[A-Za-z0-9+/=_.-]{16,}")
DIGITS: Final = re.compile(r"\d")


class LoadJudge:
    """Takes the answers of a load test. It is used by one thread, or by greenlets that do not run at once."""

    def __init__(
        self,
        source: Source,
        options: SessionOptions,
        *,
        clock: Clock,
        out: Console | None = None,
        spent: Callable[[], Spent] | None = None,
    ) -> None:
        self.session = Session(source, options=options, clock=clock, out=out, spent=spent)
        self.session.begin()
        self.taken = self.equal = 0
        self._number = 0
        self._in_window = 0
        self._forms: OrderedDict[int, None] = OrderedDict()
        self._ids: OrderedDict[bytes, int] = OrderedDict()
        self._recent: deque[tuple[int, tuple[Any, ...]]] = deque(maxlen=MOST_RECENT)
        self._recent_bytes = self._window_bytes = 0
        self._start_s: float | None = None

    def took(
        self, kind: Kind, received: Received, facts: LoadFacts, *, lag_s: float = 0.0, waits: tuple[str, ...] = ()
    ) -> tuple[Finding, ...]:
        """The findings about one answer, by the rules over single answers."""
        self.taken += 1
        if self._start_s is None:
            self._start_s = received.began_s
        form = self._form(kind, received, facts) if facts.phase == LOAD and not received.failure[0] else None
        body = b"".join(data for _, data in received.chunks) if form is not None else b""
        self._number += 1
        number = self._number
        first = self._same_id(body, received, number)
        parts = (kind, received, facts, lag_s, waits)
        if form is not None:
            self._keep(number, parts)
        if first is not None:
            self._judge_earlier(first)
        elif form in self._forms:
            self.equal += 1
            return ()
        found = self._judged(number, *parts)
        if form is not None and not found and received.status == 200:
            self._remember(form)
        return found

    def _judged(
        self, number: int, kind: Kind, received: Received, facts: LoadFacts, lag_s: float, waits: tuple[str, ...]
    ) -> tuple[Finding, ...]:
        made = self.exchange(kind, received, facts, number=number)
        exchange = self.session.record(replace(made, observer_lag_s=lag_s, waits=waits))
        found = self.session.judged((exchange,))
        self._in_window += 1
        self._window_bytes += exchange.size_bytes
        if self._in_window >= WINDOW or self._window_bytes > KEPT_BYTES:
            self.end_window()
        return found

    def end_window(self) -> None:
        """Asks the rules over several answers, and releases the memory of what went well."""
        self.session.judge.end_capture()
        self.session.release()
        self._in_window = self._window_bytes = 0

    def _keep(self, number: int, parts: tuple[Any, ...]) -> None:
        """Keeps an answer among the latest, and releases the oldest when they have too many bytes."""
        if len(self._recent) == MOST_RECENT:
            self._recent_bytes -= self._recent[0][1][1].size_bytes
        self._recent.append((number, parts))
        self._recent_bytes += parts[1].size_bytes
        while self._recent_bytes > KEPT_BYTES:
            self._recent_bytes -= self._recent.popleft()[1][1].size_bytes

    def _judge_earlier(self, number: int) -> None:
        """Judges the answer that had an id first, if it was not judged and is still there."""
        parts = next((parts for at, parts in self._recent if at == number), None)
        if parts is not None and number not in {exchange.number for exchange in self.session.judge.exchanges}:
            self._judged(number, *parts)

    def _remember(self, form: int) -> None:
        self._forms[form] = None
        if len(self._forms) > MOST_FORMS:
            self._forms.popitem(last=False)

    def _same_id(self, body: bytes, received: Received, number: int) -> int | None:
        """The number of the earlier answer with an id of this one; None without any."""
        found = MESSAGE_ID.search(body, 0, 2_000)
        values = [found[1]] if found else []
        values += [value.encode() for name, value in received.headers if name.lower() == "request-id"]
        first: int | None = None
        for value in values:
            first = self._ids.get(value) if first is None else first
            self._ids[value] = number
        while len(self._ids) > MOST_IDS:
            self._ids.popitem(last=False)
        return first

    @staticmethod
    def _form(kind: Kind, received: Received, facts: LoadFacts) -> int:
        """A number that is equal for answers between which no rule sees a difference."""
        body = b"".join(data for _, data in received.chunks)
        body = body.replace(facts.nonce.encode(), b"N" * len(facts.nonce))
        body = _in_pieces(body, facts.nonce.encode()) if kind.request.streamed else body
        body = SIGNATURE.sub(lambda match: b'"signature":"%d"' % len(match[0]), body)
        body = ID.sub(lambda match: b'"id":"%s%d"' % (match[1], len(match[2])), body)
        times = [at_s for at_s, _ in received.chunks[1:-1]] or [0.0]
        spread_s = times[-1] - times[0]
        arrival = "burst" if spread_s < BURST_S else "spread" if spread_s >= SPREAD_S else "between"
        heads = tuple(_head_form(name, value) for name, value in received.headers)
        return hash((kind.name, received.status, received.ending, heads, arrival, body))

    def exchange(self, kind: Kind, received: Received, facts: LoadFacts, *, number: int = 0) -> Exchange:
        """The exchange of an answer."""
        request = Request(
            method=kind.request.method,
            path=kind.request.path,
            headers=kind.request.headers,
            body=kind.body(facts.nonce),
        )
        response = failure = None
        if received.failure[0]:
            failure = Failure(kind=received.failure[0], message=received.failure[1])
        else:
            response = Response(
                status=received.status,
                headers=received.headers,
                chunks=tuple(Chunk(at_s=at_s, data=data) for at_s, data in received.chunks),
                headers_at_s=received.headers_at_s,
                ended_at_s=received.ended_at_s,
                ending=received.ending,
                detail=received.detail,
            )
        return Exchange(
            number=number,
            request=request,
            response=response,
            failure=failure,
            situations=(kind.name,),
            started_s=received.began_s - (self._start_s or 0.0),
            requested_model=kind.request.fields.get("model"),
            lacks=frozenset({RecordingPart.PROBES}),
            load=facts,
        )


@lru_cache(maxsize=4096)
def _head_form(name: str, value: str) -> tuple[str, str]:
    """A header without what changes with each answer; content-type and length stay as they are."""
    if name.lower() in ("content-type", "content-length", "retry-after", "transfer-encoding"):
        return name, value
    return name, DIGITS.sub("0", VOLATILE.sub(lambda match: f"{match[0][:4]}{len(match[0])}", value))


def _in_pieces(body: bytes, nonce: bytes) -> bytes:
    """The body with the place in the nonce in place of each piece of it: a stream sends it in several events."""

    def place(match: re.Match[bytes]) -> bytes:
        piece = match[2].strip(b" ().")
        at = nonce.find(piece) if len(piece) >= LEAST_PIECE else -1
        return match[0] if at < 0 else b'"%s":"%d+%d of %d"' % (match[1], at, len(piece), len(match[2]))

    return PIECE.sub(place, body)
