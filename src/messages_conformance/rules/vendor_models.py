"""The rule for GET /v1beta/models, the list of models of a gateway to many vendors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import answered, body_of, shown
from messages_conformance.rules.catalogue import BREAKS, TOKMODEL, rule
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import SHOULD, Finding, Place, Unverified

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
