from types import MappingProxyType

from messages_conformance.contract import Measurement
from messages_conformance.report.impact_text import described_impact, impact_sentence


def measurement(**clients):
    return Measurement(measured="m", source="impact.json", severity="major", clients=MappingProxyType(clients))


def test_outcomes_come_worst_first_and_each_client_once_with_its_worst():
    assert impact_sentence("stream.order") == (
        "fatal; hangs: cc 2.1; crashes: sdk-py 2.12.0, sdk-ts 1.12.0; wrong usage silently: vercel 6.0"
    )


def test_requirements_without_a_measurement_are_unmeasured():
    assert impact_sentence("unknown") == "unmeasured"


def test_unaffected_clients_are_counted_and_not_named():
    assert described_impact([measurement(a="unaffected", b="hangs")], "major") == (
        "major; hangs: b; unaffected: 1 of 2 measured clients"
    )


def test_an_outcome_without_a_rank_comes_before_the_harmless_one():
    assert described_impact([measurement(a="sings"), measurement(a="unaffected", b="crashes")], "minor") == (
        "minor; crashes: b; sings: a"
    )


def test_the_number_of_named_clients_can_be_limited():
    three = measurement(a="hangs", b="hangs", c="hangs")
    assert described_impact([three], "fatal", most=2) == "fatal; hangs: a, b, and 1 more"


def test_a_harmless_deviation_is_called_harmless():
    assert impact_sentence("usage.present") == "minor; unaffected: 1 of 1 measured client"
