"""What a run did not see of a client's way of using an endpoint: streams, answers, tools and the key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from messages_conformance import contract
from messages_conformance.contract import JSON, STREAM, ClientUse
from messages_conformance.report.client_effects import BY_HARM, concerns
from messages_conformance.report.text import counted
from messages_conformance.rules.catalogue import CATALOGUE, Requirement
from messages_conformance.rules.verdict import MUST, NOT_APPLICABLE, PASS, Verdict

TOPICS: Final = frozenset({"transport", "auth", "version", "stream", "response", "stop", "usage", "claude-code"})
"""Topics of a client's way of using an endpoint: the key, streams, JSON answers and tools."""

CALLS: Final = "tool calls"
STREAMS: Final = "streams"
ANSWERS: Final = "answers"
KEY: Final = "key"
VERSION: Final = "version"

PARTS: Final = (
    (re.compile(r"^auth\.|\.auth\."), KEY, "the key was not tried in the header that it uses"),
    (re.compile(r"^version\."), VERSION, "its anthropic-version was not sent"),
    (
        re.compile(r"tool_use|tool-input|tool-loop|partial-json|start-tool|call-named|unrequested-tools"),
        CALLS,
        "tools were never called",
    ),
    (re.compile("thinking|signature"), "thinking", "no thinking was seen"),
    (re.compile(r"stop_sequence"), "stop sequences", "no stop sequence was reached"),
    (re.compile(r"^stream\.error"), "errors in streams", "no error in a stream was seen"),
    (re.compile(r"^stream\.|sse-response"), STREAMS, "no stream was seen"),
    (re.compile(r"^claude-code\."), "requests of Claude Code", "the requests of Claude Code were not sent"),
    (re.compile(""), ANSWERS, "no answer was seen"),
)
"""(ids, part of the use, what to say if none of it was verified). The first pattern that matches counts."""

FEATURES: Final = frozenset({"stream", "tools", "thinking"})
"""Capabilities that a client can use and do without."""

CRITICAL: Final = frozenset({KEY, VERSION, STREAMS, ANSWERS, "requests of Claude Code"})
"""Parts without which nothing is known about a client."""


WHOLE_STREAM: Final = "stream.final.output-tokens-positive"
"""The requirement that is verified by every whole stream with text."""

NO_WHOLE_STREAM: Final = "no stream with text was seen to its end"

STREAMED_CALL: Final = "stream.delta.partial-json-concat"
"""The requirement that is verified by every streamed tool call. A client with a profile of its own does all its work by
such calls, so without one nothing is known about it."""


NO_CALL: Final = next(words for _, part, words in PARTS if part == CALLS)
"""What to say if no call was streamed."""


@cache
def part_of(requirement: str) -> str:
    """The part of the use that a requirement is about."""
    return next(name for pattern, name, _ in PARTS if pattern.search(requirement))


def essential(use: ClientUse, profile: str, row: Requirement) -> bool:
    """Whether the client works only where this requirement holds.

    These are the MUSTs about its way of using the API whose violation affects a client with valid requests. At any
    level, its key and its version must be accepted, because otherwise no request succeeds.
    """
    if row.on_sight or row.topic not in TOPICS or row.harm not in BY_HARM:
        return False
    if row.level != MUST and part_of(row.id) not in {KEY, VERSION}:
        return False
    own = use.profile == profile
    if own and (contract.profile(profile).only_warns(row.id) or part_of(row.id) == VERSION):
        return False  # every request of its own profile has its version
    return concerns(use, row.id) and (JSON in use.reads or row.topic != "response" or use.profile is not None)


def essential_rows(use: ClientUse, profile: str) -> tuple[Requirement, ...]:
    """The essential requirements of a client, in the order of the catalogue."""
    place = use.client, profile, len(CATALOGUE)  # rules of the user may be added later
    if place not in _essential_rows:
        _essential_rows[place] = tuple(row for row in CATALOGUE.values() if essential(use, profile, row))
    return _essential_rows[place]


_essential_rows: dict[tuple[str, str, int], tuple[Requirement, ...]] = {}


def unseen(use: ClientUse, profile: str, verdicts: Mapping[str, Verdict]) -> Mapping[str, str]:
    """Part of the use -> what was not seen of it, in words."""
    parts: dict[str, list[bool]] = {}
    for row in essential_rows(use, profile):
        verdict = verdicts.get(row.id)
        if verdict is None or verdict.outcome != NOT_APPLICABLE:
            parts.setdefault(part_of(row.id), []).append(_seen(verdict))
    return {name: _sentence(name, seen) for name, seen in parts.items() if not all(seen)}


def nothing_seen(use: ClientUse, profile: str, verdicts: Mapping[str, Verdict]) -> tuple[str, ...]:
    """What to say of the critical parts of which nothing was verified; such a client's status is not known."""
    parts: dict[str, list[bool]] = {}
    for row in essential_rows(use, profile):
        parts.setdefault(part_of(row.id), []).append(_seen(verdicts.get(row.id)))
    missing = tuple(_words(name) for name, seen in parts.items() if name in CRITICAL and not any(seen))
    if STREAM in use.reads and not missing and _is_unseen(verdicts.get(WHOLE_STREAM)):
        return (NO_WHOLE_STREAM,)
    call = verdicts.get(STREAMED_CALL)
    if use.profile == profile and not missing and (call is None or _is_unseen(call)):
        return (NO_CALL,)
    return missing


def _is_unseen(verdict: Verdict | None) -> bool:
    return verdict is not None and verdict.outcome not in (PASS, NOT_APPLICABLE) and not verdict.findings


def not_offered(use: ClientUse, profile: str, verdicts: Mapping[str, Verdict]) -> tuple[str, ...]:
    """The features that the profile does not promise or the model does not have, and that the client can use."""
    features = (
        feature
        for row in essential_rows(use, profile)
        if (verdict := verdicts.get(row.id)) is not None and verdict.outcome == NOT_APPLICABLE
        for feature in _features(row, profile)
    )
    return tuple(sorted(FEATURES.intersection(features)))


def _features(row: Requirement, profile: str) -> Iterator[str]:
    offered = contract.profile(profile).offers if profile in contract.profile_names() else row.needs
    yield from row.needs - offered
    if row.capability is not None and not row.needs - offered:
        yield row.capability


def _seen(verdict: Verdict | None) -> bool:
    return verdict is not None and (verdict.outcome == PASS or bool(verdict.findings))


def _words(name: str) -> str:
    return next(words for _, part, words in PARTS if part == name)


def _sentence(name: str, seen: list[bool]) -> str:
    if not any(seen):
        return _words(name)
    return f"{counted(seen.count(False), 'requirement')} about {name} not verified"
