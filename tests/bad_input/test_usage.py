"""Wrong usage gives one message that says what to do, exit code 4, and no request."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Outcome, run
from misbehaving import KEY, Endpoints

from messages_conformance.cli import main

Judge = Callable[..., Outcome]

PARSED = {
    "no-command": (["--jobs"], ["'--jobs' is no command", "run, ", "list, explain, serve"]),
    "two-values": (["run", "reference:", "--only", "a", "b"], ["unexpected 'b'", "repeat the option"]),
    "failures": (["run", "reference:", "--max-failures", "0"], ["--max-failures is 0", "1 or more"]),
    "output": (["run", "reference:", "--output", "xml"], ["'xml'", "text, json"]),
    "open": (["run", "reference:", "--open"], ["--open needs --report"]),
    "header": (["run", "reference:", "--header", f"x {KEY}"], ["--header number 1 is not NAME:VALUE"]),
    "base-path": (["run", "reference:", "--base-path", "x"], ["--base-path is 'x'", "begins with /"]),
    "client-key": (["run", "reference:", "--client-key", "k"], ["--client-key needs --client-cert"]),
    "command": (["rnu"], ["unknown command 'rnu'", "did you mean run?", "list, explain, serve"]),
    "no-target": (["run"], ["no TARGET was given", "reference:", "https://"]),
    "target-as-option": (["run", "--target", "reference:"], ["the target is not an option"]),
    "two-targets": (["run", "reference:", "reference:x"], ["unexpected 'reference:x'"]),
    "option": (
        ["run", "reference:", "--profil", "x"],
        ["unknown option --profil", "did you mean --profile?", "--only"],
    ),
    "abbreviated-option": (["run", "reference:", "--max-req=3"], ["unknown option --max-req", "--max-requests"]),
    "depth": (["run", "reference:", "--depth", "ful"], ["unknown depth 'ful'", "smoke, standard, deep"]),
    "fail-on": (["run", "reference:", "--fail-on", "may"], ["'may'", "must, should"]),
    "number": (["run", "reference:", "--concurrency", "many"], ["--concurrency is 'many'", "whole number"]),
    "concurrency": (["run", "reference:", "--concurrency", "0"], ["--concurrency is 0", "1 or more"]),
    "requests": (["run", "reference:", "--max-requests", "0"], ["--max-requests is 0", "1 or more"]),
    "tokens": (["run", "reference:", "--max-output-tokens=-1"], ["--max-output-tokens is -1", "1 or more"]),
    "minutes": (["run", "reference:", "--minutes", "0"], ["--minutes is 0", "above 0"]),
    "rate": (["run", "reference:", "--rate", "inf"], ["--rate is inf", "above 0"]),
    "price": (["plan", "reference:", "--price-in=-1"], ["--price-in is -1", "a million tokens"]),
    "timeout": (["run", "reference:", "--timeout", "0"], ["--timeout is 0", "above 0"]),
    "timeout-nan": (["run", "reference:", "--timeout", "nan"], ["--timeout is nan", "above 0"]),
    "timeout-inf": (["run", "reference:", "--timeout", "inf"], ["--timeout is inf", "above 0"]),
    "seed": (["run", "reference:", "--seed", "1.5"], ["--seed is '1.5'", "whole number"]),
    "model": (["run", "reference:", "--model", ""], ["--model is empty"]),
    "report": (["run", "reference:", "--report", ""], ["--report is empty"]),
    "key-as-its-variable": (["run", "reference:", "--api-key-env", KEY], ["takes the name", "not the key itself"]),
    "key-without-signs-as-its-variable": (
        ["run", "reference:", "--api-key-env", KEY.replace("-", "a").replace("+", "b").replace("/", "c")],
        ["takes the name", "not the key itself"],
    ),
    "password-of-a-proxy": (["proxy", "--upstream", f"http://user:{KEY}@127.0.0.1:1"], ["a user name or a password"]),
    "key-in-the-query-of-a-proxy": (["proxy", "--upstream", f"http://127.0.0.1:1/?k={KEY}"], ["has a query"]),
    "password-in-a-broken-upstream": (["proxy", "--upstream", f"ftp://user:{KEY}@host"], ["begins with http://"]),
    "password-of-a-gateway": (
        ["serve", "--gateway", "translates", "--upstream", f"http://user:{KEY}@127.0.0.1:1"],
        ["a user name, a password or a query"],
    ),
    "key-variable": (["run", "reference:", "--api-key-env", ""], ["--api-key-env is empty"]),
    "no-value": (["run", "reference:", "--only"], ["--only needs a value: write --only GLOB"]),
    "option-as-value": (["run", "--only", "--skip", "a", "reference:"], ["--only needs a value, but another option"]),
    "value-of-a-flag": (["run", "reference:", "--quiet=1"], ["--quiet has no value"]),
    "no-file": (["check"], ["no FILE was given: a recording"]),
    "missing-option": (["gateway", "http://h"], ["no --upstream-port was given", "127.0.0.1"]),
    "choice": (
        ["gateway", "http://h", "--upstream-port", "1", "--speaks", "openai"],
        ["--speaks is 'openai'", "did you mean openai-chat?"],
    ),
    "shell": (["completion", "tcsh"], ["SHELL is 'tcsh'", "bash, zsh, fish"]),
    "no-dashes": (["proxy", "--upstream", "http://h", "claude"], ["unexpected 'claude'"]),
    "short-option": (["serve", "-z"], ["unknown option -z", "--fault"]),
}
"""What the command line finds itself."""

WRONG = {
    "bare-name": (["run", "good"], ["'good' is no URL", "no configuration file", "https://", "[targets.good]"]),
    "bundle": (
        ["run", "https://h.invalid", "--profile", "anthropic-2023-06-01", "--ca-bundle", "/nowhere.pem"],
        ["--ca-bundle: '/nowhere.pem' cannot be used"],
    ),
    "empty-target": (["run", ""], ["no target was given", "http(s)://host"]),
    "profile": (["run", "reference:", "--profile", "tokmodl"], ["'tokmodl'", "Did you mean 'tokmodel'", "2026-10-21"]),
    "only": (
        ["run", "reference:", "--only", "usage.presnt"],
        ["no requirement matches 'usage.presnt'", "usage.present"],
    ),
    "only-far-off": (
        ["run", "reference:", "--only", "zzz*"],
        ["no requirement matches 'zzz*'", "ids begin with ", "auth"],
    ),
    "skip": (["run", "reference:", "--skip", "stream.ordr.*"], ["'stream.ordr.*'", "did you mean "]),
    "plan-of-nothing": (["plan", "htp://x"], ["'htp", "did you mean http"]),
    "scheme": (["run", "localhost:8000"], ["has no scheme", "did you mean http://localhost:8000?"]),
    "wrong-scheme": (["run", "ftp://api.example"], ["did you mean https://api.example?"]),
    "no-host": (["run", "http://"], ["names no host"]),
    "port": (["run", "http://127.0.0.1:99999"], ["is not a URL", "http(s)://host"]),
    "fault": (["run", "reference:drop_mesage_stop"], ["'drop_mesage_stop'", "Did you mean drop_message_stop"]),
    "variant": (["run", "reference:variant=no_such"], ["no variant is named 'no_such'"]),
    "replay": (["run", "replay:nowhere.jsonl"], ["nowhere.jsonl"]),
    "key-in-url": (["run", f"http://{KEY}@127.0.0.1:1", "--profile", "anthropic-2023-06-01"], ["needs a key"]),
    "key-in-url-without-scheme": (["run", f"user:{KEY}@127.0.0.1"], ["127.0.0.1"]),
    "key-in-broken-url": (["run", f"http://user:{KEY}@[::1"], ["is not a URL"]),
    "no-key": (["run", "http://127.0.0.1:1"], ["needs a key", "MESSAGES_API_KEY", "--api-key-env"]),
    "no-key-under-that-name": (["run", "http://127.0.0.1:1", "--api-key-env", "NO_SUCH"], ["needs a key", "NO_SUCH"]),
}
"""What the process of the run finds, too."""


@pytest.mark.parametrize("case", PARSED)
def test_wrong_words_are_one_message_that_says_what_to_do(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, texts = PARSED[case]
    code = main(arguments)
    printed = capsys.readouterr()
    outcome = Outcome(code=code, out=printed.out, err=printed.err)
    assert outcome.code == 4, outcome.all
    assert KEY not in outcome.all
    for text in texts:
        assert text in outcome.error


@pytest.mark.parametrize("case", WRONG)
def test_wrong_usage_is_one_message_that_says_what_to_do(case: str) -> None:
    arguments, texts = WRONG[case]
    outcome = run(*arguments)
    assert outcome.code == 4, outcome.all
    for text in texts:
        assert text in outcome.error


@pytest.mark.parametrize(("key", "message"), [("", "needs a key"), (f"{KEY}\n{KEY}", "a line break")])
def test_an_unusable_key_is_wrong_usage(key: str, message: str) -> None:
    outcome = run("run", "http://127.0.0.1:1", key=key)
    assert outcome.code == 4
    assert message in outcome.error


def test_a_file_where_the_report_should_go_is_found_before_any_request(endpoints: Endpoints, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    outcome = run("run", endpoints.url("correct/taken"), "--report", str(tmp_path / "taken"), key=KEY)
    assert outcome.code == 4
    assert "a file is in the way" in outcome.error
    assert (tmp_path / "taken").read_text() == "mine"
    assert endpoints.counts["/correct/taken"] == 0


def test_a_folder_where_a_report_file_should_go_is_found_before_any_request(
    endpoints: Endpoints, tmp_path: Path
) -> None:
    (tmp_path / "report.json").mkdir()
    outcome = run("run", endpoints.url("correct/folder"), "--report", str(tmp_path), key=KEY)
    assert outcome.code == 4
    assert "a folder named report.json" in outcome.error
    assert endpoints.counts["/correct/folder"] == 0


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to_is_found_before_any_request(endpoints: Endpoints, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    outcome = run("run", endpoints.url("correct/locked"), "--report", str(locked / "report"), key=KEY)
    assert outcome.code == 4
    assert "--report" in outcome.error
    assert endpoints.counts["/correct/locked"] == 0


def test_without_a_list_of_models_a_model_has_to_be_named(endpoints: Endpoints, judge: Judge) -> None:
    outcome = judge(endpoints.url("no_models"), model=None, key=KEY)
    assert outcome.code == 4
    assert "GET /v1/models answered 404 without a list: name one with --model" in outcome.error
    assert endpoints.counts["/no_models"] == 1
