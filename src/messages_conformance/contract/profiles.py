"""Profiles: what a kind of target promises. Each is a TOML file in profiles/, or a file of the user's."""

import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, get_args

from messages_conformance import resources
from messages_conformance.contract.capabilities import capabilities
from messages_conformance.contract.documents import API_VERSIONS, ContractError, unknown
from messages_conformance.input_files import MAX_WRITTEN_BYTES, InputError, parsed_toml, read_bytes, shown

Family = Literal["tokmodel", "anthropic", "gateway-passthrough", "gateway-translates"]
Auth = Literal["bearer", "x-api-key"]

ID_PREFIX: Final = "id-prefix"
"""The capability that goes with the key `id_prefix`."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What one kind of target promises. `promises` holds capabilities; what needs any other one does not apply.

    `depends_on_model` holds the capabilities that some models have and others refuse with a clean error.
    `api_version` is the value of the anthropic-version header, or None if the profile sends no such header.
    `id_prefix` is the start of every message id, or None if ids can have any form. `judges` are globs of the
    requirement ids that matter to this kind of target; all ids matter if there are no globs. Requirements that match
    `warns` never fail a run, at any level. `verdict_names` are the words for the verdict, (conforms, does
    not conform); empty for the usual words.
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

    def includes(self, requirement: str) -> bool:
        """Whether the requirement matters to this kind of target at all."""
        return not self.judges or _matches(requirement, self.judges)

    def only_warns(self, requirement: str) -> bool:
        """Whether a violation of the requirement is only a warning under this profile."""
        return _matches(requirement, self.warns)

    @property
    def offers(self) -> frozenset[str]:
        """The capabilities that a run can test: those of every model, and those of some models."""
        return self.promises | self.depends_on_model

    @property
    def body_version(self) -> str:
        """The API version whose request rules apply: the one in the header, or 2023-06-01 without a header."""
        return self.api_version or API_VERSIONS[0]


def _matches(requirement: str, globs: tuple[str, ...]) -> bool:
    """Whether one of the globs matches the id. A glob without wildcards also matches all ids below it, as in --only."""
    return any(fnmatchcase(requirement, glob) or fnmatchcase(requirement, f"{glob}.*") for glob in globs)


@cache
def profile_names() -> tuple[str, ...]:
    """The names of the built-in profiles, sorted; those of gateways are in `gateway_profile_names`."""
    return tuple(name.removesuffix(".toml") for name in resources.names("profiles", ".toml") if "/" not in name)


@cache
def gateway_profile_names() -> tuple[str, ...]:
    """The names of the built-in profiles of gateways, which are judged from both sides."""
    return tuple(name.removesuffix(".toml") for name in resources.names("profiles/gateways", ".toml"))


@cache
def profile(name: str) -> Profile:
    """The built-in profile called `name`, or the one in the TOML file at the path `name`.

    A ContractError names the mistake and the valid values if there is no such profile, or if it is malformed.
    """
    if _is_path(name):
        return _from_file(Path(name))
    if name in gateway_profile_names():
        return _parsed(f"profiles/gateways/{name}.toml", _built_in(f"gateways/{name}"))
    if name not in profile_names():
        raise unknown("profile", name, profile_names())
    return _parsed(f"profiles/{name}.toml", _built_in(name))


def _is_path(name: str) -> bool:
    return name.endswith(".toml") or "/" in name or os.sep in name


def _built_in(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.text(f"profiles/{name}.toml"))


def _from_file(path: Path) -> Profile:
    """The user's profile: complete, or only the differences from the profile that it `extends`."""
    try:
        own = parsed_toml(read_bytes(path, limit_bytes=MAX_WRITTEN_BYTES))
    except InputError as error:
        raise ContractError(f"profile {str(path)!r} cannot be read: {error}; name a TOML file") from error
    base = own.pop("extends", None)
    if base in gateway_profile_names():
        base = f"gateways/{base}"
    elif base is not None and base not in profile_names():
        raise unknown("profile in extends", shown(base).strip("'"), profile_names(), place=str(path))
    _check_values(str(path), own)
    return _parsed(str(path), _completed({} if base is None else _built_in(base), own))


def _completed(base: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    """The values of `base`, replaced by the user's own.

    A capability that is in one of the user's lists is removed from the other list of the base. A user's `id_prefix` is
    a promise.
    """
    table = {**base, **own}
    for key, other in (("promises", "depends_on_model"), ("depends_on_model", "promises")):
        if key in base and key not in own:
            table[key] = [name for name in base[key] if name not in own.get(other, ())]
    if "id_prefix" in own and "promises" in table:
        others = [name for name in table["promises"] if name != ID_PREFIX]
        table["promises"] = [*others, ID_PREFIX] if own["id_prefix"] else others
    return table


@dataclass(frozen=True, kw_only=True)
class _Key:
    """One key of a profile file: which values are valid, in words and as a check."""

    valid: str
    check: Callable[[Any], bool]


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and value.isprintable() and bool(value.strip())


def _is_array_of_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _one_of(*values: str) -> _Key:
    return _Key(valid=", ".join(values), check=lambda value: value in values)


_LINE: Final = _Key(valid="a string of printable characters", check=_is_line)
_STRINGS: Final = _Key(valid="an array of strings", check=_is_array_of_strings)
_KEYS: Final[Mapping[str, _Key]] = {
    "title": _LINE,
    "family": _one_of(*get_args(Family)),
    "api_version": _one_of(*API_VERSIONS),
    "auth": _one_of(*get_args(Auth)),
    "default_model": _LINE,
    "needs_key": _Key(valid="true or false", check=lambda value: isinstance(value, bool)),
    "id_prefix": _Key(
        valid="a string of printable characters, or empty for ids of any form",
        check=lambda value: value == "" or _is_line(value),
    ),
    "promises": _STRINGS,
    "depends_on_model": _STRINGS,
    "judges": _STRINGS,
    "warns": _STRINGS,
    "verdict_names": _Key(
        valid="a table with the keys conforms and deviates, both strings of printable characters",
        check=lambda value: (
            isinstance(value, dict) and set(value) == {"conforms", "deviates"} and all(map(_is_line, value.values()))
        ),
    ),
}
_REQUIRED: Final = ("title", "family", "auth", "needs_key", "promises")


def _check_values(place: str, data: Mapping[str, Any]) -> None:
    """Raises a ContractError for the first key or value that is not valid; it lists the valid ones."""
    for key, value in data.items():
        if key not in _KEYS:
            raise unknown("key", key, {*_KEYS, "extends"}, place=place)
        if not _KEYS[key].check(value):
            raise ContractError(f"{place}: {key} is {shown(value)}; valid: {_KEYS[key].valid}")
    for name in (*data.get("promises", ()), *data.get("depends_on_model", ())):
        if name not in capabilities():
            raise unknown("capability", name, capabilities(), place=place)


def _parsed(place: str, data: Mapping[str, Any]) -> Profile:
    """The profile in a complete table."""
    for key in _REQUIRED:
        if key not in data:
            raise ContractError(f"{place}: {key} is missing; write it, or name a profile that has it: extends = ...")
    _check_values(place, data)
    promises, depends_on_model = frozenset(data["promises"]), frozenset(data.get("depends_on_model", ()))
    if both := sorted(promises & depends_on_model):
        raise ContractError(f"{place}: {both[0]} is in promises and in depends_on_model; remove it from one of them")
    if ID_PREFIX in promises | depends_on_model and not data.get("id_prefix"):
        raise ContractError(f'{place}: {ID_PREFIX} needs the key id_prefix, such as id_prefix = "msg_"')
    names = data.get("verdict_names")
    return Profile(
        name=Path(place).stem,
        title=data["title"],
        family=data["family"],
        api_version=data.get("api_version"),
        auth=data["auth"],
        default_model=data.get("default_model"),
        needs_key=data["needs_key"],
        promises=promises,
        depends_on_model=depends_on_model,
        id_prefix=data["id_prefix"] if ID_PREFIX in promises | depends_on_model else None,
        judges=tuple(data.get("judges", ())),
        warns=tuple(data.get("warns", ())),
        verdict_names=() if names is None else (names["conforms"], names["deviates"]),
    )
