"""The rule for is_error of a tool result: the model learns from it that the call failed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import has_message, text_of
from messages_conformance.rules.catalogue import ANTHROPIC, LOSES, RUN, rule
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.verdict import NOT_PROVOKED, SHOULD, Finding, Unverified

IS_ERROR: Final = "request.tool_result.is-error"

MIN_PAIRS: Final = 3
"""So many pairs must all be answered alike (our own: a model may be wrong once)."""

_ANSWER: Final = re.compile(r"\W*(yes|no)\b", re.IGNORECASE)


def _answer(exchange: Exchange) -> str:
    """yes or no; empty for any other answer."""
    found = _ANSWER.match(text_of(exchange))
    return found[1].lower() if found else ""


def _last_result(exchange: Exchange) -> dict[str, object]:
    """The first block of the last turn, which is the result in these requests."""
    block = exchange.request.fields["messages"][-1]["content"][0]
    return block if isinstance(block, dict) else {}


@rule(
    IS_ERROR,
    SHOULD,
    harm=LOSES,
    families={ANTHROPIC},
    needs={"tools"},
    source="platform.claude.com/docs/en/agents-and-tools/tool-use/handle-tool-calls, read 2026-11-22 (is_error); "
    "maximhq/bifrost#5450 and sgl-project/sglang#32610 (GitHub), read 2026-12-01",
    over=RUN,
    model_dependent=True,
    reads={PROBES, REQUEST},
    provoked="The model is asked whether a tool call failed; only is_error of the result says that it did.",
)
def learns_of_a_failed_call(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """is_error reaches the model: it can tell a failed tool call from one that worked."""
    asked = [one for one in exchanges if IS_ERROR in one.probes and has_message(one)]
    marked = [one for one in asked if _last_result(one).get("is_error") is True]
    unmarked = [one for one in asked if _last_result(one).get("is_error") is False]
    told = [one for one in asked if "is_error" not in _last_result(one)]
    if any(_answer(one) == "yes" for one in marked) and any(_answer(one) == "no" for one in unmarked):
        return
    if min(len(marked), len(unmarked)) < MIN_PAIRS or not told:
        yield Unverified(reason="too few of these requests were answered" if asked else NOT_PROVOKED)
    elif any(_answer(one) != "yes" for one in told):
        yield Unverified(reason="the model does not tell a failed call from another, even where the result says so")
    elif any(_answer(one) != "no" for one in (*marked, *unmarked)):
        yield Unverified(reason="the model gives other answers than yes and no")
    else:
        found = f'"no" in {len(marked)} answers to "Did the tool call fail?" with is_error true'
        yield Finding(exchange=marked[0].number, found=found, wanted='"yes", as where the text of the result says it')
