"""A request in words that no dialect owns, so that what a client sent and what an upstream received can be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from messages_conformance.exchange import UNPARSED, parse_json

TEXT: Final = "text"
IMAGE: Final = "image"
FILE: Final = "file"
CALL: Final = "call"
RESULT: Final = "result"
THINKING: Final = "thinking"
OTHER: Final = "other"

SERVER_TOOL: Final = "web_search"
"""The server tool of the cases: its name as a tool, and how a gateway that leaves it out reports it."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of a turn. `value` is the text, the data or URL of an image or file, or the input of a call.

    `id` and `name` belong to calls and results. `in_result` marks what stands inside the result of a tool.
    """

    kind: str
    value: Any
    id: str = ""
    name: str = ""
    in_result: bool = False
    is_error: bool = False


@dataclass(frozen=True, kw_only=True)
class Turn:
    """The parts of one turn. `role` is user or assistant; the results of tools belong to the user."""

    role: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A tool that the model may call."""

    name: str
    description: str | None
    schema: Any


@dataclass(frozen=True, kw_only=True)
class Conversation:
    """What a request says. `choice` is auto, any, none or tool:NAME; empty without one."""

    system: tuple[str, ...] = ()
    turns: tuple[Turn, ...] = ()
    tools: tuple[Tool, ...] = ()
    choice: str = ""
    one_call: bool = False
    max_tokens: Any = None
    temperature: Any = None
    top_p: Any = None
    stop: tuple[str, ...] = ()
    user: str | None = None
    schema: Any = None
    streams: bool = False

    @property
    def parts(self) -> tuple[Part, ...]:
        """All parts of all turns in order."""
        return tuple(part for turn in self.turns for part in turn.parts)

    def of(self, kind: str) -> tuple[Part, ...]:
        """The parts of one kind."""
        return tuple(part for part in self.parts if part.kind == kind)

    def text_of(self, role: str) -> str:
        """All texts of a role, those inside results of tools excluded."""
        return "\n".join(
            part.value for turn in self.turns if turn.role == role for part in turn.parts if part.kind == TEXT
        )


def read(dialect: str, body: Any) -> Conversation:
    """The conversation of a request; what has not the form of the dialect is left out."""
    fields = body if isinstance(body, dict) else {}
    return _READERS[dialect](fields)


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _strings(value: Any) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(one for one in values if isinstance(one, str))


def _texts(content: Any) -> tuple[str, ...]:
    """The texts of a string or of a list of parts, in any dialect."""
    if isinstance(content, str):
        return (content,)
    return tuple(one["text"] for one in _dicts(content) if isinstance(one.get("text"), str))


def merged(turns: list[Turn]) -> tuple[Turn, ...]:
    """The turns with neighbours of one role joined: dialects divide them in their own ways."""
    joined: list[Turn] = []
    for turn in turns:
        if joined and joined[-1].role == turn.role:
            joined[-1] = replace(turn, parts=joined[-1].parts + turn.parts)
        else:
            joined.append(turn)
    return tuple(joined)


# -- the Messages API ----------------------------------------------------------------------------------------------


def _from_messages(body: Mapping[str, Any]) -> Conversation:
    choice = _object(body.get("tool_choice"))
    metadata = _object(body.get("metadata"))
    output = _object(body.get("output_config"))
    form = _object(output.get("format"))
    kind = str(choice.get("type", ""))
    return Conversation(
        system=_texts(body.get("system")),
        turns=merged([_message(turn) for turn in _dicts(body.get("messages"))]),
        tools=tuple(
            Tool(name=str(tool.get("name")), description=tool.get("description"), schema=tool.get("input_schema"))
            for tool in _dicts(body.get("tools"))
        ),
        choice=f"tool:{choice.get('name')}" if kind == "tool" else kind,
        one_call=choice.get("disable_parallel_tool_use") is True,
        max_tokens=body.get("max_tokens"),
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        stop=_strings(body.get("stop_sequences")),
        user=metadata.get("user_id"),
        schema=form.get("schema"),
        streams=body.get("stream") is True,
    )


def _message(turn: Mapping[str, Any]) -> Turn:
    content = turn.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else _dicts(content)
    return Turn(role=str(turn.get("role")), parts=tuple(part for block in blocks for part in _block(block)))


def _block(block: Mapping[str, Any]) -> Iterator[Part]:
    kind = block.get("type")
    if kind == "text":
        yield Part(kind=TEXT, value=str(block.get("text", "")))
    elif kind == "image":
        yield Part(kind=IMAGE, value=_source(block))
    elif kind == "document":
        yield _document(block)
    elif kind == "tool_use":
        yield Part(kind=CALL, value=block.get("input"), id=str(block.get("id")), name=str(block.get("name")))
    elif kind == "tool_result":
        content, failed = block.get("content"), block.get("is_error") is True
        text = "\n".join(_texts(content))
        yield Part(kind=RESULT, value=text, id=str(block.get("tool_use_id")), is_error=failed)
        inner = [one for one in _dicts(content) if one.get("type") != "text"]
        yield from (replace(part, in_result=True) for one in inner for part in _block(one))
    elif kind == "thinking":
        yield Part(kind=THINKING, value=block.get("thinking"), id=str(block.get("signature", "")))
    elif kind == "redacted_thinking":
        yield Part(kind=THINKING, value=block.get("data"))
    else:
        yield Part(kind=OTHER, value=block)


def _source(block: Mapping[str, Any]) -> str:
    source = _object(block.get("source"))
    return str(source.get("data") or source.get("url") or source.get("file_id") or "")


def _document(block: Mapping[str, Any]) -> Part:
    source = _object(block.get("source"))
    if source.get("type") == "text":
        return Part(kind=TEXT, value=str(source.get("data", "")))
    return Part(kind=FILE, value=_source(block))


# -- Chat Completions ----------------------------------------------------------------------------------------------

SYSTEM_ROLES: Final = ("system", "developer")


def _from_chat(body: Mapping[str, Any]) -> Conversation:
    messages = _dicts(body.get("messages"))
    options = body.get("stream") is True
    form = _object(body.get("response_format"))
    named = _object(form.get("json_schema"))
    limits = (body.get("max_completion_tokens"), body.get("max_tokens"))
    return Conversation(
        system=tuple(
            text for one in messages if one.get("role") in SYSTEM_ROLES for text in _texts(one.get("content"))
        ),
        turns=merged([_chat_turn(one) for one in messages if one.get("role") not in SYSTEM_ROLES]),
        tools=tuple(_function(tool.get("function")) for tool in _dicts(body.get("tools"))),
        choice=_choice(body.get("tool_choice")),
        one_call=body.get("parallel_tool_calls") is False,
        max_tokens=next((limit for limit in limits if limit is not None), None),
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        stop=_strings(body.get("stop")),
        user=_user(body),
        schema=named.get("schema"),
        streams=options,
    )


def _user(body: Mapping[str, Any]) -> str | None:
    """The end user; the dialects have three places for it."""
    metadata = _object(body.get("metadata"))
    found = body.get("user") or body.get("safety_identifier") or metadata.get("user_id")
    return found if isinstance(found, str) else None


def _function(given: Any) -> Tool:
    function = _object(given)
    return Tool(
        name=str(function.get("name")), description=function.get("description"), schema=function.get("parameters")
    )


def _choice(given: Any) -> str:
    if isinstance(given, dict):
        inner = _object(given.get("function")) or given
        return f"tool:{inner.get('name')}"
    return {"required": "any"}.get(given, given) if isinstance(given, str) else ""


def _chat_turn(message: Mapping[str, Any]) -> Turn:
    role, content = message.get("role"), message.get("content")
    if role in ("tool", "function"):
        result = Part(kind=RESULT, value="\n".join(_texts(content)), id=str(message.get("tool_call_id")))
        inner = [part for one in _dicts(content) for part in _chat_part(one) if part.kind != TEXT]
        return Turn(role="user", parts=(result, *(replace(part, in_result=True) for part in inner)))
    parts = [Part(kind=TEXT, value=content)] if isinstance(content, str) else []
    parts += [part for one in _dicts(content) for part in _chat_part(one)]
    for call in _dicts(message.get("tool_calls")):
        function = _object(call.get("function"))
        parts.append(_called(call.get("id"), function.get("name"), function.get("arguments")))
    return Turn(role=str(role), parts=tuple(parts))


def _called(id: Any, name: Any, arguments: Any) -> Part:
    value = parse_json(arguments.encode()) if isinstance(arguments, str) else arguments
    return Part(kind=CALL, value=arguments if value is UNPARSED else value, id=str(id), name=str(name))


def _chat_part(part: Mapping[str, Any]) -> Iterator[Part]:
    kind = str(part.get("type"))
    if isinstance(part.get("text"), str):
        yield Part(kind=TEXT, value=part["text"])
    elif "image" in kind:
        image = part.get("image_url")
        yield Part(kind=IMAGE, value=str(image.get("url") if isinstance(image, dict) else image))
    elif "file" in kind:
        file = _object(part.get("file")) or part
        yield Part(kind=FILE, value=str(file.get("file_data") or file.get("file_url") or file.get("file_id")))
    else:
        yield Part(kind=OTHER, value=part)


# -- Responses -----------------------------------------------------------------------------------------------------


def _from_responses(body: Mapping[str, Any]) -> Conversation:
    given = body.get("input")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else _dicts(given)
    system = [one for one in items if one.get("role") in SYSTEM_ROLES]
    text = _object(body.get("text"))
    form = _object(text.get("format"))
    turns = [turn for one in items if one.get("role") not in SYSTEM_ROLES for turn in _item(one)]
    return Conversation(
        system=(*_strings(body.get("instructions")), *(text for one in system for text in _texts(one.get("content")))),
        turns=merged(turns),
        tools=tuple(_function(tool) for tool in _dicts(body.get("tools"))),
        choice=_choice(body.get("tool_choice")),
        one_call=body.get("parallel_tool_calls") is False,
        max_tokens=body.get("max_output_tokens"),
        temperature=body.get("temperature"),
        top_p=body.get("top_p"),
        stop=_strings(body.get("stop")),
        user=_user(body),
        schema=form.get("schema"),
        streams=body.get("stream") is True,
    )


def _item(item: Mapping[str, Any]) -> Iterator[Turn]:
    kind, content = item.get("type", "message"), item.get("content")
    if kind == "function_call":
        called = _called(item.get("call_id"), item.get("name"), item.get("arguments"))
        yield Turn(role="assistant", parts=(called,))
    elif kind == "function_call_output":
        output = item.get("output")
        inner = [replace(part, in_result=True) for one in _dicts(output) for part in _chat_part(one)]
        result = Part(kind=RESULT, value="\n".join(_texts(output)), id=str(item.get("call_id")))
        yield Turn(role="user", parts=(result, *(part for part in inner if part.kind != TEXT)))
    elif kind == "message":
        parts = [Part(kind=TEXT, value=content)] if isinstance(content, str) else []
        parts += [part for one in _dicts(content) for part in _chat_part(one)]
        yield Turn(role=str(item.get("role")), parts=tuple(parts))


_READERS: Final = {"anthropic": _from_messages, "openai-chat": _from_chat, "openai-responses": _from_responses}
