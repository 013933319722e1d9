"""A glob that matches no requirement is named, with what it was probably meant to be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import FULL_PROFILE

from messages_conformance import contract
from messages_conformance.rules import CATALOGUE
from messages_conformance.rules.requirement_globs import unmatched, unmatched_in_profile


@pytest.mark.parametrize("globs", [(), ("response.role.assistant",), ("stream.*", "errors.envelope"), ("*",)])
def test_globs_that_match_need_no_message(globs: tuple[str, ...]) -> None:
    assert unmatched(globs) == ""


@pytest.mark.parametrize(
    ("globs", "meant"),
    [
        (("stream.*", "respons.role.assistant"), "did you mean response.role.assistant"),
        (("respons.role.assistant", "zzzz"), "did you mean response.role.assistant"),
        (("zzzz",), f"ids begin with {', '.join(sorted({row.topic for row in CATALOGUE.values()}))};"),
    ],
)
def test_the_first_glob_that_matches_nothing_is_named_with_the_nearest_ids(globs: tuple[str, ...], meant: str) -> None:
    wrong = next(glob for glob in globs if "*" not in glob)
    message = unmatched(globs)
    assert message.startswith(f"no requirement matches {wrong!r}; ")
    assert meant in message
    assert message.endswith(f"; `messages-conformance list` shows all {len(CATALOGUE)}")


def test_a_profile_is_named_with_the_key_of_its_glob() -> None:
    profile = contract.profile(FULL_PROFILE)
    assert unmatched_in_profile(profile) == ""
    for key in ("judges", "warns"):
        message = unmatched_in_profile(replace(profile, **{key: ("zzzz",)}))
        assert message.startswith(f"profile {profile.name}: {key}: no requirement matches 'zzzz'; ")
