"""The command `clients`: drives known clients against a target, and compares the report's predictions with them."""

from __future__ import annotations

import logging
import os
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
from messages_conformance.cli.parsing import NOT_JUDGED, wrong_usage
from messages_conformance.cli.settings import NAMES, SOURCES, effective, run_options, target_argument
from messages_conformance.cli.signals import end_on_signals
from messages_conformance.configuration import ConfigurationError

if TYPE_CHECKING:
    from messages_conformance.clients.client_runs import ClientResult
    from messages_conformance.clients.driven_target import ClientsOptions

VIOLATIONS: Final = 1
USED: Final = ("model", "profile", "api-key-env", "config")
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
            "--more",
            kind=WHOLE_NUMBER,
            default=60,
            help="with --judge-predictions: unmeasured faults (default: 60)",
        ),
        option("--json", metavar="FILE", kind=FILE, help="also write the result as JSON"),
        output_option(),
        *run_options(USED),
    ]
    return (Command("clients", _clients, params, text=SOURCES),)


def _clients(parsed: Parsed) -> int:
    from messages_conformance.contract import ContractError
    from messages_conformance.proxy.serving import missing_packages
    from messages_conformance.report.files import ReportError

    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it warns about clients that leave a stream
    end_on_signals()
    try:
        if missing := missing_packages():
            raise ConfigurationError(missing)
        return _judged(parsed) if parsed.judge_predictions else _driven(parsed, _options(parsed))
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
    from messages_conformance.clients.predictions import checked_faults, compare, default_faults
    from messages_conformance.clients.predictions_text import prediction_lines, to_json, write
    from messages_conformance.live import DEFAULT_PROFILE
    from messages_conformance.report.files import prepare

    if parsed.json:
        prepare(Path(parsed.json).parent, option="--json")
    names = checked_faults(parsed.fault) if parsed.fault else default_faults(max(parsed.more, 0))
    out = console_of(parsed)
    installations = []
    for client in chosen_clients(parsed.client):
        try:
            if client.measured:
                installations.append(installed(client, _cache(parsed), latest=parsed.latest))
        except NotInstalled as error:
            out.print(f"{client.title}: not run: {error}", soft_wrap=True)
    predictions = compare(installations, names, DEFAULT_PROFILE)
    for line in prediction_lines(predictions):
        out.print(line, soft_wrap=True)
    if parsed.json:
        write(Path(parsed.json), DEFAULT_PROFILE, predictions)
    print_json(parsed, to_json(DEFAULT_PROFILE, predictions))
    return 0 if predictions else NOT_JUDGED
