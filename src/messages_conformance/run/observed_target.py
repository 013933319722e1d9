"""A target that reports each request just before it is sent."""

from __future__ import annotations

from collections.abc import Callable

from messages_conformance.exchange import Request, Response
from messages_conformance.targets import SimulatedClock, Target


class ObservedTarget:
    """Does what another target does. `observe` is called with each request, on the thread that sends."""

    def __init__(self, target: Target, observe: Callable[[Request], None]) -> None:
        self._target, self._observe = target, observe
        self.name, self.notes, self.warning = target.name, target.notes, target.warning
        self.key, self.offline = target.key, target.offline
        self.clock: SimulatedClock | None = target.clock

    async def send(self, request: Request) -> Response:
        """The recorded response; raises Unreachable when none came."""
        self._observe(request)
        return await self._target.send(request)

    async def aclose(self) -> None:
        """Closes the other target."""
        await self._target.aclose()
