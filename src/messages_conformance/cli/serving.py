"""The command `serve`: runs the reference endpoint on loopback, or lists its faults and variants."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from itertools import groupby
from typing import Final

from messages_conformance.cli.commands import Command
from messages_conformance.cli.completion_words import faults, variants
from messages_conformance.cli.parameters import Parsed, flag, option, port_option
from messages_conformance.cli.parsing import wrong_usage
from messages_conformance.cli.serving_gateways import gateway_options, list_changes, serve_gateway
from messages_conformance.cli.signals import signals_blocked, until_signal

PORT: Final = 8787


def commands() -> tuple[Command, ...]:
    """Declares `serve`."""
    params = [
        port_option(PORT),
        option("--fault", metavar="NAME", words=faults, help="violate the contract by this fault"),
        option("--variant", metavar="NAME", words=variants, help="behave like this correct variant"),
        flag("--list", help="list all faults and variants by category and exit"),
        *gateway_options(),
        option("--format", choices=("text", "json"), default="text", help="format of the list: text (default) or json"),
    ]
    return (Command("serve", _serve, params),)


def _serve(parsed: Parsed) -> int:
    from messages_conformance.reference import API_KEY, serve

    if parsed.list:
        return list_changes() if parsed.gateway else _list(parsed.format)
    if not 0 <= parsed.port <= 65_535:
        return wrong_usage(ValueError(f"--port is {parsed.port}; it must be a number from 0 (any free port) to 65535"))
    try:
        if parsed.gateway:
            return serve_gateway(parsed)
        with signals_blocked(), serve(port=parsed.port, fault=parsed.fault, variant=parsed.variant) as server:
            print(f"serving on {server.base_url}; key: {API_KEY}; press Ctrl-C to end", flush=True)
            until_signal()
    except LookupError as error:
        return wrong_usage(error)
    except OSError as error:
        return wrong_usage(OSError(f"port {parsed.port} cannot be used ({_why(error)}); name another with --port"))
    return 0


def _list(form: str) -> int:
    from messages_conformance.reference.change_list import listed_changes

    rows = listed_changes()
    if form == "json":
        print(json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False))
        return 0
    width = max(len(row.name) for row in rows)
    for (kind, category), group in groupby(rows, key=lambda row: (row.kind, row.category)):
        held = list(group)
        print(f"{kind}s: {category} ({len(held)})")
        for row in held:
            print(f"  {row.name:<{width}}  {row.summary}")
        print()
    faults = [row.name for row in rows if row.kind == "fault"]
    under_load = sum(name.endswith("_under_load") for name in faults)
    counted = f"{len(faults):,} faults ({under_load} of them need a load test), {len(rows) - len(faults):,} variants"
    print(f"{counted}; `serve --fault NAME` and `serve --variant NAME` let you test a client against one")
    return 0


def _why(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
