"""A recorded pair becomes an exchange that says what it lacks, or a reason why it cannot be judged.

What a pair lacks is declared and never guessed. No recorder of this kind has the borders or times of chunks, and the
recording does not say what the sender expected. Everything else depends on the pair.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from messages_conformance.captures.bodies import read_body
from messages_conformance.captures.credentials import without_credentials, without_keys
from messages_conformance.captures.pair import Pair
from messages_conformance.captures.routes import base_url, messages_path, other_api, other_api_of_body
from messages_conformance.captures.scrubbing import are_all_headers, has_placeholder_ids, lacks_of_headers
from messages_conformance.exchange import (
    COMPLETE,
    EITHER,
    MESSAGES_PATH,
    UNPARSED,
    Chunk,
    Exchange,
    RecordingPart,
    Request,
    Response,
    parse_json,
)

ALWAYS_MISSING: Final = frozenset({RecordingPart.TIMES, RecordingPart.CHUNK_BORDERS, RecordingPart.PROBES})

OTHER_ROUTE: Final = "to other routes"
NO_RESPONSE: Final = "without a response"
NO_BODY: Final = "whose response body was not recorded"
FOREIGN: Final = "that are no messages, errors or streams of messages"
UNREADABLE: Final = "whose response body cannot be decoded"

NOT_OF_THE_API: Final = frozenset({"OPTIONS", "HEAD", "CONNECT", "TRACE"})
"""Methods that the API does not have: browsers ask with OPTIONS whether another site may be called (Fetch, 4.8)."""

ASSUMED_MAX_TOKENS: Final = 1_048_576
"""In place of a request that was not recorded: no answer has more tokens. No rule reads it."""


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A pair that is not judged: `reason` completes "exchanges ..."; `api` is the other API that it belongs to."""

    reason: str
    api: str = ""


def exchange_of(pair: Pair, *, number: int, capture: str) -> Exchange | Skipped:
    """The exchange of a pair; `number` is its number in the session, `capture` the name of what it belongs to."""
    path = MESSAGES_PATH if pair.url is None else messages_path(pair.url)
    if path is None or pair.method.upper() in NOT_OF_THE_API:
        return Skipped(reason=OTHER_ROUTE, api=other_api(pair.url or ""))
    if pair.lost:
        return Skipped(reason=pair.lost)
    if not pair.status or pair.status in (101, 304):
        return Skipped(reason=NO_RESPONSE)
    headers = pair.response_headers or ()
    read = read_body(pair.response_body or b"", headers, exact=pair.exact_body)
    if read.unreadable:
        return Skipped(reason=UNREADABLE)
    if pair.response_body is None or (not read.data and not read.exact and pair.status < 300):
        return Skipped(reason=NO_BODY)
    response = Response(
        status=pair.status,
        headers=read.headers,
        chunks=(Chunk(at_s=0.0, data=read.data),),
        headers_at_s=0.0,
        ended_at_s=0.0,
        ending=pair.ending,
        detail="" if pair.ending == COMPLETE else "the recording says that the client left, or was cut",
        http_version=pair.http_version,
    )
    if pair.url is None and (api := _other_api_in(response)):
        return Skipped(reason=OTHER_ROUTE, api=api)
    if pair.url is None and _is_foreign(response):
        return Skipped(reason=FOREIGN)
    request, request_lacks = _request(pair, path, response)
    lacks = set(ALWAYS_MISSING) | request_lacks | _lacks_of_response(pair, response)
    if not read.exact:
        lacks.add(RecordingPart.RAW_BODY)
    request, response = without_keys(request, response, pair.request_headers or ())
    model = request.fields.get("model")
    return Exchange(
        number=number,
        request=request,
        response=response,
        situations=(f"{capture}, {pair.place}" if capture else pair.place,),
        expect=EITHER,
        requested_model=model if isinstance(model, str) and not request_lacks else None,
        lacks=frozenset(lacks),
        capture=capture or pair.place,
    )


def _lacks_of_response(pair: Pair, response: Response) -> set[RecordingPart]:
    if pair.response_headers is None:
        lacks = {RecordingPart.RESPONSE_HEADERS}
    elif pair.all_headers and are_all_headers(pair.response_headers):
        lacks = set()
    else:
        lacks = set(lacks_of_headers(pair.response_headers))
    if has_placeholder_ids(response.text):
        lacks |= {RecordingPart.RESPONSE_HEADERS, RecordingPart.IDS}
    return lacks


def _other_api_in(response: Response) -> str:
    """The name of another API if a bare body is its answer; empty if the body may be an answer of the Messages API."""
    if isinstance(response.json, dict):
        return other_api_of_body(response.json)
    return next((api for event in response.events[:3] if (api := other_api_of_body(event.data))), "")


_OWN_KEYS: Final = frozenset({"role", "content", "stop_reason", "usage", "error"})
"""Keys of a message and of an error. A JSON object that has at most one of them and no known type is something else."""


def _is_foreign(response: Response) -> bool:
    """Whether an answer to an unknown request is of a route that is not judged, or no answer of an API at all."""
    if isinstance(response.json, dict):
        known = response.json.get("type") in ("message", "error") or response.status >= 400
        return not known and len(_OWN_KEYS & set(response.json)) < 2
    if response.json is not UNPARSED:
        return True
    return response.is_event_stream and not any(_is_event(event.type) for event in response.events[:3])


def _is_event(kind: str | None) -> bool:
    return kind is not None and (kind.startswith(("message_", "content_block_")) or kind in ("ping", "error"))


# -- the request ------------------------------------------------------------------------------------------------------


def _request(pair: Pair, path: str, response: Response) -> tuple[Request, set[RecordingPart]]:
    """The request, and what is missing of it. A body that no server would accept was edited after it was accepted."""
    method = pair.method.upper()
    body, succeeded = pair.request_body, response.status < 300
    unknown = pair.url is None or (method == "POST" and not body and succeeded)
    if method == "POST" and body and succeeded:
        unknown = unknown or not isinstance(parse_json(body), dict)
    if unknown and (pair.url is not None and path.partition("?")[0] != MESSAGES_PATH):
        unknown = False  # a route without a body, such as the cancellation of a batch
    if unknown:
        body = _assumed(response)
    headers = without_credentials(pair.request_headers or ())
    made = Request(
        method=method, path=path, headers=headers, body=body or b"", base_url=base_url(pair.url) if pair.url else ""
    )
    return made, {RecordingPart.REQUEST} if unknown else set()


def _assumed(response: Response) -> bytes:
    """A request for the response: it creates a message, and asks for a stream if there is one."""
    model = response.fields.get("model")
    return json.dumps(
        {
            "model": model if isinstance(model, str) else "unknown",
            "max_tokens": ASSUMED_MAX_TOKENS,
            "messages": [],
            "stream": response.json is UNPARSED and response.is_event_stream,
        }
    ).encode()


def json_bytes(value: Any) -> bytes:
    """A JSON value that a recorder parsed, as bytes again; a text stays as it is."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
