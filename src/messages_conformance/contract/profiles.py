"""Profiles: what a kind of target promises, one TOML file each in profiles/ or in a place of the user's."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

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
        return not self.judges or _matches(requirement, self.judges)

    def only_warns(self, requirement: str) -> bool:
        """Whether this kind of target gets along with a violation of the requirement."""
        return _matches(requirement, self.warns)

    @property
    def offers(self) -> frozenset[str]:
        """What may be asked for: promised of every model, or of some."""
        return self.promises | self.depends_on_model

    @property
    def body_version(self) -> str:
        """The API version whose request rules hold: the header's, and 2023-06-01 where none is sent."""
        return self.api_version or "2023-06-01"


def _matches(requirement: str, globs: tuple[str, ...]) -> bool:
    """Whether one of the globs matches the id. A glob without wildcards also matches all ids below it, as in --only."""
    return any(fnmatchcase(requirement, glob) or fnmatchcase(requirement, f"{glob}.*") for glob in globs)


def profile_names() -> tuple[str, ...]:
    """The profiles that profiles/ holds, sorted."""
    return tuple(name.removesuffix(".toml") for name in resources.names("profiles", ".toml"))


@cache
def profile(name: str) -> Profile:
    """The profile called `name`, or of the TOML file at the path `name`; a ContractError with the cure otherwise."""
    if _is_path(name):
        return _of_file(Path(name))
    if name not in profile_names():
        raise unknown("profile", name, profile_names())
    return _read(f"profiles/{name}.toml", _own_table(name))


def _is_path(name: str) -> bool:
    return name.endswith(".toml") or "/" in name or os.sep in name


def _own_table(name: str) -> Mapping[str, Any]:
    return tomllib.loads(resources.text(f"profiles/{name}.toml"))


def _of_file(path: Path) -> Profile:
    """A profile of the user's: whole, or what differs from the profile that it `extends`."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ContractError(f"profile {str(path)!r} cannot be read: {error.strerror}; name a TOML file") from error
    except ValueError as error:
        raise ContractError(f"profile {str(path)!r} is no TOML: {error}") from error
    base = data.pop("extends", None)
    if base is not None and base not in profile_names():
        raise unknown("profile in extends", str(base), profile_names())
    table = {**(_own_table(base) if base is not None else {}), **data}
    for capability in sorted({*_strings(table, "promises"), *_strings(table, "depends_on_model")} - capabilities()):
        raise unknown(f"capability in {path}", capability, capabilities())
    return _read(str(path), table)


def _strings(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = table.get(key, ())
    return tuple(str(value) for value in values) if isinstance(values, list) else ()


@cache
def capabilities() -> frozenset[str]:
    """Every capability that a profile of ours promises or leaves to the model."""
    return frozenset().union(*(profile(name).offers for name in profile_names()))


_ARRAYS: Final = ("promises", "depends_on_model", "judges", "warns")
_KEYS: Final = frozenset(
    {"title", "family", "api_version", "auth", "default_model", "needs_key", "id_prefix", "verdict_names", *_ARRAYS}
)
_REQUIRED: Final = ("title", "family", "auth", "needs_key", "promises")


def _read(place: str, data: Mapping[str, Any]) -> Profile:
    for key in sorted(data.keys() - _KEYS):
        raise unknown(f"key in {place}", key, _KEYS | {"extends"})
    for key in _REQUIRED:
        if key not in data:
            raise ContractError(f"{place}: {key} is missing; write it, or name a profile that has it: extends = ...")
    _one_of(place, "family", data["family"], _FAMILIES)
    _one_of(place, "auth", data["auth"], _AUTHS)
    for key in _ARRAYS:
        if len(_strings(data, key)) != len(data.get(key, ())) or not isinstance(data.get(key, []), list):
            raise ContractError(f"{place}: {key} is an array of strings")
    return Profile(
        name=Path(place).stem,
        title=str(data["title"]),
        family=data["family"],
        api_version=data.get("api_version"),
        auth=data["auth"],
        default_model=data.get("default_model"),
        needs_key=bool(data["needs_key"]),
        promises=frozenset(data["promises"]),
        depends_on_model=frozenset(data.get("depends_on_model", ())),
        id_prefix=data.get("id_prefix"),
        judges=tuple(data.get("judges", ())),
        warns=tuple(data.get("warns", ())),
        verdict_names=_verdict_names(place, data.get("verdict_names")),
    )


def _verdict_names(place: str, names: Any) -> tuple[str, str] | tuple[()]:
    if names is None:
        return ()
    if not isinstance(names, dict) or set(names) != {"conforms", "deviates"}:
        raise ContractError(f"{place}: verdict_names is a table with the keys conforms and deviates")
    return str(names["conforms"]), str(names["deviates"])


def _one_of(place: str, key: str, value: object, valid: tuple[str, ...]) -> None:
    if value not in valid:
        raise ContractError(f"{place}: {key} is {value!r}; valid: {', '.join(valid)}")
