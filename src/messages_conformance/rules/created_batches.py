"""Rules for the life of a batch that was created in the recording: created, processed, read, canceled, deleted.

They read each batch by the id in the answer to its creation, so recordings of any client are judged, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from messages_conformance.exchange import UNPARSED, Exchange, parse_json
from messages_conformance.rules.accessors import body_of, response_of, shown, status_and_body
from messages_conformance.rules.batches_and_files import (
    BATCHES,
    COUNTS,
    STATUSES,
    batch_contradictions,
    batch_problems,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, LOSES, RUN, rule
from messages_conformance.rules.recording_parts import REQUEST, RESPONSE_HEADERS
from messages_conformance.rules.verdict import NOT_PROVOKED, SHOULD, STATUS, Finding, Place, Unverified

SOURCE: Final = (
    "platform.claude.com/docs/en/build-with-claude/batch-processing, read 2026-08-22; OpenAPI description of 2026-05-31"
)
ENDED: Final = "ended"
INCLUDE: Final = "With --include batches, a batch of two requests of one token is created, read and deleted."
NO_BATCH: Final = Unverified(reason=NOT_PROVOKED)
LINES: Final = ("jsonl", "ndjson", "octet-stream")
"""Parts of the media types of lines of JSON; a store of files may serve them as bytes."""


@dataclass(frozen=True, kw_only=True)
class Life:
    """A batch that was created: the answer to its creation, and the exchanges about it that follow, in their order."""

    identifier: str
    creation: Exchange
    later: tuple[Exchange, ...]

    @property
    def custom_ids(self) -> list[Any]:
        """The custom ids of its requests."""
        requests = self.creation.request.fields.get("requests")
        return [one.get("custom_id") for one in requests if isinstance(one, dict)] if isinstance(requests, list) else []

    def of(self, method: str, below: str = "") -> list[Exchange]:
        """The later exchanges of one method and one route below that of the batch."""
        route = f"{BATCHES}/{self.identifier}{below}"
        return [one for one in self.later if (one.request.method, one.request.route) == (method, route)]

    @property
    def descriptions(self) -> list[Exchange]:
        """The exchanges whose answer describes the batch, its creation first."""
        found = [*self.of("GET"), *self.of("POST", "/cancel")]
        return [self.creation, *sorted((one for one in found if one.succeeded), key=lambda one: one.number)]

    @property
    def end(self) -> Exchange | None:
        """The first answer that describes the batch as ended."""
        return next((one for one in self.descriptions if body_of(one).get("processing_status") == ENDED), None)


def lives(exchanges: Sequence[Exchange]) -> Iterator[Life]:
    """Every batch that was created."""
    ordered = [one for one in sorted(exchanges, key=lambda one: one.number) if one.response is not None]
    for at, one in enumerate(ordered):
        identifier = body_of(one).get("id") if one.succeeded else None
        if (one.request.method, one.request.route) == ("POST", BATCHES) and isinstance(identifier, str):
            below = f"{BATCHES}/{identifier}"
            later = tuple(other for other in ordered[at + 1 :] if f"{other.request.route}/".startswith(f"{below}/"))
            yield Life(identifier=identifier, creation=one, later=later)


def _at(exchange: Exchange, pointer: str, found: Any, wanted: str) -> Finding:
    return Finding(exchange=exchange.number, place=Place(pointer=pointer), found=shown(found), wanted=wanted)


def _status(exchange: Exchange, wanted: str) -> Finding:
    return Finding(exchange=exchange.number, place=STATUS, found=status_and_body(exchange), wanted=wanted)


@rule(
    "adjacent.batches.life",
    SHOULD,
    harm=BREAKS,  # a client waits for the end of its batch
    families={ANTHROPIC},
    needs={"batches"},
    source=SOURCE,
    over=RUN,
    on_sight=True,
    reads={REQUEST},
    provoked=INCLUDE,
)
def lives_as_documented(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A batch keeps its id and its time of creation, ends, counts its requests, and is gone once deleted."""
    found = list(lives(exchanges))
    if not found:
        yield NO_BATCH
    for life in found:
        problems = [*_description_problems(life), *_deletion_problems(life)]
        yield from problems[:1]
        if problems:
            return
    if found and all(life.end is None for life in found):
        yield Unverified(reason="the batch did not end while it was watched")


def _description_problems(life: Life) -> Iterator[Finding]:
    """What is wrong with the descriptions of a batch."""
    first, reached = body_of(life.creation), 0
    for one in life.descriptions:
        fields = body_of(one)
        for name, wanted in [*batch_problems(fields)] or [*batch_contradictions(fields)]:
            yield _at(one, f"/{name}", fields.get(name, "absent"), wanted)
            return
        for name in ("id", "created_at"):
            if fields.get(name) != first.get(name):
                yield _at(
                    one,
                    f"/{name}",
                    fields.get(name),
                    f"{shown(first.get(name))}, as in exchange {life.creation.number}",
                )
        stage = STATUSES.index(fields["processing_status"])
        if stage < reached:
            yield _at(one, "/processing_status", fields["processing_status"], f"no step back from {STATUSES[reached]}")
        reached = max(reached, stage)
        total = sum(fields["request_counts"][name] for name in COUNTS)
        if total != len(life.custom_ids):
            yield _at(one, "/request_counts", fields["request_counts"], f"{len(life.custom_ids)} in all")
        if fields["processing_status"] == ENDED and fields["request_counts"]["processing"]:
            yield _at(one, "/request_counts/processing", fields["request_counts"]["processing"], "0: it has ended")


def _deletion_problems(life: Life) -> Iterator[Finding]:
    """What is wrong with the deletion of a batch that has ended."""
    deletions = life.of("DELETE")
    if not deletions or life.end is None:
        return
    deletion = deletions[0]
    if not deletion.succeeded:
        yield _status(deletion, "200: the batch has ended")
        return
    wanted = {"id": life.identifier, "type": "message_batch_deleted"}
    for name, value in wanted.items():
        if body_of(deletion).get(name) != value:
            yield _at(deletion, f"/{name}", body_of(deletion).get(name, "absent"), shown(value))
    for one in life.of("GET"):
        if one.number > deletion.number and response_of(one).status != 404:
            yield _status(one, "404: the batch was deleted")


@rule(
    "adjacent.batches.results",
    SHOULD,
    harm=LOSES,
    families={ANTHROPIC},
    needs={"batches"},
    source=SOURCE,
    over=RUN,
    on_sight=True,
    reads={REQUEST, RESPONSE_HEADERS},
    provoked=INCLUDE,
)
def returns_one_result_for_each_request(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The results of a batch are one line of JSON for each request, with its message or error, once it has ended."""
    found = list(lives(exchanges))
    if not found:
        yield NO_BATCH
    seen = False
    for life in found:
        for one in life.of("GET", "/results"):
            seen = seen or one.succeeded
            problems = list(_result_problems(life, one))
            yield from problems[:1]
            if problems:
                return
    if found and not seen:
        yield Unverified(reason="no results of a batch were read")


def _result_problems(life: Life, one: Exchange) -> Iterator[Finding]:
    """What is wrong with an answer that should hold the results of a batch."""
    if life.end is None or one.number < life.end.number:
        # It may have ended between two looks; only a look after the results shows that it had not.
        waiting = any(body_of(look).get("processing_status") != ENDED for look in _looks_after(life, one))
        if waiting and response_of(one).status != 404:
            yield _status(one, "404: the batch has not ended")
        return
    if not one.succeeded:
        gone = any(deletion.number < one.number for deletion in life.of("DELETE"))
        if not gone:
            yield _status(one, "200: the batch has ended")
        return
    if not any(part in response_of(one).media_type for part in LINES):
        yield Finding(
            exchange=one.number,
            place=Place(header="content-type"),
            found=response_of(one).media_type or "absent",
            wanted="application/x-jsonl",
        )
    yield from _line_problems(life, one)


def _looks_after(life: Life, one: Exchange) -> Iterator[Exchange]:
    return (look for look in life.descriptions if look.number > one.number)


def _line_problems(life: Life, one: Exchange) -> Iterator[Finding]:
    """What is wrong with the lines of results."""
    lines = [parse_json(line) for line in response_of(one).text.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        for name, wanted in list(_problems_of_line(line))[:1]:
            yield _at(one, f"line {number + 1}{name}", line, wanted)
            return
    named = [line["custom_id"] for line in lines if isinstance(line, dict)]
    if sorted(named) != sorted(map(str, life.custom_ids)):
        yield _at(one, "custom_id", named, f"each of {shown(life.custom_ids)} once, in any order")
    counts = body_of(life.end)["request_counts"] if life.end is not None else {}
    kinds = [line["result"]["type"] for line in lines if isinstance(line, dict)]
    for kind in COUNTS[1:]:
        if isinstance(counts, dict) and counts.get(kind, kinds.count(kind)) != kinds.count(kind):
            yield _at(one, f"results of type {kind}", kinds.count(kind), f"{counts[kind]}, as the batch counts")


def _problems_of_line(line: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with one line: the member and what is wanted."""
    if line is UNPARSED or not isinstance(line, dict) or not isinstance(line.get("custom_id"), str):
        yield "", "a JSON object with a custom_id"
        return
    result = line.get("result")
    kind = result.get("type") if isinstance(result, dict) else None
    if not isinstance(result, dict) or kind not in COUNTS[1:]:
        yield "/result/type", f"one of {', '.join(COUNTS[1:])}"
    elif kind == "succeeded":
        yield from _message_problems(result.get("message"))
    elif kind == "errored":
        given = result.get("error")
        envelope: Mapping[str, Any] = given if isinstance(given, dict) else {}
        error = envelope.get("error")
        if not isinstance(error, dict) or not isinstance(error.get("type"), str) or envelope.get("type") != "error":
            yield "/result/error", 'the envelope of an error: {"type": "error", "error": {"type", "message"}}'


def _message_problems(message: Any) -> Iterator[tuple[str, str]]:
    fields: Mapping[str, Any] = message if isinstance(message, dict) else {}
    usage = fields.get("usage")
    if fields.get("type") != "message" or not isinstance(fields.get("content"), list) or not isinstance(usage, dict):
        yield "/result/message", "a message with content and usage"
    elif usage.get("service_tier") not in (None, "batch"):
        yield "/result/message/usage/service_tier", '"batch"'


@rule(
    "adjacent.batches.cancel",
    SHOULD,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={"batches"},
    source=SOURCE,
    over=RUN,
    on_sight=True,
    reads={REQUEST},
    provoked="With --include batches, a batch of one request of one token is created and canceled at once.",
)
def cancels_a_batch(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A batch that is canceled is canceling or ended, has cancel_initiated_at, and ends."""
    cancels = [(life, one) for life in lives(exchanges) for one in life.of("POST", "/cancel")]
    answered = False
    for life, one in cancels:
        fields = body_of(one)
        if not one.succeeded:
            continue  # it may have ended already
        answered = True
        if fields.get("processing_status") not in ("canceling", ENDED):
            yield _at(one, "/processing_status", fields.get("processing_status"), "canceling or ended")
            return
        for look in [one, *_looks_after(life, one)]:
            if body_of(look).get("cancel_initiated_at") is None:
                yield _at(look, "/cancel_initiated_at", body_of(look).get("cancel_initiated_at"), "a time")
                return
    if not cancels:
        yield NO_BATCH
    elif not answered:
        yield Unverified(reason="no batch was canceled: each had ended, or canceling was refused")
