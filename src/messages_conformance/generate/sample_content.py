"""Sample content for generated requests, which no schema describes: texts, readable pictures and PDFs, useful tools.

Each text is ordinary in its language, each picture is a complete file, and no address is one that a server could fetch.
All questions ask for short answers, because answers cost money.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from messages_conformance.generate.pdf_file import pdf

QUESTIONS: Final = (
    "Reply with the single word: ok",
    "What is 7 plus 5? Reply with the number only.",
    "What is the capital of France? Reply with the name only.",
    "Name one colour of the rainbow. Reply with one word.",
    "Count from 1 to 9, separated by commas. Reply with the numbers only.",
    "Is water wet? Reply with yes or no.",
    "Wie heißt die Hauptstadt von Österreich? Antworte mit einem Wort.",
    "¿Cuántos días tiene una semana? Responde solo con el número.",
    "日本の首都はどこですか。一語で答えてください。",
    "ما هي عاصمة مصر؟ أجب بكلمة واحدة.",
    "Repeat this sign and nothing else: 👩‍🚀",
    'Complete the pair "salt and ...". Reply with one word, without quotes.',
    "Which is larger, 2 < 3 or 3 > 2 \\ neither? Reply with one word.",
)
"""The last message of a user. A few tokens are enough to answer each of them."""

REMARKS: Final = (
    "Good morning!",
    "My name is Ada, and I live in Lisbon.",
    "The library opens at nine and closes at five.",
    "Shelf 7 holds books about ships; it is dusted on Fridays.",
    "Bitte kurz antworten: Größe, Übung, Maßstab.",
    "これは図書館についてのメモです。",
    "Prices are in €: bread 2.50, milk 1.20 (per litre).",
    "Two lines,\nof which this is the second.",
    'A tab\tand a "quoted" word, and 50% of a {brace}.',
    "نص قصير للقراءة فقط.",
    "Naïve café, e\u0301 with a combining accent, and a 🌍.",
)
"""Texts apart from a question: facts, greetings, and characters that must not be changed."""

REPLIES: Final = ("ok", "Nice to meet you, Ada.", "Thank you, noted.", "Paris", "Sehr gern.", "わかりました。", "12")
"""Earlier messages of an assistant. None ends in a blank."""

INSTRUCTIONS: Final = (
    "You are a concise assistant.",
    "Answer in plain words, and never with more than one sentence.",
    "You help the readers of a small library. When one word is asked for, give exactly that word.",
    "Antworte immer kurz.",
    "Use lower case. Do not use markdown: no *stars*, no # signs.",
)
"""System prompts."""

STOPS: Final = ("13", "END", "###", "\n\nHuman:", ", 9,", "Stopp!", "終わり", "zebra quartz")
"""Stop sequences; some of them occur in answers, most do not."""

TITLES: Final = ("Opening hours", "Notes, part 2", "Regeln der Bücherei", "2026 – shelf plan")
"""Titles of documents."""

_RED_PNG: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAGklEQVR42mM8ISfHQApgYiARjGoY1TB0NAAATx8BJMixHB8AAAAASUVORK5CYII="
)
_BLUE_PNG: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAGklEQVR42mOUsznBQApgYiARjGoY1TB0NAAAqW8BQhYPkp8AAAAASUVORK5CYII="
)
_RED_JPEG: Final = (
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6jq62rZ4C8"
    "ybqmx5moq6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKT/"
    "wAARCAAQABADASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAT/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAA"
    "AAAABAX/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwCEAdYf/9k="
)
_BLUE_GIF: Final = "R0lGODdhEAAQAIEAAB48yAAAAAAAAAAAACwAAAAAEAAQAEAIHQABCBxIsKDBgwgTKlzIsKHDhxAjSpxIsaLFgQEBADs="
_RED_WEBP: Final = "UklGRh4AAABXRUJQVlA4TBEAAAAvD8ADAAdQjyLXo/+BiOh/AAA="

PICTURES: Final = tuple(
    {"type": "base64", "media_type": media_type, "data": data}
    for media_type, data in (
        ("image/png", _RED_PNG),
        ("image/png", _BLUE_PNG),
        ("image/jpeg", _RED_JPEG),
        ("image/gif", _BLUE_GIF),
        ("image/webp", _RED_WEBP),
    )
)
"""Complete image files of 16 by 16 pixels in one colour."""


PDF: Final = {
    "type": "base64",
    "media_type": "application/pdf",
    "data": base64.b64encode(pdf("The library opens at nine.")).decode(),
}
"""The source of a document."""

_TEXT: Final = {"type": "string"}
_CITY: Final = {"type": "string", "description": "The city, for example “Zürich”"}


def _object(properties: Mapping[str, Any], required: Sequence[str] = ()) -> Mapping[str, Any]:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


TOOLS: Final[tuple[tuple[str, str, Mapping[str, Any], Mapping[str, Any]], ...]] = (
    (
        "get_weather",
        "Gives the weather in one city.",
        _object({"location": _CITY}, ["location"]),
        {"location": "Paris"},
    ),
    (
        "get_time",
        "Gives the local time. Größe, 時刻, 🕒: any city is fine.",
        _object({"city": _CITY, "format": {"enum": ["12h", "24h"]}}, ["city"]),
        {"city": "東京", "format": "24h"},
    ),
    ("who-is-there", "Tells who is logged in. It takes no input.", {"type": "object", "properties": {}}, {}),
    ("list_books_" + "x" * 53, "Lists books.", _object({"limit": {"type": "integer"}}), {"limit": 3}),
    (
        "addNumbers",
        "Adds numbers.",
        _object({"numbers": {"type": "array", "items": {"type": "number"}}, "round": {"type": "boolean"}}, ["numbers"]),
        {"numbers": [1, 2.5, -3], "round": True},
    ),
    (
        "order_bread",
        "Orders bread.",
        _object(
            {
                "who": _object({"name": _TEXT, "note": {"type": ["string", "null"]}}, ["name"]),
                "loaves": {"type": "integer", "minimum": 1, "maximum": 9},
            },
            ["who", "loaves"],
        ),
        {"who": {"name": "Ada", "note": None}, "loaves": 2},
    ),
)
"""(name, description, input_schema, an input): names of at most 64 characters that begin with a letter."""

ANSWER_SCHEMA: Final = {
    "type": "object",
    "properties": {"word": {"type": "string"}},
    "required": ["word"],
    "additionalProperties": False,
}
"""The output format of generated requests."""

STRICT_SCHEMA: Final = {
    "type": "object",
    "properties": {"location": {"type": "string"}, "count": {"type": "integer"}},
    "required": ["location", "count"],
    "additionalProperties": False,
}
"""Every member is required and no other is allowed, as a strict schema demands (structured outputs)."""


def call_ids() -> SearchStrategy[str]:
    """A strategy for ids of tool calls, in the forms of several vendors."""
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    stems = st.text(letters, min_size=12, max_size=20)
    return st.builds(lambda prefix, stem: prefix + stem, st.sampled_from(["toolu_", "toolu_01", "call_"]), stems)


def texts(choices: Sequence[str]) -> SearchStrategy[str]:
    """A strategy for one of the texts."""
    return st.sampled_from(choices)


NEVER: Final[SearchStrategy[Any]] = st.nothing()
"""For optional members that a correct server need not know, or that have no meaning here: they are left out."""

OVERRIDES: Final[Mapping[str, SearchStrategy[Any]]] = {
    "request.json#/properties/max_tokens": st.sampled_from([1, 2, 5, 8, 16, 24]),
    "request.json#/properties/stop_sequences": st.one_of(
        *[st.lists(texts(STOPS), min_size=1, max_size=3, unique=True)] * 3, st.just([])
    ),
    "request.json#/properties/temperature": st.sampled_from([0, 0.0, 0.25, 0.5, 0.7, 1, 1.0]),
    "request.json#/properties/top_p": st.sampled_from([0.1, 0.5, 0.9, 0.99, 1]),
    "request.json#/properties/top_k": st.sampled_from([0, 1, 5, 40, 250]),
    "request.json#/properties/metadata/properties/user_id": st.one_of(
        st.sampled_from(["13803d75-b4b5-4c3e-b2a2-6f21399b021b", "reader-7", "ユーザー"]), st.none()
    ),
    "cache_control.json": NEVER,  # the whole request decides where breakpoints may be
    "caller.json": NEVER,
    "citations.json#/$defs/request": NEVER,
    "blocks/text.json#/$defs/request/properties/text": texts(REMARKS),
    "blocks/text.json#/$defs/request/properties/citations": NEVER,
    "blocks/image.json#/$defs/request/properties/transformations": NEVER,
    "sources.json#/$defs/image": st.sampled_from(PICTURES),
    "sources.json#/$defs/document_base64": st.just(PDF),
    "sources.json#/$defs/text/properties/data": texts(REMARKS),
    "sources.json#/$defs/content/properties/content": st.one_of(
        texts(REMARKS), texts(REMARKS).map(lambda text: [{"type": "text", "text": text}])
    ),
    "sources.json#/$defs/url": NEVER,  # a server may fetch it
    "sources.json#/$defs/file": NEVER,  # there is none
    "blocks/document.json#/$defs/request/properties/title": st.one_of(texts(TITLES), st.none()),
    "blocks/document.json#/$defs/request/properties/context": st.one_of(texts(REMARKS), st.none()),
    "blocks/document.json#/$defs/request/properties/citations": NEVER,
    "blocks/search_result.json#/$defs/request/properties/source": st.just("library-handbook"),
    "blocks/search_result.json#/$defs/request/properties/title": texts(TITLES),
    "blocks/search_result.json#/$defs/request/properties/content": st.lists(
        texts(REMARKS).map(lambda text: {"type": "text", "text": text}), min_size=1, max_size=2
    ),
    "blocks/search_result.json#/$defs/request/properties/citations": NEVER,
    "blocks/tool_use.json#/$defs/request/properties/toolset_name": NEVER,
    "blocks/tool_result.json#/$defs/request/properties/toolset_name": NEVER,
}
"""Strategies for parts of a request, by the place of the schema that each replaces."""
