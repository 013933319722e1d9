"""Checks the names that a user gives: the profile, and globs over requirement ids."""

from __future__ import annotations

from collections.abc import Iterable

from messages_conformance import contract
from messages_conformance.contract import ContractError, Profile
from messages_conformance.rules.requirement_globs import unmatched, unmatched_in_profile


class UsageError(Exception):
    """The options cannot be used. The message names the mistake, the cure, and what is valid."""


def checked_profile(name: str) -> Profile:
    """Returns the profile of that name; raises UsageError when there is none, or when one of its globs is wrong."""
    try:
        profile = contract.profile(name)
    except ContractError as error:
        raise UsageError(str(error)) from error
    if wrong := unmatched_in_profile(profile):
        raise UsageError(wrong)
    return profile


def checked_requirements(globs: Iterable[str]) -> tuple[str, ...]:
    """Returns the globs; raises UsageError with the nearest ids when one of them matches no requirement."""
    checked = tuple(globs)
    if wrong := unmatched(checked):
        raise UsageError(wrong)
    return checked
