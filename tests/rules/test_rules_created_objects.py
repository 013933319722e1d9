"""The life of a batch and of files that were created in a recording."""

import json
from typing import Any

import pytest
from builders import changed, exchange, home, numbered, response, verdicts

from messages_conformance.exchange import EITHER, Exchange
from messages_conformance.rules import NOT_APPLICABLE, NOT_VERIFIED, PASS

Run = list[Exchange]

BATCHES = "/v1/messages/batches"
ONE = f"{BATCHES}/msgbatch_1"
COUNTS = {"processing": 0, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
WAITING: dict[str, Any] = {
    "id": "msgbatch_1",
    "type": "message_batch",
    "processing_status": "in_progress",
    "request_counts": {**COUNTS, "processing": 2},
    "created_at": "2026-11-30T08:00:00Z",
    "expires_at": "2026-12-01T08:00:00Z",
    "ended_at": None,
    "cancel_initiated_at": None,
    "archived_at": None,
    "results_url": None,
}
ENDED = {
    **WAITING,
    "processing_status": "ended",
    "request_counts": {**COUNTS, "succeeded": 1, "errored": 1},
    "ended_at": "2026-11-30T08:02:00Z",
    "results_url": "https://a.invalid/results",
}
CANCELING = {**WAITING, "processing_status": "canceling", "cancel_initiated_at": "2026-11-30T08:00:01Z"}
CANCELED = {**ENDED, "cancel_initiated_at": "2026-11-30T08:00:01Z", "request_counts": {**COUNTS, "canceled": 2}}
GONE = {"id": "msgbatch_1", "type": "message_batch_deleted"}
MISSING = {"type": "error", "error": {"type": "not_found_error", "message": "not found"}}
MESSAGE = {"type": "message", "role": "assistant", "content": [], "usage": {"service_tier": "batch"}}
WORKED = {"custom_id": "a", "result": {"type": "succeeded", "message": MESSAGE}}
FAILED = {"custom_id": "b", "result": {"type": "errored", "error": MISSING}}


def sent(method: str, path: str, body: Any, status: int = 200, *, ask: Any = b"", **http: Any) -> Exchange:
    return exchange(response(body, status=status, **http), ask=ask, method=method, path=path, expect=EITHER)


def creation(body: Any = WAITING) -> Exchange:
    requests = [{"custom_id": name, "params": {}} for name in ("a", "b")]
    return sent("POST", BATCHES, body, ask=json.dumps({"requests": requests}).encode())


def results(*lines: Any, media_type: str = "application/x-jsonl") -> Exchange:
    body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return sent("GET", f"{ONE}/results", body, media_type=media_type)


def batch(end: Any = ENDED, *more: Exchange, first: Any = WAITING) -> Run:
    return [creation(first), sent("GET", ONE, end), *more]


def deleted(answer: Any = GONE, status: int = 200, after: int = 404) -> Run:
    return batch(ENDED, sent("DELETE", ONE, answer, status), sent("GET", ONE, MISSING, after))


def canceled(answer: Any = CANCELING, end: Any = CANCELED) -> Run:
    return [creation(), sent("POST", f"{ONE}/cancel", answer), sent("GET", ONE, end)]


FILES = "/v1/files"
FILE: dict[str, Any] = {
    "id": "file_1",
    "type": "file",
    "filename": "a.txt",
    "mime_type": "text/plain",
    "size_bytes": 5,
    "created_at": "2026-11-30T08:00:00Z",
    "downloadable": False,
}
FILE_GONE = {"id": "file_1", "type": "file_deleted"}


def upload(answer: Any = FILE, status: int = 200, *, name: str = "a.txt", lifetime: str = "") -> Exchange:
    head = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/plain\r\n\r\n'
    extra = (
        f'--x\r\nContent-Disposition: form-data; name="expires_in_seconds"\r\n\r\n{lifetime}\r\n' if lifetime else ""
    )
    one = sent("POST", FILES, answer, status, ask=f"{extra}{head}Hello\r\n--x--\r\n".encode())
    headers = (("content-type", "multipart/form-data; boundary=x"),)
    request = type(one.request)(method="POST", path=FILES, headers=headers, body=one.request.body)
    return Exchange(**{**{name: getattr(one, name) for name in Exchange.__dataclass_fields__}, "request": request})


def stored(*more: Exchange, **changes: Any) -> Run:
    return [upload(changed(FILE, changes)), *more]


def used(kind: str, source: Any, tokens: int | None = None) -> Exchange:
    ask = {"messages": [{"role": "user", "content": [{"type": kind, "source": source}]}]}
    answer, status = (MISSING, 400) if tokens is None else ({"input_tokens": tokens}, 200)
    return exchange(response(answer, status=status), ask=ask, path="/v1/messages/count_tokens", expect=EITHER)


BY_ID = {"type": "file", "file_id": "file_1"}
INLINE = {"type": "text", "media_type": "text/plain", "data": "Hello"}

LIFE, RESULTS, CANCEL = (f"adjacent.batches.{name}" for name in ("life", "results", "cancel"))
FILE_LIFE, EXPIRY, NAME = (f"adjacent.files.{name}" for name in ("life", "expiry", "filename"))
KIND, USED = "adjacent.files.wrong-type", "adjacent.files.used"
EXPIRES = {**FILE, "expires_at": "2026-11-30T09:00:00Z"}

ROWS: dict[str, tuple[list[Run], list[Run]]] = {
    LIFE: (
        [
            batch({**ENDED, "id": "msgbatch_2"}),
            batch({**ENDED, "created_at": "2026-11-30T08:00:30Z"}),
            batch({**ENDED, "request_counts": {**COUNTS, "succeeded": 1}}),
            batch({**ENDED, "request_counts": {**COUNTS, "succeeded": 1, "processing": 1}}),
            batch(ENDED, sent("GET", ONE, WAITING)),
            batch({**ENDED, "processing_status": "completed"}),
            deleted({"id": "msgbatch_1", "deleted": True}),
            deleted(MISSING, 500),
            deleted(after=200),
        ],
        [batch(), deleted(), batch(ENDED, first=ENDED), batch(WAITING, sent("GET", ONE, ENDED)), canceled()],
    ),
    RESULTS: (
        [
            batch(ENDED, results(WORKED)),
            batch(ENDED, results(WORKED, WORKED)),
            batch(ENDED, results(WORKED, {**FAILED, "custom_id": "c"})),
            batch(ENDED, results([WORKED, FAILED])),
            batch(ENDED, results(WORKED, {"custom_id": "b", "result": {"type": "errored", "error": "no"}})),
            batch(ENDED, results(WORKED, {"custom_id": "b", "result": {"type": "succeeded"}})),
            batch(ENDED, results(WORKED, {"custom_id": "b", "result": {"type": "succeeded", "message": MESSAGE}})),
            batch(ENDED, results(WORKED, FAILED, media_type="text/html")),
            batch(ENDED, sent("GET", f"{ONE}/results", MISSING, 404)),
            [creation(), sent("GET", f"{ONE}/results", b"", 200), sent("GET", ONE, WAITING)],
        ],
        [
            batch(ENDED, results(WORKED, FAILED)),
            batch(ENDED, results(FAILED, WORKED)),
            [creation(), results(WORKED, FAILED), *batch()[1:]],  # it may have ended by then
        ],
    ),
    CANCEL: (
        [canceled(WAITING), canceled(end=ENDED), canceled({**CANCELING, "cancel_initiated_at": None})],
        [canceled(), canceled(CANCELED)],
    ),
    FILE_LIFE: (
        [
            stored(filename="b.txt"),
            stored(size_bytes=6),
            stored(mime_type="application/json"),
            stored(sent("GET", f"{FILES}/file_1", MISSING, 404)),
            stored(sent("GET", f"{FILES}/file_1", {**FILE, "created_at": "2026-11-30T08:00:30Z"})),
            stored(sent("GET", f"{FILES}/file_1/content", b"Hello")),
            stored(sent("GET", f"{FILES}?limit=20", {"data": [{"id": "file_8"}, {"id": "file_9"}]})),
            stored(sent("DELETE", f"{FILES}/file_1", {"deleted": True})),
            stored(sent("DELETE", f"{FILES}/file_1", FILE_GONE), sent("GET", f"{FILES}/file_1", FILE)),
        ],
        [
            stored(),
            stored(sent("GET", f"{FILES}/file_1", FILE), sent("GET", f"{FILES}/file_1/content", MISSING, 400)),
            stored(sent("GET", f"{FILES}/file_1/content", b"Hello"), downloadable=True),
            stored(sent("GET", f"{FILES}?limit=1", {"data": [{"id": "file_9"}]})),  # somebody else's newer one
            stored(sent("DELETE", f"{FILES}/file_1", FILE_GONE), sent("GET", f"{FILES}/file_1", MISSING, 404)),
            [upload({**FILE, "filename": "b.txt"}, name="a/b.txt")],
        ],
    ),
    EXPIRY: (
        [
            [upload(FILE, lifetime="3600")],
            [upload({**EXPIRES, "expires_at": "2026-11-30T10:00:00Z"}, lifetime="3600")],
            [upload(EXPIRES, lifetime="3599")],
        ],
        [[upload(EXPIRES, lifetime="3600"), upload(MISSING, 400, lifetime="3599")]],
    ),
    NAME: (
        [[upload({**FILE, "filename": "a|b.txt"}, name="a|b.txt")]],
        [[upload(MISSING, 400, name="a|b.txt")], [upload({**FILE, "filename": "b.txt"}, name="a/b.txt")]],
    ),
    KIND: ([stored(used("image", BY_ID, 9))], [stored(used("image", BY_ID))]),
    USED: (
        [stored(used("document", BY_ID, 9), used("document", INLINE, 90))],
        [stored(used("document", BY_ID, 90), used("document", INLINE, 91))],
    ),
}


def judged(requirement: str, run: Run) -> Any:
    return verdicts(numbered(*run), under=home(requirement), only=[requirement])[requirement]


@pytest.mark.parametrize(("requirement", "run"), [(name, run) for name, rows in ROWS.items() for run in rows[0]])
def test_it_is_violated(requirement: str, run: Run) -> None:
    (finding,) = judged(requirement, run).findings
    assert finding.exchange
    assert finding.wanted


@pytest.mark.parametrize(("requirement", "run"), [(name, run) for name, rows in ROWS.items() for run in rows[1]])
def test_it_passes(requirement: str, run: Run) -> None:
    verdict = judged(requirement, run)
    assert (verdict.outcome, verdict.findings) == (PASS, ())


@pytest.mark.parametrize("requirement", ROWS)
def test_nothing_is_judged_where_nothing_was_created(requirement: str) -> None:
    assert judged(requirement, [sent("POST", BATCHES, MISSING, 404), upload(MISSING, 404)]).outcome == NOT_APPLICABLE


@pytest.mark.parametrize(
    ("requirement", "run"),
    [
        (LIFE, batch(WAITING)),
        (RESULTS, batch(WAITING)),
        (CANCEL, [creation(), sent("POST", f"{ONE}/cancel", MISSING, 400)]),
    ],
)
def test_what_was_not_watched_to_its_end_is_not_verified(requirement: str, run: Run) -> None:
    assert judged(requirement, run).outcome == NOT_VERIFIED
