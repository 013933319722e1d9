"""The rules for a gateway to many vendors: its list of models at GET /v1beta/models, and models of other vendors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import answered, body_of, cleanly_refused, has_message, refusal, shown
from messages_conformance.rules.catalogue import BREAKS, RUN, TOKMODEL, rule
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.verdict import NOT_PROVOKED, SHOULD, Finding, Place, Unverified

PATH: Final = "/v1beta/models"


@rule(
    "tokmodel.models.list-shape",
    SHOULD,
    harm=BREAKS,  # an application chooses its model there
    families={TOKMODEL},
    needs={"vendor-models"},
    source="TokModel documentation, page api-reference/models, read 2026-11-30",
    applies=lambda exchange: answered(exchange) and exchange.request.route == PATH,
    reads={REQUEST},
    provoked="GET /v1beta/models is sent.",
)
def lists_models_of_all_vendors(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """GET /v1beta/models returns an object with the list data, in which each model has an id."""
    if not exchange.succeeded:
        yield Unverified(reason="the target does not list its models there")
        return
    data = body_of(exchange).get("data")
    if not isinstance(data, list):
        yield Finding(place=Place(pointer="/data"), found=shown(data), wanted="a list of models")
        return
    for number, item in enumerate(data):
        if not isinstance(item, dict) or not isinstance(item.get("id"), str) or not item["id"]:
            yield Finding(place=Place(pointer=f"/data/{number}"), found=shown(item), wanted="an object with an id")
            return


ANY_VENDOR: Final = "request.model.any-vendor"


@rule(
    ANY_VENDOR,
    SHOULD,
    harm=BREAKS,
    families={TOKMODEL},
    needs={"vendor-models"},
    source="TokModel documentation, page /v1/messages, read 2026-11-22, and page concepts/gateway, read 2026-11-30",
    over=RUN,
    reads={PROBES},
    provoked="A model of each of --vendors other vendors in the list is asked the plainest question, also in a stream.",
)
def answers_for_models_of_other_vendors(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Listed models of other vendors answer with a message, without and with streaming."""
    asked = [one for one in exchanges if ANY_VENDOR in one.probes]
    for one in asked:
        if not cleanly_refused(one) and not has_message(one):
            yield refusal(one, f"a message of {shown(one.requested_model)}")
            return
    streams = [one for one in asked if one.request.streamed and cleanly_refused(one)]
    for one in streams:
        yield refusal(one, f"a stream: {shown(one.requested_model)} answered without streaming")
        return
    if not asked:
        yield Unverified(reason=NOT_PROVOKED)
    elif not any(has_message(one) for one in asked):
        yield Unverified(reason=f"no listed model of another vendor answered: {cleanly_refused(asked[0])}")
