"""The changes between two runs: newly failing, fixed, newly verified, no longer verified."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from messages_conformance.rules.verdict import FAIL, PASS, WARN

DEVIATING = frozenset({FAIL, WARN})
VERIFIED = frozenset({PASS, FAIL, WARN})


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Requirement ids by kind of change, each in the order of the new run.

    `newly_failing` did not fail in the old run. `unknown_before` fail now, but the old run did not have them, so this
    says nothing about the target. `newly_warning` are recommendations that did not warn or fail in the old run.
    """

    newly_failing: tuple[str, ...] = ()
    newly_warning: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    newly_verified: tuple[str, ...] = ()
    no_longer_verified: tuple[str, ...] = ()
    unknown_before: tuple[str, ...] = ()


def difference(old: Mapping[str, str], new: Mapping[str, str]) -> Difference:
    """The changes between two runs, each given as requirement id -> outcome."""
    found = _picker({**new, **{name: "" for name in old if name not in new}})
    return Difference(
        newly_failing=found(lambda name: new.get(name) == FAIL and name in old and old[name] != FAIL),
        newly_warning=found(lambda name: new.get(name) == WARN and name in old and old[name] not in DEVIATING),
        fixed=found(lambda name: new.get(name) == PASS and old.get(name) in DEVIATING),
        newly_verified=found(lambda name: new.get(name) == PASS and old.get(name) not in VERIFIED),
        no_longer_verified=found(lambda name: old.get(name) in VERIFIED and new.get(name) not in VERIFIED),
        unknown_before=found(lambda name: new.get(name) == FAIL and name not in old),
    )


def _picker(names: Mapping[str, str]) -> Callable[[Callable[[str], bool]], tuple[str, ...]]:
    return lambda matches: tuple(name for name in names if matches(name))
