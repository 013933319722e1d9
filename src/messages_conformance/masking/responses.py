"""Removes secrets from responses and exchanges before they are recorded; KEY_PLACEHOLDER shows where it was.

Bytes without the key stay exactly as they came. Where the key was, chunk boundaries and times stay, a compressed body
is compressed again, and a content-length that was true stays true. If a key is cut into pieces over several strings,
KEY_PLACEHOLDER replaces the first piece, and PIECE replaces the others.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from weakref import WeakKeyDictionary

from messages_conformance.exchange import (
    ALL_CODINGS,
    KEY_PLACEHOLDER,
    Behind,
    Chunk,
    Exchange,
    Request,
    Response,
    codings_of,
    decoded,
    packed,
    unread_codings,
)
from messages_conformance.masking.key_parts import long_parts, may_be_cut, parts_in_values
from messages_conformance.masking.known import known_secrets, placeholder_of
from messages_conformance.masking.presence import is_present
from messages_conformance.masking.secret import is_secret, masked_text, with_placeholders
from messages_conformance.masking.spellings import MAX_NESTED_BASE64, MAX_NESTED_ESCAPES, merged, spans
from messages_conformance.masking.split_strings import split_spans
from messages_conformance.masking.views import SEPARATOR

PIECE: Final = b"*"

Headers = tuple[tuple[str, str], ...]

_Edit = tuple[int, int, bytes]
"""Where a replaced part begins and ends, and the replacement."""


_clean: WeakKeyDictionary[Response, frozenset[str]] = WeakKeyDictionary()
"""The keys that a response is known not to contain: a target masks its key, and the session would search again."""


def masked_response(response: Response, key: str | None, *, placeholder: str = KEY_PLACEHOLDER) -> Response:
    """The response with the placeholder for each spelling of the key in headers and body, across chunks too."""
    clean_of = _clean.get(response, frozenset())
    if key is None or not is_secret(key) or key in clean_of:
        return response
    masked = _masked(response, key, placeholder)
    _clean[masked] = clean_of | {key}
    return masked


def _masked(response: Response, key: str, placeholder: str) -> Response:
    response = _with_masked_headers(response, key, placeholder)
    if unread_codings(response.coding):
        return _masked_unread(response, key.encode(), placeholder)
    secret, raw = key.encode(), b"".join(chunk.data for chunk in response.chunks)
    if edits := _edits(response.body, secret, placeholder):
        chunks = _edited(response.decoded_chunks, edits)
        return _with_chunks(response, chunks if response.body == raw else packed(chunks, codings_of(response.coding)))
    # A body that is labelled as compressed may also hold bytes that no client decodes.
    if response.body != raw and (edits := _edits(raw, secret, placeholder)):
        return _with_chunks(response, _edited(response.chunks, edits))
    return response


def _masked_unread(response: Response, secret: bytes, placeholder: str) -> Response:
    """The response masked where its coding is not one that the judge removes: br, zstd, or an unknown one."""
    codings = codings_of(response.coding)
    raw = b"".join(chunk.data for chunk in response.chunks)
    body = decoded(response.chunks, response.coding, most_bytes=response.most_decoded_bytes, known=ALL_CODINGS)
    if body.chunks is response.chunks or body.failed:
        edits = _edits(raw, secret, placeholder)
        chunks = _edited(response.chunks, edits) if edits else response.chunks
        return _with_chunks(response, chunks if _is_text(raw) else tuple(map(_withheld, chunks)))
    edits = _edits(b"".join(chunk.data for chunk in body.chunks), secret, placeholder)
    if not edits and not body.cut:
        return response
    return _with_chunks(response, packed(_edited(body.chunks, edits), codings))


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _withheld(chunk: Chunk) -> Chunk:
    """The chunk without its bytes: they are encoded in a way that cannot be searched for the key."""
    return Chunk(at_s=chunk.at_s, data=PIECE * len(chunk.data))


def masked_exchange(exchange: Exchange) -> Exchange:
    """The exchange with the known secrets masked in its request, its response, its failure and its notes."""
    for secret in known_secrets():
        request, response, failure = exchange.request, exchange.response, exchange.failure
        placeholder = placeholder_of(secret)
        exchange = replace(
            exchange,
            request=masked_request(request, secret, placeholder=placeholder),
            response=None if response is None else masked_response(response, secret, placeholder=placeholder),
            failure=None
            if failure is None
            else replace(failure, message=masked_text(failure.message, secret, placeholder=placeholder)),
            waits=tuple(masked_text(note, secret, placeholder=placeholder) for note in exchange.waits),
            behind=None if exchange.behind is None else _behind(exchange.behind, secret, placeholder),
        )
    return exchange


def _behind(behind: Behind, secret: str, placeholder: str) -> Behind:
    """The upstream's side of an exchange with the secret masked in every request and response."""
    calls = tuple(
        replace(
            call,
            request=masked_request(call.request, secret, placeholder=placeholder),
            response=None if call.response is None else masked_response(call.response, secret, placeholder=placeholder),
            refused=masked_text(call.refused, secret, placeholder=placeholder),
        )
        for call in behind.calls
    )
    return replace(behind, calls=calls)


def masked_request(request: Request, secret: str, *, placeholder: str = KEY_PLACEHOLDER) -> Request:
    """The request with the placeholder for each spelling of the secret in its path, headers and body."""
    headers = tuple((name, masked_text(value, secret, placeholder=placeholder)) for name, value in request.headers)
    found = spans(request.body, secret.encode())
    path = masked_text(request.path, secret, placeholder=placeholder)
    base_url = masked_text(request.base_url, secret, placeholder=placeholder)
    if not found and (headers, path, base_url) == (request.headers, request.path, request.base_url):
        return request
    return replace(
        request, headers=headers, path=path, base_url=base_url, body=with_placeholders(request.body, found, placeholder)
    )


def _with_masked_headers(response: Response, key: str, placeholder: str) -> Response:
    if not _may_be_in(response.headers, key):
        return response
    masked = tuple(
        (masked_text(name, key, placeholder=placeholder), masked_text(value, key, placeholder=placeholder))
        for name, value in response.headers
    )
    headers = _without_parts(masked, key.encode())
    return response if headers == response.headers else replace(response, headers=headers)


def _may_be_in(headers: Headers, key: str) -> bool:
    """Whether a name or value can contain the key or a part of it: one search for all of them."""
    texts = [text.encode("utf-8", "surrogatepass") for header in headers for text in header]
    values, secret = texts[1::2], key.encode()
    together = SEPARATOR.join([*texts, b"".join(values)])
    return bool(
        is_present(together, secret, escapes=MAX_NESTED_ESCAPES, base64s=MAX_NESTED_BASE64)
        or may_be_cut(values, secret)
        or long_parts(together, secret)
    )


def _without_parts(headers: Headers, secret: bytes) -> Headers:
    """The headers without pieces of a key that is cut over several of them, and without long parts of it."""
    values = [value.encode("utf-8", "surrogatepass") for _, value in headers]
    pieces = list(parts_in_values(values, secret))
    pieces += [(index, span) for index, value in enumerate(values) for span in long_parts(value, secret)]
    for index in {index for index, _ in pieces}:
        for start, end in reversed(merged(span for number, span in pieces if number == index)):
            values[index] = values[index][:start] + PIECE + values[index][end:]
    return tuple((name, value.decode("utf-8", "replace")) for (name, _), value in zip(headers, values, strict=True))


def _edits(body: bytes, secret: bytes, placeholder: str) -> tuple[_Edit, ...]:
    """What to replace in a body, in order and without overlaps."""
    replaced = placeholder.encode()
    found = [(start, end, replaced) for start, end in spans(body, secret)]
    for first, *others in split_spans(body, secret):
        found += [(*first, replaced), *((*piece, PIECE) for piece in others)]
    found += [(start, end, PIECE) for start, end in long_parts(body, secret)]
    edits: list[_Edit] = []
    for start, end, replacement in sorted(found):
        if edits and start < edits[-1][1]:
            earlier = edits.pop()
            start, end = earlier[0], max(end, earlier[1])
            replacement = max(replacement, earlier[2], key=len)
        edits.append((start, end, replacement))
    return tuple(edits)


def _edited(chunks: tuple[Chunk, ...], edits: tuple[_Edit, ...]) -> tuple[Chunk, ...]:
    """The chunks with the replacements, each in the chunk in which the replaced part begins. One pass over both."""
    edited, begin, number = [], 0, 0
    for chunk in chunks:
        end, at, kept = begin + len(chunk.data), begin, []
        while number < len(edits) and edits[number][0] < end:
            start, stop, replacement = edits[number]
            if start >= begin:
                kept += [chunk.data[at - begin : start - begin], replacement]
            at = min(stop, end)
            if stop > end:
                break  # the rest of the part is in the next chunk
            number += 1
        edited.append(Chunk(at_s=chunk.at_s, data=b"".join([*kept, chunk.data[at - begin :]])))
        begin = end
    return tuple(edited)


def _with_chunks(response: Response, chunks: tuple[Chunk, ...]) -> Response:
    before, after = (sum(len(chunk.data) for chunk in side) for side in (response.chunks, chunks))
    headers = tuple(
        (name, str(after) if name.lower() == "content-length" and value == str(before) else value)
        for name, value in response.headers
    )
    return replace(response, headers=headers, chunks=chunks)
