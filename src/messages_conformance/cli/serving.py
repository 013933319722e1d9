"""`serve`: the reference endpoint on loopback."""

from __future__ import annotations

import argparse
import os

from messages_conformance.cli.parsing import Commands, wrong_usage
from messages_conformance.cli.signals import deaf, until_signal


def add(commands: Commands) -> None:
    serve = commands.add_parser("serve", help="the reference endpoint on loopback", allow_abbrev=False)
    serve.set_defaults(command=_serve, parser=serve)
    serve.add_argument("--port", type=int, default=8787)
    serve.add_argument("--fault", help="misbehave in this one way")
    serve.add_argument("--variant", help="be correct in this other way")


def _serve(parsed: argparse.Namespace) -> int:
    from messages_conformance.reference import API_KEY, serve

    if not 0 <= parsed.port <= 65_535:
        return wrong_usage(ValueError(f"--port is {parsed.port}; it is a number from 0 (any free one) to 65535"))
    try:
        with deaf(), serve(port=parsed.port, fault=parsed.fault, variant=parsed.variant) as server:
            print(f"serving on {server.base_url}; key: {API_KEY}; Ctrl-C ends it", flush=True)
            until_signal()
    except LookupError as error:
        return wrong_usage(error)
    except OSError as error:
        return wrong_usage(OSError(f"port {parsed.port} cannot be used ({_why(error)}); name another with --port"))
    return 0


def _why(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
