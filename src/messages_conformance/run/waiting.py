"""Waits until a target answers at all: for a server that is still starting (`--wait-for-target`)."""

from __future__ import annotations

import asyncio
from typing import Final

from messages_conformance.contract import Profile
from messages_conformance.engine import compose
from messages_conformance.exchange import Ask
from messages_conformance.targets import Target, Unreachable

POLL_S: Final = 1.0
"""Seconds between two attempts (origin: our own; a server that loads a model needs many of them)."""

STILL_STARTING: Final = frozenset({502, 503, 504})
"""Statuses of a server, or of a gateway before it, that is still starting (RFC 9110, 15.6)."""

LISTING: Final = Ask(situation="waiting", method="GET", path="/v1/models", expect="either")
"""A request that costs nothing. Every answer to it counts, also a 404."""


async def wait_for(target: Target, profile: Profile, *, seconds: float, added: tuple[str, ...]) -> float | None:
    """Waits until the target answers; returns the seconds that it took, or None when they are over.

    Closes the target.
    """
    loop = asyncio.get_running_loop()
    request, began_s = compose(LISTING, profile=profile, model=None, added=added), loop.time()
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    if (await target.send(request)).status not in STILL_STARTING:
                        return loop.time() - began_s
                except Unreachable:
                    pass
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        return None
    finally:
        await target.aclose()
