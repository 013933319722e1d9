"""One recorded request with its response as a file has it, before it becomes an exchange."""

from __future__ import annotations

from dataclasses import dataclass

from messages_conformance.exchange import COMPLETE

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What a file says about one request and its response; None for each part that the file does not have.

    - `place`: where in the file it is, in words, such as "entry 3".
    - `url`: an address or a path; `method` is POST if the file names none.
    - `response_body`: as recorded, before or after the content coding was removed.
    - `exact_body`: whether the file keeps the bytes of the body as the recorder received them.
    - `all_headers`: whether the recorder keeps all response headers, so that an absent one was not sent.
    - `ending`: one of ENDINGS; `cut` says that the recorder did not keep the whole body.
    - `together`: the name of what was recorded together, if a file has several such groups.
    - `lost`: why the pair cannot be judged, in words; empty if it can.
    """

    place: str
    method: str = "POST"
    url: str | None = None
    request_headers: Headers | None = None
    request_body: bytes | None = None
    status: int | None = None
    response_headers: Headers | None = None
    response_body: bytes | None = None
    exact_body: bool = False
    all_headers: bool = False
    ending: str = COMPLETE
    together: str = ""
    lost: str = ""
    http_version: str = "HTTP/1.1"


@dataclass(frozen=True, kw_only=True)
class Damage:
    """A place where a file cannot be read any further, or a line that is no exchange; the message has the cure."""

    message: str
