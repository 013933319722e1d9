"""Runs of the suites against faults and variants, shared by the tests of this folder."""

from __future__ import annotations

import pytest

from messages_conformance.proof import Subject, Trial
from messages_conformance.proof.trials import settled


class Trials:
    """Runs the trial of a (subject, depth) when a test first needs it, in this process, and keeps the result.

    `prove` starts its own processes; here pytest-xdist spreads the tests over the cores.
    """

    def __init__(self) -> None:
        self._finished: dict[tuple[Subject, str], Trial] = {}

    def __getitem__(self, key: tuple[Subject, str]) -> Trial:
        if key not in self._finished:
            self._finished[key] = settled(*key, seed=0)
        return self._finished[key]


@pytest.fixture(scope="session")
def trials() -> Trials:
    return Trials()
