"""Rules for the requests of Claude Code beside its messages: the greeting and the discovery of models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import body_of, response_of, shown
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, DRIFTS, rule
from messages_conformance.rules.claude_code import CLAUDE_CODE, GATEWAYS, below_500, sent_for
from messages_conformance.rules.recording_parts import PROBES
from messages_conformance.rules.verdict import SHOULD, STATUS, Finding, Place

HELLO: Final = "claude-code.path.hello"
DISCOVERY: Final = "claude-code.models.discovery"


@rule(
    HELLO,
    SHOULD,
    harm=DRIFTS,  # it continues after any answer
    families={ANTHROPIC},
    needs={CLAUDE_CODE},
    source=GATEWAYS,
    applies=sent_for(HELLO),
    reads={PROBES},
    provoked="HEAD /api/hello without a key, the first request of Claude Code 2.1.332.",
)
def answers_hello(exchange: Exchange) -> Iterable[Finding]:
    """HEAD /api/hello is answered with any status below 500."""
    return below_500(exchange)


@rule(
    DISCOVERY,
    SHOULD,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={CLAUDE_CODE},
    source=GATEWAYS,
    applies=sent_for(DISCOVERY),
    reads={PROBES},
    provoked="GET /v1/models?limit=1000, once with each credential.",
)
def lists_models_for_discovery(exchange: Exchange) -> Iterable[Finding]:
    """GET /v1/models?limit=1000 with either credential returns the models without a redirect, or 404."""
    response, models = response_of(exchange), body_of(exchange).get("data")
    if response.status == 404:
        return
    if response.status >= 300:
        yield Finding(place=STATUS, found=str(response.status), wanted="200 without a redirect, or 404")
    elif not isinstance(models, list) or not all(isinstance(model, dict) and model.get("id") for model in models):
        yield Finding(place=Place(pointer="/data"), found=shown(models), wanted="a list of models with ids")
