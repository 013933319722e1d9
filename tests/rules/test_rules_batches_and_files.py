"""The lists of batches and files, and the objects in them."""

from typing import Any

import pytest
from builders import answered, changed, exchange, home, numbered, refused, response, verdicts

from messages_conformance.exchange import ACCEPTED, EITHER, Exchange
from messages_conformance.rules import NOT_VERIFIED, PASS

Run = list[Exchange]

BATCH: dict[str, Any] = {
    "id": "msgbatch_1",
    "type": "message_batch",
    "processing_status": "ended",
    "request_counts": {"processing": 0, "succeeded": 1, "errored": 0, "canceled": 0, "expired": 0},
    "created_at": "2026-11-30T08:00:00Z",
    "expires_at": "2026-12-01T08:00:00Z",
    "ended_at": "2026-11-30T08:02:00.5+00:00",
    "cancel_initiated_at": None,
    "archived_at": None,
    "results_url": "https://a.invalid/results",
}
WAITING = {"processing_status": "in_progress", "ended_at": None, "results_url": None}
UNTOUCHED = {"processing": 3, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
FILE: dict[str, Any] = {
    "id": "file_1",
    "type": "file",
    "filename": "a.txt",
    "mime_type": "text/plain",
    "size_bytes": 5,
    "created_at": "2026-11-30T08:00:00Z",
}


def got(path: str, body: Any, status: int = 200) -> Exchange:
    return exchange(response(body, status=status), ask=b"", method="GET", path=path, expect=EITHER)


def batches(*items: Any, **changes: Any) -> Run:
    ids = [item.get("id") for item in items] or [None]
    body = {"data": list(items), "has_more": False, "first_id": ids[0], "last_id": ids[-1]}
    return [got("/v1/messages/batches?limit=1", changed(body, changes))]


def files(*items: Any, **changes: Any) -> Run:
    return [got("/v1/files?limit=1", changed({"data": list(items), "next_page": None}, changes))]


def vendors(*items: Any) -> Run:
    return [got("/v1beta/models", {"object": "list", "data": list(items)})]


def of_vendor(answer: Exchange) -> Exchange:
    return exchange(answer.response, ask={"model": "b/c"}, probes=("request.model.any-vendor",), expect=ACCEPTED)


OLDER = {"next_page": ..., "has_more": False, "first_id": "file_1", "last_id": "file_1"}
NO_LIST = [got("/v1/messages/batches?limit=1", {"error": {}}, 404), got("/v1/files?limit=1", {"error": {}}, 404)]
NO_LIST += [got("/v1beta/models", {"error": {}}, 404)]

ROWS: dict[str, tuple[Run, Run]] = {
    "adjacent.batches.list-shape": (batches(BATCH, has_more=...), batches(BATCH)),
    "adjacent.batches.object": (batches(changed(BATCH, {"ended_at": None})), batches(BATCH)),
    "adjacent.files.list-shape": (files(FILE, next_page=...), files(FILE)),
    "tokmodel.models.list-shape": (vendors({"name": "a/b"}), vendors({"id": "a/b", "object": "model"})),
    "adjacent.files.metadata": (files(changed(FILE, {"size_bytes": "5"})), files(FILE)),
    "request.model.any-vendor": ([of_vendor(refused(502))], [of_vendor(refused(400)), of_vendor(answered())]),
}


def judged(requirement: str, run: Run) -> Any:
    return verdicts(numbered(*run), under=home(requirement), only=[requirement])[requirement]


@pytest.mark.parametrize("requirement", ROWS)
def test_it_is_violated(requirement: str) -> None:
    (finding,) = judged(requirement, ROWS[requirement][0]).findings
    assert finding.exchange == 1
    assert finding.found
    assert finding.wanted


@pytest.mark.parametrize("requirement", ROWS)
def test_it_passes(requirement: str) -> None:
    verdict = judged(requirement, ROWS[requirement][1])
    assert (verdict.outcome, verdict.findings) == (PASS, ())


@pytest.mark.parametrize("requirement", ROWS)
def test_a_target_without_the_route_is_not_judged(requirement: str) -> None:
    verdict = judged(requirement, NO_LIST)
    assert (verdict.outcome, verdict.findings) == (NOT_VERIFIED, ())


@pytest.mark.parametrize(
    ("requirement", "good"),
    [
        ("adjacent.batches.list-shape", batches()),
        ("adjacent.batches.object", batches(changed(BATCH, {**WAITING, "request_counts": UNTOUCHED}))),
        ("adjacent.files.list-shape", files(FILE, **OLDER)),
        ("adjacent.files.metadata", files(changed(FILE, {"downloadable": True, "expires_at": None}))),
    ],
)
def test_other_correct_forms_pass(requirement: str, good: Run) -> None:
    assert judged(requirement, good).outcome == PASS


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "batch"},
        {"processing_status": "completed"},
        {"request_counts": {"total": 1}},
        {"created_at": 1_700_000_000},
        {"expires_at": "2026-12-30T08:00:00Z"},
        {"archived_at": ...},
        {"results_url": ...},
        WAITING,
        {**WAITING, "ended_at": "2026-11-30T08:02:00Z"},
    ],
)
def test_a_batch_that_contradicts_itself_is_found(changes: dict[str, Any]) -> None:
    assert judged("adjacent.batches.object", batches(changed(BATCH, changes))).findings


@pytest.mark.parametrize("name", ["id", "type", "filename", "mime_type", "created_at"])
def test_a_file_without_a_member_is_found(name: str) -> None:
    assert judged("adjacent.files.metadata", files(changed(FILE, {name: ...}))).findings


def test_models_that_are_all_refused_are_not_verified() -> None:
    assert judged("request.model.any-vendor", [of_vendor(refused(400))]).outcome == NOT_VERIFIED


def test_a_model_that_answers_only_without_streaming_is_found() -> None:
    ask, probes = {"model": "b/c"}, ("request.model.any-vendor",)
    stream = exchange(refused(400).response, ask=ask, stream=True, probes=probes, expect=ACCEPTED)
    assert judged("request.model.any-vendor", [of_vendor(answered()), stream]).findings
