"""The exchanges of a saved run as a target: the same questions get the recorded answers, without a network."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from messages_conformance.exchange import Exchange, Failure, Identity, Request, Response, from_record
from messages_conformance.targets.simulated_time import SimulatedClock
from messages_conformance.targets.target import TargetError, Unreachable


class ReplayTarget:
    """Answers by the request's identity, in recorded order; the last answer of a request serves for all later ones."""

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
        """The recorded response; raises Unreachable with the recorded failure, or when this was never asked."""
        answers = self._answers.get(request.identity)
        if not answers:
            message = f"the saved run holds no answer to this {request.method} {request.path}; it asked other questions"
            raise Unreachable(Failure(kind="disconnected", message=message), final=True)
        exchange = answers.pop() if len(answers) > 1 else answers[0]
        if exchange.response is None:
            absent = Failure(kind="disconnected", message="the saved run recorded neither an answer nor a reason")
            raise Unreachable(exchange.failure or absent, final=True)
        return exchange.response

    async def aclose(self) -> None:
        return None


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
