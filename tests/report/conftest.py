"""Fixed impacts for the requirements of the sample reports, so that new measurements do not change these tests."""

from types import MappingProxyType

import pytest

from messages_conformance import contract
from messages_conformance.contract import Measurement

_MEASURED = {
    "stream.order": (
        Measurement(
            measured="drop_message_stop",
            source="impact.json",
            severity="fatal",
            clients=MappingProxyType(
                {"sdk-py 2.12.0": "crashes", "sdk-ts 1.12.0": "crashes", "vercel 6.0": "unaffected", "cc 2.1": "hangs"}
            ),
        ),
        Measurement(
            measured="X02",
            source="sdk_streams.json",
            severity="minor",
            clients=MappingProxyType({"sdk-py 2.12.0": "unaffected", "vercel 6.0": "wrong usage silently"}),
        ),
    ),
    "usage.present": (
        Measurement(
            measured="usage_missing",
            source="impact.json",
            severity="minor",
            clients=MappingProxyType({"sdk-py 2.12.0": "unaffected"}),
        ),
    ),
}


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    monkeypatch.setattr(contract, "impact", lambda requirement: _MEASURED.get(requirement, ()))
    monkeypatch.setattr(
        contract,
        "severity",
        lambda requirement: _MEASURED[requirement][0].severity if requirement in _MEASURED else "unmeasured",
    )
