"""The prompt cache: the part of a prompt before a cache_control is written once, and then read by later requests.

A block with cache_control is a breakpoint: everything up to it is written, in the order tools, system, messages. A
request reads the longest prefix that an earlier request wrote, if it ends at a breakpoint or at most LOOKBACK_BLOCKS
before one. cache_control itself is not compared: an agent moves its breakpoint with every turn, and still reads the
prefix of the previous turn.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from messages_conformance.reference.json_values import as_list, as_object
from messages_conformance.reference.language_model import Model
from messages_conformance.reference.message import input_tokens, uncached

MIN_CACHED_TOKENS = 1024
"""Shorter prefixes are not cached. The real minimum is 512 to 4096, depending on the model."""

LOOKBACK_BLOCKS = 20
"""How many blocks before a breakpoint an entry may end (platform.claude.com/docs, prompt caching, 2026-11-22)."""

LIFETIME_S = {"5m": 300.0, "1h": 3600.0}
Body = Mapping[str, Any]
Entries = MutableMapping[bytes, float]
"""Digest of a prefix -> the time in seconds at which it expires."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One block of a request: its position, the digest of the prefix that it ends, and its lifetime in the cache."""

    position: tuple[str, int, int]
    digest: bytes
    ttl: str | None


def billed(
    answer: Mapping[str, Any], body: Body, model: Model, memory: MutableMapping[str, Any], *, now_s: float
) -> dict[str, Any]:
    """The answer with its input tokens counted in three parts: written to the cache, read from it, and the rest."""
    parts = list(parts_of(body))
    sizes = {at: input_tokens(up_to(body, part.position), model) for at, part in enumerate(parts) if part.ttl}
    marks = [at for at, size in sizes.items() if size >= MIN_CACHED_TOKENS]
    if not marks:
        return dict(answer)
    entries: Entries = memory.setdefault("cache", {})
    known = known_part(parts, marks, entries, now_s)
    read = 0 if known is None else sizes.get(known) or input_tokens(up_to(body, parts[known].position), model)
    hours = max((sizes[at] for at in marks if parts[at].ttl == "1h"), default=0)
    whole = sizes[marks[-1]]
    long_lived = max(0, hours - read)
    for at in [*marks, *([] if known is None else [known])]:
        lifetime = LIFETIME_S[parts[at].ttl or "5m"]
        entries[parts[at].digest] = max(entries.get(parts[at].digest, 0.0), now_s + lifetime)
    usage = answer["usage"]
    created = max(0, whole - read)
    counts = {
        "input_tokens": max(0, usage["input_tokens"] - max(whole, read)),
        "cache_creation_input_tokens": created,
        "cache_read_input_tokens": read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": created - long_lived,
            "ephemeral_1h_input_tokens": long_lived,
        },
    }
    return {**answer, "usage": {**usage, **counts}}


def known_part(parts: Sequence[Part], marks: Sequence[int], entries: Entries, now_s: float) -> int | None:
    """The last part at or shortly before a breakpoint whose prefix is in the cache; None if there is none."""
    near = {at for mark in marks for at in range(max(0, mark - LOOKBACK_BLOCKS), mark + 1)}
    return max((at for at in near if entries.get(parts[at].digest, 0.0) > now_s), default=None)


def parts_of(body: Body) -> Iterator[Part]:
    """Every block of a request in order. The cache_control of the request itself applies to its last block."""
    blocks = list(blocks_of(body))
    whole = ttl_of(body)
    digest = hashlib.sha256(json.dumps(body.get("model")).encode())
    for at, (position, block) in enumerate(blocks):
        digest.update(json.dumps(uncached(block), sort_keys=True).encode())
        ttl = ttl_of(block) or (whole if at == len(blocks) - 1 else None)
        yield Part(position=position, digest=digest.digest(), ttl=ttl)


def blocks_of(body: Body) -> Iterator[tuple[tuple[str, int, int], Any]]:
    """The position and the value of every block of a request, in the order of the cache."""
    for at, tool in enumerate(as_list(body.get("tools"))):
        yield ("tools", at, 0), tool
    for at, block in enumerate(as_blocks(body.get("system"))):
        yield ("system", at, 0), block
    for at, turn in enumerate(as_list(body.get("messages"))):
        for number, block in enumerate(as_blocks(as_object(turn).get("content"))):
            yield ("messages", at, number), [as_object(turn).get("role"), block]


def as_blocks(content: object) -> list[Any]:
    """A content of either form as a list of blocks."""
    return [content] if isinstance(content, str) and content else as_list(content)


def ttl_of(holder: object) -> str | None:
    """The lifetime that a block, or a block inside it, asks for; None without cache_control."""
    if isinstance(holder, list):
        return next((ttl for ttl in map(ttl_of, holder) if ttl), None)
    control = as_object(as_object(holder).get("cache_control"))
    if control:
        return "1h" if control.get("ttl") == "1h" else "5m"
    return ttl_of(as_object(holder).get("content")) if isinstance(as_object(holder).get("content"), list) else None


def up_to(body: Body, position: tuple[str, int, int]) -> Body:
    """The part of a request up to and including one block."""
    name, at, number = position
    order = ("tools", "system", "messages")
    kept = {before: body[before] for before in order[: order.index(name)] if before in body}
    if name != "messages":
        items = body[name]
        return {**kept, name: items[: at + 1] if isinstance(items, list) else items}
    turn = body[name][at]
    content = turn["content"][: number + 1] if isinstance(turn["content"], list) else turn["content"]
    return {**kept, name: [*body[name][:at], {**turn, "content": content}]}
