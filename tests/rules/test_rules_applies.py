"""Which exchanges each rule applies to, and which not: a table over samples of every kind of exchange."""

import gzip
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import TOOL_CALL, TOOLS, answered, exchange, refused, streamed, unanswered
from stream_frames import HELLO, ev, sse

from messages_conformance.exchange import ACCEPTED, REFUSED, Exchange, Origin
from messages_conformance.rules import CATALOGUE, accessors

FILE = Path(__file__).parent / "applies.toml"

INVALID: dict[str, Any] = {"expect": REFUSED, "probes": ("request.x",)}
VALID: dict[str, Any] = {"expect": ACCEPTED}
NEAR_MISS = Origin(set_name="near-misses", seed=7, number=1, pointer="/max_tokens", reason="it is missing")
GENERATED = Origin(set_name="requests", seed=7, number=1)
ERROR_EVENT = ev("error", error={"type": "overloaded_error", "message": "Overloaded"})
THINKING_BLOCK = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
FORMAT = {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}
COMPACTION = {"type": "compaction", "content": "We spoke."}
FALLBACK = {"type": "fallback", "from": {"model": "a"}, "to": {"model": "m"}}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
SEARCH_RESULT = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
CAFE = {"messages": [{"role": "user", "content": "Say 'café'."}]}
COUNT: dict[str, Any] = {"path": "/v1/messages/count_tokens"}
MODELS: dict[str, Any] = {"method": "GET", "path": "/v1/models"}
HTML: dict[str, Any] = {"media_type": "text/html"}


def thinks(**thinking: Any) -> dict[str, Any]:
    return {"thinking": {"type": "enabled", "budget_tokens": 1024, **thinking}}


def chooses(kind: str, **more: Any) -> dict[str, Any]:
    return {"tools": TOOLS, "tool_choice": {"type": kind, **more}}


def with_headers(**headers: str) -> dict[str, Any]:
    return {"headers": {name.replace("_", "-"): value for name, value in headers.items()}}


SAMPLES: dict[str, Exchange] = {
    # -- answers to requests without streaming
    "message": answered(),
    "tool call": answered({"content": [TOOL_CALL], "stop_reason": "tool_use"}, ask={"tools": TOOLS}),
    "tool call without tools": answered({"content": [TOOL_CALL], "stop_reason": "tool_use"}),
    "tools without call": answered(ask={"tools": TOOLS}),
    "no list of tools": answered(ask={"tools": {}}),
    "strict tool": answered(ask={"tools": [{**TOOLS[0], "strict": True}]}),
    "thinking requested": answered(ask=thinks()),
    "thinking not requested": answered({"content": [THINKING_BLOCK]}),
    "thinking is no object": answered(ask={"thinking": "enabled"}),
    "thinking omitted": answered(ask=thinks(display="omitted")),
    "thinking disabled": answered(ask={"thinking": {"type": "disabled"}}),
    "output format": answered(ask=FORMAT),
    "quotes a letter that is not ASCII": answered(ask=CAFE),
    "tool_choice auto": answered(ask=chooses("auto")),
    "tool_choice any": answered(ask=chooses("any")),
    "tool_choice tool": answered(ask=chooses("tool", name="f")),
    "tool_choice none": answered(ask=chooses("none")),
    "tool_choice any without tools": answered(ask={"tool_choice": {"type": "any"}}),
    "tool_choice auto, no parallel calls": answered(ask=chooses("auto", disable_parallel_tool_use=True)),
    "tool_choice any, no parallel calls": answered(ask=chooses("any", disable_parallel_tool_use=True)),
    "tool_choice tool, no parallel calls": answered(ask=chooses("tool", name="f", disable_parallel_tool_use=True)),
    "message with a citation": answered(
        {"content": [{"type": "text", "text": "a", "citations": [{"type": "char_location", "cited_text": "a"}]}]}
    ),
    "message with a reset": answered(
        http=with_headers(anthropic_ratelimit_tokens_reset="2026-11-30T08:00:00Z", date="Mon, 30 Nov 2026 08:00:00 GMT")
    ),
    "probe transport.request.charset": answered(probes=("transport.request.charset",)),
    "400 about an image": refused(
        400, {"error": {"type": "a", "message": "b", "details": {"error_code": "image_dimensions_too_large"}}}
    ),
    "events without streaming": answered(sse(HELLO), http={"media_type": "text/event-stream"}),
    "not an object": answered([1]),
    "not JSON": answered(b"<html>", http=HTML),
    "not UTF-8": answered(b'{"content": "\xff"}'),
    "gzip without a label": answered(gzip.compress(b'{"content": []}', mtime=0)),
    "error envelope with 200": answered({"type": "error", "error": {"type": "api_error", "message": "m"}}),
    "redirect": answered(http={"status": 307}),
    "rare parts": answered(
        {
            "content": [COMPACTION, FALLBACK, SEARCH, SEARCH_RESULT],
            "container": {"id": "container_1"},
            "context_management": {"applied_edits": []},
            "usage": {"input_tokens": 1, "output_tokens": 1, "iterations": [{"type": "message"}]},
        }
    ),
    "the documented example": answered(situations=("tokmodel.example",)),
    # -- answers to requests with streaming
    "stream": streamed(),
    "stream with a tool call": streamed(
        [
            HELLO[0],
            ev("content_block_start", index=0, content_block={**TOOL_CALL, "input": {"a": 1}}),
            *HELLO[4:],
        ],
        ask={"tools": TOOLS},
    ),
    "stream, thinking omitted": streamed(ask=thinks(display="omitted")),
    "stream with a cached prompt": streamed(
        ask={"system": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]}
    ),
    "stream that fails": streamed([*HELLO[:3], ERROR_EVENT]),
    "stream with a search result": streamed(
        [HELLO[0], ev("content_block_start", index=0, content_block=SEARCH_RESULT), *HELLO[4:]]
    ),
    "message instead of a stream": answered(stream=True),
    # -- refusals
    "400": refused(),
    "400 without request id": refused(http={"headers": {"request-id": None}}),
    "400 without request_id": refused(changes={"request_id": ...}),
    "400 without error object": refused(400, {"error": "no"}),
    "400 with details": refused(400, {"error": {"type": "t", "message": "m", "details": {"error_code": "c"}}}),
    "400 that is not JSON": refused(400, b"no", http=HTML),
    "413 of a proxy": refused(413, b"<html>", http=HTML),
    **{f"{status}": refused(status) for status in (402, 403, 409, 413, 429, 500, 504, 529)},
    # -- headers
    "rate limit headers": answered(http=with_headers(anthropic_ratelimit_requests_limit="5")),
    "retry-after": refused(429, http=with_headers(retry_after="5")),
    "retry-after-ms": refused(429, http=with_headers(retry_after_ms="5")),
    "x-should-retry": refused(429, http=with_headers(x_should_retry="true")),
    # -- expectations
    "valid": answered(**VALID),
    "valid, refused": refused(**VALID),
    "valid for some models": answered(capability="thinking"),
    "invalid, refused": refused(**INVALID),
    "invalid, refused with 500": refused(500, **INVALID),
    "invalid, accepted": answered(**INVALID),
    "invalid with a status of its own": refused(404, **INVALID, statuses=(404,)),
    "invalid for some models": refused(**INVALID, capability="thinking"),
    "invalid path": refused(404, **{**INVALID, "probes": ("transport.path.x",)}),
    "invalid, streamed": refused(ask={"stream": True}, **INVALID),
    "invalid, refused in a stream": streamed([ERROR_EVENT], **INVALID),
    "invalid without an answer": unanswered(**INVALID),
    "invalid, connection refused": unanswered("refused", **INVALID),
    "too large without an answer": unanswered(expect=REFUSED, probes=("transport.request.size-limit",)),
    "near miss, refused": refused(origin=NEAR_MISS, **INVALID),
    "near miss, accepted": answered(origin=NEAR_MISS),
    "near miss for some models, refused": refused(origin=NEAR_MISS, capability="thinking", **INVALID),
    "generated": answered(origin=GENERATED),
    # -- other requests
    "count": exchange(answered({"input_tokens": 5}).response, **COUNT, **VALID),
    "count without expectation": exchange(answered({"input_tokens": 5}).response, **COUNT),
    "count that is no object": exchange(answered([1]).response, **COUNT, **VALID),
    "count, invalid": exchange(refused().response, **COUNT, **INVALID),
    "count after edits": exchange(
        answered({"input_tokens": 2}).response, ask={"context_management": {"edits": []}}, **COUNT
    ),
    "models": exchange(answered({"data": []}).response, **MODELS, **VALID),
    "models, refused": exchange(refused(404).response, **MODELS, **VALID),
    "models with a query": exchange(
        answered({"data": []}).response, **{**MODELS, "path": "/v1/models?limit=1"}, **VALID
    ),
    "vendor models": exchange(answered({"data": []}).response, **{**MODELS, "path": "/v1beta/models"}),
    "batches": exchange(answered({"data": []}).response, **{**MODELS, "path": "/v1/messages/batches?limit=1"}),
    "files": exchange(answered({"data": []}).response, **{**MODELS, "path": "/v1/files?limit=1"}),
    "one model": exchange(answered({"id": "m"}).response, **{**MODELS, "path": "/v1/models/m"}, **VALID),
    "GET on the Messages path": exchange(refused(405).response, method="GET", **INVALID),
    # -- requests that a rule knows by its probe
    **{
        f"probe {name}": answered(probes=(name,))
        for name in (
            "request.prefill.continue",
            "request.max_tokens.zero-tokmodel",
            "auth.both-headers",
            "response.content.echoable",
            "request.thinking.unmodified-blocks",
            "transport.request.size-limit",
            "errors.no-5xx-on-bad-input",
            "claude-code.messages.system-role",
            "claude-code.turn.whole",
            "claude-code.path.head",
            "claude-code.path.hello",
            "claude-code.models.discovery",
            "claude-code.count-tokens",
            "claude-code.count-tokens.fallback",
        )
    },
    **{
        f"probe {name}{', no answer' * (kind is not None)}{f' ({kind})' * (kind is not None)}": answered(probes=(name,))
        if kind is None
        else unanswered(kind, probes=(name,))
        for name in ("transport.next-request-answered", "stream.disconnect.client")
        for kind in (None, "timeout", "refused", "budget")
    },
}
"""One exchange of each kind, by a name that says what is special about it."""

PREDICATES: dict[str, Callable[[Exchange], bool]] = {
    name: getattr(accessors, name)
    for name in (
        "answered",
        "refused",
        "created",
        "not_streamed",
        "json_message",
        "stream_requested",
        "streamed",
        "has_message",
    )
}

EXPECTED: dict[str, Any] = tomllib.loads(FILE.read_text("utf-8"))
RULES = [
    name
    for name, rule in CATALOGUE.items()
    if rule.over == "exchange" and not rule.probed and rule.topic not in ("gateway", "load")
]
"""Without the topics whose exchanges come from other sources; their own tests have the rows."""


def accepted(applies: Callable[[Exchange], bool]) -> list[str]:
    """The samples that a predicate accepts; a rule that is not `raw` is never asked about unanswered ones."""
    return [name for name, sample in SAMPLES.items() if applies(sample)]


def applied(requirement: str) -> list[str]:
    rule = CATALOGUE[requirement]
    return accepted(lambda sample: (rule.raw or sample.response is not None) and rule.applies(sample))


def line(requirement: str) -> str:
    """The line of the table for a rule as it is, in its shortest form."""
    samples = applied(requirement)
    forms = [_listed(samples)]
    for name, predicate in PREDICATES.items():
        others = accepted(predicate)
        if others == samples:
            forms.append(f'"{name}"')
        elif set(samples) < set(others):
            without = [sample for sample in others if sample not in samples]
            forms.append(f'{{ of = "{name}", without = {_listed(without)} }}')
    return f'"{requirement}" = {min(forms, key=len)}'


def _listed(samples: list[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in samples) + "]"


def expected(requirement: str) -> list[str]:
    """The samples that the table names for a rule."""
    value = EXPECTED["rules"].get(requirement, [])
    if isinstance(value, str):
        return list(EXPECTED["predicates"][value])
    if isinstance(value, dict):
        return [sample for sample in EXPECTED["predicates"][value["of"]] if sample not in value["without"]]
    return list(value)


@pytest.mark.parametrize("requirement", RULES)
def test_a_rule_applies_to_its_samples_and_to_no_others(requirement: str) -> None:
    assert applied(requirement) == expected(requirement), (
        f"if the rule is right, the line under [rules] in tests/rules/applies.toml is:\n{line(requirement)}"
    )


@pytest.mark.parametrize("name", PREDICATES)
def test_a_predicate_accepts_its_samples_and_no_others(name: str) -> None:
    samples = accepted(PREDICATES[name])
    assert samples == EXPECTED["predicates"].get(name), f"tests/rules/applies.toml: {name} = {_listed(samples)}"


@pytest.mark.parametrize("requirement", RULES)
def test_a_rule_applies_to_some_samples_and_not_to_all(requirement: str) -> None:
    assert 0 < len(applied(requirement)) < len(SAMPLES), "add a sample to SAMPLES"


def test_the_table_has_no_unknown_rules() -> None:
    assert set(EXPECTED["rules"]) <= set(RULES)


def table() -> str:
    """The whole table as it is."""
    predicates = [f"{name} = {_listed(accepted(predicate))}" for name, predicate in PREDICATES.items()]
    return "\n".join(["[predicates]", *predicates, "", "[rules]", *map(line, RULES)]) + "\n"
