"""A target has a name and turns a Request into a Response."""

from __future__ import annotations

from typing import Protocol

from messages_conformance.exchange import Failure, Request, Response
from messages_conformance.targets.simulated_time import SimulatedClock


class TargetError(ValueError):
    """A target's description cannot be used; the message names the probable mistake, the cure and the valid forms."""


class Unreachable(Exception):
    """No response came. `failure` says why; `final` means that another attempt cannot change it."""

    def __init__(self, failure: Failure, *, final: bool = False) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.final = final


class Target(Protocol):
    """Carries requests. It judges nothing, and its records never hold the key.

    `name` can be printed. `notes` say what was corrected in the description. `key` is the configured key and is never
    printed. `offline` is true when the answers are recorded ones: then the engine waits for nothing. `clock` is a
    simulated clock, on which the engine runs too; None means the clock of the machine.
    """

    @property
    def name(self) -> str: ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    @property
    def key(self) -> str | None: ...

    @property
    def offline(self) -> bool: ...

    @property
    def clock(self) -> SimulatedClock | None: ...

    async def send(self, request: Request) -> Response:
        """The recorded response; raises Unreachable when none came."""
        ...

    async def aclose(self) -> None:
        """Closes connections, threads and files. May be called again."""
        ...
