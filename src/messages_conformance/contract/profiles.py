"""Profiles: what a kind of target promises, one TOML file each in profiles/."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Literal

from messages_conformance import resources
from messages_conformance.contract.errors import ContractError, unknown

Family = Literal["tokmodel", "anthropic"]
Auth = Literal["bearer", "x-api-key"]

_FAMILIES = ("tokmodel", "anthropic")
_AUTHS = ("bearer", "x-api-key")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What one kind of target promises. `promises` holds capability slugs; what is missing there is not-applicable.

    `depends_on_model` holds those that some models have and others refuse, with a clean error.
    `api_version` is the value of the anthropic-version header, or None where the profile sends no such header.
    `id_prefix` is the promised start of a message id, or None where ids may have any form. `judges` are globs of the
    requirement ids that matter to this kind of target; every one does when there are none. What matches
    `warns` only warns there, whatever its level. `verdict_names` are the words of the verdict, (conforms, does not
    conform); empty for the usual ones.
    """

    name: str
    title: str
    family: Family
    api_version: str | None
    auth: Auth
    default_model: str | None
    needs_key: bool
    promises: frozenset[str]
    depends_on_model: frozenset[str] = frozenset()
    id_prefix: str | None
    judges: tuple[str, ...] = ()
    warns: tuple[str, ...] = ()
    verdict_names: tuple[str, str] | tuple[()] = ()

    def asks_for(self, requirement: str) -> bool:
        """Whether the requirement matters to this kind of target at all."""
        return not self.judges or any(fnmatchcase(requirement, glob) for glob in self.judges)

    def only_warns(self, requirement: str) -> bool:
        """Whether this kind of target gets along with a violation of the requirement."""
        return any(fnmatchcase(requirement, glob) for glob in self.warns)

    @property
    def offers(self) -> frozenset[str]:
        """What may be asked for: promised of every model, or of some."""
        return self.promises | self.depends_on_model

    @property
    def body_version(self) -> str:
        """The API version whose request rules hold: the header's, and 2023-06-01 where none is sent."""
        return self.api_version or "2023-06-01"


def profile_names() -> tuple[str, ...]:
    """The profiles that profiles/ holds, sorted."""
    return tuple(name.removesuffix(".toml") for name in resources.names("profiles", ".toml"))


@cache
def profile(name: str) -> Profile:
    """The profile called `name`; a ContractError that lists the valid names otherwise."""
    if name not in profile_names():
        raise unknown("profile", name, profile_names())
    return _read(name, tomllib.loads(resources.text(f"profiles/{name}.toml")))


def _read(name: str, data: Mapping[str, Any]) -> Profile:
    _one_of(name, "family", data.get("family"), _FAMILIES)
    _one_of(name, "auth", data.get("auth"), _AUTHS)
    return Profile(
        name=name,
        title=data["title"],
        family=data["family"],
        api_version=data.get("api_version"),
        auth=data["auth"],
        default_model=data.get("default_model"),
        needs_key=data["needs_key"],
        promises=frozenset(data["promises"]),
        depends_on_model=frozenset(data.get("depends_on_model", ())),
        id_prefix=data.get("id_prefix"),
        judges=tuple(data.get("judges", ())),
        warns=tuple(data.get("warns", ())),
        verdict_names=_verdict_names(name, data.get("verdict_names")),
    )


def _verdict_names(name: str, names: Any) -> tuple[str, str] | tuple[()]:
    if names is None:
        return ()
    if not isinstance(names, dict) or set(names) != {"conforms", "deviates"}:
        raise ContractError(f"profiles/{name}.toml: verdict_names is a table with the keys conforms and deviates")
    return str(names["conforms"]), str(names["deviates"])


def _one_of(name: str, key: str, value: object, valid: tuple[str, ...]) -> None:
    if value not in valid:
        raise ContractError(f"profiles/{name}.toml: {key} is {value!r}; valid: {', '.join(valid)}")
