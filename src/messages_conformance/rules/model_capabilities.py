"""The rule for the capabilities that a target lists for its model: they agree with what it accepts and refuses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance.exchange import REFUSED, Exchange
from messages_conformance.rules.accessors import body_of, cleanly_refused, has_message, refusal, shown
from messages_conformance.rules.catalogue import ANTHROPIC, MISLEADS, RUN, rule
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.verdict import NOT_PROVOKED, SHOULD, Finding, Unverified

CAPABILITIES: Final[Mapping[str, str]] = {
    "image_input": "images",
    "citations": "citations",
    "structured_outputs": "structured-outputs",
    "thinking": "thinking",
}
"""A capability in the list of models -> the capability of the requests that use it alone."""

MIN_REFUSED: Final = 2
"""At least this many requests of a kind must be refused, and none accepted (our own: one may be odd)."""


def _listed(exchanges: Sequence[Exchange]) -> Iterator[tuple[Exchange, str, Mapping[str, Any]]]:
    """Each model that an answer describes with its capabilities."""
    for one in exchanges:
        if not one.request.route.startswith("/v1/models") or not one.succeeded:
            continue
        data = body_of(one).get("data")
        for item in data if isinstance(data, list) else [body_of(one)]:
            found = item.get("capabilities") if isinstance(item, dict) else None
            if isinstance(found, dict) and isinstance(item.get("id"), str):
                yield one, item["id"], found


@rule(
    "adjacent.models.capabilities",
    SHOULD,
    harm=MISLEADS,
    families={ANTHROPIC},
    needs={"models"},
    source="platform.claude.com/docs/en/api/models, read 2026-08-22; anthropic 2.12.0, types/model_capabilities.py",
    over=RUN,
    on_sight=True,
    reads={PROBES, REQUEST},
    provoked="Models are listed, and requests with images, citations, output formats and thinking are sent.",
)
def lists_what_the_model_can_do(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """What a model's capabilities call supported is accepted, and what they call unsupported is refused."""
    compared = False
    for _, model, capabilities in _listed(exchanges):
        for name, capability in CAPABILITIES.items():
            entry = capabilities.get(name)
            supported = entry.get("supported") if isinstance(entry, dict) else None
            sent = [
                one
                for one in exchanges
                if one.capability == capability and one.requested_model == model and one.expect != REFUSED
            ]
            accepted, refused = [one for one in sent if has_message(one)], [one for one in sent if cleanly_refused(one)]
            if not isinstance(supported, bool) or not (accepted or refused):
                continue
            compared = True
            if supported and not accepted and len(refused) >= MIN_REFUSED:
                yield refusal(refused[0], f"an answer: {name} of {shown(model)} is supported")
                return
            if not supported and accepted and not refused:
                yield refusal(accepted[0], f"a refusal: {name} of {shown(model)} is not supported")
                return
    if not compared:
        yield Unverified(reason=NOT_PROVOKED)
