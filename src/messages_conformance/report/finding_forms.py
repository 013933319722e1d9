"""The form of a finding, so that it can be compared with the forms that were measured on clients."""

from __future__ import annotations

from messages_conformance.contract import FindingForm
from messages_conformance.contract.finding_forms import kind_of, place_of
from messages_conformance.exchange import Exchange
from messages_conformance.rules.verdict import Finding


def form_of(finding: Finding, exchange: Exchange | None) -> FindingForm:
    """The form of a finding in an exchange; None for a finding about no single answer, or without its request."""
    request = None if exchange is None else exchange.request
    return plain_form(
        finding,
        streamed=None if request is None else request.streamed,
        tools=None if request is None else bool(request.fields.get("tools")),
    )


def plain_form(finding: Finding, *, streamed: bool | None, tools: bool | None) -> FindingForm:
    """The same from what is known of the request."""
    where = finding.place
    place = place_of(event_type=where.event_type, header=where.header, pointer=where.pointer)
    return FindingForm(
        requirement=finding.requirement,
        streamed=streamed,
        tools=tools,
        place=place,
        found=kind_of(finding.found, place=place),
    )
