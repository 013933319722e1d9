"""The operations that a row of a fault table can name: each returns the rewrite of one layer of the endpoint.

The keyword arguments of an operation are the keys of the row. A parameter of the type Edit takes the fields of Edit as
keys, and a parameter named `trips` gets the requirements that the row names. Everything else that a row can hold is
described in fault_tables.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, Final, Literal

from messages_conformance.reference.changes import ErrorReply, RequestContext, Stage
from messages_conformance.reference.edits import (
    Events,
    Failures,
    Frames,
    Json,
    error_response,
    is_message,
    is_success,
    map_text,
    once,
    without,
)
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.http import Ending, HttpRequest, HttpResponse
from messages_conformance.reference.json_edits import Edit
from messages_conformance.reference.stream_edits import (
    map_block_starts,
    map_deltas,
    spans,
    with_inputs,
    without_blocks,
)
from messages_conformance.reference.text_changes import text_change

Build = Callable[..., Callable[..., Any]]
"""Takes the arguments of a row and returns a rewrite of one argument, or of two: the second is the context."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """An operation and the stages at which it works."""

    name: str
    stages: tuple[Stage, ...]
    build: Build


OPERATIONS: Final[dict[str, Operation]] = {}
"""All operations by name."""


def operation(*stages: Stage) -> Callable[[Build], Build]:
    """Declares an operation that works at some stages; its name is the function's."""

    def declare(build: Build) -> Build:
        OPERATIONS[build.__name__] = Operation(name=build.__name__, stages=stages, build=build)
        return build

    return declare


# -- requests and their refusal -------------------------------------------------------------------------------------


@operation(Stage.REQUEST)
def ignore_headers(*, headers: tuple[str, ...]) -> Callable[[HttpRequest], HttpRequest]:
    """Some headers of the request are not read. Names are in lower case."""

    def rewrite(request: HttpRequest) -> HttpRequest:
        return replace(request, headers=tuple(pair for pair in request.headers if pair[0].lower() not in headers))

    return rewrite


@operation(Stage.FAILURES)
def forget_rules(*, rules: tuple[str, ...]) -> Callable[[Failures], Failures]:
    """Requests that break some rules are served. `rules` are globs for requirements."""

    def rewrite(failures: Failures) -> Failures:
        return [failure for failure in failures if not _named(failure.requirement, rules)]

    return rewrite


@operation(Stage.FAILURES)
def forget_tripped_rules(*, trips: tuple[str, ...]) -> Callable[[Failures], Failures]:
    """Requests that break the requirements of the row's `trips` are served."""
    return forget_rules(rules=trips)


@operation(Stage.FAILURES)
def refuse(*, message: str, status: int = 400, first: bool = False) -> Callable[[Failures], Failures]:
    """The request is refused. The endpoint reports the first reason to refuse, so `first` hides the others."""
    failure = Failure(message=message, status=status)

    def rewrite(failures: Failures) -> Failures:
        return [failure, *failures] if first else [*failures, failure]

    return rewrite


# -- JSON values ----------------------------------------------------------------------------------------------------


@operation(Stage.BODY, Stage.MESSAGE, Stage.DOCUMENT, Stage.COUNT, Stage.MODELS, Stage.OBJECTS)
def edit_json(*, edit: Edit) -> Callable[[Json], Json]:
    """The request's body, a Message, a count or the models have some members changed."""
    return edit.apply


@operation(Stage.MESSAGE, Stage.DOCUMENT)
def edit_blocks(*, kind: str = "", edit: Edit) -> Callable[[Json], Json]:
    """The content blocks of one kind, or of every kind, have some members changed."""

    def rewrite(message: Json) -> Json:
        blocks = [edit.apply(block) if kind in ("", block["type"]) else block for block in message["content"]]
        return {**message, "content": blocks}

    return rewrite


@operation(Stage.MESSAGE, Stage.DOCUMENT)
def change_text(*, change: str) -> Callable[[Json], Json]:
    """The text of every text block is changed. `change` is a name in text_changes."""
    changed = text_change(change)
    return lambda message: map_text(message, changed)


@operation(Stage.MESSAGE, Stage.DOCUMENT)
def drop_blocks(*, kind: str) -> Callable[[Json], Json]:
    """A Message lacks its content blocks of one kind."""

    def rewrite(message: Json) -> Json:
        return {**message, "content": [block for block in message["content"] if block["type"] != kind]}

    return rewrite


@operation(Stage.MESSAGE, Stage.DOCUMENT)
def change_stop_reason(*, was: str, becomes: str) -> Callable[[Json], Json]:
    """A Message with one stop reason reports another one."""
    return Edit(where={"stop_reason": was}, set={"stop_reason": becomes}).apply


# -- events of a stream ---------------------------------------------------------------------------------------------


@operation(Stage.EVENTS)
def edit_events(*, event: str = "", edit: Edit) -> Callable[[Events], Events]:
    """The data of the events of one name, or of all events, has some members changed."""

    def rewrite(events: Events) -> Events:
        return [(name, edit.apply(data) if event in ("", name) else data) for name, data in events]

    return rewrite


@operation(Stage.EVENTS)
def change_streamed_stop_reason(*, was: str, becomes: str) -> Callable[[Events], Events]:
    """A message_delta with one stop reason reports another one."""
    edit = Edit(where={"delta.stop_reason": was}, set={"delta.stop_reason": becomes})
    return edit_events(event="message_delta", edit=edit)


@operation(Stage.EVENTS)
def edit_block_starts(*, kind: str, edit: Edit) -> Callable[[Events], Events]:
    """The block in each content_block_start of one kind has some members changed."""
    return lambda events: map_block_starts(events, kind, edit.apply)


@operation(Stage.EVENTS)
def edit_deltas(*, kind: str, edit: Edit) -> Callable[[Events], Events]:
    """The delta in each content_block_delta of one kind has some members changed."""
    return lambda events: map_deltas(events, kind, edit.apply)


@operation(Stage.EVENTS)
def drop_events(*, event: str) -> Callable[[Events], Events]:
    """A stream lacks the events of one name."""
    return lambda events: without(events, event)


@operation(Stage.EVENTS)
def drop_streamed_blocks(*, kind: str, skip: int = 0) -> Callable[[Events], Events]:
    """A stream lacks its content blocks of one kind, except the first `skip` of them."""
    return lambda events: without_blocks(events, spans(events, kind)[skip:])


@operation(Stage.EVENTS)
def replace_tool_inputs(*, pieces: tuple[str, ...], skip: int = 0) -> Callable[[Events], Events]:
    """The input of each streamed tool call arrives in these pieces; the first `skip` calls are left alone."""
    return lambda events: with_inputs(events, lambda old: list(pieces), skip=skip)


@operation(Stage.EVENTS)
def shift_indexes(*, by: float) -> Callable[[Events], Events]:
    """The indexes of all content blocks are changed by a number."""

    def shifted(data: Json) -> Json:
        return {**data, "index": data["index"] + by} if "index" in data else data

    return lambda events: [(name, shifted(data)) for name, data in events]


# -- frames of a stream ---------------------------------------------------------------------------------------------


@operation(Stage.FRAMES)
def replace_in_frames(*, old: str, new: str, event: str = "") -> Callable[[Frames], Frames]:
    """A text is replaced in the bytes of the events of one name, or of all events."""
    start = f"event: {event}".encode()

    def rewrite(frames: Frames) -> Frames:
        return [frame.replace(old.encode(), new.encode()) if frame.startswith(start) else frame for frame in frames]

    return rewrite


@operation(Stage.FRAMES)
def append_to_stream(*, text: str) -> Callable[[Frames], Frames]:
    """A text follows the last event of a stream."""
    return lambda frames: [*frames, text.encode()]


# -- errors ---------------------------------------------------------------------------------------------------------


@operation(Stage.ERROR)
def edit_errors(
    *,
    rules: tuple[str, ...] = (),
    only_status: int = 0,
    status: int = 0,
    type: str = "",
    message: str | None = None,
    edit: Edit,
) -> Callable[[ErrorReply], ErrorReply]:
    """An error has another status, type or message, or other members of its body changed.

    `rules` are globs for the requirements that the refused requests break, `only_status` is the status before the
    change; without them every error is meant.
    """
    texts = {"error.type": type or None, "error.message": message}
    change = replace(edit, set={**edit.set, **{path: text for path, text in texts.items() if text is not None}})

    def rewrite(reply: ErrorReply) -> ErrorReply:
        if not _is_meant(reply, rules, only_status):
            return reply
        return replace(reply, status=status or reply.status, body=change.apply(reply.body))

    return rewrite


@operation(Stage.ERROR)
def replace_error_body(
    *, rules: tuple[str, ...] = (), only_status: int = 0, body: str | Mapping[str, Any], content_type: str = ""
) -> Callable[[ErrorReply], ErrorReply]:
    """An error has another body: a JSON object, or a text with a content type of its own, if any."""

    def rewrite(reply: ErrorReply) -> ErrorReply:
        if not _is_meant(reply, rules, only_status):
            return reply
        if not isinstance(body, str):
            return replace(reply, body=body)
        headers = {"content-type": content_type} if content_type else {}
        return replace(reply, body=body.encode(), headers=headers)

    return rewrite


# -- responses ------------------------------------------------------------------------------------------------------

ResponseKind = Literal["all", "successes", "documents", "messages", "streams", "errors"]
"""Documents are the successes that are not streamed, messages the documents of POST /v1/messages."""


@operation(Stage.RESPONSE, Stage.BROKEN)
def edit_responses(
    *,
    to: ResponseKind = "all",
    status: int = 0,
    body: str | None = None,
    set_headers: Mapping[str, str] | None = None,
    drop_headers: tuple[str, ...] = (),
    ending: Ending | None = None,
) -> Callable[[HttpResponse, RequestContext], HttpResponse]:
    """Responses of one kind have another status, body, ending, or other headers."""

    def rewrite(response: HttpResponse, context: RequestContext) -> HttpResponse:
        if not _is_kind(response, context, to):
            return response
        response = replace(response, status=status or response.status, ending=ending or response.ending)
        if body is not None:
            response = response.with_body(body.encode())
        for name in drop_headers:
            response = response.without_header(name)
        for name, value in (set_headers or {}).items():
            response = response.with_header(name, value)
        return response

    return rewrite


@operation(Stage.RESPONSE)
def fail(
    *,
    to: ResponseKind = "all",
    status: int = 500,
    type: str = "api_error",
    message: str = "Internal server error",
) -> Callable[[HttpResponse, RequestContext], HttpResponse]:
    """A well-formed error replaces the responses of one kind."""

    def rewrite(response: HttpResponse, context: RequestContext) -> HttpResponse:
        meant = _is_kind(response, context, to)
        return error_response(response, context, status, type, message) if meant else response

    return rewrite


@operation(Stage.RESPONSE)
def fail_first_message(
    *, status: int, type: str, message: str, retry_after: str = ""
) -> Callable[[HttpResponse, RequestContext], HttpResponse]:
    """A well-formed error replaces the answer to the first well-formed POST /v1/messages of the endpoint."""

    def rewrite(response: HttpResponse, context: RequestContext) -> HttpResponse:
        if context.request.path != "/v1/messages" or not context.body or not once(context, "first message"):
            return response
        failed = error_response(response, context, status, type, message)
        return failed.with_header("retry-after", retry_after) if retry_after else failed

    return rewrite


@operation(Stage.RESPONSE)
def cut_streams_in_half(*, ending: Ending) -> Callable[[HttpResponse], HttpResponse]:
    """Only the first half of a stream's events is sent, and the connection ends in another way."""

    def rewrite(response: HttpResponse) -> HttpResponse:
        if not response.is_stream:
            return response
        pieces = tuple(response.pieces)
        return replace(response, pieces=pieces[: len(pieces) // 2], ending=ending)

    return rewrite


@operation(Stage.RESPONSE)
def send_nothing(*, ending: Ending) -> Callable[[HttpResponse], HttpResponse]:
    """No byte of the response is sent, not even its status line."""
    return lambda response: replace(response, framing="raw", pieces=(), ending=ending)


# -- selection ------------------------------------------------------------------------------------------------------


def _named(requirement: str | None, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(requirement or "", glob) for glob in globs)


def _is_meant(reply: ErrorReply, rules: tuple[str, ...], only_status: int) -> bool:
    return only_status in (0, reply.status) and (not rules or _named(reply.requirement, rules))


def _is_kind(response: HttpResponse, context: RequestContext, kind: ResponseKind) -> bool:
    match kind:
        case "all":
            return True
        case "successes":
            return is_success(response)
        case "documents":
            return is_success(response) and not response.is_stream
        case "messages":
            return is_message(response, context)
        case "streams":
            return response.is_stream
        case "errors":
            return response.status >= 400
