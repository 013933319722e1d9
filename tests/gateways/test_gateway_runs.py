"""Whole runs against the reference gateway: the plain one, a sample of its faults, and what cannot be judged."""

import io
import socket
from collections.abc import Iterator

import pytest
from rich.console import Console

from messages_conformance.cli import main
from messages_conformance.exchange import from_record, to_record
from messages_conformance.gateway import GatewayOptions, judge_gateway
from messages_conformance.proof.gateways import (
    GatewaySubject,
    gateway_subjects,
    requirements_without_fault,
    try_gateway,
)
from messages_conformance.reference_gateway import FAULT, MODES, VARIANT, Settings, changes, find, served
from messages_conformance.report import Report
from messages_conformance.report.both_sides import both_sides
from messages_conformance.rules import CATALOGUE

QUIET = Console(file=io.StringIO(), quiet=True)
SAMPLE = ("drop_system", "drop_result_images", "length_as_end", "cuts_end_well", "drop_retry_after", "key_in_errors")


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def judged(url: str, port: int, **options: object) -> tuple[int, Report]:
    given = {"dialect": "openai-chat", "key": "client-key-3f9a71c2e5", "only_cases": ("text", "call"), **options}
    return judge_gateway(GatewayOptions(url=url, port=port, **given), out=QUIET)  # type: ignore[arg-type]


@pytest.fixture
def gateway(port: int) -> Iterator[str]:
    with served(Settings(mode="translates", upstream=f"http://127.0.0.1:{port}")) as url:
        yield url


@pytest.mark.parametrize("mode", MODES)
def test_the_plain_gateway_conforms(mode: str) -> None:
    trial = try_gateway(GatewaySubject(mode=mode))
    assert (trial.complaint, trial.exit_code) == ("", 0)


@pytest.mark.parametrize("name", SAMPLE)
def test_a_fault_violates_exactly_what_it_names(name: str) -> None:
    change = find(FAULT, name)
    trial = try_gateway(GatewaySubject(mode=change.modes[-1], change=change))
    assert trial.complaint == ""
    assert trial.exit_code == (1 if any(CATALOGUE[one].level == "MUST" for one in trial.tripped) else 0)


@pytest.mark.parametrize("name", ["drop_system", "first_call_only"])
def test_a_fault_in_front_of_the_responses_api_violates_what_it_names(name: str) -> None:
    change = find(FAULT, name)
    assert try_gateway(GatewaySubject(mode="translates", speaks="responses", change=change)).complaint == ""


@pytest.mark.slow
def test_the_plain_gateway_in_front_of_the_responses_api_conforms() -> None:
    trial = try_gateway(GatewaySubject(mode="translates", speaks="responses"))
    assert (trial.complaint, trial.exit_code) == ("", 0)


@pytest.mark.proof
@pytest.mark.parametrize("subject", gateway_subjects(), ids=lambda subject: subject.name)
def test_every_subject_is_as_it_has_to_be(subject: GatewaySubject) -> None:
    assert try_gateway(subject).complaint == ""


def test_there_are_faults_for_every_requirement_and_many_correct_variants() -> None:
    assert requirements_without_fault() == ()
    assert len(changes(FAULT)) >= 80
    assert len(changes(VARIANT)) >= 20
    assert {name for change in changes(FAULT) for name in change.trips} <= set(CATALOGUE)
    assert all(change.trips for change in changes(FAULT))


# -- what cannot be judged -----------------------------------------------------------------------------------------


def test_a_dead_gateway_is_one_statement(port: int) -> None:
    code, report = judged("http://127.0.0.1:9", port)
    assert code == 2
    assert report.statement is not None
    assert "refuses the connection" in report.statement.message


def test_a_gateway_that_asks_nobody_is_one_statement(port: int) -> None:
    with served(Settings(mode="translates", upstream="http://127.0.0.1:9")) as url:
        code, report = judged(url, port)
    assert code == 2
    assert report.statement is not None
    assert f"never called the upstream at http://127.0.0.1:{port}" in report.statement.message


def test_another_dialect_is_one_statement(port: int) -> None:
    with served(Settings(mode="passthrough", upstream=f"http://127.0.0.1:{port}")) as url:
        code, report = judged(url, port)
    assert code == 2
    assert report.statement is not None
    assert "POST /v1/messages is --speaks anthropic" in report.statement.message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--speaks", "anthropic", "--promise", "translates"], "--promise translates needs --speaks openai-chat"),
        (["--speaks", "openai-chat", "--promise", "passthrough"], "--promise passthrough needs --speaks anthropic"),
        (["--speaks", "openai-chat", "--also", "magic"], "--also is 'magic'; valid: own-system-text"),
        (["--speaks", "openai-chat", "--case", "no-such"], "--case 'no-such'"),
    ],
)
def test_wrong_options_name_their_cure(
    arguments: list[str], message: str, port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gateway", "http://127.0.0.1:9", "--upstream-port", str(port), *arguments]) == 4
    assert message in capsys.readouterr().err


def test_a_port_in_use_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        code = main(["gateway", "http://127.0.0.1:9", "--upstream-port", str(number), "--speaks", "anthropic"])
    assert code == 4
    assert f"port {number} cannot be used" in capsys.readouterr().err


# -- records -------------------------------------------------------------------------------------------------------


def test_a_record_has_both_sides_and_no_key(gateway: str, port: int) -> None:
    _, report = judged(gateway, port, only_cases=("call",))
    exchange = report.exchanges[1]
    assert exchange.behind is not None
    record = to_record(exchange)
    assert to_record(from_record(record)) == record
    text = str(record) + "".join(call.request.body.decode() for call in exchange.behind.calls)
    assert "upstream-key" not in text
    assert "client-key" not in text
    assert dict(exchange.behind.calls[0].request.headers)["authorization"] == "Bearer $UPSTREAM_KEY"


def test_both_sides_are_shown_with_their_difference(gateway: str, port: int) -> None:
    _, report = judged(gateway, port, only_cases=("call",))
    lines = both_sides(report.exchanges[1])
    assert any(line.startswith("  - /max_tokens = 256") for line in lines)
    assert any(line.startswith("  + /max_completion_tokens = 256") for line in lines)


def test_a_gateway_that_gives_a_silent_upstream_up_keeps_its_promise(port: int) -> None:
    settings = Settings(mode="translates", upstream=f"http://127.0.0.1:{port}", silence_limit_s=0.3)
    with served(settings) as url:
        _, report = judged(url, port, only_cases=("text", "silent-upstream"), silence_limit_s=20.0)
    (verdict,) = (one for one in report.verdicts if one.requirement == "gateway.error.silence")
    assert (verdict.outcome, verdict.judged) == ("pass", 2)
