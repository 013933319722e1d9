"""Message batches of the reference endpoint: its lists, its checks, and the life of a batch.

A batch is processed when it is first looked at. Form: OpenAPI description of 2026-05-31, MessageBatch; limits:
platform.claude.com/docs/en/build-with-claude/batch-processing, read 2026-08-22.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from messages_conformance.reference import validation
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.json_values import as_list, as_object

CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
LIFETIME = timedelta(hours=24)
STORED = datetime(2026, 11, 1, 8, 0, tzinfo=UTC)
KEY = "batches"
LINES = "results"
LOOKS = "looks before a batch ends"
"""Key in the memory of an endpoint: how often a batch is still in progress when it is looked at; 0 by default."""
INVALID = "adjacent.batches.create-invalid"
WRONG_ID = "adjacent.batches.custom_id"
PARTS = frozenset({"custom_id", "params"})

Json = dict[str, Any]
Memory = MutableMapping[str, Any]


def stamp(time: datetime) -> str:
    """A time in RFC 3339."""
    return time.isoformat().replace("+00:00", "Z")


def batch(identifier: str, created: datetime, counts: Mapping[str, int], *, ended: bool) -> Json:
    """The object that describes a batch."""
    empty = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
    results = f"https://reference.invalid/v1/messages/batches/{identifier}/results"
    return {
        "id": identifier,
        "type": "message_batch",
        "processing_status": "ended" if ended else "in_progress",
        "request_counts": {**empty, **counts},
        "created_at": stamp(created),
        "expires_at": stamp(created + LIFETIME),
        "ended_at": stamp(created + timedelta(minutes=2)) if ended else None,
        "cancel_initiated_at": None,
        "archived_at": None,
        "results_url": results if ended else None,
    }


def stored(memory: Memory) -> dict[str, Json]:
    """The batches of the endpoint by id, the newest first. Two older ones have ended."""
    if KEY not in memory:
        older = [
            batch(f"msgbatch_01Older{number}", STORED - timedelta(days=number), {"succeeded": number}, ended=True)
            for number in (1, 2)
        ]
        memory[KEY] = {one["id"]: one for one in older}
    known: dict[str, Json] = memory[KEY]
    return known


def create_failures(body: Mapping[str, Any]) -> Iterator[Failure]:
    """Why a new batch is refused. The parameters of its requests are checked when they are processed."""
    requests = body.get("requests")
    if not isinstance(requests, list) or not requests or body.keys() - {"requests"}:
        yield Failure(message="requests: a list of at least one request is required", requirement=INVALID)
        return
    ids: list[Any] = []
    for at, request in enumerate(requests):
        if not isinstance(request, dict) or request.keys() != PARTS or not isinstance(request["params"], dict):
            yield Failure(message=f"requests.{at}: exactly custom_id and params are required", requirement=INVALID)
            continue
        name = request["custom_id"]
        if not isinstance(name, str) or not CUSTOM_ID.fullmatch(name):
            yield Failure(
                message=f"requests.{at}.custom_id: should match ^[a-zA-Z0-9_-]{{1,64}}$", requirement=WRONG_ID
            )
        ids.append(name)
    if any(name in ids[:at] for at, name in enumerate(ids)):
        yield Failure(message="requests: each custom_id must be unique", requirement=WRONG_ID)


def create(body: Mapping[str, Any], identifier: str, memory: Memory) -> Json:
    """A new batch, which is stored first."""
    requests = as_list(body.get("requests"))
    made = batch(identifier, datetime.now(UTC).replace(microsecond=0), {"processing": len(requests)}, ended=False)
    memory[KEY] = {identifier: made, **stored(memory)}
    memory[f"{KEY} {identifier}"] = [as_object(request) for request in requests]
    return made


def looked_at(identifier: str, memory: Memory) -> Json | None:
    """The batch of an id, which has been processed by now; None if there is none."""
    found = stored(memory).get(identifier)
    if found is None or found["processing_status"] == "ended":
        return found
    canceled = found["processing_status"] == "canceling"
    if not canceled and memory.get(LOOKS, 0) > 0:
        memory[LOOKS] -= 1
        return found
    requests = memory.get(f"{KEY} {identifier}", [])
    memory[f"{LINES} {identifier}"] = lines = [line(request, identifier, canceled=canceled) for request in requests]
    kinds = [one["result"]["type"] for one in lines]
    created = datetime.fromisoformat(found["created_at"])
    ended = batch(identifier, created, {kind: kinds.count(kind) for kind in kinds}, ended=True)
    stored(memory)[identifier] = {**ended, "cancel_initiated_at": found["cancel_initiated_at"]}
    return stored(memory)[identifier]


def page(items: Sequence[Json], query: Mapping[str, list[str]], *, size: int) -> Json:
    """One page of a list, the newest first. A cursor that names nothing has no effect."""
    names = [item["id"] for item in items]
    after, before = query.get("after_id", [""])[-1], query.get("before_id", [""])[-1]
    if before in names:
        rest = list(items[: names.index(before)])
        shown, more = rest[-size:], len(rest) > size
    else:
        rest = list(items[names.index(after) + 1 :] if after in names else items)
        shown, more = rest[:size], len(rest) > size
    ids = [item["id"] for item in shown] or [None]
    return {"data": shown, "has_more": more, "first_id": ids[0], "last_id": ids[-1]}


def results(identifier: str, memory: Memory) -> Iterator[bytes]:
    """The lines of the results of a batch that has ended: one for each request."""
    for one in memory.get(f"{LINES} {identifier}", ()):
        yield json.dumps(one).encode() + b"\n"


def line(request: Json, identifier: str, *, canceled: bool) -> Json:
    """The result of one request of a batch."""
    params = as_object(request.get("params"))
    wrong = [] if canceled else list(validation.failures({**params, "stream": None}, version=None))
    result: Json = {"type": "succeeded", "message": short_message(params, identifier)}
    if canceled:
        result = {"type": "canceled"}
    elif wrong:
        error = {"type": wrong[0].type, "message": wrong[0].message}
        result = {"type": "errored", "error": {"type": "error", "error": error, "request_id": None}}
    return {"custom_id": request.get("custom_id"), "result": result}


def short_message(params: Mapping[str, Any], identifier: str) -> Json:
    """The answer to a request of a batch: one token."""
    return {
        "id": f"msg_{identifier}",
        "type": "message",
        "role": "assistant",
        "model": params.get("model"),
        "content": [{"type": "text", "text": "ok"}],
        "stop_reason": "max_tokens",
        "stop_sequence": None,
        "usage": {"input_tokens": 12, "output_tokens": 1, "service_tier": "batch"},
    }
