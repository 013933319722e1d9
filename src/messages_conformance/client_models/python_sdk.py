"""How the official Python SDK reads an answer (anthropic 2.x: `messages.create` and `messages.stream`).

- Events without an `event:` line and events named `ping` are skipped; one named `error` raises the status error; the
  data of every other one must be JSON. What an event does, its `type` decides, whatever its name is.
- A missing member is None. Types are not checked: the first use of a wrong value raises TypeError or AttributeError.
  Integers in events may also be whole floats or digits in a string.
- Everything before message_start is skipped, and a second message_start is ignored.
- content_block_start appends its block, and all deltas and content_block_stop use their index in this list.
- A delta that does not fit its block, or of a type that is not known, is ignored.
- message_delta overwrites the stop reason and output_tokens, also with None; input_tokens only with a number.
- The end of the body ends the message, with message_stop or without it.
- A document is read as JSON whatever its media type is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from messages_conformance.client_models.event_lines import NAMES, events_of
from messages_conformance.client_models.received import CRASH, ERROR, Call, ClientFails, Received
from messages_conformance.client_models.tool_input import beginning

CALLS: Final = ("tool_use", "server_tool_use")

OTHER_PIECES: Final = "the text in pieces is not the text of the message"


def read_stream(body: bytes) -> Received:
    """What the application gets from the stream; raises ClientFails."""
    made = _Message()
    for name, data in events_of(body, strict=True):
        if not name or name == "ping":
            continue
        if name == "error":
            raise ClientFails(ERROR, "the stream has an error event")
        if data:
            made.take(_json(data, f"the data of the event {name} is no JSON"))
    return made.received()


def read_stream_of_0(body: bytes) -> Received:
    """The same for anthropic 0.x: it reads events with known names alone, and a name is the type if there is none.

    An event before message_start raises an error.
    """
    made = _Message(first="message_start")
    for name, data in events_of(body, strict=True):
        if name == "error":
            raise ClientFails(ERROR, "the stream has an error event")
        if name in NAMES:
            event = _json(data, f"the data of the event {name} is no JSON")
            made.take({"type": name, **event} if isinstance(event, dict) else event)
    return made.received()


def read_document(body: bytes, media_type: str) -> Received:
    """What the application gets from a document; raises ClientFails."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        if media_type.endswith("json"):
            raise ClientFails(CRASH, "the answer is no JSON") from None
        message = body.decode("utf-8", "replace")
    if not isinstance(message, dict):
        raise ClientFails(CRASH, "the answer is no JSON object")
    return handed_over(message, _blocks(message.get("content")))


def _json(data: str, why: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise ClientFails(CRASH, why) from None


def blocks_in(content: Any) -> list[dict[str, Any]]:
    """Copies of the blocks in a value that should be a list of them."""
    return [dict(block) for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _blocks(content: Any) -> list[Any]:
    if content in ("", {}):
        return []
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise ClientFails(CRASH, "content is no list of blocks")
    return content


def handed_over(message: dict[str, Any], blocks: Iterable[dict[str, Any]], pieces: str | None = None) -> Received:
    """What an application reads of a message: text, calls, stop reason, usage.

    `pieces` is the text as it arrived in pieces, if the application reads these too.
    """
    texts: list[Any] = []
    calls, thoughts = [], []
    for block in blocks:
        kind = block.get("type")
        if kind == "text":
            texts.append(block.get("text"))
        elif kind == "tool_use":
            if not isinstance(block.get("input"), dict):
                raise ClientFails(CRASH, "the input of a call is no object")
            calls.append(Call(name=block.get("name"), input=block["input"], id=block.get("id")))
        elif kind == "thinking" and isinstance(block.get("thinking"), str):
            thoughts.append(block["thinking"])
    if not all(isinstance(text, str) for text in texts):
        raise ClientFails(CRASH, "the text of a block is no string")
    usage = message.get("usage")
    if not isinstance(usage, dict):
        raise ClientFails(CRASH, "the answer has no usage object")
    text = "".join(texts)
    return Received(
        text=text if pieces is None or pieces == text else "",
        why="" if pieces is None or pieces == text else OTHER_PIECES,
        calls=tuple(calls),
        thinking="".join(thoughts),
        stop_reason=message.get("stop_reason"),
        input_tokens=usage.get("input_tokens"),
        output_tokens=usage.get("output_tokens"),
    )


def whole_number(value: Any) -> Any:
    """An integer in an event as the SDK reads it: whole floats and digits become integers."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().lstrip("-").isdigit():
        return int(value)
    return value


@dataclass(kw_only=True)
class _Message:
    """The message while its events arrive."""

    first: str = ""
    """The type that the first event must have, if any."""
    message: dict[str, Any] | None = None
    content: list[dict[str, Any]] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    json: dict[int, str] = field(default_factory=dict)

    def take(self, event: Any) -> None:
        if not isinstance(event, dict):
            raise ClientFails(CRASH, "the data of an event is no object")
        kind = event.get("type")
        self._piece(kind, event.get("delta"))
        if self.message is None:
            if kind == "message_start":
                self._start(event.get("message"))
            elif self.first:
                raise ClientFails(CRASH, f"the first event is no {self.first}")
        elif kind == "content_block_start":
            self.content.append(dict(_object(event.get("content_block"), "content_block_start has no content_block")))
        elif kind == "content_block_delta":
            self._delta(self._block(event), _object(event.get("delta"), "content_block_delta has no delta"), event)
        elif kind == "content_block_stop":
            self._block(event)
        elif kind == "message_delta":
            self._end(event)

    def _piece(self, kind: Any, delta: Any) -> None:
        """The stream of pieces of text has the deltas of every block, and also those before message_start."""
        of_text = kind == "content_block_delta" and isinstance(delta, dict) and delta.get("type") == "text_delta"
        if of_text and isinstance(delta.get("text"), str):
            self.pieces.append(delta["text"])

    def _start(self, message: Any) -> None:
        self.message = dict(_object(message, "message_start has no message"))
        content = self.message.get("content")
        self.content = blocks_in(content)

    def _block(self, event: dict[str, Any]) -> dict[str, Any]:
        if self.message is not None and not isinstance(self.message.get("content"), list):
            raise ClientFails(CRASH, "the content of message_start is no list")
        index = whole_number(event.get("index"))
        if not isinstance(index, int):
            raise ClientFails(CRASH, f"{event.get('type')} has no index")
        try:
            return self.content[index]
        except IndexError:
            raise ClientFails(CRASH, f"{event.get('type')} has the index of no block") from None

    def _delta(self, block: dict[str, Any], delta: dict[str, Any], event: dict[str, Any]) -> None:
        kind, of = delta.get("type"), block.get("type")
        if kind == "text_delta" and of == "text":
            block["text"] = _added(block.get("text"), delta.get("text"), "text")
        elif kind == "thinking_delta" and of == "thinking":
            block["thinking"] = _added(block.get("thinking"), delta.get("thinking"), "thinking")
        elif kind == "input_json_delta" and of in CALLS:
            self._input(block, delta.get("partial_json"), whole_number(event.get("index")))

    def _input(self, block: dict[str, Any], piece: Any, index: int) -> None:
        if not isinstance(piece, str):
            raise ClientFails(CRASH, "partial_json is no string")
        text = self.json[index] = self.json.get(index, "") + piece
        if text:
            try:
                block["input"] = beginning(text)
            except ValueError as error:
                raise ClientFails(CRASH, str(error)) from None

    def _end(self, event: dict[str, Any]) -> None:
        message = self.message or {}
        message["stop_reason"] = _object(event.get("delta"), "message_delta has no delta").get("stop_reason")
        usage = _object(event.get("usage"), "message_delta has no usage")
        counted = dict(_object(message.get("usage"), "message_start has no usage"))
        counted["output_tokens"] = usage.get("output_tokens")
        if usage.get("input_tokens") is not None:
            counted["input_tokens"] = usage["input_tokens"]
        message["usage"] = counted

    def received(self) -> Received:
        if self.message is None:
            raise ClientFails(CRASH, "the stream has no message_start with its event line")
        message = self.message
        if isinstance(message.get("usage"), dict):
            message["usage"] = {name: whole_number(value) for name, value in message["usage"].items()}
        if not isinstance(message.get("content"), list):
            raise ClientFails(CRASH, "the content of message_start is no list")
        return handed_over(message, self.content, "".join(self.pieces))


def _object(value: Any, why: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ClientFails(CRASH, why)
    return value


def _added(before: Any, piece: Any, name: str) -> str:
    if not isinstance(before, str):
        raise ClientFails(CRASH, f"content_block_start has no {name}")
    if not isinstance(piece, str):
        raise ClientFails(CRASH, f"the {name} of a delta is no string")
    return before + piece
