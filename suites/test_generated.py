"""Requests that are generated from the schemas by seed: valid requests, near misses and conversations."""

import pytest

from messages_conformance.generate import GENERATED_SETS


@pytest.mark.parametrize("generated", GENERATED_SETS, indirect=True)
def test_generated(generated, judge):
    judge(*generated)
