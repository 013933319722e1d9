"""What the routes of batches and files answer: an object, the lines of results, or the reasons to refuse."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from messages_conformance.reference import batches, files, model_list
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.http import HttpRequest

Json = dict[str, Any]
Memory = MutableMapping[str, Any]
NewId = Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class Checked:
    """The reasons to refuse a request, and the answer if none remains; it takes the maker of new ids."""

    failures: Sequence[Failure]
    answer: Callable[[NewId], Json]


Answer = Json | bytes | Failure | Checked
Route = Callable[[HttpRequest, tuple[str, ...], Memory], Answer]
"""Takes the request, the segments after the route, and the memory of the endpoint."""


def body_of(request: HttpRequest) -> Mapping[str, Any]:
    """The JSON object of a request; empty if it has none."""
    try:
        value = json.loads(request.body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def unknown(what: str, requirement: str) -> Failure:
    """The failure for an id that does not exist."""
    return Failure(status=404, message=f"{what} not found", requirement=requirement)


def not_allowed(request: HttpRequest) -> Failure:
    """The failure for a method that a route does not have."""
    return Failure(status=405, message=f"{request.method} is not allowed here")


def about_batches(request: HttpRequest, rest: tuple[str, ...], memory: Memory) -> Answer:
    """The answer of /v1/messages/batches and the routes below it."""
    match request.method, rest:
        case "GET", ():
            failures = list(model_list.limit_failures(request.query, "adjacent.batches.limit"))
            size = model_list.page_size(request.query)
            return Checked(
                failures=failures,
                answer=lambda _: batches.page(list(batches.stored(memory).values()), request.query, size=size),
            )
        case "POST", ():
            body = body_of(request)
            return Checked(
                failures=list(batches.create_failures(body)),
                answer=lambda new_id: batches.create(body, new_id("msgbatch_"), memory),
            )
        case _, (identifier, *below):
            if identifier not in batches.stored(memory):
                return unknown("batch", "adjacent.batches.unknown-id")
            return about_batch(request, identifier, tuple(below), memory)
    return not_allowed(request)


def about_batch(request: HttpRequest, identifier: str, below: tuple[str, ...], memory: Memory) -> Answer:
    """The answer of the routes of one batch."""
    known = batches.stored(memory)
    match request.method, below:
        case "GET", ():
            return batches.looked_at(identifier, memory) or {}
        case "DELETE", ():
            if known[identifier]["processing_status"] != "ended":
                return Failure(message="a batch in progress cannot be deleted, cancel it first")
            del known[identifier]
            return {"id": identifier, "type": "message_batch_deleted"}
        case "POST", ("cancel",) if known[identifier]["processing_status"] == "ended":
            return Failure(message="a batch that has ended cannot be canceled")
        case "POST", ("cancel",):
            known[identifier] = {**known[identifier], "processing_status": "canceling"}
            known[identifier]["cancel_initiated_at"] = known[identifier]["created_at"]
            return known[identifier]
        case "GET", ("results",) if known[identifier]["processing_status"] != "ended":
            return Failure(status=404, message="the batch has not ended", requirement="adjacent.batches.results")
        case "GET", ("results",):
            return b"".join(batches.results(identifier, memory))
    return not_allowed(request)


def about_files(request: HttpRequest, rest: tuple[str, ...], memory: Memory) -> Answer:
    """The answer of /v1/files and the routes below it."""
    known = files.stored(memory)
    match request.method, rest:
        case "GET", ():
            failures = [*model_list.limit_failures(request.query, "adjacent.files.limit")]
            failures += files.ids_failures(request.query)
            size = model_list.page_size(request.query)
            return Checked(failures=failures, answer=lambda _: files.page(memory, request.query, size=size))
        case "POST", ():
            failures = list(files.upload_failures(request))
            return Checked(failures=failures, answer=lambda new_id: files.store(request, new_id("file_"), memory))
        case _, (identifier, *below):
            if identifier not in known:
                return unknown("file", "adjacent.files.unknown-id")
            if request.method == "GET" and not below:
                return known[identifier]
            if request.method == "GET" and below == ["content"]:
                return Failure(message="this file is not downloadable")
            if request.method == "DELETE" and not below:
                del known[identifier]
                return {"id": identifier, "type": "file_deleted"}
    return not_allowed(request)
