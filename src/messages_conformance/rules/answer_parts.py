"""Rules for the rarer parts of an answer, which are judged where they are seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import (
    at,
    blocks_of,
    body_of,
    has_message,
    in_message,
    message_of,
    refused,
    shown,
    streamed,
    walk_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, DRIFTS, LOSES, MISLEADS, rule
from messages_conformance.rules.verdict import MAY, SHOULD, Finding, Place

CONTEXT_EDITING: Final = "platform.claude.com/docs/en/build-with-claude/context-editing, read 2026-08-22"
CODE_EXECUTION: Final = "platform.claude.com/docs/en/agents-and-tools/tool-use/code-execution-tool, read 2026-08-22"

EDIT_COUNTS: Final = {
    "clear_tool_uses_20250919": ("cleared_tool_uses", "cleared_input_tokens"),
    "clear_thinking_20251015": ("cleared_thinking_turns", "cleared_input_tokens"),
}
"""Known types of applied edits, with the counts that each has."""


def _context_management(exchange: Exchange) -> tuple[Any, Place]:
    """context_management of a message, or of the last message_delta of a stream, and its place."""
    if not streamed(exchange):
        return body_of(exchange).get("context_management"), Place(pointer="/context_management")
    deltas = [event for event in walk_of(exchange).message_deltas if event.fields.get("context_management")]
    if not deltas:
        return None, Place()
    return deltas[-1].fields["context_management"], at(deltas[-1], "/context_management")


def _edits_context(exchange: Exchange) -> bool:
    return has_message(exchange) and _context_management(exchange)[0] is not None


@rule(
    "response.context_management.applied_edits",
    SHOULD,
    harm=MISLEADS,  # a client reads there what the server removed
    families={ANTHROPIC},
    source=CONTEXT_EDITING,
    applies=_edits_context,
    on_sight=True,
    provoked="Judged on every answer with context_management.",
)
def lists_the_edits_of_the_context(exchange: Exchange) -> Iterable[Finding]:
    """context_management.applied_edits is a list of edits, each with its type and its counts."""
    found, place = _context_management(exchange)
    edits = found.get("applied_edits") if isinstance(found, dict) else None
    if not isinstance(edits, list):
        yield Finding(place=place, found=shown(found), wanted="an object with the list applied_edits")
        return
    for edit in edits:
        kind = edit.get("type") if isinstance(edit, dict) else None
        if not isinstance(kind, str):
            yield Finding(place=place, found=shown(edit), wanted="an object with a type")
            return
        wrong = [name for name in EDIT_COUNTS.get(kind, ()) if not _is_count(edit.get(name))]
        if wrong:
            found_count = shown(edit[wrong[0]]) if wrong[0] in edit else "absent"
            yield Finding(place=place, found=f"{wrong[0]} is {found_count}", wanted="an integer of 0 or more")
            return


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _container(exchange: Exchange) -> Any:
    return (message_of(exchange) or {}).get("container")


@rule(
    "response.container.shape",
    SHOULD,
    harm=LOSES,  # the next request cannot name the container
    families={ANTHROPIC},
    source=CODE_EXECUTION,
    applies=lambda exchange: has_message(exchange) and _container(exchange) is not None,
    on_sight=True,
    provoked="Judged on every answer with a container.",
)
def describes_its_container(exchange: Exchange) -> Iterable[Finding]:
    """A container has an id and an expires_at in RFC 3339."""
    container = _container(exchange)
    fields = container if isinstance(container, dict) else {}
    place = in_message(exchange, "/container")
    if not isinstance(fields.get("id"), str):
        yield Finding(place=place, found=shown(container), wanted="an object with the id of the container")
    elif not is_time(fields.get("expires_at")):
        yield Finding(place=place, found=f"expires_at is {shown(fields.get('expires_at'))}", wanted="an RFC 3339 time")


def is_time(value: Any) -> bool:
    """Whether a value is a time in RFC 3339."""
    if not isinstance(value, str) or value[10:11] not in ("T", "t", " "):
        return False
    try:
        return datetime.fromisoformat(value.upper()).tzinfo is not None
    except ValueError:
        return False


def _shows(kind: str) -> Callable[[Exchange], bool]:
    return lambda exchange: has_message(exchange) and any(block.get("type") == kind for block in blocks_of(exchange))


@rule(
    "response.fallback.block",
    SHOULD,
    harm=MISLEADS,  # it says which model is billed
    families={ANTHROPIC},
    source="platform.claude.com/docs/en/build-with-claude/refusals-and-fallback, read 2026-08-22",
    applies=_shows("fallback"),
    on_sight=True,
    provoked="Judged on every answer with a fallback block.",
)
def names_both_models_of_a_fallback(exchange: Exchange) -> Iterable[Finding]:
    """A fallback block names the models from and to, and has no deltas."""
    for number, block in enumerate(blocks_of(exchange)):
        wrong = [name for name in ("from", "to") if block.get("type") == "fallback" and not _model(block.get(name))]
        if wrong:
            place = in_message(exchange, f"/content/{number}/{wrong[0]}")
            yield Finding(place=place, found=shown(block.get(wrong[0])), wanted="an object with the name of the model")
            return
    yield from _deltas_of(exchange, "fallback", at_most=0)


def _model(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("model"), str)


def _deltas_of(exchange: Exchange, kind: str, *, at_most: int) -> Iterable[Finding]:
    for block in walk_of(exchange).blocks if streamed(exchange) else ():
        if block.type == kind and len(block.deltas) > at_most:
            wanted = f"at most {at_most}" if at_most else "none"
            yield Finding(
                place=at(block.deltas[-1]), found=f"{len(block.deltas)} deltas of a {kind} block", wanted=wanted
            )
            return


@rule(
    "response.compaction.block",
    SHOULD,
    harm=LOSES,  # the summary stands for all earlier turns
    families={ANTHROPIC},
    source="platform.claude.com/docs/en/build-with-claude/compaction, read 2026-08-22",
    applies=_shows("compaction"),
    on_sight=True,
    provoked="Judged on every answer with a compaction block.",
)
def begins_with_the_compaction(exchange: Exchange) -> Iterable[Finding]:
    """A compaction block is the first block, has a text or null as content, and in a stream one delta at most."""
    blocks = blocks_of(exchange)
    for number, block in enumerate(blocks):
        if block.get("type") != "compaction":
            continue
        place = in_message(exchange, f"/content/{number}")
        if any(before.get("type") not in ("compaction", "fallback") for before in blocks[:number]):
            yield Finding(place=place, found=f"a compaction block as number {number}", wanted="the first block")
            return
        if not isinstance(block.get("content"), str | None):
            yield Finding(place=place, found=shown(block.get("content")), wanted="a string or null")
            return
    yield from _deltas_of(exchange, "compaction", at_most=1)


def _details(exchange: Exchange) -> tuple[bool, Any]:
    """Whether the error of a refusal has details, and what they are."""
    error = body_of(exchange).get("error")
    return isinstance(error, dict) and "details" in error, error.get("details") if isinstance(error, dict) else None


@rule(
    "errors.details.error_code",
    SHOULD,
    harm=DRIFTS,
    families={ANTHROPIC},
    source="anthropic 2.14.0 (PyPI), _exceptions.py, read 2026-11-30",
    needs={"error-envelope"},
    applies=lambda exchange: refused(exchange) and _details(exchange)[0],
    on_sight=True,
    provoked="Judged on every error with details.",
)
def codes_its_errors_in_words(exchange: Exchange) -> Iterable[Finding]:
    """error.details is an object or null, and its error_code a string or null."""
    _, details = _details(exchange)
    if not isinstance(details, dict | None):
        yield Finding(place=Place(pointer="/error/details"), found=shown(details), wanted="an object or null")
    elif details and not isinstance(details.get("error_code"), str | None):
        place = Place(pointer="/error/details/error_code")
        yield Finding(place=place, found=shown(details["error_code"]), wanted="a string or null")


TOO_LARGE_IMAGE: Final = "image_dimensions_too_large"


def _is_about_an_image(exchange: Exchange) -> bool:
    """Whether an image of the request has too long a side, as the details of the error say."""
    _, details = _details(exchange) if refused(exchange) else (False, None)
    return isinstance(details, dict) and details.get("error_code") == TOO_LARGE_IMAGE


@rule(
    "errors.image.details",
    MAY,
    harm=DRIFTS,
    families={ANTHROPIC},
    source="anthropic 2.14.0 (PyPI), types/image_dimensions_too_large_error_details.py, read 2026-11-30",
    needs={"error-envelope"},
    applies=_is_about_an_image,
    on_sight=True,
    provoked="Judged on every error with this code; an image with a side of 8,001 pixels may provoke it.",
)
def names_images_that_are_too_large(exchange: Exchange) -> Iterable[Finding]:
    """The details of image_dimensions_too_large have max_side_length_pixels and paths."""
    _, details = _details(exchange)
    side, paths = details.get("max_side_length_pixels"), details.get("paths")
    if not isinstance(side, int) or isinstance(side, bool):
        place = Place(pointer="/error/details/max_side_length_pixels")
        yield Finding(place=place, found=shown(side), wanted="an integer")
    elif not isinstance(paths, list) or not paths or not all(isinstance(path, str) for path in paths):
        place = Place(pointer="/error/details/paths")
        yield Finding(place=place, found=shown(paths), wanted="a list of strings, such as messages.0.content.1")
