"""Which real clients can use the endpoint, derived from the verdicts of the run and from our measurements.

A client fails, or loses data, only through a requirement that failed in this run, in a form that the client reads. The
effect is the one that was measured on the client for a fault of the same form. A violated MUST that was never measured
has the effect that its harm names. A client works only when every MUST about its way of using the API was verified and
holds. What was not seen is named.

The table of clients, the sentence of a profile for one client, and report.json all come from `client_statuses`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Final

from messages_conformance import contract
from messages_conformance.contract import ClientUse, FindingForm
from messages_conformance.contract.probes import probes
from messages_conformance.exchange import REFUSED, Exchange
from messages_conformance.report.client_coverage import NO_CALL, NO_WHOLE_STREAM, not_offered, nothing_seen, unseen
from messages_conformance.report.client_effects import Effect, FormOf, as_text, effects, in_words
from messages_conformance.report.client_readings import Readings
from messages_conformance.report.impact_text import HARMLESS
from messages_conformance.report.text import counted, listed
from messages_conformance.rules.verdict import MUST, Finding, Verdict

WORKS: Final = "works"
WORKS_AS_SEEN: Final = "works, as far as was seen"
WORKS_WITH_LOSS: Final = "works with loss"
FAILS: Final = "fails"
NOT_KNOWN: Final = "not known"
STATUSES: Final = (WORKS, WORKS_AS_SEEN, WORKS_WITH_LOSS, FAILS, NOT_KNOWN)

NO_EXCHANGES: Final[Mapping[int, Exchange]] = MappingProxyType({})

NAMED: Final = 2
"""Requirements that are named in a sentence."""

SAID: Final = 3
"""How many losses, and how many parts that were not seen, the sentence about a client names."""

STREAMS: Final = "sdk_streams.json"
"""The source of measurements with hand-made streams; the other sources measured whole servers."""


@dataclass(frozen=True, kw_only=True)
class ClientStatus:
    """Whether one client works. `unseen` says in words what was not verified of its way of using the API.

    `not_offered` are features that the profile does not promise or the model does not have; the status ignores them.
    `streams_only` is true for a client that was measured only on streams.
    """

    client: str
    status: str
    effects: tuple[Effect, ...] = ()
    unseen: tuple[str, ...] = ()
    not_offered: tuple[str, ...] = ()
    streams_only: bool = False


def client_statuses(
    profile: str,
    verdicts: tuple[Verdict, ...],
    form_of: FormOf,
    *,
    unjudged: bool = False,
    without: str = "",
    exchanges: Mapping[int, Exchange] = NO_EXCHANGES,
) -> tuple[ClientStatus, ...]:
    """One status for each measured client, in the order of the measurements.

    `unjudged` says that the run could not be judged. `without` is a fault whose observations are left out. The models
    of the clients read the `exchanges`.
    """
    if unjudged:
        return tuple(ClientStatus(client=client, status=NOT_KNOWN) for client in contract.clients())
    readings = Readings(exchanges=exchanges)
    found = {one.requirement: replace(one, findings=_different(one.findings, form_of, readings)) for one in verdicts}
    return tuple(_status(use, profile, found, form_of, without, readings) for use in contract.client_uses().values())


def _different(findings: Iterable[Finding], form_of: FormOf, readings: Readings) -> tuple[Finding, ...]:
    """The first finding of each form and text, in ordinary exchanges and in others.

    A run may have thousands that differ in their exchange alone.
    """
    first: dict[tuple[FindingForm, str, bool], Finding] = {}
    for finding in findings:
        first.setdefault((form_of(finding), as_text(finding), readings.is_ordinary(finding.exchange)), finding)
    return tuple(first.values())


def status_for_profile(profile: str, statuses: tuple[ClientStatus, ...]) -> ClientStatus | None:
    """The status of the client that the profile is about; None for a profile of an API."""
    uses = contract.client_uses()
    return next((found for found in statuses if uses[found.client].profile == profile), None)


def stopped_by(found: ClientStatus | None, excuses: Iterable[str]) -> str:
    """The worst that stops the client and is not excused, in words; empty if nothing does."""
    effects = () if found is None else found.effects
    worst = next((one for one in effects if one.stops and one.requirement not in excuses), None)
    if worst is None:
        return ""
    return f"{in_words(worst)}, because of {worst.requirement}" if worst.requirement else in_words(worst)


def is_open(found: ClientStatus | None) -> bool:
    """Whether it is not known if the client works."""
    return found is not None and found.status == NOT_KNOWN


def words_for(found: ClientStatus, works: str) -> str:
    """What to say of a client that does not fail: `works` are the words for one that works."""
    if found.status in (WORKS, FAILS):
        return works
    if found.status == NOT_KNOWN:
        return f"It is not known whether {works}: {listed(found.unseen, SAID)}"
    losses = tuple(dict.fromkeys(effect.outcome for effect in found.effects))
    text = f"{works}, but {listed(losses, SAID)}" if losses else works
    return f"{text}, as far as was seen: {listed(found.unseen, SAID)}" if found.unseen else text


def _status(
    use: ClientUse,
    profile: str,
    verdicts: Mapping[str, Verdict],
    form_of: FormOf,
    without: str,
    readings: Readings,
) -> ClientStatus:
    every = effects(use, profile, verdicts, form_of, without=without, readings=readings)
    found = tuple(effect for effect in every if effect.outcome != HARMLESS)
    unknown = nothing_seen(use, profile, verdicts)
    short = contract.short_name(use.client)
    if unknown == (NO_WHOLE_STREAM,) and readings.reads_a_stream(short):
        unknown = ()
    if unknown == (NO_CALL,) and readings.reads_calls_without_streaming(short):
        unknown = ()
    partly = (*unseen(use, profile, verdicts).values(), *_tolerated(every, verdicts))
    return ClientStatus(
        client=use.client,
        status=_word(found, unknown, partly),
        effects=found,
        unseen=tuple(dict.fromkeys((*unknown, *partly))),
        not_offered=not_offered(use, profile, verdicts),
        streams_only=use.client in _measured_on_streams_only(),
    )


def _tolerated(effects: tuple[Effect, ...], verdicts: Mapping[str, Verdict]) -> tuple[str, ...]:
    """Says how many violated MUSTs the client was observed to ignore: it works, but not because all is well."""
    harmless = [one for one in effects if one.outcome == HARMLESS and verdicts[one.requirement].level == MUST]
    if not harmless:
        return ()
    names = listed(tuple(one.requirement for one in harmless), NAMED)
    return (f"{counted(len(harmless), 'violation')} did nothing to it when measured: {names}",)


def _word(found: tuple[Effect, ...], unknown: tuple[str, ...], partly: tuple[str, ...]) -> str:
    if any(effect.stops for effect in found):
        return FAILS
    if unknown:
        return NOT_KNOWN
    if found:
        return WORKS_WITH_LOSS
    return WORKS_AS_SEEN if partly else WORKS


def unmeasured(verdicts: tuple[Verdict, ...]) -> tuple[str, ...]:
    """Violated requirements without a measurement: their effect on clients is concluded, or unknown."""
    violated = (verdict.requirement for verdict in verdicts if verdict.findings)
    return tuple(name for name in violated if not contract.impact(name) and not _only_lenient(name))


def _only_lenient(requirement: str) -> bool:
    """Whether the requirement demands the refusal of an invalid request: no measured client sends one."""
    probe = probes().get(requirement)
    return probe is not None and probe.expect == REFUSED


@cache
def _measured_on_streams_only() -> frozenset[str]:
    whole = {
        client
        for measurement in contract.measured_faults()
        if measurement.source != STREAMS
        for client in measurement.clients
    }
    return frozenset(contract.clients()) - whole
