"""Rules for the message object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from messages_conformance import contract
from messages_conformance.contract import Profile
from messages_conformance.exchange import COMPLETE, GZIP_MAGIC, RESET, STALLED, TOO_LARGE, Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    blocks_of,
    body_of,
    count,
    has_message,
    ids,
    in_message,
    is_broken_stream,
    is_utf8,
    json_message,
    message_of,
    not_streamed,
    response_of,
    shape,
    shown,
    stop_reason_of,
    streamed,
    text_of,
    thought_tokens,
    usage_of,
    walk_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, DRIFTS, LOSES, MISLEADS, RUN, TOKMODEL, rule
from messages_conformance.rules.foreign_bodies import unlike_text
from messages_conformance.rules.offered_tools import may_offer_tools
from messages_conformance.rules.recording_parts import IDS, PROBES, RAW_BODY, REQUEST, RESPONSE_HEADERS, has
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place, Unverified

TOKMODEL_STOP_REASONS = ("end_turn", "max_tokens", "stop_sequence")
FOREIGN_STOP_REASONS: Final = frozenset(
    {
        *("stop", "length", "tool_calls", "function_call", "content_filter"),  # OpenAI, chat completions
        *("completed", "incomplete", "max_output_tokens"),  # OpenAI, responses
        *("STOP", "MAX_TOKENS", "SAFETY", "RECITATION", "FINISH_REASON_UNSPECIFIED"),  # Gemini
        *("COMPLETE", "STOP_SEQUENCE", "TOOL_CALL", "ERROR_LIMIT"),  # Cohere
        *("eos", "eos_token", "abort"),  # inference servers' own
    }
)
"""The set of stop reasons is open, but these values of other APIs mean what a documented value already means."""

EMPTY_ANSWER_TOKENS: Final = 16
"""With more output tokens than this, an empty end_turn lost its answer. The documentation names 2 to 3 tokens, and the
API itself was recorded with 9; the rest is our own margin."""

MIN_EMPTY_ANSWERS: Final = 2
"""A server has lost the content if at least this many answers are empty although tokens were billed (our own). A model
that thinks without showing it can end one answer that way."""

UNSHOWN_TOKENS: Final = 8
"""If the output tokens exceed the characters by more than this, the model thinks without showing it (our own). Tokens
that end an answer or mark a turn are few."""

LOST_CALLS_TOKENS: Final = 150
"""Two calls of the tools of this suite cost less than this; more tokens were used for something else (our own)."""

TOKMODEL_KEYS = ("id", "type", "role", "content", "stop_reason", "model", "usage")


@rule("response.object", MUST, harm=BREAKS, source=sources.SEED, applies=not_streamed)
def is_one_json_object(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The body of a successful answer is one JSON object."""
    response = response_of(exchange)
    if response.is_event_stream or (not is_utf8(exchange) and response.body[:2] != GZIP_MAGIC):
        return  # judged as request.stream.false-json and transport.charset.utf8
    if has(exchange, RAW_BODY, RESPONSE_HEADERS) and response.mislabelled:
        found = f"a body that cannot be decoded as {response.header('content-encoding')}"
        yield Finding(place=Place(pointer=""), found=found, wanted="one JSON object")
        return
    if response.ending in (STALLED, RESET, TOO_LARGE):
        yield Finding(place=Place(pointer=""), found=response.detail or response.ending, wanted="the end of the body")
        return
    if isinstance(response.json, dict):
        return
    if response.ending != COMPLETE:
        yield Unverified(reason=f"the body is incomplete: {response.detail or response.ending}")
        return
    unlike = unlike_text(response) if has(exchange, RAW_BODY) else ""
    found = "an empty body" if not response.text else unlike or shown(response.text)
    yield Finding(place=Place(pointer=""), found=found, wanted="one JSON object")


@rule("response.id.string", MUST, harm=MISLEADS, source=sources.SEED, applies=json_message)
def has_an_id(exchange: Exchange) -> Iterable[Finding]:
    """id is a non-empty string."""
    return shape(exchange, "response.id.string")


def _id_prefix(exchange: Exchange, prefix: str) -> Iterator[Finding]:
    identifier = ids.of(message_of(exchange) or {})
    if isinstance(identifier, str) and identifier and not identifier.startswith(prefix):
        yield Finding(place=in_message(exchange, "/id"), found=shown(identifier), wanted=f"{prefix}...")


@rule(
    "response.id.msg-prefix",
    MUST,
    harm=DRIFTS,
    needs={"id-prefix"},
    reads_profile=True,
    source=sources.SEED,
    applies=has_message,
    reads={IDS},
)
def has_the_promised_id_prefix(exchange: Exchange, profile: Profile) -> Iterable[Finding]:
    """id starts with the `id_prefix` of the profile, which is msg_ in the profile tokmodel."""
    return _id_prefix(exchange, profile.id_prefix or "")


@rule(
    "response.id.msg-prefix-anthropic",
    SHOULD,
    harm=DRIFTS,
    families={ANTHROPIC},
    replaced_by="id-prefix",
    source=sources.sdk("types/message.py (format and length may change)"),
    applies=has_message,
    reads={IDS},
)
def has_the_usual_id_prefix(exchange: Exchange) -> Iterable[Finding]:
    """id starts with msg_, as in every documented example."""
    return _id_prefix(exchange, "msg_")


@rule("response.type.message", MUST, harm=BREAKS, source=sources.SEED, applies=json_message)
def is_typed_as_message(exchange: Exchange) -> Iterable[Finding]:
    """type is "message"."""
    return shape(exchange, "response.type.message")


@rule(
    "response.role.assistant",
    MUST,
    harm=LOSES,  # the tool runners of both SDKs end without running the tool
    source=sources.SEED,
    applies=json_message,
)
def has_the_role_assistant(exchange: Exchange) -> Iterable[Finding]:
    """role is "assistant"."""
    return shape(exchange, "response.role.assistant")


@rule("response.content.array", MUST, harm=BREAKS, source=sources.SEED, over=RUN)
def has_content_blocks(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """content is an array, and it is not empty when output tokens were used for it."""
    messages = [exchange for exchange in exchanges if has_message(exchange)]
    if not messages:
        yield Unverified(reason="no request was answered with a message")
    for exchange in messages:
        for misshapen in shape(exchange, "response.content.array"):
            yield replace(misshapen, exchange=exchange.number)
    emptied = [exchange for exchange in messages if tokens_of_empty_answer(exchange)]
    hidden = next(filter(bills_more_than_it_shows, messages), None) if emptied else None
    if hidden is not None:
        tokens = count(usage_of(hidden), "output_tokens")
        yield Unverified(
            reason=f"the model may think without showing it: {tokens} tokens were billed for {shown(text_of(hidden))}"
        )
        return
    if 0 < len(emptied) < MIN_EMPTY_ANSWERS:
        yield Unverified(reason="one empty answer may be thinking that the model does not show")
        return
    for exchange in emptied:
        content = shown((message_of(exchange) or {}).get("content"))
        found = f"{content} although {tokens_of_empty_answer(exchange)} output tokens were billed"
        place = in_message(exchange, "/content")
        yield Finding(exchange=exchange.number, place=place, found=found, wanted="the blocks that were generated")


def bills_more_than_it_shows(exchange: Exchange) -> bool:
    """Whether an answer of text only has more output tokens than characters: its model thinks without showing it."""
    text, ended = text_of(exchange), stop_reason_of(exchange) in ("end_turn", "stop_sequence", "max_tokens")
    if not text or not ended or any(block.get("type") != "text" for block in blocks_of(exchange)):
        return False
    # A text may also have had tool calls that were lost.
    may_call = has(exchange, REQUEST) and may_offer_tools(exchange)
    slack = LOST_CALLS_TOKENS if may_call else UNSHOWN_TOKENS
    usage = usage_of(exchange)
    stopped = len(str((message_of(exchange) or {}).get("stop_sequence") or ""))
    seen = len(text.encode("utf-8", "surrogatepass")) + stopped + thought_tokens(usage)
    return count(usage, "output_tokens") > seen + slack


def tokens_of_empty_answer(exchange: Exchange) -> int:
    """The output tokens of an empty answer whose content was lost; 0 for all other answers.

    Empty content is legal for a pre-warm, a refusal, and an end_turn of two or three tokens (handling stop reasons).
    """
    message = message_of(exchange) or {}
    if not _is_empty(exchange) or message.get("stop_reason") != "end_turn" or _may_not_call(exchange):
        return 0
    if is_broken_stream(exchange):
        return 0
    spent = count(usage_of(exchange), "output_tokens")
    return spent if spent - thought_tokens(usage_of(exchange)) > EMPTY_ANSWER_TOKENS else 0


def _is_empty(exchange: Exchange) -> bool:
    """Whether an answer has no content but empty text blocks, and thinking whose tokens are known."""
    content = (message_of(exchange) or {}).get("content")
    blocks = blocks_of(exchange)
    if not isinstance(content, list) or len(blocks) != len(content) or _has_unread_deltas(exchange):
        return False
    thoughts = [block for block in blocks if block.get("type") == "thinking"]
    others = [block for block in blocks if block not in thoughts]
    if thoughts and not (others and thought_tokens(usage_of(exchange))):
        return False
    return all(block.get("type") == "text" and block.get("text") == "" for block in others)


def _has_unread_deltas(exchange: Exchange) -> bool:
    """Whether a stream has deltas of which no client reads a text; other requirements judge these."""
    blocks = walk_of(exchange).blocks if streamed(exchange) else ()
    deltas = [event.fields.get("delta") for block in blocks if block.type == "text" for event in block.deltas]
    return not all(
        isinstance(delta, dict) and delta.get("type") == "text_delta" and isinstance(delta.get("text"), str)
        for delta in deltas
    )


def _may_not_call(exchange: Exchange) -> bool:
    """Whether tool_choice none forbade calls: the tokens of a call that the model tried are counted but not shown.

    Without the request this is unknown, and no finding is reported.
    """
    if not has(exchange, REQUEST):
        return True
    choice = exchange.request.fields.get("tool_choice")
    return isinstance(choice, dict) and choice.get("type") == "none"


@rule("response.content.block-type", MUST, harm=BREAKS, source=sources.SEED, applies=has_message)
def types_every_block(exchange: Exchange) -> Iterable[Finding]:
    """Every content block is an object with a string type."""
    return shape(exchange, "response.content.block-type")


@rule(
    "response.content.text-block",
    MUST,
    harm=BREAKS,
    source=f"{sources.SEED}; {sources.sdk('types/text_block.py')}",
    applies=json_message,
)
def gives_text_blocks_text(exchange: Exchange) -> Iterable[Finding]:
    """A text block has a string text."""
    return shape(exchange, "response.content.text-block")


@rule(
    "response.content.text-citations",
    SHOULD,
    harm=BREAKS,  # the Vercel AI SDK refuses an answer with a malformed citation
    families={ANTHROPIC},
    source=sources.sdk("types/text_block.py"),
    applies=has_message,
)
def cites_in_known_forms(exchange: Exchange) -> Iterable[Finding]:
    """The citations of a text block are absent, null or an array of citation objects."""
    return shape(exchange, "response.content.text-citations")


@rule(
    "response.content.tool_use-fields",
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    source=sources.sdk("types/tool_use_block.py"),
    applies=has_message,
    model_dependent=True,
)
def completes_tool_use_blocks(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A tool_use block has a string id, a string name and an object input."""
    if not any(block.get("type") == "tool_use" for block in blocks_of(exchange)):
        yield Unverified(reason="no tool was called")
        return
    yield from shape(exchange, "response.content.tool_use-fields")


@rule(
    "response.content.no-unrequested-tools",
    MUST,
    harm=BREAKS,  # no client can run a tool that it does not have
    source=sources.TOOLS,
    applies=has_message,
    reads={REQUEST},
)
def calls_no_tool_without_tools(exchange: Exchange) -> Iterable[Finding]:
    """Without tools in the request, the answer has no tool_use block."""
    if may_offer_tools(exchange):
        return
    for number, block in enumerate(blocks_of(exchange)):
        if block.get("type") == "tool_use":
            place = in_message(exchange, f"/content/{number}")
            yield Finding(place=place, found=f"a call of {shown(block.get('name'))}", wanted="no tool_use block")
            return


@rule(
    "response.model.string",
    MUST,
    harm=BREAKS,  # LiteLLM raises an error
    source=sources.SEED,
    applies=json_message,
)
def names_its_model(exchange: Exchange) -> Iterable[Finding]:
    """model is a non-empty string."""
    return shape(exchange, "response.model.string")


@rule(
    "response.model.matches-request",
    MUST,
    harm=MISLEADS,
    families={TOKMODEL},
    needs={"model-echo"},
    source=sources.SEED,
    applies=has_message,
    reads={REQUEST},
)
def names_the_requested_model(exchange: Exchange) -> Iterable[Finding]:
    """model is the id in the request."""
    model, requested = (message_of(exchange) or {}).get("model"), exchange.request.fields.get("model")
    if isinstance(model, str) and model and isinstance(requested, str) and model != requested:
        yield Finding(place=in_message(exchange, "/model"), found=shown(model), wanted=shown(requested))


@rule(
    "response.stop_reason.present",
    MUST,
    harm=BREAKS,  # the Vercel AI SDK raises an error; others lose the call
    source=sources.SEED,
    applies=json_message,
)
def says_why_it_stopped(exchange: Exchange) -> Iterable[Finding]:
    """stop_reason is a string, never null, in a message that is not streamed."""
    return shape(exchange, "response.stop_reason.present")


@rule(
    "response.stop_reason.enum-tokmodel",
    MUST,
    harm=LOSES,
    families={TOKMODEL},
    needs={"closed-stop-reasons"},
    source=sources.SEED,
    applies=has_message,
    reads={REQUEST},
)
def stops_for_a_promised_reason(exchange: Exchange) -> Iterable[Finding]:
    """Without tools and thinking in the request, stop_reason is end_turn, max_tokens or stop_sequence."""
    fields, reason = exchange.request.fields, stop_reason_of(exchange)
    if fields.get("tools") or fields.get("thinking") or not isinstance(reason, str) or reason in TOKMODEL_STOP_REASONS:
        return
    yield Finding(
        place=in_message(exchange, "/stop_reason"), found=shown(reason), wanted=" or ".join(TOKMODEL_STOP_REASONS)
    )


@rule(
    "response.stop_reason.own-words",
    MUST,
    harm=LOSES,
    families={ANTHROPIC},
    source=f"{sources.STOP_REASONS}; measured on ten clients, whose tool loops end there, 2026-11-22",
    applies=has_message,
)
def translates_its_stop_reason(exchange: Exchange) -> Iterable[Finding]:
    """stop_reason is not an untranslated value of another vendor's API."""
    reason, known = stop_reason_of(exchange), contract.stop_reasons()
    if isinstance(reason, str) and reason in FOREIGN_STOP_REASONS:
        wanted = " or ".join(sorted(known))
        yield Finding(place=in_message(exchange, "/stop_reason"), found=shown(reason), wanted=wanted)


@rule(
    "response.stop_reason.enum",
    SHOULD,
    harm=LOSES,
    families={ANTHROPIC},
    source=sources.sdk("types/stop_reason.py, types/beta/beta_stop_reason.py (an open set)"),
    applies=has_message,
)
def stops_for_a_known_reason(exchange: Exchange) -> Iterable[Finding]:
    """stop_reason is one of the documented values."""
    reason, known = stop_reason_of(exchange), contract.stop_reasons()
    if isinstance(reason, str) and reason not in known and reason not in FOREIGN_STOP_REASONS:
        yield Finding(
            place=in_message(exchange, "/stop_reason"), found=shown(reason), wanted=" or ".join(sorted(known))
        )


@rule(
    "response.stop_sequence.present",
    SHOULD,
    harm=DRIFTS,
    families={ANTHROPIC},
    needs={"stop-sequence-field"},
    source="OpenAPI descriptions of 2024-11 and 2025-08 (required, nullable); examples leave it out",
    applies=json_message,
)
def has_a_stop_sequence_key(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The key stop_sequence is present; its value is null or a string."""
    body = body_of(exchange)
    if "stop_sequence" not in body and not has(exchange, RAW_BODY):
        yield Unverified(reason="the recorded body was rewritten, perhaps without its null members")
    elif "stop_sequence" not in body:
        yield Finding(place=Place(pointer="/stop_sequence"), found="absent", wanted="null or a string")
    elif body["stop_sequence"] is not None and not isinstance(body["stop_sequence"], str):
        yield Finding(
            place=Place(pointer="/stop_sequence"), found=shown(body["stop_sequence"]), wanted="null or a string"
        )


@rule(
    "response.stop_details.refusal-only",
    SHOULD,
    harm=MISLEADS,
    families={ANTHROPIC},
    source=f"{sources.STOP_REASONS}; {sources.sdk('types/refusal_stop_details.py')}",
    applies=has_message,
)
def details_refusals_only(exchange: Exchange) -> Iterable[Finding]:
    """stop_details is null or absent unless the model refused."""
    details = (message_of(exchange) or {}).get("stop_details")
    if details is not None and stop_reason_of(exchange) != "refusal":
        yield Finding(place=in_message(exchange, "/stop_details"), found=shown(details), wanted="null or absent")


@rule(
    "tokmodel.example.response-keys",
    MUST,
    harm=BREAKS,  # an application reads these fields
    families={TOKMODEL},
    needs={"bearer-auth", "no-version-header", "system", "temperature"},
    source=sources.SEED,
    applies=json_message,
    reads={PROBES},
)
def has_the_keys_of_the_example(exchange: Exchange) -> Iterable[Finding]:
    """The answer to the documented example has at least the keys of the documented answer."""
    if "tokmodel.example" not in exchange.situations:
        return
    missing = [key for key in TOKMODEL_KEYS if key not in body_of(exchange)]
    if missing:
        yield Finding(place=Place(pointer=""), found=f"without {', '.join(missing)}", wanted=", ".join(TOKMODEL_KEYS))
