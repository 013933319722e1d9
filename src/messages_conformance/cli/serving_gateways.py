"""`serve --gateway`: runs the reference gateway on loopback, or lists its faults and variants."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import click

from messages_conformance.cli.parameters import Parsed, option
from messages_conformance.cli.parsing import wrong_usage
from messages_conformance.cli.signals import signals_blocked, until_signal


def gateway_options() -> list[click.Parameter]:
    """The options of the reference gateway."""
    return [
        option(
            "--gateway",
            choices=("passthrough", "translates"),
            help="run the reference gateway in this mode instead: passthrough or translates",
        ),
        option("--upstream", metavar="URL", help="with --gateway: the model server behind it"),
    ]


def serve_gateway(parsed: Parsed) -> int:
    """Serves until Ctrl-C; raises OSError when the port is in use."""
    from messages_conformance.reference_gateway import FAULT, VARIANT, Settings, find, served

    parts = urlsplit(parsed.upstream or "")
    if parts.scheme != "http" or not parts.hostname:
        return wrong_usage(ValueError("--gateway needs --upstream, an address such as http://127.0.0.1:9901"))
    if "@" in parts.netloc or parts.query:
        return wrong_usage(ValueError("--upstream has a user name, a password or a query; leave it out"))
    try:
        names = [
            *((FAULT, name) for name in _names(parsed.fault)),
            *((VARIANT, name) for name in _names(parsed.variant)),
        ]
        made = tuple(find(kind, name) for kind, name in names)
    except LookupError as error:
        return wrong_usage(error)
    for change in made:
        if parsed.gateway not in change.modes:
            return wrong_usage(ValueError(f"{change.name} needs --gateway {change.modes[0]}"))
    settings = Settings(mode=parsed.gateway, upstream=parsed.upstream.rstrip("/").removesuffix("/v1"), changes=made)
    with signals_blocked(), served(settings, port=parsed.port) as url:
        print(f"gateway on {url}, upstream {parsed.upstream}; any key; press Ctrl-C to end", flush=True)
        until_signal()
    return 0


def _names(value: Any) -> list[str]:
    return [name for name in (value or "").split(",") if name]


def list_changes() -> int:
    """Prints the faults and variants of the reference gateway."""
    from messages_conformance.reference_gateway import FAULT, VARIANT, changes

    for kind in (FAULT, VARIANT):
        rows = changes(kind)
        print(f"{kind}s of the reference gateway ({len(rows)})")
        for row in rows:
            modes = "" if len(row.modes) > 1 else f" [{row.modes[0]}]"
            print(f"  {row.name:<28}  {row.summary}{modes}")
        print()
    return 0
