"""Rules for messages that name an uploaded file: its kind, and whether its text reaches the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import body_of, count, shown, status_and_body
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, HIDES, RUN, rule
from messages_conformance.rules.created_files import NO_FILE, SOURCE, uploads
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import SHOULD, STATUS, Finding, Place, Unverified

USED_SLACK_TOKENS: Final = 10
USED_SLACK_SHARE: Final = 0.15
"""The counts of a document by id and inline may differ by the larger of these, because counts are estimates (our own).
Two estimates may be wrong by 5 % in opposite directions; the document is most of the prompt."""

KINDS: Final = {"image": ("image/",), "document": ("application/pdf", "text/plain")}
"""Content block -> the beginnings of the media types of files that it takes."""


def _sources(exchange: Exchange) -> Iterator[tuple[str, str]]:
    """The kind of each content block of a request with a file, and the id of the file."""
    turns = exchange.request.fields.get("messages")
    for turn in turns if isinstance(turns, list) else ():
        content = turn.get("content") if isinstance(turn, dict) else None
        for block in content if isinstance(content, list) else ():
            source = block.get("source") if isinstance(block, dict) else None
            if isinstance(source, dict) and source.get("type") == "file":
                yield str(block.get("type")), str(source.get("file_id"))


@rule(
    "adjacent.files.wrong-type",
    SHOULD,
    harm=HIDES,
    families={ANTHROPIC},
    needs={"files"},
    source=SOURCE,
    over=RUN,
    on_sight=True,
    reads={REQUEST},
    provoked="With --include files, a text file is used as an image, and an image as a document.",
)
def refuses_files_of_another_kind(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """An image block with a text file, or a document block with an image file, is refused."""
    types = {upload.identifier: upload.media_type for upload in uploads(exchanges) if upload.identifier}
    seen = False
    for one in exchanges:
        for kind, identifier in _sources(one):
            if identifier not in types or kind not in KINDS or types[identifier].startswith(KINDS[kind]):
                continue
            seen = True
            if one.succeeded:
                wanted = f"4xx: a file of type {types[identifier]} is no {kind}"
                yield Finding(exchange=one.number, place=STATUS, found=status_and_body(one), wanted=wanted)
                return
    if not seen:
        yield NO_FILE


@rule(
    "adjacent.files.used",
    SHOULD,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={"files", "count-tokens"},
    source=SOURCE,
    over=RUN,
    on_sight=True,
    reads={REQUEST},
    provoked="With --include files, count_tokens counts a document by the id of its file, and the same text inline.",
)
def reads_the_text_of_files(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A document by the id of a text file has as many input tokens as the same text inline."""
    texts = {
        upload.identifier: upload.data.decode("utf-8", "replace")
        for upload in uploads(exchanges)
        if upload.identifier and upload.media_type == "text/plain"
    }
    counts = {_key(one.request.fields, {}): one for one in exchanges if _is_count(one)}
    compared = False
    for one in (one for one in exchanges if _is_count(one)):
        named = [identifier for kind, identifier in _sources(one) if kind == "document"]
        inline = counts.get(_key(one.request.fields, texts))
        if not named or not set(named) <= texts.keys() or inline is None:
            continue
        compared = True
        by_id, wanted = (count(body_of(each), "input_tokens") for each in (one, inline))
        if abs(by_id - wanted) > max(USED_SLACK_TOKENS, USED_SLACK_SHARE * wanted):
            about = f"about {wanted}, as in exchange {inline.number} with the text"
            place = Place(pointer="/input_tokens")
            yield Finding(exchange=one.number, place=place, found=shown(by_id), wanted=about)
            return
    if not compared:
        yield NO_FILE


def _is_count(exchange: Exchange) -> bool:
    return exchange.request.route.endswith("/count_tokens") and exchange.succeeded


def _key(value: Any, texts: Mapping[str, str]) -> str:
    """A value as text, with the texts of files in place of their ids."""
    if isinstance(value, Mapping):
        if value.get("type") == "file" and str(value.get("file_id")) in texts:
            value = {"type": "text", "media_type": "text/plain", "data": texts[value["file_id"]]}
        return repr(sorted((name, _key(item, texts)) for name, item in value.items()))
    return repr([_key(item, texts) for item in value]) if isinstance(value, list) else repr(value)
