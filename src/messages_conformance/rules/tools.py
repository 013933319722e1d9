"""Rules for tool calls: tool_choice, and the ids, names and inputs of calls."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance import contract
from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    BROKEN_STREAM,
    NO_MESSAGE,
    at,
    blocks_of,
    has_message,
    ids,
    in_message,
    is_broken_stream,
    message_of,
    shown,
    stop_reason_of,
    streamed,
    text_of,
    walk_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, DRIFTS, LOSES, RUN, rule
from messages_conformance.rules.json_prefix import is_prefix
from messages_conformance.rules.offered_tools import offered_tools
from messages_conformance.rules.recording_parts import IDS, REQUEST
from messages_conformance.rules.stream.stream_accessors import streams_eagerly
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place, Unverified

PARALLEL: Final = "platform.claude.com/docs/en/agents-and-tools/tool-use/parallel-tool-use, read 2026-11-22"
STRICT: Final = "platform.claude.com/docs/en/agents-and-tools/tool-use/strict-tool-use, read 2026-11-22"
FINE_GRAINED: Final = (
    "platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming, read 2026-11-22"
)

ID: Final = re.compile(r"[a-zA-Z0-9_-]+")
SERVER_ID: Final = re.compile(r"srvtoolu_[a-zA-Z0-9_]+")

ENDED: Final = ("end_turn", "tool_use")
"""Stop reasons after which an answer is complete; a stop reason that is added later may or may not be one."""

CUT: Final = ("max_tokens", "refusal", "model_context_window_exceeded", "pause_turn")
"""Stop reasons after which the answer may be incomplete."""

QUOTED_CHARACTERS: Final = 80
"""How much of the answer is quoted when the model did not cooperate (our own)."""

NO_TOOL_CALL: Final = Unverified(reason="no tool was called")


def _calls(exchange: Exchange, kind: str = "tool_use") -> list[tuple[int, Mapping[str, Any]]]:
    """The calls of client tools in an answer, each with its position in the content."""
    return [(number, block) for number, block in enumerate(blocks_of(exchange)) if block.get("type") == kind]


def _strict_tools(exchange: Exchange) -> list[Mapping[str, Any]]:
    return [tool for tool in offered_tools(exchange) if tool.get("strict") is True]


def _names(exchange: Exchange) -> set[str]:
    return {tool["name"] for tool in offered_tools(exchange) if isinstance(tool.get("name"), str)}


def _choice(exchange: Exchange) -> Mapping[str, Any]:
    choice = exchange.request.fields.get("tool_choice")
    return choice if isinstance(choice, dict) else {}


def _has_choice(*kinds: str) -> Any:
    """A function that accepts answers to requests with one of these tool choices."""
    return lambda exchange: (
        has_message(exchange) and _choice(exchange).get("type", "auto") in kinds and bool(offered_tools(exchange))
    )


def _not_comparable(exchange: Exchange) -> Unverified | None:
    """Why a missing call is not a finding; None for a complete answer."""
    if message_of(exchange) is None:
        return NO_MESSAGE
    if is_broken_stream(exchange):
        return BROKEN_STREAM
    content = (message_of(exchange) or {}).get("content")
    if not isinstance(content, list) or len(blocks_of(exchange)) < len(content):
        return Unverified(reason="the content is not a list of blocks, which other requirements judge")
    if not all(isinstance(block.get("type"), str) for block in blocks_of(exchange)):
        return Unverified(reason="a block has no type, which other requirements judge")
    turns = exchange.request.fields.get("messages")
    if isinstance(turns, list) and turns and isinstance(turns[-1], dict) and turns[-1].get("role") == "assistant":
        return Unverified(reason="the answer continues a final assistant message")
    reason = stop_reason_of(exchange)
    return Unverified(reason=f"the answer is incomplete ({reason})") if reason not in ENDED else None


def _no_call_because(exchange: Exchange) -> Unverified:
    """The reason that the model called no tool, with the beginning of its answer."""
    text = " ".join(text_of(exchange).split())[:QUOTED_CHARACTERS]
    return Unverified(reason=f'no tool was called; the model answered "{text}"' if text else "no tool was called")


def _called(exchange: Exchange) -> str:
    """The names of all calls, or the types of the blocks instead."""
    names = [str(block.get("name")) for _, block in _calls(exchange)]
    kinds = [str(block.get("type")) for block in blocks_of(exchange)]
    return f"calls of {', '.join(names)}" if names else f"no call ({', '.join(kinds) or 'no content'})"


# -- tool_choice ---------------------------------------------------------------------------------------------------


@rule(
    "request.tool_choice.any-forces",
    MUST,
    harm=BREAKS,  # clients that force a call read its input
    families={ANTHROPIC},
    source=sources.TOOLS,
    applies=_has_choice("any"),
    model_dependent=True,
    needs={"tool-choice", "forced-tools"},
    capability="forced-tools",
    reads={REQUEST},
    provoked="A request that needs no tool has tool_choice any.",
)
def calls_when_any_tool_is_forced(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The answer to tool_choice any has at least one tool_use block."""
    if _calls(exchange):
        return
    unclear = _not_comparable(exchange)
    if unclear is not None:
        yield unclear
        return
    yield Finding(place=in_message(exchange, "/content"), found=_called(exchange), wanted="at least one tool_use block")


@rule(
    "request.tool_choice.tool-forces",
    MUST,
    harm=BREAKS,  # clients that force a call read its input
    families={ANTHROPIC},
    source=sources.TOOLS,
    applies=_has_choice("tool"),
    model_dependent=True,
    needs={"tool-choice", "forced-tools"},
    capability="forced-tools",
    reads={REQUEST},
    provoked="tool_choice names the less suitable one of two tools.",
)
def calls_the_tool_that_is_forced(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The answer to tool_choice tool has calls of the named tool only."""
    wanted, known = _choice(exchange).get("name"), _names(exchange)
    calls = _calls(exchange)
    others = [(number, block) for number, block in calls if block.get("name") != wanted]
    if others and not any(block.get("name") in tuple(known) for _, block in others):
        yield Unverified(reason="an unknown tool was called, which response.content.tool_use-name-known judges")
    elif others:
        number, block = others[0]
        place = in_message(exchange, f"/content/{number}/name")
        yield Finding(place=place, found=shown(block.get("name")), wanted=shown(wanted))
    elif not calls:
        unclear = _not_comparable(exchange)
        place = in_message(exchange, "/content")
        yield unclear or Finding(place=place, found=_called(exchange), wanted=f"a call of {wanted}")


@rule(
    "request.tool_choice.none-forbids",
    MUST,
    harm=LOSES,  # clients that forbid calls run none, and read an empty answer
    families={ANTHROPIC},
    source=sources.TOOLS,
    applies=_has_choice("none"),
    model_dependent=True,
    needs={"tool-choice"},
    reads={REQUEST},
    provoked="A request that invites a tool call has tool_choice none.",
)
def calls_nothing_when_calls_are_forbidden(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The answer to tool_choice none has no tool_use block."""
    for number, block in _calls(exchange)[:1]:
        place = in_message(exchange, f"/content/{number}")
        yield Finding(place=place, found=f"a call of {shown(block.get('name'))}", wanted="no tool_use block")


def _disables_parallel_calls(exchange: Exchange) -> bool:
    return _choice(exchange).get("disable_parallel_tool_use") is True


def _too_many(exchange: Exchange, wanted: str) -> Iterator[Finding | Unverified]:
    calls = _calls(exchange)
    if not calls:
        yield _no_call_because(exchange)
    elif len(calls) > 1:
        yield Finding(place=in_message(exchange, "/content"), found=_called(exchange), wanted=wanted)


@rule(
    "request.tool_choice.disable-parallel-auto",
    MUST,
    harm=LOSES,  # clients that forbid parallel calls run only the first one
    families={ANTHROPIC},
    source=PARALLEL,
    applies=lambda exchange: _has_choice("auto")(exchange) and _disables_parallel_calls(exchange),
    model_dependent=True,
    needs={"tool-choice"},
    reads={REQUEST},
    provoked="A request for two tool calls has disable_parallel_tool_use.",
)
def calls_one_tool_at_most(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The answer to tool_choice auto with disable_parallel_tool_use has at most one tool_use block."""
    return _too_many(exchange, "at most one tool_use block")


@rule(
    "request.tool_choice.disable-parallel-any",
    MUST,
    harm=LOSES,  # clients that forbid parallel calls run only the first one
    families={ANTHROPIC},
    source=PARALLEL,
    applies=lambda exchange: _has_choice("any", "tool")(exchange) and _disables_parallel_calls(exchange),
    model_dependent=True,
    needs={"tool-choice", "forced-tools"},
    capability="forced-tools",
    reads={REQUEST},
    provoked="A request for two tool calls forces a call and has disable_parallel_tool_use.",
)
def calls_exactly_one_tool(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The answer to tool_choice any or tool with disable_parallel_tool_use has exactly one tool_use block."""
    return _too_many(exchange, "exactly one tool_use block")


@rule(
    "response.tool_use.forced-first",
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    source=f"{sources.TOOLS}; 250 of 250 forced calls of recorded traffic",
    applies=_has_choice("any", "tool"),
    model_dependent=True,
    needs={"tool-choice", "forced-tools"},
    capability="forced-tools",
    reads={REQUEST},
    provoked="Calls are forced, with and without streaming.",
)
def begins_a_forced_answer_with_the_call(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """No empty text block comes before a forced call: a client that sends it back is refused."""
    calls = _calls(exchange)
    if not calls:
        yield _no_call_because(exchange)
        return
    # A model without constrained decoding may write a sentence first, but not an empty one.
    for number, block in enumerate(blocks_of(exchange)[: calls[0][0]]):
        if block.get("type") == "text" and block.get("text") == "":
            place = in_message(exchange, f"/content/{number}")
            yield Finding(place=place, found="an empty text block", wanted="the tool_use block, or thinking before it")
            return


MIN_FORCED: Final = 4
"""At least this many forced calls must all come after a text (our own)."""


@rule(
    "response.tool_use.forced-alone",
    SHOULD,
    harm=BREAKS,  # clients that force a call read the first block
    families={ANTHROPIC},
    source=f"{sources.TOOLS} (no text comes before a forced call); 250 of 250 forced calls of recorded traffic",
    over=RUN,
    model_dependent=True,
    needs={"tool-choice", "forced-tools"},
    capability="forced-tools",
    reads={REQUEST},
    provoked="Calls are forced, with and without streaming.",
)
def writes_no_text_before_a_forced_call(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """No text comes before a forced call; only thinking may. A weak model may write one now and then."""
    forced = [one for one in exchanges if _has_choice("any", "tool")(one) and _calls(one)]
    announced = [one for one in forced if _text_before_the_call(one)]
    if len(forced) < MIN_FORCED:
        yield Unverified(reason=f"fewer than {MIN_FORCED} forced calls")
    elif len(announced) == len(forced):
        one = announced[0]
        found = f"the text {shown(_text_before_the_call(one))} before the call; so in all {len(forced)} forced calls"
        yield Finding(
            exchange=one.number, place=in_message(one, "/content/0"), found=found, wanted="the tool_use block first"
        )


def _text_before_the_call(exchange: Exchange) -> str:
    """The texts before the first call of an answer."""
    before = blocks_of(exchange)[: _calls(exchange)[0][0]]
    return "".join(str(block.get("text") or "") for block in before if block.get("type") == "text")


# -- the calls ------------------------------------------------------------------------------------------------------


@rule(
    "response.content.tool_use-id-pattern",
    SHOULD,
    harm=BREAKS,  # the API refuses the id in the next request
    families={ANTHROPIC},
    source="OpenAPI description of 2025-08, ResponseToolUseBlock.id; the prefix toolu_ is a convention only",
    applies=has_message,
    model_dependent=True,
    needs={"tools"},
    reads={IDS},
    provoked="Tools are called with and without streaming.",
)
def uses_valid_characters_in_call_ids(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A tool_use id consists of letters, digits, _ and -, so that a tool_result can refer to it."""
    calls = _calls(exchange)
    if not calls:
        yield NO_TOOL_CALL
    for number, block in calls:
        identifier = ids.of(block)
        if isinstance(identifier, str) and not ID.fullmatch(identifier):
            place = in_message(exchange, f"/content/{number}/id")
            yield Finding(place=place, found=shown(identifier), wanted=f"a match of {ID.pattern}")
            return


@rule(
    "response.content.tool_use-ids-unique",
    MUST,
    harm=LOSES,  # the results of two calls cannot be distinguished
    families={ANTHROPIC},
    source="trycua/cua#524 (GitHub), read 2026-11-22: duplicate ids are refused in the next request",
    applies=has_message,
    model_dependent=True,
    needs={"tools"},
    reads={IDS, REQUEST},
    provoked="A request asks for two calls of one tool.",
)
def gives_every_call_its_own_id(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """No two tool_use blocks of an answer and of its conversation have the same id."""
    named = [(number, ids.of(block)) for number, block in _calls(exchange)]
    calls = [(number, identifier) for number, identifier in named if isinstance(identifier, str) and identifier]
    if streamed(exchange) and walk_of(exchange).deviations:
        yield BROKEN_STREAM  # stream.block.index-sequential judges a block that starts again
        return
    seen = dict.fromkeys(_earlier_ids(exchange), "the request")
    if len(seen) + len(calls) < 2 or not calls:
        yield Unverified(reason="no conversation has two tool calls")
    for number, identifier in calls:
        if identifier in seen:
            found = f"{shown(identifier)}, as in {seen[identifier]}"
            yield Finding(place=in_message(exchange, f"/content/{number}/id"), found=found, wanted="a unique id")
            return
        seen[identifier] = f"/content/{number}"


def _earlier_ids(exchange: Exchange) -> list[str]:
    """The ids of the tool calls in a request; if the answer repeats one, the next request is refused."""
    turns = exchange.request.fields.get("messages")
    contents = [turn.get("content") for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
    blocks = [block for content in contents if isinstance(content, list) for block in content]
    earlier = [ids.of(block) for block in blocks if isinstance(block, dict) and block.get("type") == "tool_use"]
    return [identifier for identifier in earlier if isinstance(identifier, str)]


@rule(
    "response.content.tool_use-name-known",
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    source=STRICT,
    applies=lambda exchange: has_message(exchange) and bool(offered_tools(exchange)),
    model_dependent=True,
    needs={"tools"},
    reads={REQUEST},
    provoked="Tools are called with and without streaming.",
)
def calls_tools_of_the_request(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A tool_use block names one of the tools of the request."""
    calls, known = _calls(exchange), _names(exchange)
    if not calls:
        yield _no_call_because(exchange)
    elif len(known) < len(offered_tools(exchange)):
        # A toolset has tools of its own.
        yield Unverified(reason="a tool of the request has no name, so other names may be valid")
    else:
        for number, block in calls:
            name = block.get("name")
            if isinstance(name, str) and name not in known:
                place = in_message(exchange, f"/content/{number}/name")
                yield Finding(place=place, found=shown(name), wanted=" or ".join(map(shown, sorted(known))))
                return


@rule(
    "response.content.tool_use-input-schema",
    SHOULD,
    harm=BREAKS,  # the tool reads a field that is missing or has another type
    families={ANTHROPIC},
    source=STRICT,
    applies=lambda exchange: (
        has_message(exchange) and any(tool.get("strict") is True for tool in offered_tools(exchange))
    ),
    model_dependent=True,
    needs={"strict-tools"},
    capability="strict-tools",
    reads={REQUEST},
    provoked="A tool with strict: true is called.",
)
def matches_the_schema_of_strict_tools(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The input of a call of a strict tool matches its input_schema."""
    strict = {
        str(tool.get("name")): tool.get("input_schema")
        for tool in offered_tools(exchange)
        if tool.get("strict") is True
    }
    calls = [(number, block) for number, block in _calls(exchange) if str(block.get("name")) in strict]
    if not calls or stop_reason_of(exchange) in CUT:
        yield _not_comparable(exchange) or _no_call_because(exchange)
        return
    is_streamed = streamed(exchange)
    if is_streamed and walk_of(exchange).deviations:
        yield BROKEN_STREAM
        return
    for number, block in calls:
        input_of_call = block.get("input")
        if not isinstance(input_of_call, dict) or (is_streamed and not input_of_call):
            continue  # judged as response.content.tool_use-fields, partial-json-concat or stream.final.tool-input
        wrong = contract.schema_mismatch(strict[str(block["name"])], block["input"])
        if wrong:
            place = in_message(exchange, f"/content/{number}/input")
            yield Finding(
                place=place, found=shown(wrong, 200), wanted=f"a match of the input_schema of {block['name']}"
            )
            return


@rule(
    "response.content.server-tool-ids",
    SHOULD,
    harm=DRIFTS,
    families={ANTHROPIC},
    source="OpenAPI description of 2025-08, ResponseServerToolUseBlock.id",
    applies=has_message,
    model_dependent=True,
    needs={"server-tools"},
    capability="server-tools",
    reads={IDS},
    provoked="A web search is requested in a run of depth deep.",
)
def marks_the_calls_of_server_tools(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The id of a server_tool_use block starts with srvtoolu_."""
    calls = _calls(exchange, "server_tool_use")
    if not calls:
        yield Unverified(reason="no server tool was called")
    for number, block in calls:
        identifier = ids.of(block)
        if isinstance(identifier, str) and not SERVER_ID.fullmatch(identifier):
            place = in_message(exchange, f"/content/{number}/id")
            yield Finding(place=place, found=shown(identifier), wanted=f"a match of {SERVER_ID.pattern}")
            return


@rule(
    "stream.delta.partial-json-prefix-valid",
    SHOULD,
    harm=BREAKS,
    families={ANTHROPIC},
    source=f"{sources.MEASURED}; exempt: {FINE_GRAINED}",
    applies=streamed,
    model_dependent=True,
    needs={"stream", "tools"},
    reads={REQUEST},
    provoked="Tools are called in streams.",
)
def streams_readable_tool_input(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """After each delta, the partial_json so far is the beginning of JSON, because clients read it as it arrives."""
    blocks = [block for block in walk_of(exchange).blocks if block.json_text and not streams_eagerly(exchange, block)]
    if not blocks or not walk_of(exchange).complete:
        yield Unverified(reason="no stream has a complete tool input")
        return
    if walk_of(exchange).deviations:
        yield BROKEN_STREAM  # other requirements judge deltas that belong to another block
        return
    for block in blocks:
        if is_prefix(block.json_text):
            continue
        place = at(block.deltas[-1], "/delta/partial_json") if block.deltas else Place()
        yield Finding(place=place, found=shown(block.json_text), wanted="the beginning of one JSON document")
        return
