"""The embedded reference endpoint as a target: started on loopback when it is opened, gone when it is closed."""

from __future__ import annotations

from contextlib import ExitStack

from messages_conformance.exchange import Request, Response
from messages_conformance.targets.address import VALID_FORMS, parse_address
from messages_conformance.targets.http import HttpTarget
from messages_conformance.targets.target import TargetError


class ReferenceTarget:
    """The reference endpoint, with a fault or a variant of a correct server; it has its own key."""

    def __init__(self, description: str, *, timeout_s: float, version_required: bool = False) -> None:
        # Imported here: a run against a real target has no use for the endpoint.
        from messages_conformance.reference import Settings, serve

        fault, variant = _choices(description)
        settings = Settings(version_required=version_required)
        self._running = ExitStack()
        try:
            server = self._running.enter_context(serve(port=0, fault=fault, variant=variant, settings=settings))
        except LookupError as error:
            raise TargetError(str(error.args[0] if error.args else error)) from None
        self.name = f"reference:{description}"
        self.notes: tuple[str, ...] = ()
        self.key: str | None = server.api_key
        self.offline = False
        self._http = HttpTarget(parse_address(server.base_url), key=server.api_key, timeout_s=timeout_s, name=self.name)

    async def send(self, request: Request) -> Response:
        return await self._http.send(request)

    async def aclose(self) -> None:
        try:
            await self._http.aclose()
        finally:
            self._running.close()


def _choices(description: str) -> tuple[str | None, str | None]:
    """The fault and the variant that a description names; both None for the plain endpoint."""
    fault = variant = None
    for part in filter(None, (part.strip() for part in description.split(","))):
        name, given, value = part.partition("=")
        if not given:
            fault = name
        elif name == "variant" and value:
            variant = value
        elif name == "fault" and value:
            fault = value
        else:
            raise TargetError(f"reference:{description} is not understood at {part!r}; {VALID_FORMS}")
    return fault, variant
