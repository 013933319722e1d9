"""Files of the reference endpoint: the list, the metadata, uploads, and files in messages.

Form: platform.claude.com/docs/en/build-with-claude/files, read 2026-08-22.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from typing import Any

from messages_conformance.reference import request_blocks
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.http import HttpRequest
from messages_conformance.reference.json_values import as_list, as_object

KEY = "files"
MAX_IDS = 100
NAME = re.compile(r'[^<>:"|?*\\/\x00-\x1f]{1,255}')
INVALID = "adjacent.files.create-invalid"
LIFETIME_S = range(3_600, 7_776_001)
"""The values of expires_in_seconds: one hour to ninety days."""

KINDS = {"image": request_blocks.IMAGE_TYPES, "document": ("application/pdf", "text/plain")}
"""Content block -> the media types of files that it takes."""

Json = dict[str, Any]
Memory = MutableMapping[str, Any]


def stored(memory: Memory) -> dict[str, Json]:
    """The files of the endpoint by id, the newest first. One was there before."""
    if KEY not in memory:
        memory[KEY] = {
            "file_01Older1": metadata("file_01Older1", "notes.txt", "text/plain", 12, "2026-11-01T08:00:00Z")
        }
    known: dict[str, Json] = memory[KEY]
    return known


def metadata(identifier: str, name: str, mime_type: str, size_bytes: int, created: str) -> Json:
    """The object that describes a file."""
    return {
        "id": identifier,
        "type": "file",
        "filename": name,
        "mime_type": mime_type,
        "size_bytes": size_bytes,
        "created_at": created,
        "downloadable": False,
        "expires_at": None,
    }


def ids_failures(query: Mapping[str, list[str]]) -> Iterator[Failure]:
    """Why a list of named files is refused."""
    ids = query.get("ids[]", [])
    if len(ids) > MAX_IDS or (ids and ("limit" in query or "page" in query)):
        yield Failure(message=f"ids: at most {MAX_IDS}, without limit and page", requirement="adjacent.files.ids")


def page(memory: Memory, query: Mapping[str, list[str]], *, size: int) -> Json:
    """The files of a page, or those that the query names."""
    ids = query.get("ids[]", [])
    files = [item for item in stored(memory).values() if not ids or item["id"] in ids]
    return {"data": files[:size], "next_page": None}


@dataclass(frozen=True, kw_only=True)
class Upload:
    """An uploaded file. `lifetime_s` is the text of expires_in_seconds; empty without one."""

    name: str
    mime_type: str
    data: bytes
    lifetime_s: str


def form_parts(request: HttpRequest) -> Iterator[tuple[str, Message]]:
    """The parts of a form by name."""
    content_type = request.header("content-type") or ""
    if content_type.lower().startswith("multipart/form-data"):
        head = b"Content-Type: " + content_type.encode("latin-1", "replace")
        for part in message_from_bytes(head + b"\r\n\r\n" + request.body).walk():
            yield str(part.get_param("name", header="content-disposition")), part


def payload_of(part: Message | None) -> bytes:
    """The bytes of a part of a form."""
    payload = None if part is None else part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def uploaded(request: HttpRequest) -> Upload | None:
    """What is uploaded; None without a file."""
    parts = dict(form_parts(request))
    part = parts.get("file")
    if part is None or not part.get_filename():
        return None
    return Upload(
        name=str(part.get_filename()),
        mime_type=part.get_content_type(),
        data=payload_of(part),
        lifetime_s=payload_of(parts.get("expires_in_seconds")).decode("utf-8", "replace"),
    )


def upload_failures(request: HttpRequest) -> Iterator[Failure]:
    """Why an upload is refused."""
    found = uploaded(request)
    if found is None:
        yield Failure(message="file: a part of multipart/form-data is required", requirement=INVALID)
        return
    if not NAME.fullmatch(found.name):
        yield Failure(message="file: the name has forbidden characters", requirement="adjacent.files.filename")
    if found.lifetime_s and lifetime(found.lifetime_s) not in LIFETIME_S:
        yield Failure(
            message="expires_in_seconds: Input should be from 3600 to 7776000", requirement="adjacent.files.expiry"
        )


def lifetime(text: str) -> int:
    """The seconds that a file is kept; 0 for a text that is no number."""
    return int(text) if text.isascii() and text.isdigit() else 0


def store(request: HttpRequest, identifier: str, memory: Memory) -> Json:
    """The metadata of a new file, which is stored first."""
    found = uploaded(request) or Upload(name="upload", mime_type="application/octet-stream", data=b"", lifetime_s="")
    created = datetime.now(UTC).replace(microsecond=0)
    made = metadata(identifier, found.name, found.mime_type, len(found.data), stamp(created))
    if found.lifetime_s:
        made["expires_at"] = stamp(created + timedelta(seconds=lifetime(found.lifetime_s)))
    memory[KEY] = {identifier: made, **stored(memory)}
    memory[f"{KEY} {identifier}"] = found.data
    return made


def stamp(time: datetime) -> str:
    """A time in RFC 3339."""
    return time.isoformat().replace("+00:00", "Z")


# -- files in messages ----------------------------------------------------------------------------------------------


def message_failures(body: Mapping[str, Any], memory: Memory) -> Iterator[Failure]:
    """Why a message with files is refused: a file does not exist, or is of another kind."""
    for _, block in request_blocks.content_blocks(body):
        kind, source = str(block.get("type")), as_object(block.get("source"))
        if kind not in KINDS or source.get("type") != "file":
            continue
        found = stored(memory).get(str(source.get("file_id")))
        if found is None:
            message = f"file {source.get('file_id')} not found"
            yield Failure(status=404, message=message, requirement="adjacent.files.in-message")
        elif found["mime_type"] not in KINDS[kind]:
            message = f"{kind}: a file of type {found['mime_type']} is not supported here"
            yield Failure(message=message, requirement="adjacent.files.wrong-type")


def with_texts(body: Mapping[str, Any], memory: Memory) -> Mapping[str, Any]:
    """The body with the texts of its documents in place of the ids of their files."""
    turns = [
        {**turn, "content": [with_text(block, memory) for block in turn["content"]]}
        if isinstance(as_object(turn).get("content"), list)
        else turn
        for turn in as_list(body.get("messages"))
    ]
    return {**body, "messages": turns} if turns else body


def with_text(block: Any, memory: Memory) -> Any:
    """A document with the text of its file; any other block as it is."""
    source = as_object(as_object(block).get("source"))
    data = memory.get(f"{KEY} {source.get('file_id')}")
    if as_object(block).get("type") != "document" or source.get("type") != "file" or data is None:
        return block
    text = {"type": "text", "media_type": "text/plain", "data": data.decode("utf-8", "replace")}
    return {**block, "source": text}
