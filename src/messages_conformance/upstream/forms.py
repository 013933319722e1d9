"""What the service needs of a dialect: routes, refusals, and the three forms of an answer (whole, streamed, error)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from messages_conformance.reference.http import Header, HttpRequest, HttpResponse
from messages_conformance.upstream.pacing import Frame
from messages_conformance.upstream.replies import Reply, to_bytes
from messages_conformance.upstream.script import Failure, Script


class Form(Protocol):
    """One dialect."""

    keep_alive: bytes
    """What may stand between two events of a stream and says nothing."""

    def creates(self, request: HttpRequest) -> bool:
        """Whether a request asks for an answer of the model."""
        ...

    def other(self, request: HttpRequest) -> HttpResponse:
        """The answer to any other request: a list of models, or an error for an unknown route."""
        ...

    def refusal(self, request: HttpRequest, body: Any) -> HttpResponse | None:
        """The error for a body that violates the dialect; None for a body that it allows."""
        ...

    def unscripted(self, request: HttpRequest, body: Any) -> HttpResponse | Script:
        """The answer to a request without a script: a response, or the script of a plausible answer."""
        ...

    def reply(self, script: Script, body: Mapping[str, Any]) -> Reply:
        """The reply with ids in the form of the dialect."""
        ...

    def whole(self, reply: Reply) -> Mapping[str, Any]:
        """The answer that is not streamed."""
        ...

    def frames(self, reply: Reply) -> list[Frame]:
        """The events of the streamed answer."""
        ...

    def envelope(self, failure: Failure) -> Mapping[str, Any]:
        """The body of an error response."""
        ...

    def error_frame(self, failure: Failure, reply: Reply, position: int) -> bytes:
        """An error event after a number of frames."""
        ...

    def headers(self) -> tuple[Header, ...]:
        """The headers of every response besides those of its body: a fresh request id, and what else is usual."""
        ...


def json_response(value: Mapping[str, Any], headers: tuple[Header, ...], *, status: int = 200) -> HttpResponse:
    """A response with a JSON body."""
    return sized_response(status, to_bytes(value), (("content-type", "application/json"), *headers))


def sized_response(status: int, data: bytes, headers: tuple[Header, ...]) -> HttpResponse:
    """A response with a content-length and its body in one piece."""
    headers = (*headers, ("content-length", str(len(data))))
    return HttpResponse(status=status, headers=headers, pieces=((0.0, data),))


def error_response(form: Form, failure: Failure) -> HttpResponse:
    """An error as the dialect writes it, or with the body of the failure itself."""
    if failure.body is None:
        return json_response(form.envelope(failure), form.headers(), status=failure.status)
    data = body_bytes(failure.body)
    return sized_response(failure.status, data, (("content-type", failure.content_type), *form.headers()))


def body_bytes(body: str) -> bytes:
    """The bytes of a body that a script gives as it is."""
    return body.encode("utf-8", "surrogatepass")
