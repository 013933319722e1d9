"""Finds the stage at which a connection to a target fails: each stage is tried alone, in their order."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from messages_conformance.targets.address import Address
from messages_conformance.targets.proxies import proxy_url_of

URL: Final = "URL"
PROXY: Final = "proxy"
DNS: Final = "DNS"
TCP: Final = "TCP"
TLS: Final = "TLS"
HTTP: Final = "HTTP"
KEY: Final = "key"
MODEL: Final = "model"

STAGE_TIMEOUT_S: Final = 5.0
"""How long one stage may take: a connection that takes longer was refused by a firewall or lost (origin: our own)."""


@dataclass(frozen=True, kw_only=True)
class Stages:
    """The stages of a connection: those that work, the one that fails, and those that were not reached."""

    work: tuple[str, ...]
    fails: str
    unreached: tuple[str, ...]

    def __str__(self) -> str:
        """The stages in words, on one line."""
        rest = f"; not reached: {', '.join(self.unreached)}" if self.unreached else ""
        return f"stages: {', '.join(self.work)} work{'' if self.work[1:] else 's'}, {self.fails} fails{rest}"


def stages_until(address: Address, failed: str) -> Stages:
    """The stages when everything before the stage `failed` worked."""
    names = _names(address)
    failed = failed if failed in names else HTTP  # behind a proxy, the other stages are its own
    at = names.index(failed)
    return Stages(work=names[:at], fails=failed, unreached=names[at + 1 :])


async def failing_stage(address: Address, tls: ssl.SSLContext | None) -> str:
    """The first stage that fails now; HTTP when a connection is possible, because no answer came over it."""
    if proxy := proxy_url_of(address):
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        return HTTP if parts.hostname and await _connects(parts.hostname, parts.port or 80, None) else PROXY
    if DNS in _names(address) and not await _resolves(address.host):
        return DNS
    if not await _connects(address.host, address.port, None):
        return TCP
    if address.secure and not await _connects(address.host, address.port, tls):
        return TLS
    return HTTP


def _names(address: Address) -> tuple[str, ...]:
    """The stages of a connection to an address. Behind a proxy, DNS, TCP and TLS are the proxy's own matter."""
    if proxy_url_of(address):
        return (URL, PROXY, HTTP, KEY, MODEL)
    by_name: Sequence[str] = () if _is_number(address.host) else (DNS,)
    return (URL, *by_name, TCP, *([TLS] if address.secure else []), HTTP, KEY, MODEL)


def _is_number(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return False


async def _resolves(host: str) -> bool:
    with contextlib.suppress(OSError, UnicodeError, TimeoutError):
        async with asyncio.timeout(STAGE_TIMEOUT_S):
            return bool(await asyncio.get_running_loop().getaddrinfo(host, None))
    return False


async def _connects(host: str, port: int, tls: ssl.SSLContext | None) -> bool:
    with contextlib.suppress(OSError, UnicodeError, TimeoutError):  # an SSLError is an OSError
        async with asyncio.timeout(STAGE_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port, ssl=tls)
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(STAGE_TIMEOUT_S):
                await writer.wait_closed()
        return True
    return False
