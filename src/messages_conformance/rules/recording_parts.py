"""Which parts of a recording a rule reads, and which of them an exchange lacks.

Every recording has the status and the decoded body of the response (JSON, or the data of the events). It also says
whether the request created a message and whether it asked for a stream; a source without requests assumes both. A rule
that reads anything else names the part in `@rule(..., reads={...})`. The judge asks it only about exchanges that have
this part; without any, the requirement is not verified, and the reason names the part.
"""

from __future__ import annotations

from typing import Final

from messages_conformance.exchange import Exchange, RecordingPart

TIMES: Final = RecordingPart.TIMES
CHUNK_BORDERS: Final = RecordingPart.CHUNK_BORDERS
RAW_BODY: Final = RecordingPart.RAW_BODY
RESPONSE_HEADERS: Final = RecordingPart.RESPONSE_HEADERS
REQUEST: Final = RecordingPart.REQUEST
IDS: Final = RecordingPart.IDS
PROBES: Final = RecordingPart.PROBES

UNSTATED: Final = "does not say which answer the sender expected"
"""What a recording without probes lacks, in words."""

MAX_OBSERVER_LAG_S: Final = 0.1
"""If our own process was blocked for longer than this, the recorded times may be wrong (our own: twice BURST_S)."""


def lacking(exchange: Exchange) -> frozenset[RecordingPart]:
    """The parts that an exchange lacks; times are also lacking if our own process was blocked meanwhile."""
    return exchange.lacks | {TIMES} if exchange.observer_lag_s > MAX_OBSERVER_LAG_S else exchange.lacks


def has(exchange: Exchange, *parts: RecordingPart) -> bool:
    """Whether the source recorded these parts: for a rule that can do without them, and so does not declare them."""
    return not exchange.lacks.intersection(parts)


def reason_for(exchange: Exchange, parts: frozenset[RecordingPart]) -> str:
    """Why a rule that reads these parts cannot judge the exchange, such as "the recording has no times"."""
    unavailable = lacking(exchange) & parts
    if unavailable == {TIMES} and TIMES not in exchange.lacks:
        return f"this machine was too busy to take reliable times: it paused for {exchange.observer_lag_s:.2f} s"
    words = [part.replace("-", " ") for part in RecordingPart if part in unavailable - {PROBES}]
    reasons = [f"has no {' and no '.join(words)}"] if words else []
    reasons += [UNSTATED] if PROBES in unavailable else []
    return f"the recording {' and '.join(reasons)}"
