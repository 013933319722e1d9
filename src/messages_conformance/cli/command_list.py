"""The list of commands: for each its module, what it does, and an example for its `--help`.

It imports nothing, so that the help of all commands and their names need no module of a command.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

NAME: Final = "messages-conformance"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One command. `module` is its module in this package; `example` is written without the name of the program."""

    module: str
    summary: str
    example: str


COMMANDS: Final[Mapping[str, Row]] = {
    "run": Row(
        module="running",
        summary="judge a target",
        example="run https://staging.example.com --depth smoke --header 'x-access: TOKEN' --report report",
    ),
    "plan": Row(
        module="running",
        summary="show what a run would send and what it may cost",
        example="plan https://staging.example.com --model my-model",
    ),
    "targets": Row(
        module="fleets",
        summary="list the targets, models and profiles that run --all judges",
        example="targets --format json --shard 2/10",
    ),
    "check": Row(
        module="checking",
        summary="judge recordings as they are, without a network",
        example="check traffic.har --profile anthropic-2023-06-01 --output json",
    ),
    "promote": Row(
        module="promoting",
        summary="make recorded requests a part of your own suite",
        example="promote traffic.har --exchange 3 --to conformance --without-text",
    ),
    "proxy": Row(
        module="proxying",
        summary="judge the traffic of a client as it passes",
        example="proxy --upstream https://api.anthropic.com -- claude -p 'Say hello'",
    ),
    "judge-client": Row(
        module="judging_clients",
        summary="run your own client against faults and correct variants",
        example="judge-client -- pytest tests",
    ),
    "clients": Row(
        module="driving_clients",
        summary="drive real clients against a target",
        example="clients reference: --client claude-code",
    ),
    "gateway": Row(
        module="gateways",
        summary="judge a gateway from both sides: clients in front, a scripted upstream behind",
        example="gateway http://127.0.0.1:4000 --upstream-port 8789 --speaks openai-chat",
    ),
    "load": Row(
        module="loading",
        summary="judge a target while many users send requests at once",
        example="load http://127.0.0.1:8787 --users 64 --minutes 1 --report report",
    ),
    "config": Row(
        module="settings",
        summary="show the value of each option and its origin",
        example="config staging --concurrency 4",
    ),
    "report": Row(
        module="reporting",
        summary="write a saved run in another format, or verify it",
        example="report report --format markdown --output comment.md",
    ),
    "compare": Row(
        module="comparing",
        summary="compare saved runs side by side",
        example="compare report other --format html --output comparison.html",
    ),
    "history": Row(
        module="histories",
        summary="keep runs over time: since when does what fail",
        example="history add reports --release v1.4.2",
    ),
    "site": Row(
        module="histories",
        summary="write many runs as a static site",
        example="site reports --output public --history history.sqlite",
    ),
    "waive": Row(
        module="gating",
        summary="write waivers for the failures of a saved run",
        example="waive report --days 30",
    ),
    "diff": Row(
        module="gating",
        summary="show the changes between two saved runs",
        example="diff yesterday today",
    ),
    "list": Row(
        module="requirements",
        summary="list all requirements with level and source",
        example="list --profile anthropic-2023-06-01 --grep stream",
    ),
    "explain": Row(
        module="explaining",
        summary="show a requirement, a topic or a capability in full",
        example="explain stream.order.message-stop-last",
    ),
    "serve": Row(
        module="serving",
        summary="run the reference endpoint on loopback",
        example="serve --fault drop_message_stop",
    ),
    "upstream": Row(
        module="upstreaming",
        summary="run a scripted model server behind a gateway",
        example="upstream --speaks openai-chat --record received.jsonl",
    ),
    "prove": Row(
        module="proving",
        summary="run the suites against every fault and every correct variant",
        example="prove --only drop_message_stop --depth smoke",
    ),
    "completion": Row(
        module="completing",
        summary="print the script with which a shell completes this program's words",
        example="completion bash > ~/.local/share/bash-completion/completions/messages-conformance",
    ),
    "man": Row(
        module="completing",
        summary="print the manual page",
        example="man > messages-conformance.1",
    ),
}
"""The commands by name, in the order of `--help`."""
