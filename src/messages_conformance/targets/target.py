"""What a target is to the rest of the house: something with a name that turns a Request into a Response."""

from __future__ import annotations

from typing import Protocol

from messages_conformance.exchange import Failure, Request, Response


class TargetError(ValueError):
    """A target's description cannot be used; the message names the probable mistake, the cure and the valid forms."""


class Unreachable(Exception):
    """No response came. `failure` says why; `final` means that asking again cannot change it."""

    def __init__(self, failure: Failure, *, final: bool = False) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.final = final


class Target(Protocol):
    """Carries requests. It judges nothing, and its records never hold the key.

    `name` is fit to be printed; `notes` say what was tolerated in the description; `key` is the configured key, to be
    shown to nobody. `offline` is true when answers are remembered rather than asked for: then nothing is waited for.
    """

    @property
    def name(self) -> str: ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    @property
    def key(self) -> str | None: ...

    @property
    def offline(self) -> bool: ...

    async def send(self, request: Request) -> Response:
        """The recorded response; raises Unreachable when none came."""
        ...

    async def aclose(self) -> None:
        """Gives back connections, threads and files; harmless when called again."""
        ...
