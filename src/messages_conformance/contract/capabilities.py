"""The closed vocabulary of capabilities: every name that a profile can promise, out of contract/capabilities.toml."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from messages_conformance import resources


@dataclass(frozen=True, kw_only=True)
class Capability:
    """One thing that a target can or cannot do. `sentence` says what a target with the capability does.

    Requirements name it in `needs`. `read_by` says what else reads it; empty if only requirements do.
    """

    name: str
    sentence: str
    read_by: str = ""


@cache
def capabilities() -> Mapping[str, Capability]:
    """All capabilities by name, in the order of the file."""
    table = tomllib.loads(resources.text("contract/capabilities.toml"))
    return MappingProxyType({name: Capability(name=name, **row) for name, row in table.items()})
