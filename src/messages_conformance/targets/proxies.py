"""Which proxy of the environment a connection goes through, as a message names it."""

from __future__ import annotations

import re
from urllib.request import getproxies, proxy_bypass

from messages_conformance.targets.address import Address


def proxy_of(address: Address) -> str:
    """The proxy for an address and the variable that sets it, without a password; empty when none is used."""
    if address.loopback or proxy_bypass(address.host):
        return ""
    proxies = getproxies()
    for name in ("https" if address.secure else "http", "all"):
        if proxies.get(name):
            return f"the proxy {without_password(proxies[name])} of {name.upper()}_PROXY"
    return ""


def without_password(url: str) -> str:
    """The URL of a proxy without the part before an @."""
    return re.sub(r"(//|^)[^/@]*@", r"\1", url)
