"""How each measured client uses an endpoint, from contract/client_uses.toml: which failures can reach it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from messages_conformance import resources
from messages_conformance.contract.impacts import client_names
from messages_conformance.contract.profiles import Auth

Form = Literal["json", "stream"]
JSON: Final = "json"
STREAM: Final = "stream"
FORMS: Final[frozenset[Form]] = frozenset({JSON, STREAM})
"""The forms of an answer: one JSON document, or a stream of events."""


@dataclass(frozen=True, kw_only=True)
class ClientUse:
    """How one client uses an endpoint.

    `client` is its name with the version. `reads` are the forms of answers that it reads, `auth` the header with the
    key, `version` its anthropic-version. `profile` lists what matters to it; None if every requirement about its forms,
    its header and its version does.
    """

    client: str
    reads: frozenset[Form]
    auth: Auth
    version: str
    profile: str | None = None


@cache
def client_uses() -> Mapping[str, ClientUse]:
    """Client with version -> how it uses an endpoint, in the order of the measurements."""
    rows = tomllib.loads(resources.text("contract/client_uses.toml"))
    return {client: _use(client, rows[name]) for name, client in client_names().items()}


def _use(client: str, row: Mapping[str, object]) -> ClientUse:
    return ClientUse(client=client, **{**row, "reads": frozenset(row["reads"])})  # type: ignore[call-overload]
