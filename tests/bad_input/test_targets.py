"""A target that misbehaves in every answer gives one clear statement or few findings, and the right exit code."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import Outcome
from misbehaving import KEY, STALLS_AFTER, Endpoints

from messages_conformance.reference import serve_endpoint

Judge = Callable[..., Outcome]
SMOKE = ("--depth", "smoke")
MAX_MEMORY_BYTES = 700 * 1024 * 1024
"""More than a run holds when sixteen answers reach the size limit at once, and far less than they would send."""


def unjudged(outcome: Outcome, *texts: str) -> None:
    """Checks for one statement, exit code 2, and no finding against the target."""
    assert outcome.code == 2, outcome.all
    assert outcome.last.startswith("COULD NOT BE JUDGED: "), outcome.all
    for text in texts:
        assert text in outcome.last
    assert outcome.report["exit_code"] == 2
    assert not outcome.report["complete"]
    assert outcome.failed == set()
    assert "FAILED" not in outcome.out


def stopped_early(outcome: Outcome, *requirements: str) -> None:
    """Checks that only the first answers were judged: exit code 1 with few findings."""
    assert outcome.code == 1, outcome.all
    assert set(requirements) <= outcome.failed
    assert len(outcome.failed) <= 5
    assert "the plainest request got no message, so nothing else was sent" in outcome.last
    assert "the plainest request got no message, so nothing else was sent" in outcome.reasons
    assert outcome.report["spent"]["requests"] <= 4
    assert not outcome.report["complete"]


# -- no server -----------------------------------------------------------------------------------------------------


@pytest.fixture
def port() -> Iterator[int]:
    """A port where nothing listens. It is bound, so that no other process gets it."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_a_port_where_nothing_listens(judge: Judge, port: int) -> None:
    unjudged(judge(f"http://127.0.0.1:{port}", key=KEY), "refuses the connection; is the server running")


def test_a_port_where_nothing_listens_when_the_model_is_looked_up(judge: Judge, port: int) -> None:
    outcome = judge(f"http://127.0.0.1:{port}", model=None, key=KEY)
    unjudged(outcome, "refuses the connection")


def test_a_name_that_does_not_resolve(judge: Judge) -> None:
    unjudged(judge("http://messages.invalid", key=KEY), "'messages.invalid' does not resolve")


def test_https_to_a_port_that_speaks_http(judge: Judge, endpoints: Endpoints) -> None:
    address = endpoints.base_url.replace("http:", "https:")
    unjudged(judge(address, key=KEY), "cannot agree on TLS", f"write {endpoints.base_url}")


def test_a_certificate_that_nobody_signed(judge: Judge, self_signed: int) -> None:
    unjudged(judge(f"https://127.0.0.1:{self_signed}", key=KEY), "a certificate that does not verify", "SSL_CERT_FILE")


@pytest.fixture
def self_signed(tmp_path: Path) -> Iterator[int]:
    """The port of a TLS server that completes the handshake and closes the connection."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=127.0.0.1", "-days", "2", "-out", str(certificate), "-keyout", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def shake_hands() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with contextlib.suppress(OSError), connection:
                    context.wrap_socket(connection, server_side=True).close()

    thread = threading.Thread(target=shake_hands, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


# -- no answer to the question --------------------------------------------------------------------------------------


def test_a_wrong_key_is_one_statement(judge: Judge, endpoints: Endpoints) -> None:
    outcome = judge(endpoints.url("correct/wrong-key"), key="sk-another-key-0815", model=None)
    unjudged(outcome, "401 to the key in MESSAGES_API_KEY", "--api-key-env")
    assert "sk-another-key-0815" not in outcome.all
    assert endpoints.counts["/correct/wrong-key"] <= 2  # the key in the other header, too


def test_an_unknown_model(judge: Judge, endpoints: Endpoints) -> None:
    unjudged(judge(endpoints.url("correct/model"), model="no-such-model", key=KEY), "404", "--model no-such-model")


def test_a_server_that_never_answers(judge: Judge, endpoints: Endpoints) -> None:
    outcome = judge(endpoints.url("silent"), "--timeout", "1", key=KEY)
    unjudged(outcome, "did not begin to answer within 1 s; raise --timeout")
    assert endpoints.counts["/silent"] == 1


def test_random_bytes_in_place_of_http(judge: Judge) -> None:
    with serve_endpoint(Endpoints(fallback="garbage")) as server:
        unjudged(judge(server.base_url, key=KEY), "does not speak HTTP", "is this the right port?")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("404", "check TARGET"),
        ("429", "lower --concurrency"),
        ("503", "try again"),
        ("redirect", "give the final address"),
    ],
)
def test_one_refusal_to_everything(judge: Judge, endpoints: Endpoints, name: str, said: str) -> None:
    outcome = judge(endpoints.url(name), key=KEY)
    unjudged(outcome, name if name.isdigit() else "https://elsewhere.example/v1/messages", said)
    assert outcome.report["spent"]["requests"] == endpoints.counts[f"/{name}"] < 5


# -- answers that are no messages -----------------------------------------------------------------------------------


def test_a_web_page_to_everything(judge: Judge, endpoints: Endpoints) -> None:
    unjudged(judge(endpoints.url("html"), key=KEY), "answered 200 and a web page to POST /v1/messages", "login page")


def test_an_internal_error_to_everything(judge: Judge, endpoints: Endpoints) -> None:
    stopped_early(judge(endpoints.url("500"), key=KEY), "transport.path.post-messages")


def test_a_hundred_megabytes_to_everything(judge: Judge, endpoints: Endpoints, tmp_path: Path) -> None:
    outcome = judge(endpoints.url("huge"), key=KEY, peak=tmp_path / "peak")
    stopped_early(outcome, "response.object")
    assert "cut off after" in (tmp_path / "report" / "report.json").read_text("utf-8")
    assert_memory_is_bounded(tmp_path / "peak")


# -- streams that break ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["hangs_up_between_events", "hangs_up_in_json"])
def test_a_server_that_hangs_up_in_every_stream_has_one_finding(judge: Judge, endpoints: Endpoints, name: str) -> None:
    outcome = judge(endpoints.url(name), *SMOKE, key=KEY)
    assert outcome.code == 1, outcome.all
    assert outcome.failed == {"stream.error.no-silent-truncation"}
    assert outcome.report["complete"]


def test_streams_without_an_end_have_one_finding(judge: Judge, endpoints: Endpoints, tmp_path: Path) -> None:
    outcome = judge(endpoints.url("endless"), *SMOKE, key=KEY, peak=tmp_path / "peak")
    assert outcome.code == 1, outcome.all
    assert outcome.failed == {"stream.frame.terminates"}
    assert "cut off after" in outcome.out
    assert_memory_is_bounded(tmp_path / "peak")


def assert_memory_is_bounded(peak: Path) -> None:
    assert int(peak.read_text()) < MAX_MEMORY_BYTES


# -- the key --------------------------------------------------------------------------------------------------------


def test_a_key_that_the_target_repeats_stays_out_of_everything(judge: Judge, endpoints: Endpoints) -> None:
    outcome = judge(endpoints.url("echoes_key"), *SMOKE, key=KEY)  # whose output and files are searched for it
    assert outcome.code == 1, outcome.all
    assert "auth.key-not-echoed" in outcome.failed
    assert "$MESSAGES_API_KEY" in outcome.out


def test_a_key_that_a_refusal_repeats_stays_out_of_the_statement(judge: Judge, endpoints: Endpoints) -> None:
    unjudged(judge(endpoints.url("repeats_key_in_refusal"), key=KEY), "the key $MESSAGES_API_KEY is not known")


def test_a_key_in_the_address_stays_out_of_everything(judge: Judge, endpoints: Endpoints) -> None:
    address = endpoints.url("correct/user").replace("//", f"//user:{KEY}@")
    outcome = judge(address, *SMOKE, key=KEY)
    assert outcome.code == 0, outcome.all
    assert "the user name in the URL is not used" in outcome.out


# -- changes during a run ------------------------------------------------------------------------------------------


def test_a_target_that_goes_away_leaves_the_rest_unverified(judge: Judge) -> None:
    outcomes = []
    endpoints = Endpoints()
    with serve_endpoint(endpoints) as server:
        runner = threading.Thread(target=lambda: outcomes.append(judge(f"{server.base_url}/stalls", key=KEY)))
        runner.start()
        endpoints.wait_for("/stalls", STALLS_AFTER + 1)
    runner.join()
    (outcome,) = outcomes
    assert outcome.code == 2, outcome.all
    assert outcome.last.startswith("INCOMPLETE: ")
    assert "refuses the connection" in outcome.last
    assert any("refuses the connection" in reason for reason in outcome.reasons)
    assert not outcome.report["complete"]
    assert outcome.report["counts"]["verified"] > 0


def test_a_target_that_stops_answering_leaves_the_rest_unverified(judge: Judge, endpoints: Endpoints) -> None:
    outcome = judge(endpoints.url("falls_silent"), *SMOKE, key=KEY)
    assert outcome.code == 2, outcome.all
    assert "requests got no answer" in outcome.last
    assert any("closed the connection without an answer" in reason for reason in outcome.reasons)


def test_an_unknown_model_is_reported_with_the_words_of_the_server_and_its_models(
    judge: Judge, endpoints: Endpoints
) -> None:
    outcome = judge(endpoints.url("correct/unknown-model"), *SMOKE, key=KEY, model="no-such-model")
    unjudged(outcome, "(model: no-such-model): check TARGET", "; its models: reference-1, ")
