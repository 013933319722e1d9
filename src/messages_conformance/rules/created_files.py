"""Rules for files that were uploaded in the recording: described, listed, deleted.

They read each file by the id in the answer to its upload, so recordings of any client are judged, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import body_of, response_of, shown, status_and_body
from messages_conformance.rules.answer_parts import is_time
from messages_conformance.rules.batches_and_files import FILES, file_problems, time_of
from messages_conformance.rules.catalogue import ANTHROPIC, DRIFTS, HIDES, LOSES, RUN, rule
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import NOT_PROVOKED, SHOULD, STATUS, Finding, Place, Unverified

SOURCE: Final = "platform.claude.com/docs/en/build-with-claude/files, read 2026-08-22"
INCLUDE: Final = "With --include files, four small files are uploaded, read, used in messages and deleted."
NO_FILE: Final = Unverified(reason=NOT_PROVOKED)
LIFETIME_S: Final = range(3_600, 7_776_001)
SLACK: Final = timedelta(minutes=1)
"""The times of a file may be taken one after the other (our own)."""

FORBIDDEN: Final = re.compile(r'[<>:"|?*\\/\x00-\x1f]')
"""Characters that no filename has (page files)."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """An upload, with what its form says and the exchanges that follow. `identifier` is empty if it was refused."""

    exchange: Exchange
    name: str
    media_type: str
    data: bytes
    lifetime: str
    later: tuple[Exchange, ...]

    @property
    def identifier(self) -> str:
        """The id of the stored file."""
        identifier = body_of(self.exchange).get("id") if self.exchange.succeeded else None
        return identifier if isinstance(identifier, str) else ""

    def of(self, method: str, below: str = "") -> list[Exchange]:
        """The later exchanges of one method and one route below that of the file."""
        route = f"{FILES}/{self.identifier}{below}"
        return [one for one in self.later if (one.request.method, one.request.route) == (method, route)]


def uploads(exchanges: Sequence[Exchange]) -> list[Upload]:
    """Every upload of a form with a file."""
    ordered = [one for one in sorted(exchanges, key=lambda one: one.number) if one.response is not None]
    found = []
    for at, one in enumerate(ordered):
        if (one.request.method, one.request.route) == ("POST", FILES) and (form := _form(one)):
            found.append(Upload(exchange=one, later=tuple(ordered[at + 1 :]), **form))
    return found


def _form(exchange: Exchange) -> dict[str, Any] | None:
    """The name, type and bytes of the file in a form, and its expires_in_seconds; None without a file."""
    sent = exchange.request.header("content-type") or ""
    if not sent.lower().startswith("multipart/form-data"):
        return None
    parsed = message_from_bytes(
        b"Content-Type: " + sent.encode("latin-1", "replace") + b"\r\n\r\n" + exchange.request.body
    )
    parts = {str(part.get_param("name", header="content-disposition")): part for part in parsed.walk()}
    file, lifetime = parts.get("file"), parts.get("expires_in_seconds")
    if file is None or not file.get_filename():
        return None
    data = file.get_payload(decode=True)
    return {
        "name": str(file.get_filename()),
        "media_type": file.get_content_type(),
        "data": data if isinstance(data, bytes) else b"",
        "lifetime": "" if lifetime is None else str(lifetime.get_payload()).strip(),
    }


def _at(exchange: Exchange, pointer: str, found: Any, wanted: str) -> Finding:
    return Finding(exchange=exchange.number, place=Place(pointer=pointer), found=shown(found), wanted=wanted)


def _status(exchange: Exchange, wanted: str) -> Finding:
    return Finding(exchange=exchange.number, place=STATUS, found=status_and_body(exchange), wanted=wanted)


@rule(
    "adjacent.files.life",
    SHOULD,
    harm=LOSES,
    families={ANTHROPIC},
    needs={"files"},
    source=SOURCE,
    over=RUN,
    on_sight=True,
    reads={REQUEST},
    provoked=INCLUDE,
)
def keeps_uploaded_files(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """An uploaded file has the given name, size and type wherever it is described, and is gone once deleted."""
    stored = [upload for upload in uploads(exchanges) if upload.identifier]
    if not stored:
        yield NO_FILE
    for upload in stored:
        problems = [*_metadata_problems(upload), *_reading_problems(upload), *_deletion_problems(upload)]
        yield from problems[:1]
        if problems:
            return


def _metadata_problems(upload: Upload) -> Iterator[Finding]:
    """What is wrong with the answer to an upload."""
    fields = body_of(upload.exchange)
    for name, wanted in file_problems(fields):
        yield _at(upload.exchange, f"/{name}", fields.get(name, "absent"), wanted)
        return
    if not FORBIDDEN.search(upload.name) and fields["filename"] != upload.name:
        yield _at(upload.exchange, "/filename", fields["filename"], shown(upload.name))
    if fields["size_bytes"] != len(upload.data):
        yield _at(upload.exchange, "/size_bytes", fields["size_bytes"], f"{len(upload.data)}")
    if not str(fields["mime_type"]).startswith(upload.media_type):
        yield _at(upload.exchange, "/mime_type", fields["mime_type"], shown(upload.media_type))


SAME: Final = ("id", "filename", "mime_type", "size_bytes", "created_at")


def _reading_problems(upload: Upload) -> Iterator[Finding]:
    """What is wrong with the description of a file, its place in the list and its content."""
    removed = min((one.number for one in upload.of("DELETE")), default=None)
    before = [one for one in upload.later if removed is None or one.number < removed]
    first = body_of(upload.exchange)
    for one in (one for one in upload.of("GET") if one in before):
        if not one.succeeded:
            yield _status(one, "200: the file exists")
            continue
        for name in SAME:
            if body_of(one).get(name) != first[name]:
                yield _at(one, f"/{name}", body_of(one).get(name), f"{shown(first[name])}, as at the upload")
    for one in before:
        if (one.request.method, one.request.route) == ("GET", FILES) and one.succeeded and _is_missing(upload, one):
            yield _at(one, "/data", "not the uploaded file", "the newest files first")
    for one in (one for one in upload.of("GET", "/content") if one in before):
        if first.get("downloadable") is False and response_of(one).status < 400:
            yield _status(one, "400: what was uploaded is not downloadable")


def _is_missing(upload: Upload, listed: Exchange) -> bool:
    """Whether a list of the newest files lacks a file. Other clients may upload files too, so one item says nothing."""
    data = body_of(listed).get("data")
    ids = [item.get("id") for item in data if isinstance(item, dict)] if isinstance(data, list) else []
    others = {"after_id", "before_id", "ids", "page"} & set(re.findall(r"[a-z_]+", listed.request.path))
    return len(ids) > 1 and upload.identifier not in ids and not others


def _deletion_problems(upload: Upload) -> Iterator[Finding]:
    """What is wrong with the deletion of a file."""
    for deletion in upload.of("DELETE")[:1]:
        if not deletion.succeeded:
            yield _status(deletion, "200: the file exists")
            return
        for name, value in {"id": upload.identifier, "type": "file_deleted"}.items():
            if body_of(deletion).get(name) != value:
                yield _at(deletion, f"/{name}", body_of(deletion).get(name, "absent"), shown(value))
        for one in upload.of("GET"):
            if one.number > deletion.number and response_of(one).status != 404:
                yield _status(one, "404: the file was deleted")


@rule(
    "adjacent.files.expiry",
    SHOULD,
    harm=HIDES,
    families={ANTHROPIC},
    needs={"files"},
    source=SOURCE,
    over=RUN,
    on_sight=True,
    reads={REQUEST},
    provoked="With --include files, a file is uploaded with expires_in_seconds 3,600, and one with 3,599.",
)
def expires_when_the_upload_says(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """expires_in_seconds of 3,600 to 7,776,000 gives expires_at; any other value is refused."""
    timed = [upload for upload in uploads(exchanges) if upload.lifetime.isascii() and upload.lifetime.isdigit()]
    if not any(upload.identifier for upload in timed):
        yield NO_FILE
    for upload in (one for one in timed if one.identifier):
        fields, seconds = body_of(upload.exchange), int(upload.lifetime[:9])
        if seconds not in LIFETIME_S:
            yield _status(upload.exchange, f"4xx: expires_in_seconds is {seconds}")
            return
        expires = fields.get("expires_at")
        wanted = timedelta(seconds=seconds)
        created = fields.get("created_at")
        known = isinstance(expires, str) and is_time(expires) and isinstance(created, str) and is_time(created)
        if not known or abs(time_of(str(expires)) - time_of(str(created)) - wanted) > SLACK:
            yield _at(upload.exchange, "/expires_at", expires, f"a time, {seconds} seconds after created_at")
            return


@rule(
    "adjacent.files.filename",
    SHOULD,
    harm=DRIFTS,
    families={ANTHROPIC},
    needs={"files"},
    source=f"{SOURCE}; anthropic 2.12.0 (PyPI), types/file_upload_params.py (a path is reduced to its last part)",
    over=RUN,
    on_sight=True,
    reads={REQUEST},
    provoked="With --include files, a file named a|b.txt is uploaded.",
)
def stores_no_forbidden_names(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """No file is stored under a name with < > : " | ? * a slash or a control character."""
    odd = [upload for upload in uploads(exchanges) if FORBIDDEN.search(upload.name)]
    if not odd:
        yield NO_FILE
    for upload in odd:
        kept = body_of(upload.exchange).get("filename")
        if upload.identifier and isinstance(kept, str) and FORBIDDEN.search(kept):
            yield _at(upload.exchange, "/filename", kept, "a refusal, or another name")
            return
