"""Checks globs of requirement ids: each one has to match at least one requirement of the catalogue."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from messages_conformance.contract import Profile
from messages_conformance.rules.catalogue import CATALOGUE
from messages_conformance.rules.judge import matches


def unmatched(globs: Iterable[str]) -> str:
    """The message about the first glob that matches no requirement, with the nearest ids; empty if all match."""
    wrong = next((glob for glob in globs if not any(matches(requirement, (glob,)) for requirement in CATALOGUE)), None)
    if wrong is None:
        return ""
    return (
        f"no requirement matches {wrong!r}; {_nearest(wrong)}; `messages-conformance list` shows all {len(CATALOGUE)}"
    )


def unmatched_in_profile(profile: Profile) -> str:
    """The message about the first glob of `judges` or `warns` that matches no requirement; empty if all match."""
    for key, globs in (("judges", profile.judges), ("warns", profile.warns)):
        if message := unmatched(globs):
            return f"profile {profile.name}: {key}: {message}"
    return ""


def _nearest(glob: str) -> str:
    """The ids that the user probably meant by the glob; the topics of all ids if none is near."""
    near = get_close_matches(glob.replace("*", ""), CATALOGUE, n=3, cutoff=0.4)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"ids begin with {', '.join(sorted({row.topic for row in CATALOGUE.values()}))}"
