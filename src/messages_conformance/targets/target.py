"""A target has a name and turns a Request into a Response."""

from __future__ import annotations

from typing import Protocol

from messages_conformance.exchange import Failure, Request, Response
from messages_conformance.targets.simulated_time import SimulatedClock


class TargetError(ValueError):
    """A target's description cannot be used; the message names the probable mistake, the cure and the valid forms."""


class Unreachable(Exception):
    """No response came; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Target(Protocol):
    """Sends requests and records responses. It judges nothing, and its records never contain the key."""

    @property
    def name(self) -> str:
        """The target in reports, without secrets."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was corrected or ignored in the description, for the user."""
        ...

    @property
    def warning(self) -> str:
        """What every report of a run must say about this target; empty without a warning."""
        ...

    @property
    def key(self) -> str | None:
        """The configured key, which is never printed; None without one."""
        ...

    @property
    def offline(self) -> bool:
        """Whether the responses are recorded ones: then the engine waits for nothing."""
        ...

    @property
    def clock(self) -> SimulatedClock | None:
        """The simulated clock on which the engine runs too; None means the clock of the machine."""
        ...

    async def send(self, request: Request) -> Response:
        """The recorded response; raises Unreachable when none came."""
        ...

    async def aclose(self) -> None:
        """Closes connections, threads and files. May be called again."""
        ...
