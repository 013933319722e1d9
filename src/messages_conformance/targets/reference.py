"""The embedded reference endpoint as a target, on a loopback socket or in memory, until the target is closed."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from messages_conformance.exchange import Request, Response
from messages_conformance.targets.address import VALID_FORMS, parse_address
from messages_conformance.targets.connection import Connection
from messages_conformance.targets.http import HttpTarget
from messages_conformance.targets.simulated_time import SimulatedClock
from messages_conformance.targets.target import TargetError

if TYPE_CHECKING:
    from messages_conformance.reference import Settings

TRANSPORTS: Final = ("socket", "memory")
"""The valid values of transport=."""

MEMORY_URL: Final = "http://reference.localhost"
"""The address in requests to an endpoint in memory."""


@dataclass(frozen=True, kw_only=True)
class _Choices:
    """The parts of a description: faults, joined by commas, a variant, all or nothing of it, and the transport."""

    fault: str | None = None
    variant: str | None = None
    transport: str = "socket"


class ReferenceTarget:
    """The reference endpoint, with a fault or a variant of a correct server. It has its own key.

    In memory it runs on a simulated clock. Raises TargetError for a description that names something unknown.
    """

    def __init__(
        self,
        description: str,
        *,
        timeout_s: float,
        version_required: bool = False,
        connection: Connection = Connection(),  # noqa: B008 (frozen)
    ) -> None:
        # Imported here: a run against a real target does not need the endpoint.
        from messages_conformance.reference import Settings

        choices = _choices(description)
        settings = Settings(version_required=version_required)
        self.name = f"reference:{description}"
        self.notes: tuple[str, ...] = connection.unused
        self.warning = ""
        self._connection = Connection(headers=connection.headers)
        self.key: str | None = settings.api_key
        self.offline = False
        self.clock = SimulatedClock() if choices.transport == "memory" else None
        self._running = ExitStack()
        try:
            self._http = self._opened(choices, settings, timeout_s)
        except LookupError as error:
            raise TargetError(str(error.args[0] if error.args else error)) from None

    def _opened(self, choices: _Choices, settings: Settings, timeout_s: float) -> HttpTarget:
        from messages_conformance.reference import endpoint, serve_endpoint

        now_s = time.monotonic if self.clock is None else self.clock.now_s
        served = endpoint(fault=choices.fault, variant=choices.variant, settings=settings, now_s=now_s)
        address, transport = MEMORY_URL, None
        if self.clock is not None:
            from messages_conformance.targets.memory import MemoryTransport

            for change in served.changes:
                if change.needs_socket:
                    raise TargetError(f"{change.name} is below HTTP and needs a socket: leave transport=memory out")
            transport = MemoryTransport(served)
        else:
            address = self._running.enter_context(serve_endpoint(served)).base_url
        return HttpTarget(
            parse_address(address),
            key=settings.api_key,
            timeout_s=timeout_s,
            name=self.name,
            transport=transport,
            connection=self._connection,
        )

    async def send(self, request: Request) -> Response:
        """The recorded response, without the key. Raises Unreachable when none came."""
        return await self._http.send(request)

    async def aclose(self) -> None:
        """Closes the connections and stops the endpoint. May be called again."""
        try:
            await self._http.aclose()
        finally:
            self._running.close()


def _choices(description: str) -> _Choices:
    """The parts of a description. Raises TargetError for a part that is not valid."""
    chosen: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in description.split(","))):
        name, given, value = part.partition("=")
        if not given or "@" in name:
            name, value = "fault", part
        if name not in ("fault", "variant", "transport") or not value:
            raise TargetError(f"reference:{description} is not understood at {part!r}; {VALID_FORMS}")
        if name == "transport" and value not in TRANSPORTS:
            raise TargetError(f"unknown transport {value!r} of the reference endpoint; valid: {', '.join(TRANSPORTS)}")
        if name in chosen and name != "fault":
            raise TargetError(f"reference:{description} has two of {name}=; {VALID_FORMS}")
        chosen[name] = f"{chosen[name]},{value}" if name in chosen else value
    return _Choices(**chosen)
