"""The command `load`: many users at once, run by Locust; every answer is judged."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from messages_conformance.cli.checking import session_options
from messages_conformance.cli.commands import Command
from messages_conformance.cli.parameters import NUMBER, WHOLE_NUMBER, Parsed, argument, flag, option
from messages_conformance.cli.parsing import wrong_usage
from messages_conformance.cli.settings import effective, run_options
from messages_conformance.cli.signals import pass_on_signals
from messages_conformance.configuration import ConfigurationError
from messages_conformance.options import OPTIONS, parsed_header, problem

if TYPE_CHECKING:
    from messages_conformance.load.load_options import LoadOptions

USED: Final = (
    *("model", "profile", "api-key-env", "header", "only", "skip", "seed", "fail-on", "waivers", "baseline", "edition"),
    *("minutes", "max-requests", "max-cost", "price-in", "price-out", "report", "output", "quiet", "show-trace"),
    "config",
)
"""The options of a run that this command has, too."""

SESSION: Final = (
    *(
        "profile",
        "only",
        "skip",
        "fail_on",
        "waivers",
        "baseline",
        "edition",
        "report",
        "show_trace",
        "output",
        "quiet",
    ),
)

USERS: Final = 20
MINUTES: Final = 1.0
"""What a load test has when the user sets nothing (our own)."""

FIGURES: Final = {"ttfb": "the first byte", "ttft": "the first content", "gap": "a gap", "total": "a whole answer"}
PARTS: Final = (50, 95, 99)


def commands() -> tuple[Command, ...]:
    """Declares `load`."""
    params = [
        argument("url", metavar="URL", help="the endpoint, such as http://127.0.0.1:8787"),
        option("--users", kind=WHOLE_NUMBER, help=f"users at the same time (default: {USERS})"),
        option("--spawn-rate", kind=NUMBER, help="users that start in a second (default: all at once)"),
        option("--workers", kind=WHOLE_NUMBER, help="processes of Locust, each with a report of its own (default: 1)"),
        option("--kinds", kind=WHOLE_NUMBER, help="different requests that are sent (default: 24)"),
        option("--max-tokens", kind=WHOLE_NUMBER, help="maximum number of tokens, input and output (default: 5000000)"),
        option("--metrics", metavar="PATH", help="path on the target with its open files and memory, such as /metrics"),
        option("--silence", metavar="TIME", help="the wait ends when no byte comes for this time (default: 15s)"),
        flag("--i-own-this-target", help="permits a target that is not on this machine"),
        *(
            option(f"--max-{figure}-p{part}", metavar="TIME", help=f"most time to {words} for {part} %, such as 2s")
            for figure, words in FIGURES.items()
            for part in PARTS
        ),
        option("--min-tps-p95", kind=NUMBER, help="fewest output tokens per second that 95 % of streams reach"),
        *run_options(USED, profile="anthropic-2023-06-01"),
    ]
    text = (
        "Locust runs the users: pip install 'messages-conformance[load]'. Each request is sent alone first, then by "
        "many users at once, and every answer is judged. Times are shown; only the limits that you set are judged."
    )
    return (Command("load", _load, params, text=text),)


def _load(parsed: Parsed) -> int:
    from messages_conformance.load.safety import refusal
    from messages_conformance.load.starting import missing_packages, start
    from messages_conformance.session import UsageError

    try:
        if missing := missing_packages():
            raise ConfigurationError(missing)
        found = {name: setting.value for name, setting in effective(parsed).items() if name in USED}
        if wrong := problem({one.destination: found.get(one.name) for one in OPTIONS}) or _wrong(parsed):
            raise ConfigurationError(wrong)
        options = _options(parsed, found)
        if wrong := refusal(options):
            raise ConfigurationError(wrong)
        _pass_key(found)
        users = parsed.users or USERS
        return start(
            options,
            users=users,
            spawn_rate=parsed.spawn_rate or users,
            workers=parsed.workers or 1,
            started=lambda process: pass_on_signals([process]),
        )
    except (ConfigurationError, UsageError, ValueError) as error:
        return wrong_usage(error)


def _pass_key(found: dict[str, Any]) -> None:
    from messages_conformance.load.load_options import KEY_VARIABLE

    named = found.get("api-key-env") or KEY_VARIABLE
    os.environ[KEY_VARIABLE] = os.environ.get(named, "")


def _wrong(parsed: Parsed) -> str:
    """What is wrong with the options of the load itself; empty when they can be used."""
    for name in ("users", "spawn_rate", "workers", "kinds", "max_tokens", "min_tps_p95"):
        value = getattr(parsed, name)
        if value is not None and not 0 < value < float("inf"):
            return f"--{name.replace('_', '-')} is {value}; it must be more than 0"
    if parsed.metrics and not parsed.metrics.startswith("/"):
        return f"--metrics is {parsed.metrics!r}; it is a path on the target, such as /metrics"
    return ""


def _options(parsed: Parsed, found: dict[str, Any]) -> LoadOptions:
    from messages_conformance.load import load_options as defaults
    from messages_conformance.load.safety import base_url

    price = (found.get("price-in"), found.get("price-out"))
    session = {name: value for name, value in vars_of(session_options(found)).items() if name in SESSION and value}
    return defaults.LoadOptions(
        url=base_url(parsed.url),
        model=found.get("model") or "",
        seed=found.get("seed") or 0,
        kinds=parsed.kinds or 24,
        seconds=60 * (found.get("minutes") or MINUTES),
        silence_s=_seconds("silence", parsed.silence) or defaults.SILENCE_S,
        max_requests=found.get("max-requests") or defaults.MAX_REQUESTS,
        max_tokens=parsed.max_tokens or defaults.MAX_TOKENS,
        max_cost=found.get("max-cost"),
        prices=None if price == (None, None) else (price[0] or 0.0, price[1] or 0.0),
        limits=_limits(parsed),
        metrics=parsed.metrics or "",
        owned=parsed.i_own_this_target,
        headers=tuple(map(parsed_header, found.get("header") or ())),
        session=session,
    )


def vars_of(session: Any) -> dict[str, Any]:
    """The fields of the options of a session."""
    return {name: getattr(session, name) for name in SESSION}


def _limits(parsed: Parsed) -> dict[str, float]:
    limits = {
        f"{figure}-p{part}": _seconds(f"max-{figure}-p{part}", getattr(parsed, f"max_{figure}_p{part}"))
        for figure in FIGURES
        for part in PARTS
    }
    return {name: value for name, value in {**limits, "tps-p95": parsed.min_tps_p95 or 0.0}.items() if value}


def _seconds(name: str, text: str | None) -> float:
    """The seconds of an option; 0 when it is not given. Raises ConfigurationError for another text."""
    from messages_conformance.load.load_options import seconds_of

    try:
        return seconds_of(text) if text else 0.0
    except ValueError as error:
        raise ConfigurationError(f"--{name}: {error}") from None
