"""What a client makes of one recorded exchange: its status, its end, and its body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from messages_conformance.client_models import claude_code, python_sdk, typescript_sdk
from messages_conformance.client_models.received import CRASH, ERROR, HANG, ClientFails, Received, failed
from messages_conformance.exchange import COMPLETE, LEFT, RESET, Exchange, Response

ReadStream = Callable[[bytes], Received]
ReadDocument = Callable[[bytes, str], Received]

FIRST_ERROR: Final = 400
NO_CONTENT: Final = 204


@dataclass(frozen=True, kw_only=True)
class Model:
    """How one client reads streams and documents, and a stream whose connection broke if it goes on with the parts."""

    stream: ReadStream
    document: ReadDocument
    broken_stream: ReadStream | None = None


PYTHON: Final = Model(stream=python_sdk.read_stream, document=python_sdk.read_document)
PYTHON_0: Final = Model(stream=python_sdk.read_stream_of_0, document=python_sdk.read_document)
TYPESCRIPT: Final = Model(stream=typescript_sdk.read_stream, document=typescript_sdk.read_document)
CLAUDE_CODE: Final = Model(
    stream=claude_code.read_stream,
    document=claude_code.read_document,
    broken_stream=partial(claude_code.read_stream, ended=False),
)

MODELS: Final[Mapping[str, Model]] = {
    "py": PYTHON,
    "py0.125": PYTHON_0,
    "py0.75": PYTHON_0,
    "ts": TYPESCRIPT,
    "claude-code": CLAUDE_CODE,
    "instructor": PYTHON,
}
"""Short name of a client in contract/client_uses.toml -> its model."""


def read(model: Model, exchange: Exchange) -> Received | None:
    """What the application gets; None if the recording does not say."""
    response = exchange.response
    if response is None:
        return failed(ERROR, "the connection breaks") if _broke(exchange) else None
    if response.status >= FIRST_ERROR:
        return failed(ERROR, f"the request is refused with the status {response.status}")
    try:
        return _message(model, response, streamed=exchange.request.streamed)
    except ClientFails as fails:
        return failed(fails.end, fails.why)


def _broke(exchange: Exchange) -> bool:
    return exchange.failure is not None and exchange.failure.kind == "disconnected"


def _message(model: Model, response: Response, *, streamed: bool) -> Received:
    if response.ending not in (COMPLETE, LEFT, RESET):
        return failed(HANG, "the answer does not end")
    if response.mislabelled:
        return failed(ERROR, "the body does not have the coding of its header")
    if response.ending == RESET:
        if streamed and model.broken_stream is not None:
            return model.broken_stream(response.body)
        return failed(ERROR, "the connection breaks in the answer")
    if response.status == NO_CONTENT and not streamed:
        return failed(CRASH, "the answer has no content")
    return model.stream(response.body) if streamed else model.document(response.body, response.media_type)
