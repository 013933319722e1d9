"""What is wrong with what an application received, by the request and by what the bytes of the answer contain.

Right is: a message for a request that must be accepted, and an error of the expected status for one that must be
refused; all text and all calls that the bytes contain; calls of tools of the request, with the arguments that their
schema requires; a stop reason that fits; token counts above 0. Whether the text itself is right, the rules decide.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from messages_conformance.client_models.received import CRASH, ERROR, HANG, Call, Received
from messages_conformance.exchange import ACCEPTED, REFUSED, Exchange

ENDS: Final = {ERROR: "error", CRASH: "crash", HANG: "hang"}
"""How reading ends -> the outcome of contract/impact.json."""

NO_ARGUMENTS_NEEDED: Final = frozenset({"max_tokens", "refusal", "model_context_window_exceeded", "stop_sequence"})
"""Stop reasons after which a call may be incomplete."""

STOPS: Final = NO_ARGUMENTS_NEEDED | {"end_turn", "tool_use", "pause_turn", "compaction"}
FEW: Final = 5
"""Tokens that an answer without any content may have (our own: the tokens that end it)."""

REPLACED: Final = "\ufffd"
CALLS_A_TOOL: Final = "tool_use"
CLAUDE_CODE: Final = "claude-code"
FIRST_ERROR: Final = 400
WRONG_KEY: Final = 401


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """`outcome` is a name of `outcomes` in contract/impact.json; `why` says what happens, in words.

    `lost` says that the bytes have more than the application gets, so that no model is the reason.
    """

    outcome: str
    why: str
    lost: bool = False


def what_is_wrong(client: str, received: Received, exchange: Exchange) -> Wrong | None:
    """The worst that the application gets wrong; None if all is right. `client` is a short name."""
    status = exchange.response.status if exchange.response is not None else None
    if status is not None and status >= FIRST_ERROR and exchange.expect != ACCEPTED:
        return _wrong_refusal(exchange, status)
    if exchange.expect == REFUSED and received.end == "":
        return _wrong_success(exchange)
    if received.end:
        return Wrong(outcome=ENDS[received.end], why=received.why)
    if received.repeats:
        return Wrong(outcome="ok_nonstream_fallback", why=received.why)
    return next(_differences(client, received, exchange), None)


def _wrong_refusal(exchange: Exchange, status: int) -> Wrong | None:
    """The SDKs choose the class of the exception by the status."""
    if exchange.expect == REFUSED and exchange.statuses and status not in exchange.statuses:
        wanted = ", ".join(map(str, exchange.statuses))
        return Wrong(outcome="fails_some", why=f"raises the error of the status {status}, not of {wanted}")
    return None


def _wrong_success(exchange: Exchange) -> Wrong | None:
    """A wrong key that is accepted: the application never gets its error."""
    if WRONG_KEY in exchange.statuses:
        return Wrong(outcome="fails_some", why="a wrong key raises no error")
    return None


def _differences(client: str, received: Received, exchange: Exchange) -> Iterator[Wrong]:
    """What differs, the worst first."""
    sent = _Sent()
    for value in _values(exchange):
        sent.look(value)
    stopped = received.stop_reason
    cut = stopped in NO_ARGUMENTS_NEEDED
    if len(received.calls) < sent.calls and not cut:
        yield Wrong(outcome="silent_tool", why=received.why or "a call is lost", lost=True)
    tools = _tools(exchange.request.fields)
    for call in received.calls:
        if wrong := _wrong_call(call, tools, cut=cut):
            yield Wrong(outcome="silent_tool", why=wrong)
    if len(received.text) < sent.text:
        yield Wrong(outcome="silent_text", why=received.why or "a part of the text is lost", lost=True)
    if REPLACED in received.text and not _asks_for_it(exchange.request.body):
        yield Wrong(outcome="silent_text", why="characters of the text are broken")
    if len(received.thinking) < sent.thinking:
        yield Wrong(outcome="silent_text", why=received.why or "a part of the thinking is lost", lost=True)
    if client != CLAUDE_CODE and _is_no_object(received, exchange.request.fields):
        yield Wrong(outcome="error", why="the text is not the JSON that was asked for, and the SDK raises an error")
    yield from _wrong_stop(client, received, exchange.request.fields)
    if _says_nothing(received):
        yield Wrong(outcome="silent_text", why=received.why or "the answer is empty")
    if exchange.request.fields.get("max_tokens") != 0 and not (_count(received.input_tokens) and _output(received)):
        counts = f"input_tokens {received.input_tokens!r}, output_tokens {received.output_tokens!r}"
        yield Wrong(outcome="silent_usage", why=counts)


def _is_no_object(received: Received, fields: Mapping[str, Any]) -> bool:
    """Whether a whole text is no JSON although the request has an output format: the SDKs parse it."""
    config: Any = fields.get("output_config")
    if not (isinstance(config, dict) and config.get("format")) or received.calls or received.stop_reason != "end_turn":
        return False
    try:
        json.loads(received.text)
    except (ValueError, RecursionError):
        return True
    return False


def _asks_for_it(body: bytes) -> bool:
    """Whether the request contains the character that replaces bytes that are no text."""
    return REPLACED.encode() in body or b"\\ufffd" in body.lower()


def _says_nothing(received: Received) -> bool:
    """Whether tokens of an output were counted, and none was received."""
    empty = not (received.text or received.calls or received.thinking)
    return (
        empty and received.stop_reason == "end_turn" and _count(received.output_tokens) and received.output_tokens > FEW
    )


def _stops_too_early(received: Received, fields: Mapping[str, Any]) -> bool:
    """Whether the limit cannot be the reason: by the count of tokens, and there are fewer characters than the limit."""
    limit: Any = fields.get("max_tokens")
    output = received.output_tokens
    if received.stop_reason != "max_tokens" or not (_count(limit) and _count(output)) or 2 * output >= limit:
        return False
    characters = len(received.text) + len(received.thinking) + sum(len(str(call.input)) for call in received.calls)
    return bool(characters < limit)


def _wrong_stop(client: str, received: Received, fields: Mapping[str, Any]) -> Iterator[Wrong]:
    stopped = received.stop_reason
    early = _stops_too_early(received, fields)
    if client == CLAUDE_CODE:
        if early:
            yield Wrong(outcome="error", why="the stop reason is max_tokens: it asks on, and ends with an error")
        elif stopped == CALLS_A_TOOL and not received.calls:
            yield Wrong(outcome="error", why="the stop reason is tool_use, and there is no call")
    elif not isinstance(stopped, str) or stopped not in STOPS:
        words = f"the stop reason is {stopped!r}"
        yield Wrong(outcome="silent_tool" if received.calls else "silent_stop_reason", why=words)
    elif received.calls and (stopped == "end_turn" or early):
        yield Wrong(outcome="silent_tool", why=f"the stop reason of calls is {stopped}: the tools are not run")
    elif early:
        yield Wrong(outcome="silent_stop_reason", why="the stop reason is max_tokens before the limit")
    elif stopped == CALLS_A_TOOL and not received.calls:
        lost = "silent_tool" if fields.get("tools") else "silent_stop_reason"
        yield Wrong(outcome=lost, why="the stop reason is tool_use, and there is no call")


def _wrong_call(call: Call, tools: Mapping[str, Mapping[str, Any]], *, cut: bool) -> str:
    if not isinstance(call.name, str) or (tools and call.name not in tools):
        return f"a call has the name {call.name!r}"
    if not isinstance(call.id, str) or not call.id:
        return f"a call has the id {call.id!r}, and its result cannot be sent"
    if not isinstance(call.input, dict):
        return "the arguments of a call are no JSON object"
    wanted = tools.get(call.name, {}).get("required")
    missing = [name for name in wanted if name not in call.input] if isinstance(wanted, list) else []
    if missing and not cut:
        return f"a call comes without its arguments: {', '.join(map(str, missing))}"
    return ""


def _tools(fields: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Name -> schema of the client's own tools; empty when the request has tools of the server."""
    tools = fields.get("tools")
    found = {}
    for tool in tools if isinstance(tools, list) else ():
        schema = tool.get("input_schema") if isinstance(tool, dict) else None
        if not isinstance(schema, dict):
            return {}
        found[str(tool.get("name"))] = schema
    return found


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _output(received: Received) -> bool:
    """Whether the tokens of the output are counted; an empty answer may have none."""
    empty = not (received.text or received.calls or received.thinking)
    return _count(received.output_tokens) or (empty and received.output_tokens == 0)


def _values(exchange: Exchange) -> Iterator[Any]:
    response = exchange.response
    if response is None:
        return
    if not exchange.request.streamed:
        content = response.fields.get("content")
        yield from content if isinstance(content, list) else ()
        return
    for event in response.events:
        yield event.fields.get("delta")
        yield event.fields.get("content_block")


@dataclass
class _Sent:
    """How much the bytes contain: characters of text and thinking, and calls."""

    text: int = 0
    thinking: int = 0
    calls: int = 0

    def look(self, value: Any) -> None:
        if not isinstance(value, dict):
            return
        if isinstance(value.get("text"), str):
            self.text += len(value["text"])
        if isinstance(value.get("thinking"), str):
            self.thinking += len(value["thinking"])
        self.calls += value.get("type") == "tool_use"
