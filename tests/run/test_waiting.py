"""--wait-for-target: a target that does not answer yet is asked again; and what added headers mean for refusals."""

from __future__ import annotations

import asyncio

from messages_conformance.contract import profile
from messages_conformance.contract.probes import probes
from messages_conformance.exchange import Exchange, Failure, Request, Response, header_placeholder
from messages_conformance.rules.probe_rules import _refused
from messages_conformance.rules.verdict import Finding, Unverified
from messages_conformance.run.waiting import wait_for
from messages_conformance.targets import Target, Unreachable
from messages_conformance.targets.simulated_time import SimulatedClock

PROFILE = profile("anthropic-2023-06-01")


def answer(status: int) -> Response:
    return Response(status=status, headers=(), chunks=(), headers_at_s=0, ended_at_s=0)


class Starting:
    """A target that gives these answers in order; None is no answer. It keeps what was sent."""

    name, notes, warning, key, offline = "starting", (), "", None, False
    clock: SimulatedClock | None = None

    def __init__(self, *answers: Response | None) -> None:
        self.answers = list(answers)
        self.sent: list[Request] = []
        self.is_closed = False

    async def send(self, request: Request) -> Response:
        self.sent.append(request)
        found = self.answers.pop(0) if self.answers else None
        if found is None:
            raise Unreachable(Failure(kind="refused", message="refused"))
        return found

    async def aclose(self) -> None:
        self.is_closed = True


def waited(target: Target, seconds: float) -> float | None:
    loop = SimulatedClock().new_event_loop()
    try:
        return loop.run_until_complete(wait_for(target, PROFILE, seconds=seconds, added=("x-access",)))
    finally:
        loop.close()


def test_a_target_is_asked_until_it_answers() -> None:
    target = Starting(None, answer(503), answer(404))
    assert waited(target, 30) == 2
    assert len(target.sent) == 3
    assert ("x-access", header_placeholder("x-access")) in target.sent[0].headers
    assert target.is_closed


def test_waiting_ends() -> None:
    target = Starting()
    assert waited(target, 5) is None
    assert len(target.sent) == 5
    assert target.is_closed


def outcome(*headers: tuple[str, str]) -> Finding | Unverified:
    """What an accepted request without a key means."""
    request = Request(method="POST", path="/v1/messages", headers=headers, body=b"{}")
    exchange = Exchange(number=1, request=request, response=answer(200), situations=("s",))
    (found,) = _refused(probes()["auth.missing.401"], exchange)
    return found


def test_an_added_header_may_be_a_credential() -> None:
    assert isinstance(outcome(), Finding)
    assert isinstance(outcome(("x-other", "value")), Finding)
    found = outcome(("x-access", header_placeholder("x-access")))
    assert isinstance(found, Unverified)
    assert "x-access of --header" in found.reason


def test_nothing_is_sent_when_nothing_waits() -> None:
    assert asyncio.run(wait_for(Starting(answer(200)), PROFILE, seconds=5, added=())) is not None
