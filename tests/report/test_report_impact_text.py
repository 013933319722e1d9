from types import MappingProxyType

from messages_conformance.contract import Measurement
from messages_conformance.report.impact_text import described_impact, impact_sentence


def measurement(**clients):
    return Measurement(measured="m", source="impact.json", severity="major", clients=MappingProxyType(clients))


def test_outcomes_come_worst_first_and_each_client_once_with_its_worst():
    assert impact_sentence("stream.order") == (
        "fatal; hangs: cc 2.1; crashes: sdk-py 2.12.0, sdk-ts 1.12.0; wrong usage silently: vercel 6.0"
    )


def test_what_nobody_measured_is_said_to_be_unmeasured():
    assert impact_sentence("unknown") == "unmeasured"


def test_the_unharmed_are_counted_rather_than_named():
    assert described_impact([measurement(a="unaffected", b="hangs")], "major") == (
        "major; hangs: b; unaffected: 1 of 2 measured clients"
    )


def test_an_outcome_without_a_rank_stands_before_the_harmless_one():
    assert described_impact([measurement(a="sings"), measurement(a="unaffected", b="crashes")], "minor") == (
        "minor; crashes: b; sings: a"
    )


def test_many_clients_are_cut_where_asked_for():
    three = measurement(a="hangs", b="hangs", c="hangs")
    assert described_impact([three], "fatal", most=2) == "fatal; hangs: a, b, and 1 more"


def test_a_harmless_deviation_is_said_to_be_harmless():
    assert impact_sentence("usage.present") == "minor; unaffected: 1 of 1 measured client"
