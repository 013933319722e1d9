"""Rules about the way in: the options of the request, and what the upstream's dialect has no form for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import shown
from messages_conformance.rules.catalogue import BREAKS, HIDES, LOSES, MISBILLS, rule
from messages_conformance.rules.gateway.accessors import (
    PASSTHROUGH,
    SOURCE,
    TRANSLATES,
    arrives,
    behind,
    call_of,
    differs,
    is_refused,
    may_not_call,
    reached,
    received_of,
    same,
    wanted_of,
)
from messages_conformance.rules.gateway.conversation import SERVER_TOOL
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place

PROTOCOL: Final = "code.claude.com/docs/en/llm-gateway-protocol, read 2026-08-22"


LEAST_OUTPUT_TOKENS: Final = 16
"""The Responses API refuses less (platform.openai.com, `max_output_tokens`), so a gateway may raise a limit to it."""

LARGE_OUTPUT_TOKENS: Final = 32_000
"""The limit that Claude Code sends to models it does not know (measured with Claude Code 2.1.197). A longer answer that
a gateway cuts ends with max_tokens, so the client notices it; hence a SHOULD."""


@arrives("gateway.request.max-tokens", harm=MISBILLS)
def passes_max_tokens_on(exchange: Exchange) -> Iterable[Finding]:
    """max_tokens reaches the upstream with the same value."""
    wanted, found = wanted_of(exchange).max_tokens, received_of(exchange).max_tokens
    raised = behind(exchange).dialect == "openai-responses" and wanted < LEAST_OUTPUT_TOKENS == found
    if found != wanted and not raised and not _is_lowered(wanted, found):
        yield from differs("/max_tokens", shown(found) if found is not None else "no limit", shown(wanted))


def _is_lowered(wanted: Any, found: Any) -> bool:
    """Whether a large limit reaches the upstream as a smaller one: a gateway may know what the model can do."""
    return isinstance(found, int) and wanted >= LARGE_OUTPUT_TOKENS and LEAST_OUTPUT_TOKENS <= found < wanted


@arrives("gateway.request.large-limit", SHOULD, lambda wanted: (wanted.max_tokens or 0) >= LARGE_OUTPUT_TOKENS)
def lowers_no_large_limit(exchange: Exchange) -> Iterable[Finding]:
    """A max_tokens of 32,000, which Claude Code sends, is not lowered on its way to the upstream."""
    wanted, found = wanted_of(exchange).max_tokens, received_of(exchange).max_tokens
    if _is_lowered(wanted, found):
        yield from differs("/max_tokens", shown(found), shown(wanted))


@arrives("gateway.request.sampling", MUST, lambda wanted: wanted.temperature is not None or wanted.top_p is not None)
def passes_sampling_on(exchange: Exchange) -> Iterable[Finding]:
    """temperature and top_p reach the upstream with the same values."""
    wanted, found = wanted_of(exchange), received_of(exchange)
    for name in ("temperature", "top_p"):
        asked, got = getattr(wanted, name), getattr(found, name)
        if asked is not None and got != asked:
            yield from differs(f"/{name}", shown(got) if got is not None else "absent", shown(asked))
            return


@arrives("gateway.request.stop-sequences", MUST, lambda wanted: 0 < len(wanted.stop) <= 4)
def passes_stop_sequences_on(exchange: Exchange) -> Iterable[Finding]:
    """Up to four stop sequences reach the upstream, each unchanged."""
    wanted, found = wanted_of(exchange).stop, received_of(exchange).stop
    if behind(exchange).dialect == "openai-responses":
        return  # this dialect has no place for them: gateway.request.inexpressible judges it
    if set(wanted) - set(found):
        yield from differs("/stop_sequences", shown(list(found)), shown(list(wanted)))


@arrives("gateway.request.tool-choice", MUST, lambda wanted: wanted.choice)
def passes_the_tool_choice_on(exchange: Exchange) -> Iterable[Finding]:
    """The tool_choice reaches the upstream; auto may be left out, because it is the default."""
    wanted, found = wanted_of(exchange).choice, received_of(exchange).choice
    implied = (wanted == "auto" and not found) or may_not_call(exchange)
    if found != wanted and not implied:
        yield from differs("/tool_choice", found or "absent", wanted)


@arrives("gateway.request.one-call", SHOULD, lambda wanted: wanted.one_call)
def passes_the_limit_of_one_call_on(exchange: Exchange) -> Iterable[Finding]:
    """disable_parallel_tool_use reaches the upstream, as parallel_tool_calls false where it is OpenAI's."""
    if not received_of(exchange).one_call:
        yield from differs("/tool_choice/disable_parallel_tool_use", "absent", "true")


@arrives("gateway.request.user", SHOULD, lambda wanted: wanted.user)
def passes_the_user_id_on(exchange: Exchange) -> Iterable[Finding]:
    """metadata.user_id reaches the upstream: as `user`, `safety_identifier` or in `metadata` where it is OpenAI's."""
    wanted, found = wanted_of(exchange).user, received_of(exchange).user
    if found != wanted:
        yield from differs("/metadata/user_id", shown(found) if found else "absent", shown(wanted))


@arrives("gateway.request.output-schema", MUST, lambda wanted: wanted.schema is not None)
def passes_the_output_schema_on(exchange: Exchange) -> Iterable[Finding]:
    """The schema of output_config.format reaches the upstream, equal as JSON."""
    wanted, found = wanted_of(exchange).schema, received_of(exchange).schema
    if not same(found, wanted):
        yield from differs("/output_config/format", shown(found) if found is not None else "absent", shown(wanted))


@arrives("gateway.request.streaming", MUST, lambda wanted: wanted.streams, harm=BREAKS)
def asks_for_a_stream(exchange: Exchange) -> Iterable[Finding]:
    """A request for a stream is a request for a stream at the upstream."""
    if not received_of(exchange).streams:
        yield from differs("/stream", "a request without streaming", "stream true")


# -- what the dialect has no form for ------------------------------------------------------------------------------


def _has_inexpressible(exchange: Exchange) -> bool:
    """What rules of their own judge is left to them: documents."""
    return exchange.behind is not None and bool(set(exchange.behind.inexpressible) - {"document"})


@rule(
    "gateway.request.inexpressible",
    SHOULD,
    harm=HIDES,
    families={TRANSLATES},
    source=SOURCE,
    applies=_has_inexpressible,
)
def reports_what_it_leaves_out(exchange: Exchange) -> Iterable[Finding]:
    """What the upstream's dialect has no form for is refused, reported in a header, or passed on as it is."""
    response, call = exchange.response, call_of(exchange)
    if response is None or is_refused(exchange) or call is None:
        return
    headers = " ".join(f"{name} {value}" for name, value in response.headers).lower().replace("-", "_")
    sent = call.request.json
    for name in behind(exchange).inexpressible:
        if name in headers or _is_passed(name, sent, exchange):
            continue
        found = "accepted, without a trace of it"
        yield from differs(f"/{name}", found, f"a refusal, a header of the answer that names {name}, or {name} itself")
        return


def _is_passed(name: str, sent: Any, exchange: Exchange) -> bool:
    """Whether the upstream has it: as a field of the same name, or with all of its values."""
    if not isinstance(sent, dict):
        return False
    if name == "stop_sequences":
        return not set(wanted_of(exchange).stop) - set(received_of(exchange).stop)
    if name == SERVER_TOOL:
        return name in json.dumps(sent.get("tools")) or any(field.startswith(name) for field in sent)
    return name in sent


# -- passing on ----------------------------------------------------------------------------------------------------

JUDGED_ELSEWHERE: Final = frozenset(
    [
        "model",
        "system",
        "messages",
        "tools",
        "tool_choice",
        "max_tokens",
        "temperature",
        "top_p",
        "stop_sequences",
        "metadata",
        "stream",
    ]
)
"""Fields of the request that other rules compare; a gateway may know the model under another name."""


def _other_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in JUDGED_ELSEWHERE}


@rule(
    "gateway.request.other-fields",
    MUST,
    harm=LOSES,
    families={PASSTHROUGH},
    source=PROTOCOL,
    applies=lambda exchange: reached(exchange) and bool(_other_fields(exchange.request.fields)),
)
def passes_other_fields_on(exchange: Exchange) -> Iterable[Finding]:
    """Every other field of the body reaches the upstream unchanged, unknown ones included."""
    call = call_of(exchange)
    received = {} if call is None else call.request.fields
    for name, value in _other_fields(exchange.request.fields).items():
        if name not in received or not same(received[name], value):
            found = shown(received[name]) if name in received else "absent"
            yield from differs(f"/{name}", found, shown(value))
            return


def _marks(value: Any) -> list[Any]:
    """Every cache_control of a request, in the order of the document."""
    if isinstance(value, list):
        return [mark for one in value for mark in _marks(one)]
    if not isinstance(value, dict):
        return []
    own = [value["cache_control"]] if "cache_control" in value else []
    return own + [mark for name, one in value.items() if name != "cache_control" for mark in _marks(one)]


@rule(
    "gateway.request.cache-control",
    MUST,
    harm=MISBILLS,
    families={PASSTHROUGH},
    source=sources.CACHING,
    applies=lambda exchange: reached(exchange) and bool(_marks(exchange.request.json)),
)
def passes_cache_marks_on(exchange: Exchange) -> Iterable[Finding]:
    """Every cache_control reaches the upstream."""
    call = call_of(exchange)
    wanted = _marks(exchange.request.json)
    found = [] if call is None else _marks(call.request.json)
    if len(found) < len(wanted):
        yield from differs("/messages", f"{len(found)} marks", f"{len(wanted)} marks")


def _versioned(exchange: Exchange) -> bool:
    return reached(exchange) and exchange.request.header("anthropic-version") is not None


@rule(
    "gateway.request.betas",
    MUST,
    harm=LOSES,
    families={PASSTHROUGH},
    source=PROTOCOL,
    applies=lambda exchange: reached(exchange) and exchange.request.header("anthropic-beta") is not None,
)
def passes_betas_on(exchange: Exchange) -> Iterable[Finding]:
    """Every value of anthropic-beta reaches the upstream, unknown ones included."""
    call = call_of(exchange)
    wanted, found = _values(exchange.request.headers), _values(() if call is None else call.request.headers)
    if lost := [value for value in wanted if value not in found]:
        place = Place(header="anthropic-beta")
        yield Finding(place=place, found=", ".join(found) or "absent", wanted=f"{', '.join(lost)} in it")


def _values(headers: Iterable[tuple[str, str]]) -> list[str]:
    lines = [value for name, value in headers if name.lower() == "anthropic-beta"]
    return [value.strip() for line in lines for value in line.split(",") if value.strip()]


@rule("gateway.request.version", MUST, harm=LOSES, families={PASSTHROUGH}, source=PROTOCOL, applies=_versioned)
def passes_the_version_on(exchange: Exchange) -> Iterable[Finding]:
    """anthropic-version reaches the upstream byte for byte."""
    call = call_of(exchange)
    wanted, found = exchange.request.header("anthropic-version"), call and call.request.header("anthropic-version")
    if found != wanted:
        yield Finding(place=Place(header="anthropic-version"), found=found or "absent", wanted=str(wanted))


def _new_headers(exchange: Exchange) -> dict[str, str]:
    known = ("anthropic-version", "anthropic-beta")
    names = {name.lower(): value for name, value in exchange.request.headers}
    return {name: value for name, value in names.items() if name.startswith("anthropic-") and name not in known}


@rule(
    "gateway.request.new-headers",
    SHOULD,
    harm=LOSES,
    families={PASSTHROUGH},
    source=PROTOCOL,
    applies=lambda exchange: reached(exchange) and bool(_new_headers(exchange)),
)
def passes_new_headers_on(exchange: Exchange) -> Iterable[Finding]:
    """A header that begins with anthropic- and is not known yet reaches the upstream."""
    call = call_of(exchange)
    for name, value in _new_headers(exchange).items():
        if call is not None and call.request.header(name) != value:
            yield Finding(place=Place(header=name), found=call.request.header(name) or "absent", wanted=value)
