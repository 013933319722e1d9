"""Requests that nobody thought of: drawn by seed out of the schemas, valid ones, near misses and conversations."""

import pytest

from messages_conformance.generate import DRAWINGS


@pytest.mark.parametrize("drawing", DRAWINGS, indirect=True)
def test_drawn(drawing, judge):
    judge(*drawing)
