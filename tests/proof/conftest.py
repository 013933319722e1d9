"""Runs of the suites against faults and variants, shared by the tests of this folder and spread over the cores."""

import os
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from runs import Outcome, outcome

Key = tuple[str, str]

WORKERS = (os.cpu_count() or 1) + 2
"""Some faults keep silent for seconds, in which another run can use the core."""


class Outcomes:
    """Starts every run that a selected test will ask for, and hands out the results."""

    def __init__(self, pool: ProcessPoolExecutor, wanted: list[Key]) -> None:
        self._futures: dict[Key, Future[Outcome]] = {key: pool.submit(outcome, *key) for key in wanted}

    def __getitem__(self, key: Key) -> Outcome:
        return self._futures[key].result()


@pytest.fixture(scope="session")
def outcomes(request):
    """The outcome of a run by (target, profile)."""
    wanted = [
        item.callspec.params["key"]
        for item in request.session.items
        if hasattr(item, "callspec") and "key" in item.callspec.params
    ]
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        yield Outcomes(pool, list(dict.fromkeys(wanted)))
