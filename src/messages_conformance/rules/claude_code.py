"""Rules for Claude Code: the target accepts its requests, and Claude Code can read the answers.

The suites also send each feature of its requests alone, so that a refusal names its cause. A refusal from which Claude
Code recovers is not a failure. Measured with versions 2.1.197 and 2.1.332 against servers with one deviation each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from messages_conformance import contract
from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import (
    answered,
    at,
    body_of,
    json_key,
    json_message,
    response_of,
    shown,
    stream_requested,
    streamed,
    thinking_type,
    walk_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, DRIFTS, LOSES, MISBILLS, RUN, Judging, rule
from messages_conformance.rules.recording_parts import PROBES, REQUEST, RESPONSE_HEADERS
from messages_conformance.rules.verdict import MUST, NOT_PROVOKED, SHOULD, STATUS, Finding, Place, Unverified
from messages_conformance.stream import is_made_by_code

SOURCE: Final = "measured with Claude Code 2.1.197, 2026-11-22"
SHAPES: Final = "requests of Claude Code 2.1.197, recorded 2026-11-22"
NEWER: Final = "measured with Claude Code 2.1.332, 2026-11-30"
GATEWAYS: Final = "code.claude.com/docs/en/llm-gateway-protocol, read 2026-08-22"
"""The published protocol between Claude Code and a gateway."""
CLAUDE_CODE: Final = "claude-code"
"""The capability that a profile offers to require these."""

REASON_CHARACTERS: Final = 240
"""How much of a refusal is quoted (our own): a gateway adds its own text before the text of the server behind it."""


TURN: Final = "claude-code.turn"
COMPLETE_MESSAGE: Final = "claude-code.turn.whole"
TOOL_LOOP: Final = "claude-code.tool-loop"
SYSTEM_ROLE: Final = "claude-code.messages.system-role"
THINKING: Final = "claude-code.thinking"
COUNT: Final = "claude-code.count-tokens"
COUNT_BY_ANSWER: Final = "claude-code.count-tokens.fallback"
HEAD: Final = "claude-code.path.head"

FEATURES: Final = (
    ("claude-code.query.beta", MUST, SOURCE, "The query ?beta=true on the Messages path is accepted."),
    ("claude-code.headers.beta", MUST, SOURCE, "The betas of Claude Code are accepted, or refused by name."),
    ("claude-code.headers.client", MUST, SHAPES, "The other headers of Claude Code are accepted."),
    ("claude-code.auth.bearer", MUST, SOURCE, "The key is accepted as a bearer token (ANTHROPIC_AUTH_TOKEN)."),
    ("claude-code.auth.x-api-key", SHOULD, SOURCE, "The key is accepted in x-api-key (ANTHROPIC_API_KEY)."),
    ("claude-code.accept.json", MUST, SOURCE, "A request for a stream with Accept: application/json is accepted."),
    ("claude-code.system.blocks", MUST, SOURCE, "A system prompt in a list of text blocks is accepted."),
    (
        "claude-code.cache-control",
        MUST,
        SOURCE,
        "cache_control is accepted on system blocks and on the last user block.",
    ),
    ("claude-code.content.blocks", MUST, SOURCE, "A user message with several text blocks is accepted."),
    (
        "claude-code.context-management",
        MUST,
        SOURCE,
        "context_management is accepted, or refused so that Claude Code omits it.",
    ),
    ("claude-code.metadata", MUST, SOURCE, "metadata.user_id is accepted as a JSON text of about 150 characters."),
    (
        "claude-code.output-config.effort",
        MUST,
        SOURCE,
        "output_config.effort is accepted, or refused so that Claude Code omits it.",
    ),
    (
        "claude-code.output-config.format",
        SHOULD,
        SHAPES,
        "output_config.format is accepted together with an empty tools list.",
    ),
    ("claude-code.tools", MUST, SOURCE, "30 tools with the schema keywords of Claude Code are accepted."),
    ("claude-code.max-tokens", MUST, SOURCE, "max_tokens of 32,000 is accepted, or refused with the maximum."),
    ("claude-code.thinking.disabled", SHOULD, SHAPES, "thinking with the type disabled is accepted."),
    ("claude-code.tool-result.text", MUST, SHAPES, "A tool_result with text, is_error and cache_control is accepted."),
    (
        "claude-code.tool-result.image",
        SHOULD,
        SHAPES,
        "A tool_result with an image is accepted.",
    ),
    ("claude-code.tool-result.document", SHOULD, SHAPES, "A PDF document after a tool_result is accepted."),
    ("claude-code.tool-result.reference", SHOULD, GATEWAYS, "A tool_result with a tool_reference is accepted."),
    (
        "claude-code.tools.defer-loading",
        SHOULD,
        NEWER,
        "A tool with defer_loading is accepted; after a refusal, Claude Code works without its search for tools.",
    ),
    ("claude-code.thinking.display", SHOULD, NEWER, "Adaptive thinking with the display omitted is accepted."),
    (
        "claude-code.stream-false",
        SHOULD,
        NEWER,
        "`stream: false` with a max_tokens of 64,000, the repetition after an unreadable stream, is accepted.",
    ),
    (
        "claude-code.stop-sequences",
        SHOULD,
        NEWER,
        "The stop sequences </block> and </severity> of the safety check are accepted.",
    ),
    (
        "claude-code.headers.unknown",
        SHOULD,
        GATEWAYS,
        "Headers that a later version of Claude Code sends are accepted: the list is open.",
    ),
    (
        "claude-code.headers.beta-unknown",
        SHOULD,
        GATEWAYS,
        "A beta that the target does not know is accepted, or refused by name, so that Claude Code omits it.",
    ),
)
"""Features that are sent alone: (requirement, level, source, sentence)."""

CONTAINS: Final[Mapping[str, tuple[str, ...]]] = {
    "claude-code.cache-control": ("claude-code.system.blocks", "claude-code.content.blocks"),
    "claude-code.tool-result.text": ("claude-code.tools",),
    "claude-code.tool-result.image": ("claude-code.tools", "claude-code.tool-result.text"),
    "claude-code.tool-result.document": ("claude-code.tools", "claude-code.tool-result.text"),
    "claude-code.tool-result.reference": (
        "claude-code.tools",
        "claude-code.tool-result.text",
        "claude-code.tools.defer-loading",
    ),
    "claude-code.thinking.display": ("claude-code.thinking",),
}
"""Features that contain simpler ones: if a simpler one is refused, they are not verified."""

RECOVERED: Final[Mapping[str, str]] = {
    "claude-code.context-management": "context_management",
    "claude-code.output-config.effort": "effort",
    "claude-code.headers.beta": "betas",
    "claude-code.headers.beta-unknown": "betas",
    "claude-code.max-tokens": "max_tokens",
    "claude-code.thinking.display": "adaptive",
}
"""Feature -> the part that Claude Code changes after a refusal in known words; such a refusal is no failure."""

NOT_IN_A_TURN: Final = ("claude-code.auth.", "claude-code.tool-result.", "claude-code.max-tokens")
PARTS: Final = frozenset(
    {
        SYSTEM_ROLE,
        THINKING,
        *(name for name, level, *_ in FEATURES if level == MUST and not name.startswith(NOT_IN_A_TURN)),
    }
)
"""Parts of a complete turn: if one of them is refused alone, the refusal of the turn adds nothing."""


def _text(exchange: Exchange) -> str:
    return response_of(exchange).text


def _reason(exchange: Exchange) -> str:
    """The text of a refusal: its message, or the whole body without one."""
    error = body_of(exchange).get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return shown(message if isinstance(message, str) else _text(exchange).strip(), REASON_CHARACTERS)


def refusal(exchange: Exchange) -> Iterator[Finding]:
    """A finding if the request is refused."""
    status = response_of(exchange).status
    if status >= 400:
        found = f"{status}: {_reason(exchange)}"
        yield Finding(place=STATUS, found=found, wanted="200: Claude Code sends this", exchange=exchange.number)


def recovers(exchange: Exchange, *parts: str) -> bool:
    """Whether Claude Code sends the request again without one of these parts after the refusal."""
    response = response_of(exchange)
    return contract.recovery(response.status, response.text.encode()) in parts


def sent_for(*names: str) -> Callable[[Exchange], bool]:
    """A condition: the exchange was sent for one of these requirements and has a response."""
    return lambda exchange: answered(exchange) and any(name in exchange.probes for name in names)


def below_500(exchange: Exchange) -> Iterator[Finding]:
    """A finding if a request that may be answered with any status is answered with 5xx."""
    status = response_of(exchange).status
    if status >= 500:
        yield Finding(place=STATUS, found=str(status), wanted="any status below 500")


def _accepts(name: str, sentence: str) -> Judging:
    def judge(exchanges: Sequence[Exchange]) -> Iterator[Finding | Unverified]:
        sent = [exchange for exchange in exchanges if name in exchange.probes]
        recovered = bool(sent) and name in RECOVERED and recovers(sent[0], RECOVERED[name])
        refused = [] if recovered else [finding for exchange in sent[:1] for finding in refusal(exchange)]
        reason = _refused_before(name, exchanges)
        if not sent:
            yield Unverified(reason=NOT_PROVOKED)
        elif refused and reason:
            yield Unverified(reason=f"{reason} alone is also refused")
        yield from () if reason else refused

    judge.__doc__ = sentence
    return judge


def _refused_before(name: str, exchanges: Sequence[Exchange]) -> str:
    """A simpler feature that this one contains and that is refused too; empty without one."""
    simpler = CONTAINS.get(name, ())
    refused = {
        probe for exchange in exchanges for probe in exchange.probes if probe in simpler and any(refusal(exchange))
    }
    return min(refused, default="")


for _name, _level, _source, _sentence in FEATURES:
    rule(
        _name,
        _level,
        harm=BREAKS,
        families={ANTHROPIC},
        needs={CLAUDE_CODE},
        source=_source,
        over=RUN,
        reads={PROBES},
        provoked="Sent alone, in an otherwise plain request.",
    )(_accepts(_name, _sentence))


@rule(
    SYSTEM_ROLE,
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={CLAUDE_CODE},
    source=SOURCE,
    applies=sent_for(SYSTEM_ROLE),
    reads={PROBES},
    provoked="A message with the role system follows the user message.",
)
def accepts_system_messages(exchange: Exchange) -> Iterable[Finding]:
    """A message with the role system is accepted, or refused with a text after which Claude Code omits it."""
    if not recovers(exchange, "system"):
        yield from refusal(exchange)


@rule(
    THINKING,
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={CLAUDE_CODE},
    source=SOURCE,
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="One request has adaptive thinking, another a thinking budget.",
)
def accepts_thinking(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Adaptive thinking is accepted, or refused with a text after which Claude Code sends an accepted budget."""
    sent = [exchange for exchange in exchanges if THINKING in exchange.probes]
    adaptive = [exchange for exchange in sent if thinking_type(exchange) == "adaptive"]
    budgeted = [exchange for exchange in sent if thinking_type(exchange) == "enabled"]
    if not adaptive or not budgeted:
        yield Unverified(reason="no requests had both kinds of thinking")
    elif recovers(adaptive[0], "adaptive"):
        yield from refusal(budgeted[0])
    else:
        yield from refusal(adaptive[0])


# -- whole turns ----------------------------------------------------------------------------------------------------


def _unusable(exchange: Exchange) -> str:
    """Why Claude Code discards a streamed answer and repeats the request without streaming; empty if it reads it."""
    if not streamed(exchange):
        return f"no stream but {response_of(exchange).media_type or 'no content type'}"
    names = [event.name for event in response_of(exchange).events]
    if "message_start" not in names or walk_of(exchange).message_start is None:
        return "a stream without an event named message_start"
    blocks = [name for name in names if name in ("content_block_start", "content_block_delta")]
    return "a stream without the start of its first block" if blocks[:1] == ["content_block_delta"] else ""


@rule(
    TURN,
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={CLAUDE_CODE},
    source=SOURCE,
    over=RUN,
    reads={PROBES, RESPONSE_HEADERS},
    provoked="A complete request of Claude Code, with every header and member that it sends.",
)
def answers_a_turn(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A complete request of Claude Code is accepted, and the answer is a stream or a message that it can read."""
    turns = [exchange for exchange in exchanges if TURN in exchange.probes]
    if not turns:
        yield Unverified(reason="no complete request of Claude Code was answered")
        return
    last = turns[-1]
    refused = list(refusal(last))
    if refused and any(list(refusal(exchange)) for exchange in exchanges if PARTS & set(exchange.probes)):
        yield Unverified(reason="a part of the request alone is also refused")
        return
    yield from refused
    whole = [exchange for exchange in exchanges if COMPLETE_MESSAGE in exchange.probes]
    if not refused and _unusable(last) and not (whole and json_message(whole[-1])):
        yield Finding(
            place=Place(pointer=""),
            found=f"{_unusable(last)}, and without streaming no message either",
            wanted="a readable stream, or a message without streaming",
            exchange=last.number,
        )


@rule(
    COMPLETE_MESSAGE,
    SHOULD,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={CLAUDE_CODE},
    source=SOURCE,
    applies=sent_for(COMPLETE_MESSAGE),
    reads={PROBES},
    provoked="The complete request again without stream, as Claude Code sends it after an unreadable stream.",
)
def answers_a_turn_without_streaming(exchange: Exchange) -> Iterable[Finding]:
    """The same request without streaming returns a message, which Claude Code uses as its fallback."""
    yield from refusal(exchange)
    if response_of(exchange).status < 400 and not isinstance(body_of(exchange).get("content"), list):
        yield Finding(place=Place(pointer=""), found=shown(_text(exchange)), wanted="a message with content")


@rule(
    TOOL_LOOP,
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={CLAUDE_CODE},
    source=SHAPES,
    over=RUN,
    model_dependent=True,
    reads={PROBES},
    provoked="The tool call of an answer is sent back with the result of the tool.",
)
def continues_after_a_tool_call(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The blocks of an answer, including thinking and its signature, are accepted with the result of the tool."""
    sent = [exchange for exchange in exchanges if TOOL_LOOP in exchange.probes]
    if not sent:
        yield Unverified(reason="the model called no tool of Claude Code, or its answer could not be sent back")
    for exchange in sent[:1]:
        yield from refusal(exchange)


@rule(
    "claude-code.stream.tool-input",
    MUST,
    harm=LOSES,
    families={ANTHROPIC},
    needs={CLAUDE_CODE, "stream"},
    source=SOURCE,
    applies=lambda exchange: stream_requested(exchange) and streamed(exchange) and _calls_a_tool(exchange),
    provoked="A tool call is streamed.",
)
def sends_tool_input_in_deltas(exchange: Exchange) -> Iterable[Finding]:
    """The input of a streamed tool call is sent in deltas: clients ignore an input in content_block_start."""
    indexes_with_deltas = {
        json_key(event.fields.get("index"))
        for event in response_of(exchange).events
        if event.type == "content_block_delta"
    }
    for event in response_of(exchange).events:
        block = event.fields.get("content_block")
        has_input = isinstance(block, dict) and block.get("type") == "tool_use" and bool(block.get("input"))
        if has_input and not is_made_by_code(block) and json_key(event.fields.get("index")) not in indexes_with_deltas:
            yield Finding(
                place=at(event, "/content_block/input"),
                found="the complete input",
                wanted="{}, and the input in deltas",
            )
            return


def _calls_a_tool(exchange: Exchange) -> bool:
    blocks = (event.fields.get("content_block") for event in response_of(exchange).events)
    return any(isinstance(block, dict) and block.get("type") == "tool_use" for block in blocks)


# -- other requests -----------------------------------------------------------------------------------------------


@rule(
    HEAD,
    SHOULD,
    harm=DRIFTS,  # it continues after any answer
    families={ANTHROPIC},
    needs={CLAUDE_CODE},
    source=SOURCE,
    applies=sent_for(HEAD),
    reads={PROBES},
    provoked="HEAD / without a key, the first request of Claude Code.",
)
def answers_head(exchange: Exchange) -> Iterable[Finding]:
    """HEAD on the base address is answered with any status below 500."""
    return below_500(exchange)


@rule(
    COUNT,
    SHOULD,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={CLAUDE_CODE},
    source=SOURCE,
    applies=sent_for(COUNT),
    reads={PROBES},
    provoked="A message with tools is sent to count_tokens.",
)
def counts_or_returns_404(exchange: Exchange) -> Iterable[Finding]:
    """count_tokens returns a count, or 404, after which Claude Code counts with a message request."""
    response = response_of(exchange)
    value = body_of(exchange).get("input_tokens")
    if response.status == 404:
        return
    if response.status >= 400:
        found = f"{response.status}: {_reason(exchange)}"
        yield Finding(place=STATUS, found=found, wanted="200, or 404 without count_tokens")
    elif not isinstance(value, int) or isinstance(value, bool):
        yield Finding(place=Place(pointer="/input_tokens"), found=shown(value), wanted="an integer")


@rule(
    COUNT_BY_ANSWER,
    SHOULD,
    harm=MISBILLS,  # it shows a wrong size of the context
    families={ANTHROPIC},
    needs={CLAUDE_CODE},
    source=SOURCE,
    applies=sent_for(COUNT_BY_ANSWER),
    reads={PROBES},
    provoked="A request with max_tokens 1, without stream.",
)
def counts_by_an_answer(exchange: Exchange) -> Iterable[Finding]:
    """The answer to a request with max_tokens 1 has usage.input_tokens, which Claude Code uses as the count."""
    yield from refusal(exchange)
    usage = body_of(exchange).get("usage")
    value = usage.get("input_tokens") if isinstance(usage, dict) else None
    if response_of(exchange).status < 400 and (not isinstance(value, int) or isinstance(value, bool)):
        yield Finding(place=Place(pointer="/usage/input_tokens"), found=shown(value), wanted="an integer")
