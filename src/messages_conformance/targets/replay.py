"""A saved run as a target: equal requests get the recorded responses, without a network."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from messages_conformance.exchange import (
    UNRECORDED,
    Exchange,
    Failure,
    Identity,
    Request,
    Response,
    is_header_placeholder,
    read_recording,
)
from messages_conformance.input_files import InputError
from messages_conformance.targets.simulated_time import SimulatedClock
from messages_conformance.targets.target import TargetError, Unreachable


class ReplayTarget:
    """Finds responses by the identity of the request, in recorded order. The last one of a request answers all later
    ones.

    Raises TargetError for a file that cannot be read, or that is no exchanges.jsonl.
    """

    def __init__(self, path: Path, *, key: str | None = None) -> None:
        self.name = f"replay:{path}"
        self.notes: tuple[str, ...] = ()
        self.warning = ""
        self.key = key
        self.offline = True
        self.clock: SimulatedClock | None = None
        self._answers: dict[Identity, list[Exchange]] = defaultdict(list)
        for exchange in _read(path):
            self._answers[_identity(exchange.request)].append(exchange)
        for answers in self._answers.values():
            answers.reverse()

    async def send(self, request: Request) -> Response:
        """The recorded response. Raises Unreachable with the recorded failure, or for an unknown request."""
        answers = self._answers.get(_identity(request))
        if not answers:
            message = f"the saved run holds no answer to this {request.method} {request.path}; it sent other requests"
            raise Unreachable(Failure(kind=UNRECORDED, message=message))
        exchange = answers.pop() if len(answers) > 1 else answers[0]
        if exchange.response is None:
            absent = Failure(kind=UNRECORDED, message="the saved run recorded neither an answer nor a reason")
            raise Unreachable(exchange.failure or absent)
        return exchange.response

    async def aclose(self) -> None:
        """Does nothing: the file was read when the target was opened."""


def _identity(request: Request) -> Identity:
    """What makes two requests the same, without the headers that a user adds: a replay needs none of them."""
    method, path, headers, body, wire = request.identity
    return method, path, tuple(row for row in headers if not is_header_placeholder(row[1])), body, wire


def _read(path: Path) -> tuple[Exchange, ...]:
    try:
        exchanges = tuple(read_recording(path))
    except InputError as error:
        raise TargetError(
            f"cannot replay {str(path)!r}: {error}; replay:FILE takes the exchanges.jsonl of a saved run"
        ) from None
    if not exchanges:
        raise TargetError(f"{str(path)!r} holds no exchange; the run that wrote it sent nothing")
    return exchanges
