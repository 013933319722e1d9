"""Every row of probes.toml: requests that a target must accept or must refuse."""

import pytest

from messages_conformance.generate import probe_asks


@pytest.mark.parametrize("exchange", probe_asks(), indirect=True)
def test_probe(exchange, judge):
    judge(exchange)
