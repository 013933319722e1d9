"""A saved run as a target: equal requests get the recorded responses, without a network."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from messages_conformance.exchange import Exchange, Failure, Identity, Request, Response, from_record
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
        self.key = key
        self.offline = True
        self.clock: SimulatedClock | None = None
        self._answers: dict[Identity, list[Exchange]] = defaultdict(list)
        for exchange in _read(path):
            self._answers[exchange.request.identity].append(exchange)
        for answers in self._answers.values():
            answers.reverse()

    async def send(self, request: Request) -> Response:
        """The recorded response. Raises Unreachable with the recorded failure, or for an unknown request."""
        answers = self._answers.get(request.identity)
        if not answers:
            message = f"the saved run holds no answer to this {request.method} {request.path}; it sent other requests"
            raise Unreachable(Failure(kind="disconnected", message=message))
        exchange = answers.pop() if len(answers) > 1 else answers[0]
        if exchange.response is None:
            absent = Failure(kind="disconnected", message="the saved run recorded neither an answer nor a reason")
            raise Unreachable(exchange.failure or absent)
        return exchange.response

    async def aclose(self) -> None:
        """Does nothing: the file was read when the target was opened."""


def _read(path: Path) -> list[Exchange]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise TargetError(
            f"cannot read {str(path)!r} ({error.strerror}); replay:FILE takes the exchanges.jsonl of a saved run"
        ) from None
    exchanges = []
    for number, line in enumerate(lines, 1):
        try:
            exchanges.append(from_record(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError):
            if number == len(lines) and exchanges:
                break  # an interrupted run leaves half a line at its end
            message = f"line {number} of {str(path)!r} is no recorded exchange; give an exchanges.jsonl"
            raise TargetError(message) from None
    if not exchanges:
        raise TargetError(f"{str(path)!r} holds no exchange; the run that wrote it sent nothing")
    return exchanges
