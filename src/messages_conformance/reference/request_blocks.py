"""Why a content block of a request is refused, and how thinking blocks are signed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from messages_conformance.reference.failures import Failure
from messages_conformance.reference.json_values import as_list

IDENTIFIER = re.compile(r"[a-zA-Z0-9_-]+")
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
MAGIC = {
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}
MAX_TITLE = 500
DIGEST_BYTES = 32
PDF_MAGIC = b"%PDF-"
MAX_SIDE_PIXELS = 8_000
UNCACHED = ("thinking", "redacted_thinking")
SERVER_RESULTS = (
    "web_search_tool_result",
    "web_fetch_tool_result",
    "code_execution_tool_result",
    "bash_code_execution_tool_result",
    "text_editor_code_execution_tool_result",
    "tool_search_tool_result",
)

FIELDS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    kind: (frozenset(required.split()), frozenset(optional.split()))
    for kind, (required, optional) in {
        "text": ("text", "citations"),
        "image": ("source", "transformations"),
        "document": ("source", "title context citations"),
        "search_result": ("source title content", "citations"),
        "thinking": ("thinking signature", ""),
        "redacted_thinking": ("data", ""),
        "tool_use": ("id name input", "caller toolset_name"),
        "tool_result": ("tool_use_id", "content is_error toolset_name"),
        "server_tool_use": ("id name input", "caller"),
        "container_upload": ("file_id", ""),
        "tool_reference": ("tool_name", ""),
        "browser_state": ("tabs", "state_changes"),
        **dict.fromkeys(SERVER_RESULTS, ("tool_use_id content", "caller")),
    }.items()
}
"""Block type -> its required and its optional fields. All types except thinking also allow `cache_control`."""

CITATION_TYPES = (
    "char_location",
    "page_location",
    "content_block_location",
    "web_search_result_location",
    "search_result_location",
)
RESULT_PARTS = ("text", "image", "search_result", "document", "tool_reference", "browser_state")
ASSISTANT_ONLY = ("thinking", "redacted_thinking", "tool_use", "server_tool_use", *SERVER_RESULTS)
USER_ONLY = ("tool_result", "container_upload")


def content_blocks(body: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Every turn and block of a conversation, as pairs."""
    for turn in as_list(body.get("messages")):
        if isinstance(turn, dict):
            for block in as_list(turn.get("content")):
                if isinstance(block, dict):
                    yield turn, block


def extra_input(where: str) -> Failure:
    """The failure for an unknown field."""
    return Failure(
        message=f"{where}: Extra inputs are not permitted", requirement="request.messages.extra-fields-rejected"
    )


def failures(block: object, where: str, *, role: str | None, known: tuple[str, ...] = ()) -> Iterator[Failure]:
    """Every reason to refuse one block. `role` is that of the turn, or None outside a turn."""
    kind = block.get("type") if isinstance(block, dict) else None
    if not isinstance(block, dict) or not isinstance(kind, str) or kind not in FIELDS or (known and kind not in known):
        yield Failure(
            message=f"{where}: Input tag {kind!r} does not match any of the expected tags",
            requirement="request.messages.content-block-type-required",
        )
        return
    required, optional = FIELDS[kind]
    for name in sorted(required - block.keys()):
        yield Failure(message=f"{where}.{kind}.{name}: Field required", requirement=missing_field(kind))
    cacheable = set() if kind in UNCACHED else {"cache_control"}
    for name in sorted(block.keys() - required - optional - cacheable - {"type"}):
        if name == "cache_control":
            yield cannot_cache(where)
        else:
            yield extra_input(f"{where}.{kind}.{name}")
    if block.get("cache_control") is not None and kind not in UNCACHED:
        yield from cache_control(block["cache_control"], f"{where}.cache_control")
    if (role == "user" and kind in ASSISTANT_ONLY) or (role == "assistant" and kind in USER_ONLY):
        yield Failure(message=f"{where}: {kind} blocks are not allowed in {role} messages")
    if required <= block.keys() and kind in CHECKS:
        yield from CHECKS[kind](block, f"{where}.{kind}")


def missing_field(kind: str) -> str:
    """The requirement that a block with a missing field violates."""
    return {
        "text": "request.text.min-length",
        "image": "request.image.source-types",
        "document": "request.document.source-types",
        "tool_use": "request.tool_use.input-object",
        "tool_result": "request.tool_result.orphan",
    }.get(kind, "request.messages.content-block-type-required")


def cannot_cache(where: str) -> Failure:
    """The failure for cache_control on a block that does not allow it."""
    return Failure(
        message=f"{where}.cache_control: not allowed on this block",
        requirement="request.cache_control.not-on-thinking",
    )


def cache_control(value: object, where: str) -> Iterator[Failure]:
    """Why a cache_control is refused."""
    if (
        not isinstance(value, dict)
        or value.get("type") != "ephemeral"
        or value.get("ttl") not in (None, "5m", "1h")
        or value.keys() - {"type", "ttl"}
    ):
        yield Failure(
            message=f"{where}: Input should be {{type: 'ephemeral', ttl: '5m' or '1h'}}",
            requirement="request.cache_control.shape",
        )


def text(block: Mapping[str, Any], where: str) -> Iterator[Failure]:
    """Why a text block is refused."""
    value = block["text"]
    if not isinstance(value, str):
        yield Failure(message=f"{where}.text: Input should be a valid string", requirement="request.text.min-length")
    elif not value:
        if block.get("cache_control") is not None:
            yield cannot_cache(where)
        yield Failure(message=f"{where}: text content blocks must be non-empty", requirement="request.text.min-length")
    elif not well_cited(block.get("citations")):
        yield Failure(message=f"{where}.citations: Input should be a list of citations")
    elif not value.strip():
        yield Failure(
            message=f"{where}: text content blocks must contain non-whitespace text",
            requirement="request.text.non-whitespace",
        )


def well_cited(citations: object) -> bool:
    """Whether citations are absent, or a list of known types."""
    return citations is None or (
        isinstance(citations, list)
        and all(isinstance(item, dict) and item.get("type") in CITATION_TYPES for item in citations)
    )


def thinking(block: Mapping[str, Any], where: str) -> Iterator[Failure]:
    """Why a thinking block is refused."""
    for name in ("thinking", "signature") if block["type"] == "thinking" else ("data",):
        if not isinstance(block[name], str):
            yield Failure(message=f"{where}.{name}: Input should be a valid string")


def image(block: Mapping[str, Any], where: str) -> Iterator[Failure]:
    """Why an image block is refused."""
    source = block["source"]
    kind = source.get("type") if isinstance(source, dict) else None
    field = {"base64": "data", "url": "url", "file": "file_id"}.get(str(kind))
    if not isinstance(source, dict) or field is None or not isinstance(source.get(field), str):
        yield Failure(
            message=f"{where}.source: Input should be a base64, url or file source",
            requirement="request.image.source-types",
        )
    elif kind == "base64" and source.get("media_type") not in IMAGE_TYPES:
        yield Failure(
            message=f"{where}.source.base64.media_type: Input should be one of {', '.join(IMAGE_TYPES)}",
            requirement="request.image.source-types",
        )
    elif source.keys() - {"type", field, "media_type"} or (kind != "base64" and "media_type" in source):
        yield Failure(
            message=f"{where}.source.{kind}: Extra inputs are not permitted", requirement="request.image.source-types"
        )
    elif kind == "base64" and not is_image(source["data"], source["media_type"]):
        yield Failure(message=f"{where}.source.base64: Could not process image", requirement="request.image.bad-base64")
    elif kind == "base64" and max(png_sides(source["data"])) > MAX_SIDE_PIXELS:
        yield Failure(
            message=f"{where}.source.base64: at least one side is longer than {MAX_SIDE_PIXELS} pixels",
            requirement="request.image.hard-limits",
            details={
                "error_code": "image_dimensions_too_large",
                "max_side_length_pixels": MAX_SIDE_PIXELS,
                "paths": [where.removesuffix(".image")],
            },
        )


def is_image(data: str, media_type: str) -> bool:
    """Whether base64 data begins like an image of a media type."""
    return begins_with(data, *MAGIC[media_type])


def png_sides(data: str) -> tuple[int, int]:
    """Width and height of a PNG in pixels; 0 and 0 for other images."""
    head = base64.b64decode(data)[:24]
    return struct.unpack(">II", head[16:]) if head.startswith(b"\x89PNG") and len(head) == 24 else (0, 0)


def is_base64(data: object) -> bool:
    """Whether a value is base64."""
    return isinstance(data, str) and begins_with(data, b"")


def begins_with(data: str, *magic: bytes) -> bool:
    """Whether the data is base64 and, decoded, begins with one of the given bytes."""
    try:
        return base64.b64decode(data, validate=True).startswith(magic)
    except (binascii.Error, ValueError):
        return False


def document(block: Mapping[str, Any], where: str) -> Iterator[Failure]:
    """Why a document block is refused."""
    source = block["source"]
    fields: dict[str, dict[str, Any]] = {
        "base64": {"media_type": "application/pdf", "data": str},
        "text": {"media_type": "text/plain", "data": str},
        "content": {"content": (str, list)},
        "url": {"url": str},
        "file": {"file_id": str},
    }
    expected = fields.get(str(source.get("type"))) if isinstance(source, dict) else None
    good = expected is not None and all(
        source.get(name) == value if isinstance(value, str) else isinstance(source.get(name), value)
        for name, value in expected.items()
    )
    title, context = block.get("title"), block.get("context")
    if title is not None and not (isinstance(title, str) and 1 <= len(title) <= MAX_TITLE):
        good = False
    if context is not None and not (isinstance(context, str) and context):
        good = False
    if good and source["type"] == "base64" and not begins_with(source["data"], PDF_MAGIC):
        yield Failure(
            message=f"{where}.source.base64: The PDF specified was not valid",
            requirement="request.document.source-types",
        )
    elif good and source["type"] == "base64" and b"/Encrypt" in base64.b64decode(source["data"]):
        yield Failure(message=f"{where}.source.base64: the PDF is encrypted", requirement="request.pdf")
    if not good:
        yield Failure(
            message=f"{where}.source: Input should be a base64, text, content, url or file source, the title at most "
            f"{MAX_TITLE} characters and the context not empty",
            requirement="request.document.source-types",
        )


def search_result(block: Mapping[str, Any], where: str) -> Iterator[Failure]:
    """Why a search_result block is refused."""
    if not isinstance(block["content"], list):
        yield Failure(message=f"{where}.content: Input should be a list of text blocks")
        return
    for name in ("source", "title"):
        if not isinstance(block[name], str) or not block[name]:
            yield Failure(message=f"{where}.{name}: Input should be a string of at least 1 character")
    for at, part in enumerate(block["content"]):
        if any(failures(part, f"{where}.content.{at}", role=None, known=("text",))):
            yield Failure(
                message=f"{where}.content.{at}: Input should be a text block with a text",
                requirement="request.search_result.text-only",
            )


def tool_use(block: Mapping[str, Any], where: str) -> Iterator[Failure]:
    """Why a tool_use block is refused."""
    if not isinstance(block["id"], str) or not IDENTIFIER.fullmatch(block["id"]):
        yield Failure(
            message=f"{where}.id: String should match pattern '^[a-zA-Z0-9_-]+$'",
            requirement="request.tool_use.id-pattern",
        )
    if not isinstance(block["name"], str) or not 1 <= len(block["name"]) <= 200:
        yield Failure(
            message=f"{where}.name: String should have 1 to 200 characters",
            requirement="request.tool_use.name-length",
        )
    if not isinstance(block["input"], dict):
        yield Failure(message=f"{where}.input: Input should be an object", requirement="request.tool_use.input-object")


def tool_result(block: Mapping[str, Any], where: str) -> Iterator[Failure]:
    """Why a tool_result block is refused."""
    if not isinstance(block["tool_use_id"], str) or not IDENTIFIER.fullmatch(block["tool_use_id"]):
        yield Failure(
            message=f"{where}.tool_use_id: String should match pattern '^[a-zA-Z0-9_-]+$'",
            requirement="request.tool_use.id-pattern",
        )
    if not isinstance(block.get("is_error", False), bool):
        yield Failure(
            message=f"{where}.is_error: Input should be a valid boolean",
            requirement="request.tool_result.content-optional",
        )
    inner = block.get("content")
    if not isinstance(inner, str | list | None):
        yield Failure(
            message=f"{where}.content: Input should be a string or a list of blocks",
            requirement="request.tool_result.content-optional",
        )
    for at, part in enumerate(inner if isinstance(inner, list) else ()):
        yield from failures(part, f"{where}.content.{at}", role=None, known=RESULT_PARTS)


CHECKS: Mapping[str, Callable[[Mapping[str, Any], str], Iterator[Failure]]] = {
    "text": text,
    "thinking": thinking,
    "redacted_thinking": thinking,
    "image": image,
    "document": document,
    "search_result": search_result,
    "tool_use": tool_use,
    "server_tool_use": tool_use,
    "tool_result": tool_result,
}


def signature(text: str) -> str:
    """The signature of a thinking text: digest and text, so that it can be checked even if the text is omitted."""
    data = text.encode("utf-8", "surrogatepass")
    return base64.b64encode(digest(data) + data).decode("ascii")


def digest(data: bytes) -> bytes:
    """The digest of a thinking text."""
    return hashlib.sha256(b"thinking:" + data).digest()


def signed(block: Mapping[str, Any]) -> bool:
    """Whether a thinking block has its original text, or an empty text for omitted thinking."""
    text, signed_with = block.get("thinking"), block.get("signature")
    if not isinstance(text, str) or not isinstance(signed_with, str):
        return False
    try:
        raw = base64.b64decode(signed_with, validate=True)
    except ValueError:
        return False
    original = raw[DIGEST_BYTES:]
    return raw[:DIGEST_BYTES] == digest(original) and text.encode("utf-8", "surrogatepass") in (b"", original)
