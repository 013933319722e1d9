"""The command `judge-client`: runs a client of the user against faults and variants of the reference endpoint."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from messages_conformance.cli.commands import Command
from messages_conformance.cli.completion_words import faults, variants
from messages_conformance.cli.json_output import console_of, print_json
from messages_conformance.cli.parameters import FILE, NUMBER, Parsed, option, output_option
from messages_conformance.cli.parsing import USAGE, complain, wrong_usage
from messages_conformance.cli.signals import end_on_signals

if TYPE_CHECKING:
    from messages_conformance.clients import ClientTrial

VIOLATIONS: Final = 1


def commands() -> tuple[Command, ...]:
    """Declares `judge-client`."""
    params = [
        option("--fault", metavar="NAME", multiple=True, words=faults, help="try this fault; may be repeated"),
        option(
            "--variant", metavar="NAME", multiple=True, words=variants, help="try this correct variant; may be repeated"
        ),
        option(
            "--model",
            metavar="PATTERN",
            multiple=True,
            help="also serve models with such a name; names that begin with claude are served",
        ),
        option(
            "--time-limit",
            kind=NUMBER,
            default=60.0,
            metavar="SECONDS",
            help="longest run of the command (default: 60)",
        ),
        option("--json", metavar="FILE", kind=FILE, help="also write the result as JSON"),
        output_option(),
    ]
    text = (
        "Write `-- COMMAND` at the end. It runs with ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY set; {base_url} and "
        "{api_key} in its words are replaced. Without --fault and --variant, 30 faults that endpoints in the field "
        "have and 20 correct variants are tried. The exit code is 1 if a correct variant breaks the client."
    )
    return (Command("judge-client", _judge_client, params, text=text, takes_command=True),)


def _judge_client(parsed: Parsed) -> int:
    from messages_conformance.report.files import ReportError

    if not parsed.after:
        return wrong_usage(ValueError("no command was given; write it after --, such as -- pytest tests"))
    if not parsed.time_limit > 0:
        return wrong_usage(ValueError(f"--time-limit is {parsed.time_limit:g}; it is a number of seconds above 0"))
    try:
        return _tried(parsed)
    except LookupError as error:
        return wrong_usage(ValueError(str(error.args[0] if error.args else error)))
    except ReportError as error:
        return wrong_usage(error)


def _tried(parsed: Parsed) -> int:
    from messages_conformance.clients import ControlFailed, TrialOptions, try_client
    from messages_conformance.clients.trials_json import to_json, write
    from messages_conformance.clients.trials_text import row, summary, title
    from messages_conformance.report.files import prepare

    if parsed.json:
        prepare(Path(parsed.json).parent, option="--json")
    out = console_of(parsed)
    options = TrialOptions(
        command=tuple(parsed.after),
        faults=tuple(parsed.fault),
        variants=tuple(parsed.variant),
        models=tuple(parsed.model),
        time_limit_s=parsed.time_limit,
    )
    kinds: set[str] = set()

    def took(trial: ClientTrial) -> None:
        if trial.kind not in kinds:
            out.print(title(trial.kind), soft_wrap=True)
        kinds.add(trial.kind)
        out.print(row(trial), soft_wrap=True)

    end_on_signals()
    try:
        trials = try_client(options, took)
    except ControlFailed as error:
        complain(f"the client fails with the plain reference endpoint, so nothing was tried: {error}")
        return USAGE
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        return wrong_usage(OSError(f"{parsed.after[0]!r} cannot be started ({why}); write the command after --"))
    for line in summary(trials):
        out.print(line, soft_wrap=True)
    if parsed.json:
        write(trials, Path(parsed.json))
    print_json(parsed, to_json(trials))
    return VIOLATIONS if trials.broken else 0
