"""The scripted upstream without a socket: an HttpRequest goes in, an HttpResponse comes out, and both are recorded."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from messages_conformance.input_files import InputError, parsed_json
from messages_conformance.reference.http import Ending, Header, HttpRequest, HttpResponse, Piece
from messages_conformance.upstream.anthropic import Anthropic
from messages_conformance.upstream.chat import Chat
from messages_conformance.upstream.forms import Form, body_bytes, error_response, json_response
from messages_conformance.upstream.pacing import Step, steps
from messages_conformance.upstream.recorder import Entry, Recorder
from messages_conformance.upstream.replies import Reply
from messages_conformance.upstream.responses import Responses
from messages_conformance.upstream.script import Dialect, Failure, Script, script_of
from messages_conformance.upstream.tokens import UnreadableToken, token_in

FORMS: Final[Mapping[Dialect, Callable[[], Form]]] = {
    "anthropic": Anthropic,
    "openai-chat": Chat,
    "openai-responses": Responses,
}
EVENT_STREAM: Final = (("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache"))


class Service:
    """Answers requests of one dialect as their scripts say. Safe to share between threads."""

    def __init__(self, dialect: Dialect, recorder: Recorder | None = None) -> None:
        self.dialect: Dialect = dialect
        self.recorder = recorder or Recorder()
        self._form = FORMS[dialect]()

    def handle(self, request: HttpRequest) -> HttpResponse:
        """The response to a request. Never raises for anything that a client can send."""
        return self.answer(request)[1]

    def answer(self, request: HttpRequest) -> tuple[Entry, HttpResponse]:
        """The same, with the entry in which it is recorded."""
        entry = self.recorder.begin(request, self.dialect)
        try:
            response = self._response(request, entry)
        except RecursionError:
            response = self._refused(entry, "the request is nested too deeply")
        return entry, entry.recorded(response)

    def broken(self, status: int) -> HttpResponse:
        """The response to bytes that are not a whole HTTP request."""
        failure = Failure(status=status, message="not a valid HTTP request")
        return replace(error_response(self._form, failure), framing="close")

    def left(self) -> None:
        """A client left; its entry says so."""

    def _response(self, request: HttpRequest, entry: Entry) -> HttpResponse:
        body: Any = None
        try:
            body = parsed_json(request.body)
            entry.note(body=body)
            token = token_in(body)
        except InputError as error:
            token = None
            if self._form.creates(request):
                return self._refused(entry, f"the body cannot be read: {error}")
        if not self._form.creates(request):
            return self._noted(entry, self._form.other(request))
        if token is None:
            return self._unscripted(request, body, entry)
        entry.note(token=token)
        try:
            script = script_of(token)
        except UnreadableToken as error:
            return self._refused(entry, f"the script token in the request cannot be read: {error}")
        refusal = self._form.refusal(request, body) if script.validates else None
        if refusal:
            return self._noted(entry, refusal)
        response = self._scripted(script, body, entry)
        accepted = request.header("accept-encoding") or ""
        return compressed(response) if script.compressed and "gzip" in accepted else response

    def _unscripted(self, request: HttpRequest, body: Any, entry: Entry) -> HttpResponse:
        plausible = self._form.unscripted(request, body)
        if isinstance(plausible, Script):
            return self._scripted(plausible, body, entry)
        return self._noted(entry, plausible)

    def _refused(self, entry: Entry, message: str) -> HttpResponse:
        return self._noted(entry, error_response(self._form, Failure(status=400, message=message)))

    def _noted(self, entry: Entry, response: HttpResponse) -> HttpResponse:
        """The response; if it is an error, its message is in the record, as the reason of the refusal."""
        if response.status >= 400:
            pieces = tuple(response.pieces)
            response = replace(response, pieces=pieces)
            entry.note(refused=message_in(b"".join(data for _, data in pieces)))
        return response

    def _scripted(self, script: Script, body: Any, entry: Entry) -> HttpResponse:
        body = body if isinstance(body, dict) else {}
        reply = self._form.reply(script, body)
        if script.failure is not None:
            response = error_response(self._form, script.failure)
        elif body.get("stream") is True:
            response = self._streamed(reply, entry)
        else:
            response = self._whole(reply)
        for name, _ in script.headers:
            response = response.without_header(name)
        headers: tuple[Header, ...] = (*response.headers, *script.headers)
        return replace(response, headers=headers, delay_s=script.wait_before_headers_s)

    def _streamed(self, reply: Reply, entry: Entry) -> HttpResponse:
        script, form = reply.script, self._form

        def error(position: int) -> bytes:
            assert script.interruption is not None
            failure = script.interruption.failure
            return form.error_frame(failure, reply, position) if failure.body is None else body_bytes(failure.body)

        planned = steps(form.frames(reply), script, keep_alive=form.keep_alive, error=error)
        entry.hold_limit_s = script.hold_limit_s
        return HttpResponse(
            status=200,
            headers=(*EVENT_STREAM, *form.headers()),
            pieces=held(planned, entry),
            framing="chunked",
            ending=ending(script),
        )

    def _whole(self, reply: Reply) -> HttpResponse:
        script = reply.script
        broken = script.interruption
        if broken is not None and broken.how == "error":
            return error_response(self._form, broken.failure)
        response = json_response(self._form.whole(reply), self._form.headers())
        data = response.body()
        if ending(script) != "complete":
            data = data[: len(data) // 2]
        half = len(data) // 2
        silence_s = sum(pause.seconds for pause in script.pauses)
        pieces: tuple[Piece, ...] = ((script.wait_before_events_s, data),)
        if silence_s:
            pieces = ((script.wait_before_events_s, data[:half]), (silence_s, data[half:]))
        return replace(response, pieces=pieces, ending=ending(script))


def compressed(response: HttpResponse) -> HttpResponse:
    """The response with its body compressed by gzip, piece by piece, so that each can be read when it comes."""
    labelled = replace(response, headers=(*response.headers, ("content-encoding", "gzip")))
    if response.framing == "chunked":
        return replace(labelled, pieces=_gzipped(response.pieces))
    pieces = tuple(_gzipped(response.pieces))
    size = str(sum(len(data) for _, data in pieces))
    sized = labelled.without_header("content-length")
    return replace(sized, pieces=pieces, headers=(*sized.headers, ("content-length", size)))


def _gzipped(pieces: Iterable[Piece]) -> Iterator[Piece]:
    gzip = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    for wait_s, data in pieces:
        yield wait_s, gzip.compress(data) + gzip.flush(zlib.Z_SYNC_FLUSH)
    yield 0.0, gzip.flush()


def ending(script: Script) -> Ending:
    """How the body ends below HTTP."""
    how = script.interruption.how if script.interruption else "end"
    return "complete" if how == "error" or how == "end" else how


def held(planned: list[Step], entry: Entry) -> Iterator[Piece]:
    """The pieces of a stream; before each, the entry says which releases it waits for."""
    for step in planned:
        entry.hold = step.hold
        yield step.wait_s, step.data


def message_in(data: bytes) -> str:
    """The message of an error body; the text itself if it has none."""
    try:
        return str(json.loads(data)["error"]["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return data[:200].decode("utf-8", "replace")
