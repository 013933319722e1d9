"""How Claude Code reads an answer (2.1.x).

- It reads events with the names of the API alone; one named `error` raises an error. The data must be JSON.
- Blocks are kept under their index, and may begin anywhere. The text, thinking and input of content_block_start
  are dropped; only deltas count. A block counts when its content_block_stop arrives.
- An event that it cannot use (a delta without its block, after the end of the block or of another kind than the block,
  a text or partial_json that is no string, a message or delta that is no object) and data that is no JSON break the
  stream off. So does the end of the body without message_stop, if there was no stop reason or a block is open.
  After message_stop the answer is complete: a block that is open then is lost silently.
- A stream that breaks off before a block is whole is asked again without streaming. After that, the whole blocks are
  the answer, and the rest is lost silently.
- Arguments that are no JSON become a placeholder; no arguments become {}.
- Counts of usage that are missing or 0 keep the ones before; output_tokens may become 0.
- It runs every call that it has, whatever the stop reason is. After max_tokens it asks on, and ends with an error.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Final

from messages_conformance.client_models.event_lines import NAMES, events_of
from messages_conformance.client_models.received import CRASH, ERROR, Call, ClientFails, Received

CACHED: Final = ("cache_creation_input_tokens", "cache_read_input_tokens")
COUNTS: Final = ("input_tokens", *CACHED)
KINDS: Final = {
    "text_delta": ("text", ("text",)),
    "thinking_delta": ("thinking", ("thinking",)),
    "signature_delta": ("signature", ("thinking",)),
    "input_json_delta": ("partial_json", ("tool_use", "server_tool_use")),
}
"""Type of a delta -> its member, and the blocks that it belongs to."""


class _BreaksOff(Exception):
    """The stream cannot be read further."""


def read_stream(body: bytes, *, ended: bool = True) -> Received:
    """What it makes of the stream; raises ClientFails. `ended` is false when the connection broke."""
    made = _Message()
    try:
        for name, data in events_of(body, strict=False):
            if name == "error":
                if made.finished:
                    raise _BreaksOff("the stream has an error event")
                raise ClientFails(ERROR, "the stream has an error event")
            if name in NAMES:
                made.take(_json(data))
        if not ended and not made.complete:
            raise _BreaksOff("the connection breaks")
        made.check_end()
    except _BreaksOff as broken:
        why = str(broken)
        if not made.finished:
            return Received(repeats=True, why=why)
        return made.received(why=why)
    return made.received()


def read_document(body: bytes, media_type: str) -> Received:
    """What it makes of a document; raises ClientFails."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise ClientFails(ERROR, "the answer is no JSON") from None
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise ClientFails(ERROR, "content is no list of blocks")
    made = _Message(start=message, finished=list(content), stop_reason=message.get("stop_reason"))
    made.count(message.get("usage"))
    return made.received()


def _json(data: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise _BreaksOff("the data of an event is no JSON") from None


def _needs(holds: bool, why: str) -> None:
    if not holds:
        raise _BreaksOff(why)


@dataclass(kw_only=True)
class _Message:
    """The message while its events arrive."""

    start: Any = None
    blocks: dict[Any, dict[str, Any]] = field(default_factory=dict)
    finished: list[dict[str, Any]] = field(default_factory=list)
    closed: set[int] = field(default_factory=set)
    """The identities of the blocks that have ended."""
    open: Any = None
    stop_reason: Any = None
    final: bool = False
    begun: bool = False
    """Whether message_start came, and no message_stop after it."""
    usage: dict[str, Any] = field(default_factory=lambda: dict.fromkeys((*COUNTS, "output_tokens"), 0))

    @property
    def complete(self) -> bool:
        """Whether a stop reason came, and every block has ended."""
        return self.stop_reason is not None and self.final and self.open is None

    def take(self, event: Any) -> None:
        if event is None:
            raise _BreaksOff("the data of an event is null")
        event = event if isinstance(event, dict) else {}
        match event.get("type"):
            case "message_start":
                _needs(isinstance(event.get("message"), dict), "message_start has no message")
                self.start, self.begun = event["message"], True
                self.count(self.start.get("usage"))
            case "content_block_start":
                self._begin(event)
            case "content_block_delta":
                self._delta(event)
            case "content_block_stop":
                self._finish(event)
            case "message_stop":
                self.begun = False
            case "message_delta":
                self.count(event.get("usage"))
                _needs(isinstance(event.get("delta"), dict), "message_delta has no delta")
                stop = event["delta"].get("stop_reason")
                if isinstance(stop, str):
                    self.stop_reason, self.final = stop, True

    def _begin(self, event: dict[str, Any]) -> None:
        block = event.get("content_block")
        _needs(isinstance(block, dict), "content_block_start has no content_block")
        assert isinstance(block, dict)
        self.final = False
        kind = block.get("type")
        empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}
        cleared = {"input": ""} if kind in ("tool_use", "server_tool_use") else empty.get(str(kind), {})
        self.open = index = event.get("index")
        self.blocks[_key(index)] = {**block, **cleared}

    def _block(self, event: dict[str, Any]) -> dict[str, Any]:
        block = self.blocks.get(_key(event.get("index")))
        if block is None or id(block) in self.closed:
            raise _BreaksOff(f"{event.get('type')} is about a block that is not open")
        return block

    def _delta(self, event: dict[str, Any]) -> None:
        block, delta = self._block(event), event.get("delta")
        _needs(isinstance(delta, dict), "content_block_delta has no delta")
        assert isinstance(delta, dict)
        kind = delta.get("type")
        _needs(isinstance(kind, str), "a delta has no type")
        if kind not in KINDS:
            return
        name, of = KINDS[str(kind)]
        _needs(block.get("type") in of, f"a {kind} is in a block of the type {block.get('type')}")
        _needs(isinstance(delta.get(name), str), f"the {name} of a delta is no string")
        if name == "signature":
            block[name] = delta[name]
        else:
            place = "input" if name == "partial_json" else name
            block[place] = block[place] + delta[name]

    def _finish(self, event: dict[str, Any]) -> None:
        block = self._block(event)
        self.open = None
        if self.start is None:
            raise _BreaksOff("the stream has no message_start with its event line")
        self.finished.append(block)
        self.closed.add(id(block))

    def count(self, usage: Any) -> None:
        """Takes over the counts of usage."""
        if not isinstance(usage, dict):
            return
        for name in COUNTS:
            value = usage.get(name)
            if isinstance(value, (int, float)) and value > 0:
                self.usage[name] = value
        if usage.get("output_tokens") is not None:
            self.usage["output_tokens"] = usage["output_tokens"]

    def check_end(self) -> None:
        """Whether the body may end here."""
        _needs(not self.begun or self.open is None, "the stream ends in a block")
        _needs(self.start is not None, "the stream has no message_start with its event line")
        _needs(bool(self.finished) or self.stop_reason is not None, "no block of the stream is whole")
        ended = self.stop_reason is not None and self.final
        _needs(not self.begun or ended, "the stream has no stop reason at its end")

    def received(self, *, why: str = "") -> Received:
        """What it goes on with: the whole blocks."""
        calls = [block for block in self.finished if block.get("type") == "tool_use"]
        texts = [block.get("text") for block in self.finished if block.get("type") == "text"]
        thoughts = [block.get("thinking") for block in self.finished if block.get("type") == "thinking"]
        return Received(
            text="".join(text for text in texts if isinstance(text, str)),
            calls=tuple(
                Call(name=block.get("name"), input=_input(block.get("input")), id=block.get("id")) for block in calls
            ),
            thinking="".join(thought for thought in thoughts if isinstance(thought, str)),
            stop_reason=self.stop_reason or ("tool_use" if calls else "end_turn"),
            input_tokens=sum(self.usage[name] for name in COUNTS),
            output_tokens=self.usage["output_tokens"],
            why=why,
        )


def _key(index: Any) -> str:
    """The name under which JavaScript keeps a member of a list."""
    if isinstance(index, float) and index.is_integer():
        index = int(index)
    return str(index)


def _input(value: Any) -> Any:
    if isinstance(value, dict):
        return value
    if not isinstance(value, str):
        raise ClientFails(CRASH, "the input of a call is no object")
    if not value:
        return {}
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return {} if found is None else found
