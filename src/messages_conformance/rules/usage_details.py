"""Rules for the parts of usage that say how a message came about: its passes, its server tools, its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import (
    INPUT_COUNTS,
    blocks_of,
    closing_usage,
    has_message,
    ids,
    in_message,
    message_of,
    shape,
    usage_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, DRIFTS, MISBILLS, rule
from messages_conformance.rules.recording_parts import IDS
from messages_conformance.rules.verdict import SHOULD, Finding, Unverified

COUNTS: Final = (*INPUT_COUNTS, "output_tokens")

PASSES: Final = ("message", "fallback_message")
"""Types of iterations that the top level adds up; compaction and advisor_message are billed beside it."""

SEARCHES: Final = {"web_search_tool_result": "web_search_requests", "web_fetch_tool_result": "web_fetch_requests"}
"""Block of a result -> the count of its requests. Other server tools are not counted there."""


def _iterations(exchange: Exchange) -> list[Mapping[str, Any]]:
    listed = closing_usage(exchange).get("iterations")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _summed(exchange: Exchange) -> list[Mapping[str, Any]] | None:
    """The passes that the top level adds up; None if a fallback leaves open which ones it counts."""
    passes = [one for one in _iterations(exchange) if one.get("type") in PASSES]
    if all(one["type"] == "message" for one in passes):
        models = {one["model"] for one in passes if isinstance(one.get("model"), str)}
        return passes if len(models) < 2 else None
    serving = [one.get("model") for one in passes if one["type"] == "fallback_message"][-1]
    if not isinstance(serving, str) or serving != (message_of(exchange) or {}).get("model"):
        return None
    return [one for one in passes if one.get("model") == serving]


@rule(
    "usage.iterations.sum",
    SHOULD,
    harm=MISBILLS,
    families={ANTHROPIC},
    source="platform.claude.com/docs/en/build-with-claude/compaction, read 2026-08-22; 11 of 11 recorded answers",
    applies=lambda exchange: has_message(exchange) and bool(_iterations(exchange)),
    on_sight=True,
    provoked="Judged on every answer whose usage lists iterations.",
)
def adds_up_the_passes_of_one_model(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The counts of usage are the sums over its iterations of type message."""
    passes = _summed(exchange)
    if not passes:
        yield Unverified(reason="the iterations are of several models, or none is a message")
        return
    usage = usage_of(exchange)
    for name in COUNTS:
        total = _total(passes, name)
        stated = usage.get(name)
        if total is not None and isinstance(stated, int) and stated != total:
            place = in_message(exchange, f"/usage/{name}")
            yield Finding(place=place, found=str(stated), wanted=f"{total}, the sum over usage.iterations")
            return


def _total(passes: Sequence[Mapping[str, Any]], name: str) -> int | None:
    """The sum of one count; None if a pass does not state it."""
    counts = [one.get(name) for one in passes]
    return sum(counts) if all(isinstance(value, int) for value in counts) else None  # type: ignore[arg-type]


@rule(
    "usage.inference_geo",
    SHOULD,
    harm=DRIFTS,
    families={ANTHROPIC},
    source="platform.claude.com/docs/en/build-with-claude/data-residency, read 2026-05-02; 1,023 recorded answers",
    applies=has_message,
)
def names_the_place_of_inference(exchange: Exchange) -> Iterable[Finding]:
    """inference_geo is absent, null or a string; any name of a place is valid."""
    return shape(exchange, "usage.inference_geo")


def _successes(exchange: Exchange, kind: str) -> int:
    """The results of one kind that are no errors and whose call is in the same answer."""
    blocks = blocks_of(exchange)
    calls = [ids.of(block) for block in blocks if block.get("type") == "server_tool_use"]
    results = [block for block in blocks if block.get("type") == kind and block.get("tool_use_id") in calls]
    return sum(not _is_error(block.get("content")) for block in results)


def _is_error(content: Any) -> bool:
    return isinstance(content, dict) and str(content.get("type", "")).endswith("_error")


def _has_results(exchange: Exchange) -> bool:
    return has_message(exchange) and any(block.get("type") in tuple(SEARCHES) for block in blocks_of(exchange))


@rule(
    "usage.server_tool_use.counts-results",
    SHOULD,
    harm=MISBILLS,
    families={ANTHROPIC},
    source="platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool (usage), read 2026-08-22",
    applies=_has_results,
    needs={"server-tools"},
    capability="server-tools",
    model_dependent=True,
    reads={IDS},
    provoked="A web search is requested in a run of depth deep.",
)
def counts_the_searches_that_it_shows(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """server_tool_use counts at least the web searches and web fetches whose results are in the answer."""
    counted = closing_usage(exchange).get("server_tool_use")
    if not isinstance(counted, dict):
        yield Unverified(reason="usage has no server_tool_use")
        return
    for kind, name in SEARCHES.items():
        results, stated = _successes(exchange, kind), counted.get(name)
        if isinstance(stated, int) and stated < results:
            place = in_message(exchange, f"/usage/server_tool_use/{name}")
            yield Finding(place=place, found=f"{stated} for {results} results", wanted=f"{results} or more")
            return
