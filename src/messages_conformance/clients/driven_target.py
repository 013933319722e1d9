"""The endpoint that clients talk to: an address, or the reference endpoint in this process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from messages_conformance import contract
from messages_conformance.clients.client_runs import (
    ClientResult,
    Endpoint,
    run_client,
    without_control_failures,
)
from messages_conformance.clients.installing import Installation, NotInstalled, installed
from messages_conformance.clients.known_clients import Choice, KnownClient
from messages_conformance.clients.reaching import check_reachable
from messages_conformance.clients.recording import Recorder
from messages_conformance.reference import API_KEY, serve
from messages_conformance.targets import TargetError
from messages_conformance.targets.address import parse_address

REFERENCE: Final = "reference:"
REFERENCE_MODEL: Final = "claude-opus-4-5"
LIMIT_S: Final = 60.0
"""Longest scenario by default (our own: it includes the retries of the SDKs, which wait for a few seconds)."""


@dataclass(frozen=True, kw_only=True)
class ClientsOptions:
    """Which clients drive which target, and how. `key` is that of the target."""

    target: str
    clients: tuple[KnownClient, ...]
    profile: str
    model: str = ""
    key: str = field(default="", repr=False)
    latest: bool = False
    cache: Path
    limit_s: float = LIMIT_S

    @property
    def is_reference(self) -> bool:
        """Whether the target is the reference endpoint."""
        return self.target.startswith(REFERENCE)


def drive_clients(
    options: ClientsOptions, took: Callable[[ClientResult], None] = lambda result: None
) -> tuple[ClientResult, ...]:
    """Installs each client, and drives it against the reference endpoint and then the target.

    `took` gets each result. Raises LookupError for a target that cannot be used, and Unreachable if nothing answers.
    """
    results = []
    with (
        opened(options.target) as base_url,
        opened(REFERENCE) as plain,
        Recorder(base_url, options.profile) as recorder,
        Recorder(plain, options.profile) as control,
    ):
        check_reachable(recorder)
        for client in options.clients:
            result = _driven(client, options, recorder, control)
            took(result)
            results.append(result)
    return tuple(results)


def _driven(client: KnownClient, options: ClientsOptions, recorder: Recorder, control: Recorder) -> ClientResult:
    try:
        installation = installed(client, options.cache, latest=options.latest)
    except NotInstalled as error:
        return ClientResult(client=client, not_run=str(error))
    before = controlled(installation, control, options)
    if not before.version:
        return replace(before, scenarios=(), not_run=f"it does not start: {before.scenarios[0].detail}")
    asked = Choice(offers=contract.profile(options.profile).offers).of(client)
    model = options.model or reference_model(client)
    key = options.key or API_KEY
    endpoint = Endpoint(
        base_url=recorder.base_url, model=model, key=key, limit_s=options.limit_s, obedient=options.is_reference
    )
    return without_control_failures(run_client(installation, asked, endpoint, recorder), before)


def controlled(installation: Installation, control: Recorder, options: ClientsOptions) -> ClientResult:
    """The client against the plain reference endpoint."""
    asked = Choice(offers=contract.profile(options.profile).offers).of(installation.client)
    endpoint = Endpoint(
        base_url=control.base_url,
        model=reference_model(installation.client),
        key=API_KEY,
        limit_s=options.limit_s,
        obedient=True,
    )
    return run_client(installation, asked, endpoint, control)


@contextlib.contextmanager
def opened(target: str) -> Iterator[str]:
    """The base URL of a target; the reference endpoint runs until the `with` block ends."""
    if not target.startswith(REFERENCE):
        try:
            base_url = parse_address(target).base_url
        except TargetError as error:
            raise LookupError(str(error)) from None
        yield base_url
        return
    fault, variant = _changes(target.removeprefix(REFERENCE).split(","))
    with serve(fault=fault, variant=variant) as server:
        yield server.base_url


def _changes(parts: Sequence[str]) -> tuple[str | None, str | None]:
    faults, variant = [], None
    for part in filter(None, (part.strip() for part in parts)):
        name, given, value = part.partition("=")
        if given and name == "variant":
            variant = value
        elif given and name == "fault":
            faults.append(value)
        elif name != "transport":
            faults.append(part)
    return ",".join(faults) or None, variant


def reference_model(client: KnownClient) -> str:
    """The model that a client requests from the reference endpoint."""
    return client.model or REFERENCE_MODEL
