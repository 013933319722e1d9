"""Marks failures that a weak model can cause by itself: the report says "the model or the server" and shows them last.

A model can name a tool that nobody offered, write arguments that are no object, or write a tool call as text. That is
the fault of the server if it promised to constrain the model (a named or forced choice, a strict tool), and if every
try shows it. Otherwise nobody can decide it from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.report.feature_search import shared_features
from messages_conformance.rules.accessors import blocks_of, has_message, text_of
from messages_conformance.rules.verdict import Finding, Verdict

Try = Callable[[Exchange], bool]


def _calls(exchange: Exchange) -> bool:
    return any(block.get("type") == "tool_use" for block in blocks_of(exchange))


def _writes(exchange: Exchange) -> bool:
    return bool(text_of(exchange))


def _is_about_arguments(finding: Finding) -> bool:
    """Whether the arguments of a call are something else than an object, and not an object that was cut."""
    return (finding.place.pointer or "").endswith("/input") and not finding.found.lstrip("\"'").startswith("{")


_OF_MODEL: Final[Mapping[str, tuple[Try, Callable[[Finding], bool]]]] = {
    "response.content.tool_use-name-known": (_calls, lambda _: True),
    "response.content.tool_use-fields": (_calls, _is_about_arguments),
    "stream.delta.partial-json-concat": (_calls, _is_about_arguments),
    "response.content.no-model-markup": (_writes, lambda _: True),
}
"""Requirement -> (whether an answer is a try at it, whether a model can cause this finding)."""


def marked_uncertain(verdict: Verdict, known: Mapping[int, Exchange]) -> Verdict:
    """The verdict, with `uncertain` set when the model can have caused every finding."""
    row = _OF_MODEL.get(verdict.requirement)
    if row is None or not verdict.findings:
        return verdict
    is_try, can_be_model = row
    failing = [known[finding.exchange] for finding in verdict.findings if finding.exchange in known]
    if not all(map(can_be_model, verdict.findings)) or not failing or any(map(_is_constrained, failing)):
        return verdict
    numbers = {exchange.number for exchange in failing}
    passing = [each for each in known.values() if each.number not in numbers and has_message(each) and is_try(each)]
    return replace(verdict, uncertain=not _is_systematic(failing, passing))


def _is_systematic(failing: Iterable[Exchange], passing: list[Exchange]) -> bool:
    """Whether every try shows it, or every try with one feature."""
    failing = list(failing)
    if not passing:
        return len({exchange.request.identity for exchange in failing}) > 1
    found = [shared for shared in shared_features(failing, passing) if not shared.requests]
    covered = sum(len(shared.exchanges) for shared in found)
    return covered == len(failing)


def _is_constrained(exchange: Exchange) -> bool:
    """Whether the server promised to constrain the model: a named or forced choice, or a strict tool."""
    choice, tools = exchange.request.fields.get("tool_choice"), exchange.request.fields.get("tools")
    forced = isinstance(choice, Mapping) and choice.get("type") in ("any", "tool")
    return forced or (
        isinstance(tools, list) and any(isinstance(tool, Mapping) and tool.get("strict") is True for tool in tools)
    )
