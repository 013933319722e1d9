"""Requests that nobody thought of: drawn by seed out of the schemas, valid ones, near misses and conversations."""

import pytest

from messages_conformance.generate import GENERATED_SETS


@pytest.mark.parametrize("generated", GENERATED_SETS, indirect=True)
def test_generated(generated, judge):
    judge(*generated)
