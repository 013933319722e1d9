"""One recorded request as a row, and as an Ask."""

from __future__ import annotations

import base64
from typing import Any, Final, Literal, TypeAlias

import msgspec

from messages_conformance.exchange import Ask, Exchange, parse_json

USUAL_HEADERS: Final = {"anthropic-version": "2023-06-01", "content-type": "application/json", "anthropic-beta": ""}
"""The headers that change the meaning of a request, with what a run sends anyway: only another value is kept. Keys,
cookies and names of programs are left out."""


Expectation: TypeAlias = Literal["accepted", "refused", "either"]
"""What the target must do with a request: ACCEPTED, REFUSED or EITHER of `exchange`."""


class RecordedRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One row. `body` is JSON without its model, which each run fills in; `raw_body` is any other body, in base64."""

    situation: str
    method: str = "POST"
    path: str = "/v1/messages"
    headers: dict[str, str] = {}
    body: dict[str, Any] | None = None
    raw_body: str = ""
    expect: Expectation = "accepted"

    def ask(self) -> Ask:
        """The request as a suite sends it; raises ValueError for a `raw_body` that is not base64."""
        raw = base64.b64decode(self.raw_body, validate=True) if self.raw_body else None
        return Ask(
            situation=self.situation,
            method=self.method,
            path=self.path,
            headers=tuple(self.headers.items()),
            body=raw if raw is not None else self.body,
            expect=self.expect,
            depth="smoke",  # every run asks it
        )


def recorded(exchange: Exchange, situation: str, *, expect: Expectation | None = None) -> RecordedRequest:
    """The row of an exchange. Without `expect`, it follows from the answer: only a refusal makes it `either`."""
    request = exchange.request
    sent = {name.lower(): value for name, value in request.headers}
    headers = {name: sent[name] for name, usual in USUAL_HEADERS.items() if sent.get(name, usual) != usual}
    body = parse_json(request.body) if request.body else None
    fields = {key: value for key, value in body.items() if key != "model"} if isinstance(body, dict) else None
    return RecordedRequest(
        situation=situation,
        method=request.method,
        path=request.path,
        headers=headers,
        body=fields,
        raw_body=base64.b64encode(request.body).decode() if fields is None else "",
        expect=expect or _expected(exchange),
    )


def _expected(exchange: Exchange) -> Expectation:
    """`accepted` for an answer, no answer and a 5xx, which no request deserves; `either` for a refusal."""
    response = exchange.response
    return "either" if response is not None and 400 <= response.status < 500 else "accepted"
