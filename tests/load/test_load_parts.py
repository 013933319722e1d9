"""Percentiles, options, the safety of targets, and the command without Locust."""

import importlib.util
import json
import subprocess
import sys

import pytest

from messages_conformance import cli
from messages_conformance.load import starting
from messages_conformance.load.load_options import VARIABLE, LoadOptions, from_environment, seconds_of
from messages_conformance.load.safety import refusal
from messages_conformance.load.times import Times, over_limits, text_lines

HAS_LOCUST = importlib.util.find_spec("locust") is not None


def test_percentiles_are_exact_to_two_percent() -> None:
    times = Times()
    for number in range(1, 1_001):
        times.add("ttft", "small, streamed", number / 1_000)
    [(_, _, histogram)] = times.rows()
    assert histogram.percentile(50) == pytest.approx(0.5, rel=0.02)
    assert histogram.percentile(99) == pytest.approx(0.99, rel=0.02)
    assert histogram.percentile(100) == pytest.approx(1.0, rel=0.02)
    assert len(histogram.buckets) < 400
    assert list(over_limits(times, {"ttft-p95": 2.0, "ttft-p50": 0.6})) == []
    assert [name for name, _ in over_limits(times, {"ttft-p95": 0.9, "gap-p95": 1.0})] == ["ttft-p95", "gap-p95"]
    assert "1,000" in "\n".join(text_lines(times))


def test_a_rate_is_what_most_streams_reach() -> None:
    times = Times()
    for rate in range(1, 101):
        times.add("tps", "small, streamed", float(rate))
    assert [name for name, _ in over_limits(times, {"tps-p95": 4.0})] == []
    assert [name for name, _ in over_limits(times, {"tps-p95": 20.0})] == ["tps-p95"]


def test_options_survive_the_way_to_the_other_process(monkeypatch: pytest.MonkeyPatch) -> None:
    options = LoadOptions(
        url="http://127.0.0.1:1", headers=(("x-a", "1"),), prices=(1.0, 2.0), session={"only": ["load"]}
    )
    monkeypatch.setenv(VARIABLE, options.to_json())
    assert from_environment(url="http://other") == options
    monkeypatch.setenv(VARIABLE, json.dumps({"urls": 1}))
    with pytest.raises(ValueError, match="unknown options: urls"):
        from_environment()


@pytest.mark.parametrize(("text", "seconds"), [("2s", 2.0), ("250ms", 0.25), ("1.5", 1.5)])
def test_times_have_units(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "2m", "-1s", "s"])
def test_other_texts_are_no_times(text: str) -> None:
    with pytest.raises(ValueError, match="no time"):
        seconds_of(text)


def test_only_this_machine_gets_a_load_unless_the_user_owns_the_target() -> None:
    assert refusal(LoadOptions(url="http://localhost:1")) == ""
    assert "--i-own-this-target" in refusal(LoadOptions(url="https://api.example.com"))
    assert refusal(LoadOptions(url="https://api.example.com", owned=True)) == ""


def test_without_locust_the_command_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(starting, "missing_packages", lambda: starting.MISSING)
    assert cli.main(["load", "http://127.0.0.1:1"]) == 4
    assert "pip install 'messages-conformance[load]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["https://api.example.com"], "--i-own-this-target"),
        (["http://127.0.0.1:1", "--users", "0"], "--users is 0"),
        (["http://127.0.0.1:1", "--max-ttft-p95", "soon"], "--max-ttft-p95: 'soon' is no time"),
        (["http://127.0.0.1:1", "--metrics", "metrics"], "it is a path on the target"),
    ],
)
def test_wrong_options_are_refused(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(starting, "missing_packages", lambda: "")
    assert cli.main(["load", *words]) == 4
    assert message in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not HAS_LOCUST, reason="needs the extra load")
def test_locust_runs_it() -> None:
    from messages_conformance.load.proving import subjects, tried

    [subject] = subjects(["drop_stream_ends_under_load"])
    trial = tried(subject, seconds=4)
    assert trial.holds, trial


def test_nothing_but_the_user_imports_locust() -> None:
    code = "import sys, messages_conformance.load.load_test; print('locust' in sys.modules or 'gevent' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
