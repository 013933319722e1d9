"""Which proxy of the environment a connection goes through, as a message names it."""

from __future__ import annotations

import re
from urllib.request import getproxies, proxy_bypass

from messages_conformance.targets.address import Address


def proxy_of(address: Address) -> str:
    """The proxy for an address and the variable that sets it, without a password; empty when none is used."""
    name, url = _proxy(address)
    return f"the proxy {without_password(url)} of {name.upper()}_PROXY" if url else ""


def proxy_url_of(address: Address) -> str:
    """The URL of the proxy for an address, with its password; empty when none is used."""
    return _proxy(address)[1]


def _proxy(address: Address) -> tuple[str, str]:
    """The scheme that the variable of the proxy names, and the URL of the proxy; two empty texts without one."""
    if address.loopback or proxy_bypass(address.host):
        return "", ""
    proxies = getproxies()
    return next(
        ((name, proxies[name]) for name in ("https" if address.secure else "http", "all") if proxies.get(name)),
        ("", ""),
    )


def without_password(url: str) -> str:
    """The URL of a proxy without the part before an @."""
    return re.sub(r"(//|^)[^/@]*@", r"\1", url)
