"""The token that carries a script through a gateway: letters and digits inside the text of a user turn.

    script 143 z  nfxgcylbnq...          (without the spaces)
           |      |
           |      the script: its JSON, compressed, in base32, in lower case
           the number of these characters, so that text directly after the token is no part of it

A gateway may translate the request, trim the text, add text before and after the token, and change the case.
The compressed bytes end with a checksum, so a damaged token is never read as another script.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

PATTERN: Final = re.compile(r"script([0-9]{1,7})z([a-z2-7]*)", re.IGNORECASE)
MAX_SCRIPT_BYTES: Final = 8 * 1024 * 1024
"""The longest JSON of a script that is unpacked: our own number, against small tokens that unpack to gigabytes."""

MAX_DEPTH: Final = 100
"""The deepest nesting of a request in which tokens are searched: our own number, far above that of any real request."""

OF_THE_MODEL: Final = ("assistant",)
"""Roles whose turns are never read: a model may repeat the token of an earlier turn."""


class UnreadableToken(Exception):
    """A text has the form of a token, but no script can be read from it. The message says why."""


def packed(value: Mapping[str, Any]) -> str:
    """The token of a JSON object. Equal objects give equal tokens."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    payload = base64.b32encode(zlib.compress(text.encode("utf-8", "surrogatepass"), 9)).decode("ascii")
    payload = payload.rstrip("=").lower()
    return f"script{len(payload)}z{payload}"


def unpacked(token: str) -> Any:
    """The JSON value of a token. Raises UnreadableToken."""
    found = PATTERN.fullmatch(token)
    if found is None:
        raise UnreadableToken("it does not have the form of a token")
    length, payload = int(found[1]), found[2].upper()
    if len(payload) != length:
        raise UnreadableToken(f"only {len(payload)} of its {length} characters arrived")
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b32decode(payload + "=" * (-length % 8)), MAX_SCRIPT_BYTES)
        if not unpacker.eof:
            raise UnreadableToken(f"it is incomplete, or its script has more than {MAX_SCRIPT_BYTES} bytes")
        return json.loads(data.decode("utf-8", "surrogatepass"))
    except (ValueError, zlib.error, RecursionError) as error:
        raise UnreadableToken("its characters were changed on the way") from error


def token_in(body: object) -> str | None:
    """The token that counts in a request body of any dialect, in lower case; None without one.

    It is the last one of the turns that are not the model's, and without any there, the last one of the whole body.
    A body can be parsed JSON, text or bytes.
    """
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    turns = _turns(body)
    return _last(text for turn in turns for text in _texts(turn)) or _last(_texts(body))


def _turns(body: object) -> list[object]:
    """The turns of a request that are not the model's; empty for anything that has no list of turns."""
    if not isinstance(body, dict):
        return []
    listed: list[object] = next((body[name] for name in ("messages", "input") if isinstance(body.get(name), list)), [])
    return [turn for turn in listed if not (isinstance(turn, dict) and turn.get("role") in OF_THE_MODEL)]


def _texts(value: object, depth: int = 0) -> Iterator[str]:
    """Every string in a JSON value, in the order of the document; no names of fields."""
    if isinstance(value, str):
        yield value
    elif depth < MAX_DEPTH and isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item, depth + 1)


def _last(texts: Iterator[str]) -> str | None:
    found = None
    for text in texts:
        for match in PATTERN.finditer(text):
            found = f"script{match[1]}z{match[2][: int(match[1])]}".lower()
    return found
