"""Runs of the suites against faults and variants, shared by the tests of this folder and spread over the cores."""

import pytest

from messages_conformance.proof import Trials
from messages_conformance.proof.trials import default_jobs


@pytest.fixture(scope="session")
def trials(request):
    """The trial of a (subject, depth); every one that a selected test will ask for is started at once."""
    wanted = [
        item.callspec.params["key"]
        for item in request.session.items
        if "trials" in getattr(item, "fixturenames", ()) and "key" in item.callspec.params
    ]
    with Trials(wanted, jobs=default_jobs()) as running:
        yield running
