"""Rules for citations: they point at what they quote, and are there only where a request enables them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import blocks_of, has_message, in_message, is_broken_stream, shown
from messages_conformance.rules.catalogue import ANTHROPIC, DRIFTS, LOSES, rule
from messages_conformance.rules.offered_tools import STORED, offered_tools
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import SHOULD, Finding, Unverified

OF_DOCUMENTS: Final = frozenset({"char_location", "page_location", "content_block_location"})
OF_RESULTS: Final = "search_result_location"
Json = Mapping[str, Any]


def _blocks(content: Any) -> Iterator[Json]:
    """The blocks of a content, each before those inside it."""
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict):
            yield block
            if block.get("type") == "tool_result":
                yield from _blocks(block.get("content"))


def _of_request(exchange: Exchange, kind: str) -> list[Json]:
    """The blocks of one type in all messages of a request, those in tool results included."""
    turns = exchange.request.fields.get("messages")
    contents = [turn.get("content") for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
    return [block for content in contents for block in _blocks(content) if block.get("type") == kind]


def _citations(exchange: Exchange) -> Iterator[tuple[str, Json]]:
    """The citations of the text blocks of an answer, each with its pointer."""
    for at, block in enumerate(blocks_of(exchange)):
        found = block.get("citations") if block.get("type") == "text" else None
        for number, citation in enumerate(found if isinstance(found, list) else ()):
            if isinstance(citation, dict):
                yield f"/content/{at}/citations/{number}", citation


@rule(
    "response.citations.slice",
    SHOULD,
    harm=LOSES,
    families={ANTHROPIC},
    needs={"citations"},
    source=f"{sources.CITATIONS}; platform.claude.com/docs/en/build-with-claude/search-results, read 2026-08-22",
    applies=lambda exchange: has_message(exchange) and any(True for _ in _citations(exchange)),
    on_sight=True,
    reads={REQUEST},
    provoked="Judged on every citation; questions about documents with citations enabled invite them.",
)
def cites_what_it_points_at(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A citation quotes the text at its place in the document or search result that it names."""
    if is_broken_stream(exchange):
        yield Unverified(reason="the stream violates another requirement")
        return
    for pointer, citation in _citations(exchange):
        for name, wanted in _problems(exchange, citation):
            place = in_message(exchange, f"{pointer}/{name}")
            yield Finding(place=place, found=shown(citation.get(name)), wanted=wanted)
            return


def _problems(exchange: Exchange, citation: Json) -> Iterator[tuple[str, str]]:
    """What is wrong with a citation: the member and what is wanted. Nothing is known about pages and the web."""
    kind = citation.get("type")
    name, of_kind = ("search_result_index", "search_result") if kind == OF_RESULTS else ("document_index", "document")
    if kind not in (OF_RESULTS, "char_location", "content_block_location"):
        return
    known = _of_request(exchange, of_kind)
    at = citation.get(name)
    if not known:
        return  # the rule below judges citations of documents that are not there
    if not isinstance(at, int) or not 0 <= at < len(known):
        yield name, f"0 to {len(known) - 1}: the request has {len(known)}"
        return
    yield from _quote_problems(known[at], citation)
    yield from _name_problems(known[at], citation)


def _quote_problems(block: Json, citation: Json) -> Iterator[tuple[str, str]]:
    """Whether the quoted text is at the place that the citation gives."""
    texts = [text.strip() for text in _texts_at(block, citation)]
    quoted = citation.get("cited_text")
    if texts and isinstance(quoted, str) and quoted.strip() not in texts:
        yield "cited_text", f"the text at its place, {shown(texts[0])}"


def _texts_at(block: Json, citation: Json) -> Iterator[str]:
    """The texts at the place of a citation, one for each way in which characters may be counted."""
    if citation.get("type") == "char_location":
        begin, end = citation.get("start_char_index"), citation.get("end_char_index")
        source = block.get("source")
        data = source.get("data") if isinstance(source, dict) and source.get("type") == "text" else None
        if isinstance(data, str) and isinstance(begin, int) and isinstance(end, int):
            yield data[begin:end]
            for coding, size in (("utf-16-le", 2), ("utf-8", 1)):
                yield data.encode(coding, "replace")[begin * size : end * size].decode(coding, "replace")
        return
    begin, end = citation.get("start_block_index"), citation.get("end_block_index")
    source = block.get("source")
    content = source.get("content") if isinstance(source, dict) else block.get("content")
    parts = [content] if isinstance(content, str) else content
    if isinstance(parts, list) and isinstance(begin, int) and isinstance(end, int):
        texts = [part if isinstance(part, str) else str(part.get("text", "")) for part in parts[begin:end]]
        yield "".join(texts)
        yield "\n".join(texts)


def _name_problems(block: Json, citation: Json) -> Iterator[tuple[str, str]]:
    """Whether the title and the source are those of the request."""
    names = ("title", "source") if citation.get("type") == OF_RESULTS else ("title",)
    for name in names:
        member = "document_title" if citation.get("type") != OF_RESULTS else name
        given, found = block.get(name), citation.get(member)
        if found is not None and found != given:
            yield member, shown(given)


@rule(
    "response.citations.only-when-enabled",
    SHOULD,
    harm=DRIFTS,
    families={ANTHROPIC},
    source=f"{sources.CITATIONS} (citations are disabled by default)",
    applies=has_message,
    reads={REQUEST},
    provoked="Judged on every answer.",
)
def cites_only_where_citations_are_enabled(exchange: Exchange) -> Iterable[Finding]:
    """No text cites a document or a search result unless the request has one with citations enabled."""
    if STORED & exchange.request.fields.keys():
        return
    # A tool that fetches documents has the flag, too.
    blocks = [*_of_request(exchange, "document"), *_of_request(exchange, "search_result"), *offered_tools(exchange)]
    if any(isinstance(block.get("citations"), dict) and block["citations"].get("enabled") is True for block in blocks):
        return
    for pointer, citation in _citations(exchange):
        if citation.get("type") in OF_DOCUMENTS or citation.get("type") == OF_RESULTS:
            wanted = "no citation: none is enabled in the request"
            yield Finding(place=in_message(exchange, pointer), found=shown(citation.get("type")), wanted=wanted)
            return
