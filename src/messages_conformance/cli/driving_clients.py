"""The command `clients`: drives known clients against a target, and compares the report's predictions with them."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from messages_conformance.cli.commands import Command
from messages_conformance.cli.completion_words import clients, faults
from messages_conformance.cli.json_output import console_of, print_json
from messages_conformance.cli.parameters import (
    FILE,
    FOLDER,
    NUMBER,
    WHOLE_NUMBER,
    Parsed,
    flag,
    option,
    output_option,
)
from messages_conformance.cli.parsing import NOT_JUDGED, complain, wrong_usage
from messages_conformance.cli.settings import NAMES, SOURCES, effective, run_options, target_argument
from messages_conformance.cli.signals import end_on_signals
from messages_conformance.configuration import ConfigurationError

if TYPE_CHECKING:
    from messages_conformance.clients.client_runs import ClientResult
    from messages_conformance.clients.driven_target import ClientsOptions
    from messages_conformance.clients.installing import Installation
    from messages_conformance.clients.predicted_tables import PredictedTables
    from messages_conformance.clients.predictions import Prediction

VIOLATIONS: Final = 1
USED: Final = ("model", "profile", "api-key-env", "config")
FAULTS: Final = 40
"""Faults by default (our own: a report of each takes about four seconds, a turn of Claude Code as long)."""

COMPARED: Final = ("anthropic-python", "anthropic-typescript", "claude-code")
"""The clients that are compared by default."""

KEY_VARIABLE: Final = "MESSAGES_API_KEY"


def commands() -> tuple[Command, ...]:
    """Declares `clients`."""
    params = [
        target_argument(),
        option("--client", multiple=True, metavar="NAME", words=clients, help="only this client; may be repeated"),
        flag("--latest", help="the newest versions instead of the known good ones"),
        option(
            "--cache", metavar="FOLDER", kind=FOLDER, help="where clients are installed (default: the user's cache)"
        ),
        option("--time-limit", kind=NUMBER, default=60.0, metavar="SECONDS", help="longest scenario (default: 60)"),
        flag(
            "--judge-predictions",
            help="compare the table of clients in reports with the clients, for faults of the reference endpoint",
        ),
        option(
            "--fault",
            multiple=True,
            metavar="NAME",
            words=faults,
            help="with --judge-predictions: only this fault; may be repeated",
        ),
        option(
            "--faults",
            kind=WHOLE_NUMBER,
            default=FAULTS,
            metavar="N",
            help=f"with --judge-predictions: number of unmeasured faults, chosen by chance (default: {FAULTS})",
        ),
        option(
            "--seed",
            kind=WHOLE_NUMBER,
            default=0,
            help="with --judge-predictions: another choice of faults (default: 0)",
        ),
        option("--json", metavar="FILE", kind=FILE, help="also write the result as JSON"),
        output_option(),
        *run_options(USED, profile="anthropic-2023-06-01"),
    ]
    return (Command("clients", _clients, params, text=SOURCES),)


def _clients(parsed: Parsed) -> int:
    from messages_conformance.clients.reaching import Unreachable
    from messages_conformance.contract import ContractError
    from messages_conformance.report.files import ReportError

    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns about clients that leave a stream
    end_on_signals()
    try:
        return _judged(parsed) if parsed.judge_predictions else _driven(parsed, _options(parsed))
    except Unreachable as error:
        complain(f"the clients could not be judged: {error}")
        return NOT_JUDGED
    except LookupError as error:
        return wrong_usage(ValueError(str(error.args[0] if error.args else error)))
    except (ConfigurationError, ContractError, ReportError) as error:
        return wrong_usage(error)


def _options(parsed: Parsed) -> ClientsOptions:
    from messages_conformance import contract
    from messages_conformance.clients.driven_target import REFERENCE, ClientsOptions
    from messages_conformance.clients.known_clients import chosen_clients
    from messages_conformance.live import DEFAULT_PROFILE

    found: dict[str, Any] = {name: setting.value for name, setting in effective(parsed).items()}
    target = found.get("target")
    if not target:
        raise ConfigurationError(f"no TARGET was given; it is {NAMES}")
    if target.startswith("replay:"):
        raise ConfigurationError("clients cannot be driven against a replay; name an address or reference:")
    if not parsed.time_limit > 0:
        raise ConfigurationError(f"--time-limit is {parsed.time_limit:g}; it is a number of seconds above 0")
    profile = contract.profile(found.get("profile") or DEFAULT_PROFILE)
    variable = found.get("api-key-env") or KEY_VARIABLE
    model = found.get("model") or ("" if target.startswith(REFERENCE) else profile.default_model)
    key = "" if target.startswith(REFERENCE) else os.environ.get(variable, "")
    if not target.startswith(REFERENCE) and not model:
        raise ConfigurationError("no model was given; name one with --model")
    if not target.startswith(REFERENCE) and not key:
        raise ConfigurationError(f"no key was given; set the environment variable {variable}")
    return ClientsOptions(
        target=target,
        clients=chosen_clients(parsed.client),
        profile=profile.name,
        model=model or "",
        key=key,
        latest=parsed.latest,
        cache=_cache(parsed),
        limit_s=parsed.time_limit,
    )


def _driven(parsed: Parsed, options: ClientsOptions) -> int:
    from messages_conformance.clients.clients_json import to_json, write
    from messages_conformance.clients.clients_text import client_lines, summary
    from messages_conformance.clients.driven_target import drive_clients
    from messages_conformance.report.files import prepare

    if parsed.json:
        prepare(Path(parsed.json).parent, option="--json")
    out = console_of(parsed)

    def took(result: ClientResult) -> None:
        for line in client_lines(result):
            out.print(line, soft_wrap=True)

    results = drive_clients(options, took)
    out.print(summary(results), soft_wrap=True)
    if parsed.json:
        write(Path(parsed.json), options.target, options.profile, results)
    print_json(parsed, to_json(options.target, options.profile, results))
    if any(result.failed for result in results):
        return VIOLATIONS
    return 0 if any(result.status for result in results) else NOT_JUDGED


def _cache(parsed: Parsed) -> Path:
    from messages_conformance.clients.installing import default_cache

    return Path(parsed.cache) if parsed.cache else default_cache()


def _judged(parsed: Parsed) -> int:
    from messages_conformance.clients.installing import NotInstalled, installed
    from messages_conformance.clients.known_clients import chosen_clients
    from messages_conformance.clients.predicted_tables import PredictedTables
    from messages_conformance.clients.predictions import checked_faults
    from messages_conformance.clients.predictions_text import prediction_lines, to_json, write
    from messages_conformance.live import DEFAULT_PROFILE
    from messages_conformance.report.files import prepare

    if parsed.json:
        prepare(Path(parsed.json).parent, option="--json")
    names = checked_faults(parsed.fault)
    out = console_of(parsed)
    predictions: list[Prediction] = []
    with PredictedTables() as tables:
        for client in chosen_clients(parsed.client or COMPARED):
            try:
                if client.measured:
                    installation = installed(client, _cache(parsed), latest=parsed.latest)
                    predictions += _compared(installation, names, parsed, tables)
            except NotInstalled as error:
                out.print(f"{client.title}: not run: {error}", soft_wrap=True)
    for line in prediction_lines(predictions):
        out.print(line, soft_wrap=True)
    if parsed.json:
        write(Path(parsed.json), DEFAULT_PROFILE, predictions)
    print_json(parsed, to_json(DEFAULT_PROFILE, predictions))
    return 0 if predictions else NOT_JUDGED


def _compared(
    installation: Installation, names: Sequence[str], parsed: Parsed, tables: PredictedTables
) -> tuple[Prediction, ...]:
    """The predictions for one client, for the named faults or for some that it meets."""
    from itertools import islice

    from messages_conformance.clients.meeting import met_faults, plain_requests
    from messages_conformance.clients.predictions import compare, never_measured, profile_of

    if not names:
        requests = plain_requests(installation)
        names = tuple(islice(met_faults(never_measured(), requests, seed=parsed.seed), parsed.faults))
    tables.begin(names, profile_of(installation))
    return tuple(compare(installation, names, table=tables.table))
