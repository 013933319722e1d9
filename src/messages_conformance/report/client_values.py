"""Which requirements are about values that a client cannot check: a wrong text, argument or count is valid for it.

The models of clients decide what a violation of the form of an answer does. Of a wrong value they see nothing, so the
harm of the requirement decides, and what the application has of the value.
"""

from __future__ import annotations

from typing import Final

from messages_conformance.rules.catalogue import BREAKS, CATALOGUE, LEAKS, LOSES, MISBILLS

FORMS_THAT_LOSE: Final = frozenset(
    {
        *("stream.msgdelta.delta-object", "stream.msgdelta.no-null-overwrite", "stream.block.tool-input-in-deltas"),
        *("stream.error.named", "stream.error.no-silent-truncation", "stream.frame.line-endings"),
        *("stream.start.message-object", "stream.order.blocks-sequential", "stream.order.message-delta-present"),
        *("stream.order.message-stop-last", "stream.order.message-stop-once", "stream.delta.signature-single"),
        *("stream.delta.text-incremental", "stream.frame.utf8-boundaries", "transport.charset.utf8"),
        *("response.role.assistant", "response.stop_reason.enum-tokmodel", "response.stop_reason.own-words"),
        *("response.stop_reason.enum", "response.content.tool_use-ids-unique", "response.id.unique"),
        *("response.container.shape", "response.compaction.block", "response.citations.slice"),
        *("response.server-tool.pairing", "stream.server-tool.result-whole", "stop.tool_use.block-implies"),
        *("stop.end_turn.stop_sequence-null", "stop.stop_sequence.none-requested", "claude-code.stream.tool-input"),
    }
)
"""Requirements with the harm `loses` that are about the form of an answer, or about a member that no client uses."""

VALUES_OF_CALLS: Final = frozenset(
    {
        *("response.content.no-unrequested-tools", "response.content.tool_use-enum", "stop.tool_use.implies-block"),
        *("response.content.tool_use-strict-types", "response.content.tool_use-input-schema"),
        *("request.tool_choice.any-forces", "request.tool_choice.tool-forces"),
    }
)
"""Requirements with the harm `breaks` that are about the values of calls, or about a call that is missing."""

PARTICULAR_VALUES: Final = frozenset(
    {
        *("response.content.text-unchanged", "response.content.tool_use-values", "response.content.tool_use-numbers"),
        *("response.content.tool_use-number-enum", "response.content.tool_use-entities", "stream.delta.blanks-kept"),
        *("response.content.tool_use-optional-absent", "request.max_tokens.honoured-upwards"),
        "stream.final.tool-input",  # all arguments that the schema requires have arrived
    }
)
"""Requirements about values that are rare in ordinary use: a violation changes some answers, and stops no client."""

TO_OTHERS: Final = frozenset({"auth.key-not-echoed", "usage.cache.isolated"})
"""Leaks that do nothing to the client that gets the answer."""

COUNTS: Final = ("usage.input.", "usage.output.", "stream.final.output", "stream.msgdelta.", "stream.start.input")
"""How ids begin that are about input_tokens and output_tokens, which an application reads."""

SEEN_IN_COUNTS: Final = ("affects-input-tokens", "-counts", ".counted", "-counted")
"""How ids end that conclude from token counts that a part of the request is lost."""

AFFECTS_COUNTS: Final = "affects-input-tokens"


def is_about_values(requirement: str) -> bool:
    """Whether no client can notice a violation."""
    row = CATALOGUE.get(requirement)
    if row is None or requirement in FORMS_THAT_LOSE:
        return False
    if row.harm == BREAKS:
        return requirement in VALUES_OF_CALLS
    if row.harm == MISBILLS:
        return requirement.startswith(COUNTS) or requirement.endswith(AFFECTS_COUNTS)
    return row.harm == LOSES or (row.harm == LEAKS and requirement not in TO_OTHERS)


def is_about_counts(requirement: str) -> bool:
    """Whether only token counts are wrong."""
    row = CATALOGUE.get(requirement)
    return row is not None and row.harm == MISBILLS


def changes_some(requirement: str) -> bool:
    """Whether a violation changes only some answers."""
    return requirement in PARTICULAR_VALUES or requirement in VALUES_OF_CALLS


def is_seen_in_counts(requirement: str) -> bool:
    """Whether only token counts show the violation: a part of the request may be lost, or only not counted."""
    return requirement.endswith(SEEN_IN_COUNTS)
