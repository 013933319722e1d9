"""Citations: the sentence of a document that supports an answer, and its position."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from messages_conformance.reference import text_tasks
from messages_conformance.reference.json_values import as_list, as_object, as_text
from messages_conformance.reference.message import plain_text

SENTENCE = re.compile(r"[^.!?\n]+[.!?]?\s*")
Body = Mapping[str, Any]
Json = dict[str, Any]


def cited(content: list[Json], body: Body) -> list[Json]:
    """The content with a citation in each text, if the request enables citations and a passage fits."""
    found = list(citations(body))
    if not found:
        return content
    question = last_text(body)
    return [with_citation(block, found, question) if block["type"] == "text" else block for block in content]


def last_text(body: Body) -> str:
    """The text at the end of the conversation, which is the question."""
    turn = as_object((as_list(body.get("messages")) or [None])[-1])
    content = turn.get("content")
    return content if isinstance(content, str) else plain_text(as_list(content)[-1:])


def with_citation(block: Json, found: list[tuple[Json, str]], question: str) -> Json:
    """The text block with the citation that shares most words with the question, if it shares any with the text."""
    best = max(found, key=lambda item: (shared_words(item[1], question), shared_words(item[1], block["text"])))
    return {**block, "citations": [best[0]]} if shared_words(best[1], block["text"]) else block


def shared_words(passage: str, text: str) -> int:
    """How many main words two texts share."""
    first, second = ({word.lower() for word in text_tasks.main_words(each)} for each in (passage, text))
    return len(first & second)


def citations(body: Body) -> Iterator[tuple[Json, str]]:
    """Every passage that may be cited: its citation and its text."""
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
    """The sentences or content blocks of a document; none for a PDF or a file."""
    source = as_object(block.get("source"))
    about = {"document_index": index, "document_title": block.get("title"), "file_id": None}
    if source.get("type") == "text":
        for match in SENTENCE.finditer(as_text(source.get("data"))):
            place = {"start_char_index": match.start(), "end_char_index": match.end()}
            yield {"type": "char_location", "cited_text": match[0], **about, **place}, match[0]
    elif source.get("type") == "content":
        content = source.get("content")
        for at, part in enumerate([content] if isinstance(content, str) else as_list(content)):
            text = plain_text(part if isinstance(part, str) else [part])
            place = {"start_block_index": at, "end_block_index": at + 1}
            yield {"type": "content_block_location", "cited_text": text, **about, **place}, text


def passages_of_search_result(block: Mapping[str, Any], index: int) -> Iterator[tuple[Json, str]]:
    """The text blocks of a search result."""
    about = {"source": block.get("source"), "title": block.get("title"), "search_result_index": index}
    for at, part in enumerate(as_list(block.get("content"))):
        text = plain_text([part])
        place = {"start_block_index": at, "end_block_index": at + 1}
        yield {"type": "search_result_location", "cited_text": text, **about, **place}, text
