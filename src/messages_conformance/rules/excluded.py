"""What the contract says and no rule judges: why a black box cannot see it, or where it is judged instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from messages_conformance.rules import sources
from messages_conformance.rules.catalogue import ANTHROPIC, BOTH, TOKMODEL
from messages_conformance.rules.verdict import MAY, MUST, SHOULD

BATCHES: Final = "platform.claude.com/docs/en/build-with-claude/batch-processing, read 2026-11-22"
NO_BATCHES: Final = (
    "No batch is ever sent: each of its requests is billed, it may take a day to end, and whether it ends is up to the "
    "target's queue and not to its protocol."
)


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """One requirement without a rule, and the reason."""

    id: str
    level: str
    sentence: str
    source: str
    reason: str
    families: frozenset[str] = BOTH


_A: Final = frozenset({ANTHROPIC})

_ROWS: Final = (
    Exclusion(
        id="request.model.any-vendor",
        level=SHOULD,
        families=frozenset({TOKMODEL}),
        sentence="Models of other vendors that the target lists answer through the same endpoint.",
        source=sources.SEED,
        reason="A run judges the one model that it is given: judge a second one with a run of its own, by --model.",
    ),
    Exclusion(
        id="adjacent.batches.custom_id",
        level=SHOULD,
        families=_A,
        sentence="The custom_id of a batched request is 1 to 64 letters, digits, _ or -, and unique in its batch.",
        source=BATCHES,
        reason=NO_BATCHES,
    ),
    Exclusion(
        id="adjacent.batches.results-unordered",
        level=MAY,
        families=_A,
        sentence="The results of a batch come in any order, each succeeded, errored, canceled or expired.",
        source=BATCHES,
        reason=NO_BATCHES,
    ),
    Exclusion(
        id="stream.final.stop-invariants",
        level=MUST,
        sentence="What holds for the stop reason and the usage of a message holds for the message of a stream.",
        source=sources.STREAMING,
        reason=(
            "Judged elsewhere: every rule under stop. and usage. reads the accumulated message of a stream as it reads "
            "a whole one, and names itself."
        ),
    ),
    Exclusion(
        id="request.messages.max-100000",
        level=SHOULD,
        families=_A,
        sentence="A request of more than 100,000 messages is refused.",
        source=sources.sdk("types/message_create_params.py"),
        reason=(
            "Nothing tells this limit from two others that such a request meets: the smallest one has more than 3 MB, "
            "and more tokens than most context windows hold. A target without the limit would also answer it, and "
            "bill some hundred thousand tokens."
        ),
    ),
    Exclusion(
        id="request.context.too-long",
        level=SHOULD,
        families=_A,
        sentence="A prompt longer than the model's context window is refused with 400 and invalid_request_error.",
        source="a live error, `prompt is too long`, quoted in a public issue, read 2026-11-22",
        reason=(
            "It takes a prompt that is surely longer than the window of an unknown model, a million tokens today; a "
            "model that reads it, or a target that cuts it, bills them all."
        ),
    ),
)

EXCLUDED: Final[Mapping[str, Exclusion]] = MappingProxyType({row.id: row for row in _ROWS})
"""Every exclusion by its id."""
