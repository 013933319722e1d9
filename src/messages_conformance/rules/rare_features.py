"""Rules for features of requests that are rarely used: each is accepted at least once, in whatever request it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from messages_conformance.exchange import REFUSED, Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import answered, carries_error, response_of, status_and_body
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, RUN, TOKMODEL, Judging, rule
from messages_conformance.rules.own_limits import image_limit
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.verdict import MUST, SHOULD, STATUS, Finding, Unverified

LONG_NAME: Final = 64
"""Servers of other APIs refuse longer names of tools."""

Uses = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, kw_only=True)
class RareFeature:
    """A feature, as a function of the body, and a usual form of it, which shows that only the rare one is refused."""

    requirement: str
    sentence: str
    level: str
    source: str
    needs: frozenset[str]
    uses: Uses
    usual: Uses
    beside: Uses | None = None
    """What must be accepted too, before a refusal counts."""


def _blocks(body: Mapping[str, Any]) -> Iterator[list[Mapping[str, Any]]]:
    """The blocks of each message."""
    messages = body.get("messages")
    for turn in messages if isinstance(messages, list) else []:
        content = turn.get("content") if isinstance(turn, Mapping) else None
        if isinstance(content, list):
            yield [block for block in content if isinstance(block, Mapping)]


def _images(body: Mapping[str, Any]) -> int:
    """The most images in one message."""
    return max((sum(one.get("type") == "image" for one in blocks) for blocks in _blocks(body)), default=0)


def _references(body: Mapping[str, Any]) -> list[str]:
    """The names in the tool references of the results of tools."""
    results = [one.get("content") for blocks in _blocks(body) for one in blocks if one.get("type") == "tool_result"]
    inner = [one for content in results if isinstance(content, list) for one in content if isinstance(one, Mapping)]
    return [str(one.get("tool_name")) for one in inner if one.get("type") == "tool_reference"]


def _tools(body: Mapping[str, Any]) -> list[str]:
    """The names of the tools."""
    tools = body.get("tools")
    return [str(tool.get("name")) for tool in tools if isinstance(tool, Mapping)] if isinstance(tools, list) else []


def _temperature(body: Mapping[str, Any]) -> float | None:
    value = body.get("temperature")
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _marks_a_block(body: Mapping[str, Any]) -> bool:
    return any("cache_control" in one for blocks in _blocks(body) for one in blocks)


FEATURES: Final = (
    RareFeature(
        requirement="request.temperature.zero",
        sentence="A temperature of 0 is accepted where other temperatures are.",
        level=MUST,
        source=sources.sdk("types/message_create_params.py"),
        needs=frozenset({"temperature"}),
        uses=lambda body: _temperature(body) == 0,
        usual=lambda body: 0 < (_temperature(body) or 0) < 1,
    ),
    RareFeature(
        requirement="request.image.several",
        sentence="A message can have several images.",
        level=MUST,
        source="platform.claude.com/docs/en/build-with-claude/vision (100 images a request), read 2026-11-22; "
        "unslothai/unsloth#10970 (GitHub), read 2026-11-30",
        needs=frozenset({"images"}),
        uses=lambda body: _images(body) > 1,
        usual=lambda body: _images(body) == 1,
    ),
    RareFeature(
        requirement="request.cache_control.top-level",
        sentence="cache_control can be a field of the whole request.",
        level=SHOULD,
        source=f"{sources.CACHING} (automatic caching); BerriAI/litellm#26320 (GitHub), read 2026-11-30",
        needs=frozenset({"prompt-caching"}),
        uses=lambda body: isinstance(body.get("cache_control"), Mapping),
        usual=_marks_a_block,
    ),
    RareFeature(
        requirement="request.tool_reference.long-name",
        sentence="A tool_reference can name a tool whose name has more than 64 characters.",
        level=SHOULD,
        source="official OpenAPI description of 2026-05-31, RequestToolReferenceBlock; BerriAI/litellm#26398 (GitHub), "
        "read 2026-11-30",
        needs=frozenset({"tools"}),
        uses=lambda body: any(len(name) > LONG_NAME for name in _references(body)),
        usual=lambda body: any(len(name) <= LONG_NAME for name in _references(body)),
        beside=lambda body: any(len(name) > LONG_NAME for name in _tools(body)),
    ),
)


def _is_accepted(exchange: Exchange) -> bool:
    return response_of(exchange).status < 400 and not carries_error(exchange)


def _judge(feature: RareFeature) -> Judging:
    def judge(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
        sent = [one for one in exchanges if answered(one) and one.probes and one.expect != REFUSED]
        using = [one for one in sent if one.creates_message and feature.uses(one.request.fields)]
        usual = [one for one in sent if one.creates_message and feature.usual(one.request.fields)]
        if any(map(_is_accepted, using)):
            return
        refused = [one for one in using if 400 <= response_of(one).status < 500]
        if not refused:
            yield Unverified(reason="no such request was answered")
        elif not any(_is_accepted(one) for one in usual if not feature.uses(one.request.fields)) or (
            (beside := feature.beside) is not None
            and not any(_is_accepted(one) for one in sent if beside(one.request.fields))
        ):
            yield Unverified(reason="the usual form of it is refused, too")
        else:
            one = min(refused, key=lambda each: len(each.request.body))
            if feature.needs == {"images"} and (words := image_limit(one)):
                yield Unverified(reason=f"the target has a limit of its own: {words}")
                return
            found = status_and_body(one)
            yield Finding(exchange=one.number, place=STATUS, found=found, wanted="200: the request is valid")

    return judge


def register() -> None:
    """Adds the requirements to the catalogue."""
    for feature in FEATURES:
        judge = _judge(feature)
        judge.__doc__ = feature.sentence
        rule(
            feature.requirement,
            feature.level,
            harm=BREAKS,
            families={ANTHROPIC, TOKMODEL} if feature.needs == {"temperature"} else {ANTHROPIC},
            source=feature.source,
            needs=feature.needs,
            capability="images" if "images" in feature.needs else None,
            over=RUN,
            reads={PROBES, REQUEST},
            provoked="Rare features are sent together in one request, and each alone where that is refused.",
        )(judge)


register()
