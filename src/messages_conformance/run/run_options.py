"""The options of a live run, and the checks that need more than the table of options."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from messages_conformance import options as options_table
from messages_conformance import report
from messages_conformance.contract import ContractError, Profile
from messages_conformance.engine import DEFAULT_CONCURRENCY, Limits
from messages_conformance.generate import parse_origin
from messages_conformance.report.causes import is_preflight
from messages_conformance.report.text import listed
from messages_conformance.rules.catalogue import ANTHROPIC, CATALOGUE, RUN
from messages_conformance.rules.verdict import Verdict
from messages_conformance.run.scope import Scope
from messages_conformance.session import SessionOptions, UsageError, checked_profile, checked_requirements
from messages_conformance.shapes import unreadable
from messages_conformance.targets import DEFAULT_TIMEOUT_S, VALID_FORMS, Connection, Target, TargetError, open_target

DEFAULT_PROFILE: Final = "tokmodel"
DEFAULT_KEY_VARIABLE: Final = "MESSAGES_API_KEY"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user can set for a run; the names are those of the command line. `options.OPTIONS` has the limits."""

    target: str | None
    model: str | None = None
    profile: str = DEFAULT_PROFILE
    api_key_env: str = DEFAULT_KEY_VARIABLE
    header: tuple[str, ...] = ()
    base_path: str | None = None
    ca_bundle: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    insecure: bool = False
    wait_for_target: float | None = None
    depth: str = "standard"
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    situation: tuple[str, ...] = ()
    include: str | None = None
    vendors: int | None = None
    last_failed: str | None = None
    fail_on: str = "must"
    waivers: str | None = None
    baseline: str | None = None
    edition: str | None = None
    concurrency: int = DEFAULT_CONCURRENCY
    max_requests: int | None = None
    max_output_tokens: int | None = None
    minutes: float | None = None
    rate: float | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    seed: int = 0
    suites: tuple[str, ...] = ()
    generated: int | None = None
    generate: str | None = None
    max_shrink_requests: int | None = None
    report: str | None = None
    snapshots: str | None = None
    update_snapshots: bool = False
    max_cost: float | None = None
    price_in: float | None = None
    price_out: float | None = None
    show_trace: bool = False
    max_failures: int | None = None
    output: str = "text"
    quiet: bool = False
    events: str | None = None

    @property
    def session(self) -> SessionOptions:
        """The options that a session of any source has."""
        return SessionOptions(
            profile=self.profile,
            only=self.only,
            skip=self.skip,
            fail_on=self.fail_on,
            waivers=self.waivers,
            baseline=self.baseline,
            edition=self.edition,
            report=self.report,
            show_trace=self.show_trace,
            output=self.output,
            quiet=self.quiet,
            events=self.events,
        )

    @property
    def connection(self) -> Connection:
        """How requests travel to the target."""
        return Connection(
            headers=tuple(map(options_table.parsed_header, self.header)),
            base_path=self.base_path or "",
            ca_bundle=self.ca_bundle,
            client_cert=self.client_cert,
            client_key=self.client_key,
            insecure=self.insecure,
        )

    @property
    def connection_options(self) -> tuple[str, ...]:
        """The options with which a command reaches the target in the same way; headers are not among them."""
        files = {"--ca-bundle": self.ca_bundle, "--client-cert": self.client_cert, "--client-key": self.client_key}
        words = [word for name, file in files.items() if file for word in (name, file)]
        return (*words, *(["--insecure"] if self.insecure else []))

    @property
    def limits(self) -> Limits:
        """The limits that the engine keeps."""
        return Limits(
            max_requests=self.max_requests,
            max_output_tokens=self.max_output_tokens,
            max_minutes=self.minutes,
            max_cost=self.max_cost,
        )

    @property
    def budget(self) -> str:
        """The limits in words; empty when there is none."""
        limits = (
            self.max_requests is not None and f"{self.max_requests:,} requests",
            self.max_output_tokens is not None and f"{self.max_output_tokens:,} output tokens",
            self.max_cost is not None and f"a cost of {self.max_cost:g}",
            self.minutes is not None and f"{self.minutes:g} minutes",
            self.rate is not None and f"{self.rate:g} requests a second",
        )
        return ", ".join(limit for limit in limits if limit)


def checked(options: Options) -> Profile:
    """Returns the profile; raises UsageError for the first option that cannot be used. Needs no target."""
    if not options.target:
        raise UsageError(f"no target was given; {VALID_FORMS}")
    if wrong := options_table.problem(vars(options)):
        raise UsageError(wrong)
    _check_snapshots(options)
    checked_requirements((*options.only, *options.skip))
    return checked_profile(options.profile)


def with_last_failed(options: Options) -> Options:
    """Returns the options with what failed in the report of `last_failed` as `only` and `situation`.

    Raises UsageError when the report cannot be read or nothing failed in it. The same when a requirement of the user's
    suite failed and this run does not have it.
    """
    if options.last_failed is None:
        return options
    try:
        earlier = report.load(options.last_failed)
    except report.ReportError as error:
        raise UsageError(f"--last-failed: {error}") from error
    failed = report.failures(earlier)
    if not failed:
        raise UsageError(f"--last-failed: nothing failed in {options.last_failed!r}; run without --last-failed")
    unknown = [verdict.requirement for verdict in failed if verdict.requirement not in CATALOGUE]
    if unknown:
        raise UsageError(
            f"--last-failed: {listed(unknown, 3)} failed in {options.last_failed!r} and is not known here; "
            f"name the suite that has it with --suite"
        )
    globs = [_glob_of(earlier, verdict) for verdict in failed if verdict.findings]
    return replace(
        options,
        only=(*options.only, *(verdict.requirement for verdict in failed)),
        situation=(*options.situation, *dict.fromkeys(globs)) if all(globs) else options.situation,
    )


def _glob_of(earlier: report.Report, verdict: Verdict) -> str:
    """A glob of the situations that show a failure again; empty if all requests of the requirement are needed."""
    first = verdict.findings[0]
    if first.ask_again or CATALOGUE[verdict.requirement].over == RUN:
        return first.ask_again
    names = [name for name in report.situations_of(earlier, first.exchange) if not is_preflight(name)]
    return report.escape_glob(names[0]) if names else ""


def _check_snapshots(options: Options) -> None:
    if options.snapshots is None:
        return
    folder = Path(options.snapshots)
    if options.update_snapshots:
        try:
            report.prepare(folder, option="--snapshots")
        except report.ReportError as error:
            raise UsageError(str(error)) from error
    elif not folder.is_dir():
        raise UsageError(
            f"--snapshots: there is no folder {str(folder)!r}; name one that holds shapes, "
            f"or add --snapshot-update to make it"
        )
    if broken := unreadable(folder):
        raise UsageError(
            f"--snapshots: this shape cannot be read: {broken}; restore it from your history, or remove it"
        )


def scope_of(options: Options, profile: Profile, selected: Callable[[str], bool]) -> Scope:
    """Returns what the run asks; raises UsageError when --generate names no generated request."""
    try:
        alone = None if options.generate is None else parse_origin(options.generate)
    except ContractError as error:
        raise UsageError(str(error)) from error
    return Scope(
        profile=profile,
        depth=options.depth,
        selected=selected,
        seed=options.seed,
        drawn=options.generated,
        alone=alone,
        situations=options.situation,
        included=options_table.included(options.include),
        vendors=options_table.DEFAULT_VENDORS if options.vendors is None else options.vendors,
    )


def opened_target(options: Options, profile: Profile) -> Target:
    """Returns the target with its key; raises UsageError when the address or the key cannot be used."""
    if profile.auth == "bearer" and any(name.lower() == "authorization" for name, _ in options.connection.headers):
        raise UsageError(
            f"--header authorization would replace the key, which profile {profile.name} sends there: set the "
            f"environment variable {options.api_key_env} instead"
        )
    try:
        target = open_target(
            options.target or "",
            key=os.environ.get(options.api_key_env) or None,
            timeout_s=options.timeout_s,
            version_required=profile.family == ANTHROPIC,
            connection=options.connection,
        )
    except TargetError as error:
        raise UsageError(str(error)) from error
    if profile.needs_key and target.key is None and not target.offline:
        raise UsageError(
            f"profile {profile.name} needs a key: set the environment variable {options.api_key_env}, or name another "
            f"variable with --api-key-env; if the target accepts any key, set it to any value"
        )
    return target
