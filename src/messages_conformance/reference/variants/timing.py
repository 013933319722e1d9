"""When the bytes of an answer arrive."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.variant_registry import variant

PAUSE_S: Final = 0.002
MAX_PAUSES: Final = 60
"""Only the first pieces have a pause, so that long answers stay fast."""

START_DELAY_S: Final = 0.03
QUEUE_S: Final = 1.2
"""Far more than the endpoint needs for an answer, and less than any patience; our own number."""


@variant(at=Stage.RESPONSE)
def slow_drip(response: HttpResponse) -> HttpResponse:
    """A stream pauses between events."""
    if not response.is_stream:
        return response
    pieces = enumerate(tuple(response.pieces))
    return response.with_pieces(
        tuple((PAUSE_S if at < MAX_PAUSES else delay_s, data) for at, (delay_s, data) in pieces)
    )


@variant(at=Stage.RESPONSE)
def slow_start(response: HttpResponse) -> HttpResponse:
    """Every answer starts late."""
    return replace(response, delay_s=response.delay_s + START_DELAY_S)


@variant(at=Stage.RESPONSE)
def queued_answers(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Every message waits in a queue, however short it is, and then arrives all at once."""
    if response.status != 200 or context.request.path != "/v1/messages":
        return response
    return replace(response.with_pieces(((0.0, response.body()),)), delay_s=response.delay_s + QUEUE_S)
