"""Files of the reference endpoint: the list, the metadata, uploads.

Form: platform.claude.com/docs/en/build-with-claude/files, read 2026-08-22.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from email import message_from_bytes
from typing import Any

from messages_conformance.reference.failures import Failure
from messages_conformance.reference.http import HttpRequest

KEY = "files"
MAX_IDS = 100
NAME = re.compile(r'[^<>:"|?*\\/\x00-\x1f]{1,255}')
INVALID = "adjacent.files.create-invalid"

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


def uploaded(request: HttpRequest) -> tuple[str, str, bytes] | None:
    """The name, the type and the bytes of an uploaded file; None without one."""
    content_type = request.header("content-type") or ""
    if not content_type.lower().startswith("multipart/form-data"):
        return None
    parsed = message_from_bytes(
        b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n" + request.body
    )
    for part in parsed.walk():
        if part.get_param("name", header="content-disposition") == "file" and part.get_filename():
            payload = part.get_payload(decode=True)
            return str(part.get_filename()), part.get_content_type(), payload if isinstance(payload, bytes) else b""
    return None


def upload_failures(request: HttpRequest) -> Iterator[Failure]:
    """Why an upload is refused."""
    found = uploaded(request)
    if found is None:
        yield Failure(message="file: a part of multipart/form-data is required", requirement=INVALID)
    elif not NAME.fullmatch(found[0]):
        yield Failure(message="file: the name has forbidden characters", requirement="adjacent.files.filename")


def store(request: HttpRequest, identifier: str, memory: Memory) -> Json:
    """The metadata of a new file, which is stored first."""
    name, mime_type, data = uploaded(request) or ("upload", "application/octet-stream", b"")
    created = datetime.now(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    made = metadata(identifier, name, mime_type, len(data), created)
    memory[KEY] = {identifier: made, **stored(memory)}
    return made
