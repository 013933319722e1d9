"""Verdicts on what Claude Code needs: its own requests are accepted, and it can read what comes back.

Every feature of its requests is also sent alone, so that a refusal names its cause; what Claude Code recovers from by
itself is no failure. Measured with version 2.1.197 against a server with one deviation at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from messages_conformance import contract
from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import (
    answered,
    asked_to_stream,
    at,
    body_of,
    json_message,
    response_of,
    shown,
    streamed,
    walk_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, RUN, Judging, rule
from messages_conformance.rules.recording_parts import PROBES, REQUEST, RESPONSE_HEADERS
from messages_conformance.rules.verdict import MUST, SHOULD, STATUS, Finding, Place, Unverified

SOURCE: Final = "measured with Claude Code 2.1.197, 2026-11-22"
SHAPES: Final = "requests of Claude Code 2.1.197, recorded 2026-11-22"
CLAUDE_CODE: Final = "claude-code"
"""What a profile promises that asks for these."""

REASON_CHARACTERS: Final = 240
"""How much of a refusal is quoted: a gateway puts its own words before those of the server behind it."""


TURN: Final = "claude-code.turn"
WHOLE: Final = "claude-code.turn.whole"
TOOL_LOOP: Final = "claude-code.tool-loop"
SYSTEM_ROLE: Final = "claude-code.messages.system-role"
THINKING: Final = "claude-code.thinking"
COUNT: Final = "claude-code.count-tokens"
COUNT_BY_ANSWER: Final = "claude-code.count-tokens.fallback"
HEAD: Final = "claude-code.path.head"

FEATURES: Final = (
    ("claude-code.query.beta", MUST, SOURCE, "The query ?beta=true on the Messages path is accepted."),
    ("claude-code.headers.beta", MUST, SOURCE, "An anthropic-beta header with all betas of Claude Code is accepted."),
    ("claude-code.headers.client", MUST, SHAPES, "The other headers of Claude Code are accepted."),
    ("claude-code.auth.bearer", SHOULD, SOURCE, "The key is accepted as a bearer token (ANTHROPIC_AUTH_TOKEN)."),
    ("claude-code.auth.x-api-key", SHOULD, SOURCE, "The key is accepted in x-api-key (ANTHROPIC_API_KEY)."),
    ("claude-code.accept.json", MUST, SOURCE, "A stream may be asked for with Accept: application/json."),
    ("claude-code.system.blocks", MUST, SOURCE, "system may be a list of text blocks."),
    (
        "claude-code.cache-control",
        MUST,
        SOURCE,
        "cache_control is accepted on system blocks and on the last user block.",
    ),
    ("claude-code.content.blocks", MUST, SOURCE, "A user message may be a list of several text blocks."),
    ("claude-code.context-management", MUST, SOURCE, "context_management, which clears old thinking, is accepted."),
    ("claude-code.metadata", MUST, SOURCE, "metadata.user_id may be a JSON text of some 150 characters."),
    ("claude-code.output-config.effort", MUST, SOURCE, "output_config.effort is accepted."),
    (
        "claude-code.output-config.format",
        SHOULD,
        SHAPES,
        "output_config.format is accepted beside an empty tools list.",
    ),
    ("claude-code.tools", MUST, SOURCE, "Two dozen tools with the schema keywords of Claude Code are accepted."),
    ("claude-code.max-tokens", MUST, SOURCE, "max_tokens of 32,000 is accepted."),
    ("claude-code.thinking.disabled", SHOULD, SHAPES, "thinking of the type disabled is accepted."),
    ("claude-code.tool-result.text", MUST, SHAPES, "A tool_result with text, is_error and cache_control is accepted."),
    ("claude-code.tool-result.image", SHOULD, SHAPES, "A tool_result may hold an image, as the tool Read gives it."),
    ("claude-code.tool-result.document", SHOULD, SHAPES, "A PDF document may follow a tool_result."),
)
"""What is sent alone: (requirement, level, source, sentence)."""

REST_ON: Final[Mapping[str, tuple[str, ...]]] = {
    "claude-code.cache-control": ("claude-code.system.blocks", "claude-code.content.blocks"),
    "claude-code.tool-result.text": ("claude-code.tools",),
    "claude-code.tool-result.image": ("claude-code.tools", "claude-code.tool-result.text"),
    "claude-code.tool-result.document": ("claude-code.tools", "claude-code.tool-result.text"),
}
"""Features that contain simpler ones: where those are refused, nothing is known of these."""

NOT_SENT: Final = "no exchange of this run brought it about"

APART: Final = ("claude-code.auth.", "claude-code.tool-result.", "claude-code.max-tokens")
PARTS: Final = frozenset(
    {SYSTEM_ROLE, THINKING, *(name for name, level, *_ in FEATURES if level == MUST and not name.startswith(APART))}
)
"""What a whole turn holds: where one of these is refused alone, the refusal of the turn says nothing new."""


def _said(exchange: Exchange) -> str:
    return response_of(exchange).text


def _reason(exchange: Exchange) -> str:
    """The words of a refusal: its message, or the whole body where there is none."""
    error = body_of(exchange).get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return shown(message if isinstance(message, str) else _said(exchange).strip(), REASON_CHARACTERS)


def _refusal(exchange: Exchange) -> Iterator[Finding]:
    status = response_of(exchange).status
    if status >= 400:
        found = f"{status}: {_reason(exchange)}"
        yield Finding(place=STATUS, found=found, wanted="200: Claude Code sends this", exchange=exchange.number)


def _recovers(exchange: Exchange, without: str) -> bool:
    """Whether Claude Code leaves this part out after the refusal, and asks again."""
    response = response_of(exchange)
    return contract.recovery(response.status, response.text.encode()) == without


def _sent_for(*names: str) -> Callable[[Exchange], bool]:
    return lambda exchange: answered(exchange) and any(name in exchange.probes for name in names)


def _accepts(name: str, sentence: str) -> Judging:
    def judge(exchanges: Sequence[Exchange]) -> Iterator[Finding | Unverified]:
        sent = [exchange for exchange in exchanges if name in exchange.probes]
        refused = [finding for exchange in sent[:1] for finding in _refusal(exchange)]
        reason = _refused_before(name, exchanges)
        if not sent:
            yield Unverified(reason=NOT_SENT)
        elif refused and reason:
            yield Unverified(reason=f"{reason} is refused alone already")
        yield from () if reason else refused

    judge.__doc__ = sentence
    return judge


def _refused_before(name: str, exchanges: Sequence[Exchange]) -> str:
    """A simpler feature, which this one contains, that is refused too; empty when there is none."""
    simpler = REST_ON.get(name, ())
    refused = {
        probe for exchange in exchanges for probe in exchange.probes if probe in simpler and any(_refusal(exchange))
    }
    return min(refused, default="")


for _name, _level, _source, _sentence in FEATURES:
    rule(
        _name,
        _level,
        families={ANTHROPIC},
        needs={CLAUDE_CODE},
        source=_source,
        over=RUN,
        reads={PROBES},
        provoked="Sent alone, in an otherwise plain question.",
    )(_accepts(_name, _sentence))


@rule(
    SYSTEM_ROLE,
    MUST,
    families={ANTHROPIC},
    needs={CLAUDE_CODE},
    source=SOURCE,
    applies=_sent_for(SYSTEM_ROLE),
    reads={PROBES},
    provoked="A message of the role system follows the user's.",
)
def takes_system_messages(exchange: Exchange) -> Iterable[Finding]:
    """A message of the role system is accepted, or refused in words after which Claude Code leaves it out."""
    if not _recovers(exchange, "system"):
        yield from _refusal(exchange)


@rule(
    THINKING,
    MUST,
    families={ANTHROPIC},
    needs={CLAUDE_CODE},
    source=SOURCE,
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="A question is asked with adaptive thinking, and another with a thinking budget.",
)
def takes_thinking(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Adaptive thinking is accepted, or refused in words after which Claude Code sends a budget that is accepted."""
    sent = [exchange for exchange in exchanges if THINKING in exchange.probes]
    adaptive = [exchange for exchange in sent if _thinks(exchange) == "adaptive"]
    budgeted = [exchange for exchange in sent if _thinks(exchange) == "enabled"]
    if not adaptive or not budgeted:
        yield Unverified(reason="no question asked for both kinds of thinking")
    elif _recovers(adaptive[0], "adaptive"):
        yield from _refusal(budgeted[0])
    else:
        yield from _refusal(adaptive[0])


def _thinks(exchange: Exchange) -> object:
    thinking = exchange.request.fields.get("thinking")
    return thinking.get("type") if isinstance(thinking, dict) else None


# -- whole turns ----------------------------------------------------------------------------------------------------


def _unusable(exchange: Exchange) -> str:
    """Why Claude Code throws a streamed answer away and asks again without streaming; empty when it reads it."""
    if not streamed(exchange):
        return f"no stream, but {response_of(exchange).media_type or 'no content type'}"
    names = [event.name for event in response_of(exchange).events]
    if "message_start" not in names or walk_of(exchange).message_start is None:
        return "a stream without an event named message_start"
    blocks = [name for name in names if name in ("content_block_start", "content_block_delta")]
    return "a stream whose first block never begins" if blocks[:1] == ["content_block_delta"] else ""


@rule(
    TURN,
    MUST,
    families={ANTHROPIC},
    needs={CLAUDE_CODE},
    source=SOURCE,
    over=RUN,
    reads={PROBES, RESPONSE_HEADERS},
    provoked="A whole request of Claude Code, with every header and member that it sends.",
)
def answers_a_turn(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A whole request of Claude Code is accepted, and answered by a stream or else by a message that it can read."""
    turns = [exchange for exchange in exchanges if TURN in exchange.probes]
    if not turns:
        yield Unverified(reason="no whole request of Claude Code was answered")
        return
    last = turns[-1]
    refused = list(_refusal(last))
    if refused and any(list(_refusal(exchange)) for exchange in exchanges if PARTS & set(exchange.probes)):
        yield Unverified(reason="a part of the request is refused alone already")
        return
    yield from refused
    whole = [exchange for exchange in exchanges if WHOLE in exchange.probes]
    if not refused and _unusable(last) and not (whole and json_message(whole[-1])):
        yield Finding(
            place=Place(pointer=""),
            found=f"{_unusable(last)}, and no message without streaming either",
            wanted="a stream, or else a message, that can be read",
            exchange=last.number,
        )


@rule(
    WHOLE,
    SHOULD,
    families={ANTHROPIC},
    needs={CLAUDE_CODE},
    source=SOURCE,
    applies=_sent_for(WHOLE),
    reads={PROBES},
    provoked="The whole request again, without stream, as Claude Code does when a stream cannot be read.",
)
def answers_a_turn_whole(exchange: Exchange) -> Iterable[Finding]:
    """The same request without streaming is answered by a message: Claude Code falls back to it."""
    yield from _refusal(exchange)
    if response_of(exchange).status < 400 and not isinstance(body_of(exchange).get("content"), list):
        yield Finding(place=Place(pointer=""), found=shown(_said(exchange)), wanted="a message with content")


@rule(
    TOOL_LOOP,
    MUST,
    families={ANTHROPIC},
    needs={CLAUDE_CODE},
    source=SHAPES,
    over=RUN,
    model_dependent=True,
    reads={PROBES},
    provoked="The answer of a whole request, a tool call, comes back with the tool's result.",
)
def goes_on_after_a_tool_call(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The answer's own blocks, thinking and its signature included, are accepted with the result of the tool."""
    sent = [exchange for exchange in exchanges if TOOL_LOOP in exchange.probes]
    if not sent:
        yield Unverified(reason="the model called no tool of Claude Code's, or its answer could not be sent back")
    for exchange in sent[:1]:
        yield from _refusal(exchange)


@rule(
    "claude-code.stream.tool-input",
    MUST,
    families={ANTHROPIC},
    needs={CLAUDE_CODE, "stream"},
    source=SOURCE,
    applies=lambda exchange: asked_to_stream(exchange) and streamed(exchange) and _calls_a_tool(exchange),
    provoked="A tool call is streamed.",
)
def sends_tool_input_in_deltas(exchange: Exchange) -> Iterable[Finding]:
    """The input of a streamed tool call comes in deltas: what content_block_start holds of it is never read."""
    filled = {
        event.fields.get("index") for event in response_of(exchange).events if event.type == "content_block_delta"
    }
    for event in response_of(exchange).events:
        block = event.fields.get("content_block")
        full = isinstance(block, dict) and block.get("type") == "tool_use" and bool(block.get("input"))
        if full and event.fields.get("index") not in filled:
            yield Finding(
                place=at(event, "/content_block/input"), found="all of it", wanted="{}, and the rest in deltas"
            )
            return


def _calls_a_tool(exchange: Exchange) -> bool:
    blocks = (event.fields.get("content_block") for event in response_of(exchange).events)
    return any(isinstance(block, dict) and block.get("type") == "tool_use" for block in blocks)


# -- around the turns -----------------------------------------------------------------------------------------------


@rule(
    HEAD,
    SHOULD,
    families={ANTHROPIC},
    needs={CLAUDE_CODE},
    source=SOURCE,
    applies=_sent_for(HEAD),
    reads={PROBES},
    provoked="HEAD / without a key, as Claude Code does first.",
)
def answers_head(exchange: Exchange) -> Iterable[Finding]:
    """HEAD on the base address gets an answer; a 404 does no harm."""
    status = response_of(exchange).status
    if status >= 500:
        yield Finding(place=STATUS, found=str(status), wanted="any status below 500")


@rule(
    COUNT,
    SHOULD,
    families={ANTHROPIC},
    needs={CLAUDE_CODE},
    source=SOURCE,
    applies=_sent_for(COUNT),
    reads={PROBES},
    provoked="count_tokens is asked with a message and tools.",
)
def counts_or_is_missing(exchange: Exchange) -> Iterable[Finding]:
    """count_tokens gives a count, or is not there (404), upon which Claude Code counts by asking."""
    response = response_of(exchange)
    value = body_of(exchange).get("input_tokens")
    if response.status == 404:
        return
    if response.status >= 400:
        found = f"{response.status}: {_reason(exchange)}"
        yield Finding(place=STATUS, found=found, wanted="200, or 404 where it is missing")
    elif not isinstance(value, int) or isinstance(value, bool):
        yield Finding(place=Place(pointer="/input_tokens"), found=shown(value), wanted="an integer")


@rule(
    COUNT_BY_ANSWER,
    SHOULD,
    families={ANTHROPIC},
    needs={CLAUDE_CODE},
    source=SOURCE,
    applies=_sent_for(COUNT_BY_ANSWER),
    reads={PROBES},
    provoked="A question with max_tokens 1, without stream.",
)
def counts_by_an_answer(exchange: Exchange) -> Iterable[Finding]:
    """A request with max_tokens 1 is answered with usage.input_tokens, which stands for a count."""
    yield from _refusal(exchange)
    usage = body_of(exchange).get("usage")
    value = usage.get("input_tokens") if isinstance(usage, dict) else None
    if response_of(exchange).status < 400 and (not isinstance(value, int) or isinstance(value, bool)):
        yield Finding(place=Place(pointer="/usage/input_tokens"), found=shown(value), wanted="an integer")
