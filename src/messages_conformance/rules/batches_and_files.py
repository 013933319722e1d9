"""Rules for the lists of message batches and of files, and for the objects in them.

The suites ask for one item first. A target that does not have the route is not judged. Refusals are rows of
suites/probes.toml.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import answered, body_of, shown
from messages_conformance.rules.answer_parts import is_time
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, DRIFTS, rule
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import SHOULD, Finding, Place, Unverified

BATCHES: Final = "/v1/messages/batches"
FILES: Final = "/v1/files"

BATCH_SOURCE: Final = "OpenAPI description of 2026-05-31, ListResponse_MessageBatch_ and MessageBatch"
FILE_SOURCE: Final = "platform.claude.com/docs/en/build-with-claude/files, read 2026-08-22"

COUNTS: Final = ("processing", "succeeded", "errored", "canceled", "expired")
STATUSES: Final = ("in_progress", "canceling", "ended")
NULLABLE_TIMES: Final = ("ended_at", "cancel_initiated_at", "archived_at")
LIFETIME: Final = timedelta(hours=24)
SLACK: Final = timedelta(minutes=1)
"""The two times of a batch may be taken one after the other (our own)."""


def _lists(route: str) -> Callable[[Exchange], bool]:
    """Whether a list of this route was answered."""

    def applies(exchange: Exchange) -> bool:
        return (
            answered(exchange)
            and (exchange.request.method, exchange.request.route) == ("GET", route)
            and (exchange.succeeded)
        )

    return applies


def _items(exchange: Exchange) -> list[Mapping[str, Any]]:
    data = body_of(exchange).get("data")
    return [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []


def _at(name: str, found: Any, wanted: str) -> Finding:
    return Finding(place=Place(pointer=name), found=found if isinstance(found, str) else shown(found), wanted=wanted)


def _is_id(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _cursor_list(fields: Mapping[str, Any]) -> Iterator[Finding]:
    if not isinstance(fields.get("data"), list):
        yield _at("/data", fields.get("data"), "a list")
    if not isinstance(fields.get("has_more"), bool):
        yield _at("/has_more", fields.get("has_more", "absent"), "true or false")
    for name in ("first_id", "last_id"):
        if name not in fields or not _is_id(fields[name]):
            yield _at(f"/{name}", fields.get(name, "absent"), "a string or null")


@rule(
    "adjacent.batches.list-shape",
    SHOULD,
    harm=BREAKS,  # the SDKs read these members to get the next page
    families={ANTHROPIC},
    needs={"batches"},
    source=BATCH_SOURCE,
    applies=_lists(BATCHES),
    reads={REQUEST},
    provoked="The list of batches is requested with limit=1.",
)
def lists_batches(exchange: Exchange) -> Iterable[Finding]:
    """The list of batches has data and has_more; first_id and last_id are the ids of its first and last item."""
    found = list(_cursor_list(body_of(exchange)))
    yield from found[:1]
    items = _items(exchange)
    if found or not items:
        return
    for name, item in (("first_id", items[0]), ("last_id", items[-1])):
        if body_of(exchange)[name] != item.get("id"):
            yield _at(f"/{name}", body_of(exchange)[name], shown(item.get("id")))
            return


def batch_problems(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with a batch: the member and what is wanted."""
    if item.get("type") != "message_batch":
        yield "type", '"message_batch"'
    if item.get("processing_status") not in STATUSES:
        yield "processing_status", f"one of {', '.join(STATUSES)}"
    counts = item.get("request_counts")
    if not isinstance(counts, dict) or not all(_is_count(counts.get(name)) for name in COUNTS):
        yield "request_counts", f"counts of {', '.join(COUNTS)}"
    for name in ("created_at", "expires_at"):
        if not is_time(item.get(name)):
            yield name, "an RFC 3339 time"
    for name in NULLABLE_TIMES:
        if name not in item or not (item[name] is None or is_time(item[name])):
            yield name, "an RFC 3339 time or null"
    if "results_url" not in item or not _is_id(item["results_url"]):
        yield "results_url", "a string or null"


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def batch_contradictions(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Members of a well-formed batch that contradict each other."""
    ended = item["processing_status"] == "ended"
    if ended != (item["ended_at"] is not None):
        yield "ended_at", "a time" if ended else "null: the batch has not ended"
    if not ended and item["results_url"] is not None:
        yield "results_url", "null: the batch has not ended"
    life = time_of(item["expires_at"]) - time_of(item["created_at"])
    if abs(life - LIFETIME) > SLACK:
        yield "expires_at", "24 hours after created_at"
    if not ended and any(item["request_counts"][name] for name in COUNTS[1:]):
        yield "request_counts", "only processing above 0: the batch has not ended"


def time_of(value: str) -> datetime:
    """The time that a field in the form of RFC 3339 has. Raises ValueError for another form."""
    return datetime.fromisoformat(value.upper())


@rule(
    "adjacent.batches.object",
    SHOULD,
    harm=BREAKS,  # a client waits for ended, and reads results_url
    families={ANTHROPIC},
    needs={"batches"},
    source=BATCH_SOURCE,
    applies=_lists(BATCHES),
    reads={REQUEST},
    provoked="Judged on every batch of the list.",
)
def describes_batches(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A batch has its ten documented members; ended_at says when it ended, and it expires after 24 hours."""
    items = _items(exchange)
    if not items:
        yield Unverified(reason="the list of batches is empty")
    for number, item in enumerate(items):
        problems = list(batch_problems(item)) or list(batch_contradictions(item))
        for name, wanted in problems[:1]:
            yield _at(f"/data/{number}/{name}", item.get(name, "absent"), wanted)
            return


@rule(
    "adjacent.files.list-shape",
    SHOULD,
    harm=BREAKS,  # the SDKs read these members to get the next page
    families={ANTHROPIC},
    needs={"files"},
    source=FILE_SOURCE,
    applies=_lists(FILES),
    reads={REQUEST},
    provoked="The list of files is requested with limit=1.",
)
def lists_files(exchange: Exchange) -> Iterable[Finding]:
    """The list of files has data and next_page or, in the older form, has_more, first_id and last_id."""
    fields = body_of(exchange)
    if "next_page" not in fields:
        yield from list(_cursor_list(fields))[:1]
    elif not isinstance(fields.get("data"), list):
        yield _at("/data", fields.get("data"), "a list")
    elif not _is_id(fields["next_page"]):
        yield _at("/next_page", fields["next_page"], "a string or null")


@rule(
    "adjacent.files.metadata",
    SHOULD,
    harm=DRIFTS,
    families={ANTHROPIC},
    needs={"files"},
    source=FILE_SOURCE,
    applies=_lists(FILES),
    reads={REQUEST},
    provoked="Judged on every file of the list.",
)
def describes_files(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A file has an id, the type file, a filename, a mime_type, a size_bytes and a created_at."""
    items = _items(exchange)
    if not items:
        yield Unverified(reason="the list of files is empty")
    for number, item in enumerate(items):
        for name, wanted in list(file_problems(item))[:1]:
            yield _at(f"/data/{number}/{name}", item.get(name, "absent"), wanted)
            return


def file_problems(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with the metadata of a file: the member and what is wanted."""
    if item.get("type") != "file":
        yield "type", '"file"'
    for name in ("id", "filename", "mime_type"):
        if not isinstance(item.get(name), str) or not item[name]:
            yield name, "a string of at least 1 character"
    if not _is_count(item.get("size_bytes")):
        yield "size_bytes", "an integer of 0 or more"
    if not is_time(item.get("created_at")):
        yield "created_at", "an RFC 3339 time"
    if not isinstance(item.get("downloadable", False), bool):
        yield "downloadable", "true or false"
