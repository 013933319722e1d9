"""Lists the features that a request uses, and the reasons for which a correct server may refuse it.

A correct server may refuse what its model cannot do, and combinations that no document mentions. The rules for a
generated valid request that is refused with a clean 4xx are:

1. If it contains anything that its profile leaves to the model, or anything that `doubts` names, the refusal is a
   correct answer. A 5xx never is.
2. Otherwise it is a violation only if each of its `features` was answered in another request of the same run. A target
   that lacks a feature altogether is judged once, by the requests of the suites for that feature.
3. The request is sent again and has to be refused again. Where the budget allows, everything that the refusal does not
   need is removed, and the smallest request that is still refused is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from messages_conformance.contract import Profile

Body = Mapping[str, Any]
"""The body of a request."""

COMMON_LIMIT: Final = 16
"""Every vendor accepts max_tokens from here on; for the models of some vendors this is the minimum."""

MOST_STOPS: Final = 4
"""Every vendor behind a gateway accepts this many stop sequences; no document gives a limit."""


def features(body: Any) -> frozenset[str]:
    """The names of all optional features that a body uses."""
    return frozenset(_features(body)) if isinstance(body, Mapping) else frozenset()


def _features(body: Body) -> Iterator[str]:
    turns = [turn for turn in _list(body.get("messages")) if isinstance(turn, Mapping)]
    roles = [turn.get("role") for turn in turns]
    for name in ("stop_sequences", "metadata", "service_tier", "top_k", "tools"):
        if body.get(name) not in (None, []):
            yield name
    for name in ("temperature", "top_p"):
        if body.get(name) is not None:
            # Newer models accept nothing but the default (migration guide).
            yield name if body[name] != 1 else f"{name}.default"
    if body.get("top_k"):
        yield "top_k.set"  # a model that accepts 0, which sets nothing, need not accept more
    if body.get("temperature") is not None and body.get("top_p") is not None:
        yield "temperature-and-top_p"  # some models accept either, but not both
    if body.get("stream") is True:
        yield "stream"
    if body.get("system") is not None:
        yield "system" if isinstance(body["system"], str) else "system.blocks"
    for name in ("tool_choice", "thinking"):
        if isinstance(body.get(name), Mapping):
            yield f"{name}.{body[name].get('type')}"
            if "disable_parallel_tool_use" in body[name]:
                yield "disable_parallel_tool_use"
    if isinstance(body.get("cache_control"), Mapping):
        yield "cache_control.whole"
    if len(turns) > 1:
        yield "history"
    if any(one == other for one, other in pairwise(roles)):
        yield "merged-turns"
    if roles and roles[-1] == "assistant":
        yield "prefill"
    if _mapping(body.get("output_config")).get("format"):
        yield "output_config.format"
    limit = body.get("max_tokens")
    if isinstance(limit, int) and limit < COMMON_LIMIT:
        yield "small-limit"
    for held in (body.get("tools"), body.get("system"), *(turn.get("content") for turn in turns)):
        yield from _parts(held)


def _parts(content: Any) -> Iterator[str]:
    for part in _list(content):
        kind = part.get("type") if isinstance(part, Mapping) else None
        if not isinstance(part, Mapping):
            continue
        if isinstance(kind, str):
            yield f"block.{kind}"
        source = _mapping(part.get("source"))
        if source:
            yield f"block.{kind}.{source.get('media_type', source.get('type'))}"
        if part.get("strict"):
            yield "strict"
        if _mapping(part.get("citations")).get("enabled"):
            yield "citations"
        if isinstance(part.get("cache_control"), Mapping):
            yield f"cache_control.{part['cache_control'].get('ttl', 'default')}"
        for inner in _parts(part.get("content")):
            yield f"{kind}/{inner}"


NEEDED: Final[Mapping[str, str]] = {
    "image": "images",
    "document": "documents",
    "search_result": "search-results",
    "citations": "citations",
    "strict": "strict-tools",
    "thinking": "thinking",
    "prefill": "prefill",
    "small-limit": "small-limits",
    "output_config.format": "structured-outputs",
    "tool_choice.any": "forced-tools",
    "tool_choice.tool": "forced-tools",
}
"""The capability behind each feature that some profile leaves to the model."""


def capabilities(body: Any) -> frozenset[str]:
    """The capabilities that a body needs and that a profile may leave to the model."""
    found = set()
    for feature in features(body):
        for part in (feature, feature.partition(".")[0], *feature.replace("/", ".").split(".")):
            if part in NEEDED:
                found.add(NEEDED[part])
    return frozenset(found)


def doubts(body: Body, profile: Profile) -> tuple[str, ...]:
    """Why a correct server may refuse a valid body, apart from what its model cannot do."""
    found = []
    if len(capabilities(body) & profile.depends_on_model) > 1:
        found.append("several things at once that depend on the model")
    if body.get("stop_sequences") == []:
        found.append("an empty list of stop sequences (refusing it is less than a violation)")
    if len(_list(body.get("stop_sequences"))) > MOST_STOPS:
        found.append("many stop sequences")
    if _holds_null({name: value for name, value in body.items() if name != "messages"}) or _holds_null(
        [_outside_input(part) for turn in _list(body.get("messages")) for part in _list(turn.get("content"))]
    ):
        found.append("a null where a value is optional")
    return tuple(found)


def _outside_input(part: Any) -> Any:
    return {name: value for name, value in part.items() if name != "input"} if isinstance(part, Mapping) else part


def _holds_null(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_null(held) for held in value.values())
    return value is None or (isinstance(value, list) and any(_holds_null(held) for held in value))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
