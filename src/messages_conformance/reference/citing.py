"""Citations: a sentence of a document that an answer rests on, with the place where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from messages_conformance.reference import text_tasks
from messages_conformance.reference.message import as_list, as_object, as_text, plain_text

SENTENCE = re.compile(r"[^.!?\n]+[.!?]?\s*")
Body = Mapping[str, Any]
Json = dict[str, Any]


def cited(content: list[Json], body: Body) -> list[Json]:
    """The content with a citation under each text, where the request's documents are to be cited and one fits."""
    found = list(citations(body))
    if not found:
        return content
    asked = last_words(body)
    return [with_citation(block, found, asked) if block["type"] == "text" else block for block in content]


def last_words(body: Body) -> str:
    """The text that the conversation ends with, which is what was asked."""
    turn = as_object((as_list(body.get("messages")) or [None])[-1])
    content = turn.get("content")
    return content if isinstance(content, str) else plain_text(as_list(content)[-1:])


def with_citation(block: Json, found: list[tuple[Json, str]], asked: str) -> Json:
    best = max(found, key=lambda item: (shared_words(item[1], asked), shared_words(item[1], block["text"])))
    return {**block, "citations": [best[0]]} if shared_words(best[1], block["text"]) else block


def shared_words(passage: str, text: str) -> int:
    return len(
        {word.lower() for word in text_tasks.main_words(passage)} & {w.lower() for w in text_tasks.main_words(text)}
    )


def citations(body: Body) -> Iterator[tuple[Json, str]]:
    """Every passage that may be cited, as a citation and as text."""
    documents = results = 0
    for turn in as_list(body.get("messages")):
        for block in as_list(as_object(turn).get("content")):
            enabled = as_object(as_object(block).get("citations")).get("enabled") is True
            if as_object(block).get("type") == "document":
                yield from passages_of_document(block, documents) if enabled else ()
                documents += 1
            elif as_object(block).get("type") == "search_result":
                yield from passages_of_search_result(block, results) if enabled else ()
                results += 1


def passages_of_document(block: Mapping[str, Any], index: int) -> Iterator[tuple[Json, str]]:
    source = as_object(block.get("source"))
    about = {"document_index": index, "document_title": block.get("title"), "file_id": None}
    if source.get("type") == "text":
        for match in SENTENCE.finditer(as_text(source.get("data"))):
            place = {"start_char_index": match.start(), "end_char_index": match.end()}
            yield {"type": "char_location", "cited_text": match[0], **about, **place}, match[0]
    elif source.get("type") == "content":
        held = source.get("content")
        for at, part in enumerate([held] if isinstance(held, str) else as_list(held)):
            text = plain_text(part if isinstance(part, str) else [part])
            place = {"start_block_index": at, "end_block_index": at + 1}
            yield {"type": "content_block_location", "cited_text": text, **about, **place}, text


def passages_of_search_result(block: Mapping[str, Any], index: int) -> Iterator[tuple[Json, str]]:
    about = {"source": block.get("source"), "title": block.get("title"), "search_result_index": index}
    for at, part in enumerate(as_list(block.get("content"))):
        text = plain_text([part])
        place = {"start_block_index": at, "end_block_index": at + 1}
        yield {"type": "search_result_location", "cited_text": text, **about, **place}, text
