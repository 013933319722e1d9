"""Rules for HTTP: media types, content codings, character encoding, and credentials in answers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from messages_conformance.exchange import GZIP_MAGIC, KEY_PLACEHOLDER, WRONG_KEY, Exchange
from messages_conformance.masking import spans
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    answered,
    carries_error,
    expects_refusal,
    has_message,
    in_message,
    is_utf8,
    media_type_of,
    not_streamed,
    refused,
    response_of,
    shown,
    stream_requested,
    streamed,
    text_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, LEAKS, LOSES, MISLEADS, TOKMODEL, rule
from messages_conformance.rules.recording_parts import RAW_BODY, REQUEST, RESPONSE_HEADERS, has
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place, Unverified

JSON: Final = "application/json"
SSE: Final = "text/event-stream"


def _counted(exchange: Exchange) -> bool:
    """Whether count_tokens returned a count, which SDKs also parse by its content type."""
    known = has(exchange, REQUEST) and exchange.succeeded and not expects_refusal(exchange)
    return known and exchange.request.route.endswith("/count_tokens") and isinstance(response_of(exchange).json, dict)


@rule(
    "transport.content-type.json-response",
    MUST,
    harm=BREAKS,
    source=sources.sdk_ts("src/internal/parse.ts"),
    applies=lambda exchange: not_streamed(exchange) or _counted(exchange),
    reads={RESPONSE_HEADERS},
)
def labels_json(exchange: Exchange) -> Iterable[Finding]:
    """An answer that is not streamed has the media type application/json; parameters are allowed."""
    response = response_of(exchange)
    if response.media_type != JSON and not response.is_event_stream:
        yield Finding(place=Place(header="content-type"), found=shown(response.header("content-type")), wanted=JSON)


UTF_8_NAMES: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
"""Names of UTF-8 and of a part of it, in lower case."""

CHARSET: Final = re.compile(r""";\s*charset\s*=\s*"?([^\s;"]+)""", re.I)


def _is_utf8_alone(exchange: Exchange) -> bool:
    response = exchange.response
    return response is not None and (response.media_type == JSON or response.is_event_stream)


@rule(
    "transport.content-type.charset",
    SHOULD,
    harm=MISLEADS,
    source=f"{sources.RFC_JSON}, section 8.1; {sources.SSE}",
    applies=_is_utf8_alone,
    reads={RESPONSE_HEADERS},
)
def names_no_other_charset(exchange: Exchange) -> Iterable[Finding]:
    """The media type of JSON and of a stream names no other charset than UTF-8."""
    header = response_of(exchange).header("content-type") or ""
    named = CHARSET.search(header)
    if named is not None and named[1].lower() not in UTF_8_NAMES:
        yield Finding(place=Place(header="content-type"), found=shown(header), wanted="charset=utf-8, or no charset")


@rule(
    "transport.content-type.sse-response",
    MUST,
    harm=BREAKS,
    source=f"{sources.SEED}; {sources.STREAMING}",
    needs={"stream"},
    applies=stream_requested,
    reads={RESPONSE_HEADERS},
)
def streams_when_asked_to(exchange: Exchange) -> Iterable[Finding]:
    """The answer to stream: true is a stream of server-sent events with the media type text/event-stream."""
    response = response_of(exchange)
    if carries_error(exchange):
        return
    if not response.is_event_stream and not (response.media_type == SSE and not response.text):
        kind = "one JSON document" if isinstance(response.json, dict) else shown(response.text)
        found = f"{shown(response.header('content-type'))}: {kind}"
        yield Finding(place=Place(header="content-type"), found=found, wanted=f"{SSE}: events")
    elif response.media_type != SSE:
        yield Finding(place=Place(header="content-type"), found=shown(response.header("content-type")), wanted=SSE)


@rule("request.stream.false-json", MUST, harm=BREAKS, source=sources.SEED, applies=not_streamed)
def streams_only_when_asked_to(exchange: Exchange) -> Iterable[Finding]:
    """Without stream: true the answer is one JSON document."""
    response = response_of(exchange)
    if response.is_event_stream:
        found = f"{media_type_of(exchange)}: {len(response.events)} events"
        yield Finding(place=Place(header="content-type"), found=found, wanted=f"{JSON}: one document")


@rule(
    "transport.content-type.error-json",
    MUST,
    harm=MISLEADS,  # pydantic-ai crashes, too
    families={ANTHROPIC},
    source=f"{sources.ERRORS} (error shapes)",
    applies=refused,
)
def writes_errors_as_json(exchange: Exchange) -> Iterable[Finding]:
    """The body of every 4xx and 5xx is a JSON object."""
    response = response_of(exchange)
    if not isinstance(response.json, dict) and response.status not in FRONT_END_LIMITS:
        body = shown(response.text) if response.text else "an empty body"
        found = f"status {response.status}, {media_type_of(exchange)}: {body}"
        yield Finding(place=Place(pointer=""), found=found, wanted="a JSON object")


@rule(
    "transport.content-type.error-json-tokmodel",
    SHOULD,
    harm=MISLEADS,
    families={TOKMODEL},
    source=f"{sources.SEED} (the page says nothing about errors)",
    applies=refused,
)
def writes_its_errors_as_json(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The body of a 4xx or 5xx is a JSON object, which clients read for the message."""
    return writes_errors_as_json(exchange)


FRONT_END_LIMITS: Final = (413, 414, 431)
"""Bodies, addresses and headers that are too large are refused by the proxy in front of an API, in its own form
(platform.claude.com/docs/en/api/errors: 413 comes from the edge; read 2026-11-22)."""

QUOTED: Final = re.compile(r"'([^']*[^\x00-\x7f][^']*)'")


def _compressed(exchange: Exchange) -> bool:
    return response_of(exchange).body[:2] == GZIP_MAGIC


def _quoted(exchange: Exchange) -> str | None:
    """The non-ASCII text in single quotes that the last user message asks to be said."""
    messages = exchange.request.fields.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, dict) else None
    match = QUOTED.search(content) if isinstance(content, str) else None
    return match.group(1) if match else None


@rule(
    "transport.charset.utf8",
    MUST,
    harm=LOSES,
    source=f"{sources.RFC_JSON}; {sources.sdk('_streaming.py decodes strictly')}",
    applies=lambda exchange: (
        (has_message(exchange) and _quoted(exchange) is not None)
        or (not_streamed(exchange) and not is_utf8(exchange) and not _compressed(exchange))
    ),
    model_dependent=True,
    reads={REQUEST},
    provoked="A request asks the model to repeat accented letters, ideographs and emoji.",
)
def keeps_every_character(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """Text that is not ASCII is read and written unchanged, in UTF-8."""
    if not streamed(exchange) and not is_utf8(exchange):
        yield Finding(place=Place(pointer=""), found="bytes that are not UTF-8", wanted="UTF-8")
        return
    text, quoted = text_of(exchange), _quoted(exchange) or ""
    place = in_message(exchange, "/content")
    if quoted in text:
        return
    if garbled := _garbled(text, quoted):
        yield Finding(place=place, found=shown(garbled), wanted=shown(quoted))
    else:
        yield Unverified(reason=f"the model did not repeat {shown(quoted)}: {shown(text)}")


def _garbled(text: str, quoted: str) -> str:
    """The quoted text as a wrong decoder changes it, if the answer contains that; empty otherwise."""
    encoded = quoted.encode("utf-8")
    forms = [encoded.decode(charset, "replace") for charset in ("latin-1", "cp1252", "ascii")]
    forms.append(quoted.encode("ascii", "ignore").decode())
    forms.append("".join(char for char in unicodedata.normalize("NFKD", quoted) if not unicodedata.combining(char)))
    forms.append(quoted.encode("ascii", "backslashreplace").decode())
    # An emoji of several parts of which only the joiners are left; no model writes that.
    forms += [bare] if "\u200d" in (bare := re.sub(r"[\U00010000-\U0010ffff]", "", quoted)) else []
    return next((form for form in forms if form in text), "") or _with_question_marks(text, quoted)


MARKS_FOR_A_LETTER: Final = 4
"""At most this many question marks stand for one letter: one for each of its bytes."""


def _with_question_marks(text: str, quoted: str) -> str:
    """The quoted text with question marks for some letters, as a charset without them writes it; empty if absent."""
    if re.search("[A-Za-z]", quoted) is None:
        return ""  # any question mark would match
    # A possessive count, because an answer may consist of question marks.
    pattern = re.sub(
        r"[^\x00-\x7f]+",
        lambda letters: f"[{re.escape(letters[0])}?]{{1,{MARKS_FOR_A_LETTER * len(letters[0])}}}+",
        re.escape(quoted),
    )
    found = (match.group() for match in re.finditer(pattern, text))
    return next((form for form in found if form.count("?") > quoted.count("?")), "")


@rule(
    "transport.accept-encoding",
    SHOULD,
    harm=BREAKS,
    source=f"{sources.RFC_HTTP}; the SDKs send gzip, deflate",
    applies=answered,
    reads={RAW_BODY, RESPONSE_HEADERS},
)
def labels_compression(exchange: Exchange) -> Iterable[Finding]:
    """Content-Encoding names the compression of a compressed body, and is absent otherwise."""
    response = response_of(exchange)
    if response.mislabelled:
        found = f"content-encoding {shown(response.header('content-encoding'))} on a body that is not compressed"
        yield Finding(place=Place(header="content-encoding"), found=found, wanted="no content-encoding")
    if _compressed(exchange):
        found = f"gzip bytes under content-encoding {shown(response.header('content-encoding'))}"
        yield Finding(place=Place(offset_bytes=0), found=found, wanted="content-encoding: gzip, once for each coding")


@rule(
    "auth.key-not-echoed",
    MUST,
    source="platform.claude.com/docs/en/manage-claude/authentication, read 2026-11-22",
    harm=LEAKS,
    applies=answered,
    reads={REQUEST, RESPONSE_HEADERS},
)
def keeps_the_key_to_itself(exchange: Exchange) -> Iterable[Finding]:
    """No answer contains the key, in its headers or in its body."""
    # The recording replaces the key with a placeholder, so that no record contains the key.
    response = response_of(exchange)
    for key in (KEY_PLACEHOLDER, WRONG_KEY):
        if not any(key in value for _, value in exchange.request.headers) or key.encode() in exchange.request.body:
            continue
        for name, value in response.headers:
            if _place_of(key, value) >= 0:
                yield Finding(place=Place(header=name), found="the key", wanted="no credential")
                return
        if (offset_bytes := _place_of(key, response.text)) >= 0:
            place = Place(offset_bytes=offset_bytes)
            yield Finding(place=place, found="the key in the body", wanted="no credential")
            return


def _place_of(key: str, text: str) -> int:
    """Where a text contains the key, in bytes; -1 if it does not. The wrong key counts in every spelling."""
    if key == WRONG_KEY:
        return next((start for start, _ in spans(text.encode("utf-8", "replace"), key.encode())), -1)
    before, found, _ = text.partition(key)
    return len(before.encode("utf-8", "replace")) if found else -1
