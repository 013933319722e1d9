"""A run that is interrupted between creating and deleting removes what it created, or names it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import Request as UrlRequest
from urllib.request import urlopen

import pytest
from command_line import Outcome, ended, started
from misbehaving import PATIENCE_S

from messages_conformance.engine import NOT_ANSWERED
from messages_conformance.exchange import Chunk, Exchange, Failure, Request, Response
from messages_conformance.reference import API_KEY, Server
from messages_conformance.reference.api import Endpoint, Settings
from messages_conformance.reference.changes import Change, RequestContext, Stage
from messages_conformance.reference.conditions import find_fault
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.server import serve_endpoint
from messages_conformance.reference.variant_registry import Variant
from messages_conformance.reference.variants import find_variant
from messages_conformance.run.left_behind import left_behind

BATCHES, FILES = "/v1/messages/batches", "/v1/files"
BETA = {"anthropic-beta": "files-api-2025-04-14"}


def change(rewrite: Callable[[HttpResponse, RequestContext], HttpResponse]) -> Variant:
    return Variant(name="for-a-test", at=Stage.RESPONSE, conforms=frozenset(), summary="For a test.", rewrite=rewrite)


def slow_creation(response: HttpResponse, context: RequestContext) -> HttpResponse:
    creates = (context.request.method, context.request.path) in (("POST", BATCHES), ("POST", FILES))
    return replace(response, delay_s=1.0) if creates else response


def kept(server: Server, route: str) -> list[str]:
    """The ids of what is stored; a fresh endpoint has two older batches and files."""
    asked = UrlRequest(f"{server.base_url}{route}?limit=100", headers={"x-api-key": API_KEY, **BETA})
    with urlopen(asked, timeout=PATIENCE_S) as answer:
        return [one["id"] for one in json.load(answer)["data"]]


def interrupted(*changes: Change, at: Callable[[str, str], bool], number: int, folder: Path) -> tuple[Outcome, set]:
    """A run that gets the signal once a request with this method and path arrived; and what it left."""
    with serve_endpoint(Endpoint(settings=Settings(), changes=changes, now_s=time.monotonic)) as server:
        before = {*kept(server, BATCHES), *kept(server, FILES)}
        words = ["run", server.base_url, "--profile", "anthropic-2023-06-01", "--model", "reference-1"]
        words += ["--include", "batches,files", "--only", "adjacent.batches.*", "--only", "adjacent.files.*"]
        process = started(*words, "--report", str(folder), key=API_KEY)
        until = time.monotonic() + PATIENCE_S
        while not any(at(one.request.method, one.request.path) for one in server.requests):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.005)
        os.killpg(process.pid, number)
        outcome = ended(process, folder=folder)
        return outcome, {*kept(server, BATCHES), *kept(server, FILES)} - before


def looks_at_batch(method: str, path: str) -> bool:
    return method == "GET" and path.startswith(f"{BATCHES}/msgbatch_") and not path.endswith("/results")


def creates_batch(method: str, path: str) -> bool:
    return (method, path) == ("POST", BATCHES)


def uploads(method: str, path: str) -> bool:
    return (method, path) == ("POST", FILES)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["int", "term"])
@pytest.mark.parametrize(
    ("variants", "at"),
    [
        pytest.param((find_variant("endless_batches"),), looks_at_batch, id="a batch in progress"),
        pytest.param((change(slow_creation),), creates_batch, id="a batch whose creation is not answered yet"),
        pytest.param((change(slow_creation),), uploads, id="a file whose upload is not answered yet"),
    ],
)
def test_an_interrupted_run_removes_what_it_created(
    tmp_path: Path, variants: tuple[Change, ...], at: Callable[[str, str], bool], number: int
) -> None:
    outcome, left = interrupted(*variants, at=at, number=number, folder=tmp_path)
    assert outcome.code == 2, outcome.all
    assert "INCOMPLETE: the run was interrupted" in outcome.out, outcome.all
    assert left == set(), outcome.all
    assert "left on the target" not in outcome.all


@pytest.mark.slow
def test_what_cannot_be_removed_is_named(tmp_path: Path) -> None:
    variants = (find_variant("endless_batches"), find_fault("keep_deleted_objects"))
    outcome, left = interrupted(*variants, at=looks_at_batch, number=signal.SIGINT, folder=tmp_path)
    assert left
    for identifier in left:
        assert identifier in outcome.out
        assert identifier in " ".join(outcome.report["run"]["notes"])


# -- without processes -----------------------------------------------------------------------------------------------


def exchange(method: str, path: str, status: int = 200, body: Any = None, failure: Failure | None = None) -> Exchange:
    chunks = (Chunk(at_s=0.0, data=json.dumps(body or {}).encode()),)
    headers = (("content-type", "application/json"),)
    response = Response(status=status, headers=headers, chunks=chunks, headers_at_s=0.0, ended_at_s=0.0)
    request = Request(method=method, path=path, headers=(), body=b"")
    return Exchange(number=1, request=request, response=None if failure else response, failure=failure)


MADE = exchange("POST", BATCHES, body={"id": "b1"})
UPLOADED = exchange("POST", FILES, body={"id": "f1"})


@pytest.mark.parametrize(
    ("exchanges", "text"),
    [
        ([], ""),
        ([MADE, exchange("DELETE", f"{BATCHES}/b1")], ""),
        ([MADE, exchange("DELETE", f"{BATCHES}/b1", 404)], ""),
        ([exchange("POST", BATCHES, 400, {"id": "b1"})], ""),
        ([MADE], "left on the target, to be deleted by hand: batch b1"),
        ([MADE, exchange("DELETE", f"{BATCHES}/b1", 409)], "left on the target, to be deleted by hand: batch b1"),
        (
            [UPLOADED, exchange("DELETE", f"{FILES}/f1"), exchange("GET", f"{FILES}/f1"), MADE],
            "left on the target, to be deleted by hand: file f1, batch b1",
        ),
        (
            [exchange("POST", FILES, failure=NOT_ANSWERED)],
            "the creation of a file was not answered; GET /v1/files lists what is left",
        ),
        ([exchange("POST", FILES, failure=Failure(kind="cancelled", message="not sent"))], ""),
    ],
)
def test_what_is_left_is_what_the_answers_say(exchanges: list[Exchange], text: str) -> None:
    assert left_behind(exchanges) == text
