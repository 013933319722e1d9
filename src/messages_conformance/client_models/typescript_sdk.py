"""How the official TypeScript SDK reads an answer (@anthropic-ai/sdk 1.x: `messages.create` and `messages.stream`).

- Events are chosen as in the Python SDK; a byte order mark is skipped, and bytes that are not UTF-8 are replaced.
- Members are used as JavaScript does: a missing text is added as "undefined", and only a member of null or undefined
  raises an error.
- A second message_start raises an error. Everything before the first one is skipped.
- Deltas read the block at their index (without an index: the first block) and write it back under the index as it is
  written: with an index that is missing or no number, what arrived is lost silently.
- The arguments of a call are read at its end; text that is no JSON raises an error then.
- message_stop is required: without it, `finalMessage` raises an error.
- A document must have the media type of JSON. Otherwise the application gets a string, and fails.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any, Final

from messages_conformance.client_models.event_lines import events_of
from messages_conformance.client_models.python_sdk import CALLS, OTHER_PIECES, blocks_in, handed_over
from messages_conformance.client_models.received import CRASH, ERROR, ClientFails, Received
from messages_conformance.client_models.tool_input import completed

MISSING: Final = object()
"""A member that is not there: undefined."""


def read_stream(body: bytes) -> Received:
    """What the application gets from the stream; raises ClientFails."""
    made = _Message()
    for name, data in events_of(body, strict=False):
        if name is None or name == "ping":
            continue
        if name == "error":
            raise ClientFails(ERROR, "the stream has an error event")
        if data:
            try:
                event = json.loads(data)
            except (ValueError, RecursionError):
                raise ClientFails(ERROR, f"the data of the event {name} is no JSON") from None
            made.take(event)
    return made.received()


def read_document(body: bytes, media_type: str) -> Received:
    """What the application gets from a document; raises ClientFails."""
    if "application/json" not in media_type and not media_type.endswith("+json"):
        raise ClientFails(CRASH, f"the media type is {media_type or 'missing'}, and the application gets a string")
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise ClientFails(CRASH, "the answer is no JSON") from None
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list) or None in content:
        raise ClientFails(CRASH, "content is no list of blocks")
    blocks = [
        {**block, "text": _in_a_list(block.get("text"))} if block.get("type") == "text" else block
        for block in content
        if isinstance(block, dict)
    ]
    return handed_over(_with_usage(message), blocks)


def _with_usage(message: dict[str, Any]) -> dict[str, Any]:
    """The message; usage that is no object has no counts, and only a missing one raises an error.

    JavaScript has one type of numbers: 11.0 is 11.
    """
    usage = message.get("usage")
    if usage is None:
        return message
    counts = {name: _number(value) for name, value in usage.items()} if isinstance(usage, dict) else {}
    return {**message, "usage": counts}


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _shown(value: Any) -> str:
    """A value where JavaScript adds it to a string."""
    if value is MISSING:
        return "undefined"
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "[object Object]"
    if isinstance(value, list):
        return ",".join(map(_in_a_list, value))
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value)


def _in_a_list(value: Any) -> str:
    """A value where JavaScript joins it with others to a string."""
    return "" if value is None or value is MISSING else _shown(value)


def _member(value: Any, name: str, why: str) -> Any:
    if value is None or value is MISSING:
        raise ClientFails(ERROR, why)
    return value.get(name, MISSING) if isinstance(value, dict) else MISSING


@dataclass(kw_only=True)
class _Message:
    """The message while its events arrive."""

    message: dict[str, Any] | None = None
    content: list[dict[str, Any]] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    json: dict[int, str] = field(default_factory=dict)
    whole: list[Received] = field(default_factory=list)
    """The message as it was at each message_stop."""

    def take(self, event: Any) -> None:
        kind = _member(event, "type", "the data of an event is null")
        if kind == "message_start":
            self._start(event)
        elif self.message is None:
            return
        elif kind == "content_block_start":
            self._needs_content()
            block = event.get("content_block")
            self.content.append(dict(block) if isinstance(block, dict) else {})
        elif kind == "content_block_delta":
            self._needs_content()
            self._delta(event)
        elif kind == "content_block_stop":
            self._needs_content()
            self._stop(event)
        elif kind == "message_delta":
            self._end(event)
        elif kind == "message_stop":
            self._message_stop()

    def _start(self, event: dict[str, Any]) -> None:
        if self.message is not None:
            raise ClientFails(ERROR, "message_start comes twice")
        message = event.get("message")
        if isinstance(message, dict):
            self.message = dict(message)
            content = message.get("content")
            self.content = blocks_in(content)

    def _needs_content(self) -> None:
        if self.message is not None and not isinstance(self.message.get("content"), list):
            raise ClientFails(ERROR, "the content of message_start is no list")

    def _at(self, index: Any) -> tuple[dict[str, Any] | None, bool]:
        """The block that a delta with this index reads, and whether what it writes is in the list."""
        place = int(index) if isinstance(index, (int, float)) and abs(index) < len(self.content) + 1 else None
        if isinstance(index, str) and index.isdigit():
            place = int(index)
        elif index is None or index is MISSING or (isinstance(index, str) and not index.isdigit()):
            return (self.content[0] if self.content else None), False
        if place is None or not -len(self.content) <= place < len(self.content):
            return None, False
        return self.content[place], place >= 0 and place == (float(index) if not isinstance(index, str) else place)

    def _delta(self, event: dict[str, Any]) -> None:
        delta = event.get("delta", MISSING)
        kind = _member(delta, "type", "content_block_delta has no delta")
        index = event.get("index", MISSING)
        block, kept = self._at(index)
        target = block if kept else dict(block or {})
        of = (block or {}).get("type")
        if block is not None and target is not None:
            if kind == "text_delta" and of == "text":
                target["text"] = (_shown(block.get("text") or "")) + _shown(delta.get("text", MISSING))
            elif kind == "thinking_delta" and of == "thinking":
                target["thinking"] = _shown(block.get("thinking", MISSING)) + _shown(delta.get("thinking", MISSING))
            elif kind == "input_json_delta" and of in CALLS:
                text = _shown(block.get("json") or "") + _shown(delta.get("partial_json", MISSING))
                target["json"] = text
        self._announced(kind, delta)

    def _announced(self, kind: Any, delta: dict[str, Any]) -> None:
        """The listeners for text get a delta of the block that is the last one."""
        if kind not in ("text_delta", "input_json_delta", "thinking_delta", "signature_delta", "citations_delta"):
            return
        if not self.content:
            raise ClientFails(ERROR, "a delta comes before its content_block_start")
        if kind == "text_delta" and self.content[-1].get("type") == "text":
            self.pieces.append(_shown(delta.get("text", MISSING)))

    def _stop(self, event: dict[str, Any]) -> None:
        block, _ = self._at(event.get("index", MISSING))
        if block is not None and block.get("type") in CALLS:
            _read_input(block)

    def _end(self, event: dict[str, Any]) -> None:
        message = self.message or {}
        stop = _member(event.get("delta", MISSING), "stop_reason", "message_delta has no delta")
        message["stop_reason"] = None if stop is MISSING else stop
        output = _member(event.get("usage", MISSING), "output_tokens", "message_delta has no usage")
        counted = message.get("usage", MISSING)
        _member(counted, "output_tokens", "message_start has no usage")
        counted = dict(counted) if isinstance(counted, dict) else {}
        counted["output_tokens"] = None if output is MISSING else output
        given = event["usage"].get("input_tokens") if isinstance(event["usage"], dict) else None
        if given is not None:
            counted["input_tokens"] = given
        message["usage"] = counted

    def _message_stop(self) -> None:
        self._needs_content()
        blocks = [dict(block) for block in self.content]
        for block in blocks:
            if block.get("type") in CALLS:
                _read_input(block)
            elif block.get("type") == "text":
                block["text"] = _in_a_list(block.get("text"))
        self.whole.append(handed_over(_with_usage(self.message or {}), blocks))

    def received(self) -> Received:
        if self.message is None:
            raise ClientFails(ERROR, "the stream has no message_start with its event line")
        if not self.whole:
            raise ClientFails(ERROR, "the stream has no message_stop")
        last = self.whole[-1]
        if last.text != "".join(self.pieces):
            return replace(last, text="", why=OTHER_PIECES)
        return last


def _read_input(block: dict[str, Any]) -> None:
    text = block.pop("json", None)
    if text is not None:
        try:
            block["input"] = completed(text) if text else {}
        except ValueError as error:
            raise ClientFails(ERROR, str(error)) from None
