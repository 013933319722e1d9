"""Which targets a load test may be sent to."""

from __future__ import annotations

from messages_conformance.load.load_options import LoadOptions
from messages_conformance.session import UsageError
from messages_conformance.targets.address import parse_address
from messages_conformance.targets.target import TargetError


def base_url(url: str) -> str:
    """The base URL that a URL means. Raises UsageError for one that is not usable."""
    try:
        return parse_address(url).base_url
    except TargetError as error:
        raise UsageError(str(error)) from None


def refusal(options: LoadOptions) -> str:
    """Why no load is sent to the target; empty when it may be. The URL is a base URL."""
    if parse_address(options.url).loopback or options.owned:
        return ""
    return (
        f"{options.url} is not on this machine: a load test costs its owner money and time; "
        "if it is yours, or you may test it, add --i-own-this-target"
    )
