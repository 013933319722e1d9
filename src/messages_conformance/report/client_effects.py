"""What the violations of a run do to one client: measured on the client, or concluded from the harm.

A violation reaches a client only in the forms that it reads: a wrong JSON document does nothing to a client that only
streams. First, the observed effect of the same form of the violation on the client decides. Without one, the older
measurements of the requirement decide, if their fault has the form of the findings. Otherwise, for a MUST, its harm
decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from messages_conformance import contract
from messages_conformance.contract import JSON, STREAM, ClientUse, FindingForm
from messages_conformance.report.client_readings import HARMLESS_OUTCOMES, Reading, Readings
from messages_conformance.report.client_values import (
    TO_OTHERS,
    changes_some,
    is_about_counts,
    is_about_values,
    is_seen_in_counts,
)
from messages_conformance.report.impact_text import HARMLESS, rank
from messages_conformance.rules.catalogue import BREAKS, CATALOGUE, DRIFTS, LEAKS, LOSES, MISBILLS, Requirement
from messages_conformance.rules.verdict import FAIL, MUST, Finding, Verdict

OTHER_ENDPOINTS: Final = "adjacent"
"""The topic of all endpoints except POST /v1/messages. A failure there affects only the calls to those endpoints."""

BY_FORM: Final = frozenset({"response", "stop", "usage"})
"""Topics that are judged on both forms of answers: the exchange of a finding says which form is wrong."""

ONE_FORM: Final = {
    "transport.content-type.sse-response": STREAM,
    "transport.content-type.json-response": JSON,
    "request.stream.false-json": JSON,
}
"""Requirements outside the topic `stream` that are about one form."""

REFUSED_SOME: Final = "some of its requests are refused (concluded, not measured)"
CHANGED_SOME: Final = "gets some wrong values (concluded, not measured)"
SOME: Final = "fails_some"
LOST: Final = ("the tool call silently", "text silently")
"""Ends of outcomes after which a client continues without a part of the answer: it does not work."""

BY_HARM: Final = {
    LEAKS: "receives what belongs to another caller (concluded, not measured)",
    BREAKS: "can fail (concluded, not measured)",
    LOSES: "can lose a part of the answer (concluded, not measured)",
    MISBILLS: "wrong usage silently (concluded, not measured)",
}
"""The effect of a violated MUST that was never measured. The other harms do nothing to a client whose requests are
valid."""

NO_CLIENT: Final = frozenset({"claude-code", "gateway"})
"""Topics of one client's own profile, and of what only both sides of a gateway show: no client was measured on them."""

ABOUT_ANSWERS: Final = frozenset({"transport", "stream", "response"})
"""Topics of what every client reads. A client may also fail there because of a violated SHOULD. If a stream is labelled
gzip and is not compressed, the SDKs raise an error (measured by driving them)."""

ABOUT_REQUESTS: Final = "transport.request."
"""Requirements about unusual requests, which no measured client sends."""

WHAT_THE_MODEL_GETS: Final = ("request.", "claude-code.session")
"""Requirements about what reaches the model. No answer shows it to a client, so the profile of the client decides."""

SAME_TEXT: Final = frozenset({"request.system.blocks-read", "request.messages.content-blocks"})
"""Requirements that one text in two forms costs the same: if it does not, the model gets another text."""

NO_READINGS: Final = Readings()

FormOf = Callable[[Finding], FindingForm]
"""The form of a finding, with what is known of the request that was answered so."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """The worst that a violation of one requirement does to a client, such as `raises an error`.

    `stops` means that the client does not work. `measured` is false for a conclusion from the harm or from the model of
    the client; `why` then has the reason. `requirement` is empty if the model fails and nothing is violated.
    """

    requirement: str
    outcome: str
    stops: bool
    measured: bool = True
    why: str = ""


def in_words(effect: Effect) -> str:
    """The outcome, and how it happens if the model of the client says so."""
    return f"{effect.outcome} ({effect.why})" if effect.why else effect.outcome


def concerns(use: ClientUse, requirement: str) -> bool:
    """Whether the requirement is about something that the client uses."""
    if use.profile is not None:
        return contract.profile(use.profile).includes(requirement)
    topic = requirement.partition(".")[0]
    if topic == "stream":
        return STREAM in use.reads
    if topic == "auth":
        return not requirement.startswith(("auth.bearer.", "auth.x-api-key.")) or f".{use.auth}." in requirement
    if topic == "version":
        return requirement.startswith(f"version.header.{use.version}")
    return topic not in NO_CLIENT and ONE_FORM.get(requirement, next(iter(use.reads))) in use.reads


def effects(
    use: ClientUse,
    profile: str,
    verdicts: Mapping[str, Verdict],
    form_of: FormOf,
    *,
    without: str = "",
    readings: Readings = NO_READINGS,
) -> tuple[Effect, ...]:
    """The effect of each violated requirement that concerns the client, the worst first.

    `without` is a fault whose observations are left out.
    """
    known = Known(use=use, form_of=form_of, without=without, readings=readings)
    found = list(_effects(use, profile, verdicts, known))
    if not any(effect.stops for effect in found):
        found += _without_findings(known)
    return tuple(sorted(found, key=lambda effect: (not effect.stops, rank(effect.outcome), effect.requirement)))


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of one client: what it was observed to do with the forms of findings."""

    use: ClientUse
    form_of: FormOf
    without: str = ""
    readings: Readings = NO_READINGS

    @property
    def short(self) -> str:
        """The short name of the client."""
        return contract.short_name(self.use.client)

    def reading(self, finding: Finding) -> Reading | None:
        """What the model of the client makes of the exchange of a finding.

        It reads answers; whether a refused request stops the client is decided by its own profile.
        """
        exchange = self.readings.exchanges.get(finding.exchange)
        answer = None if exchange is None else exchange.response
        if self.use.profile is not None and answer is not None and answer.status >= 400:
            return None
        return self.readings.of(self.short, finding.exchange)

    def is_ordinary(self, findings: Iterable[Finding]) -> bool:
        """Whether one of the findings is in an answer to an ordinary request, or the recordings are not known."""
        exchanges = self.readings.exchanges
        return not exchanges or any(self.readings.is_ordinary(finding.exchange) for finding in findings)

    def reached(self, finding: Finding) -> bool:
        """Whether the client reads answers of the form in which the finding is."""
        if self.use.profile is not None or finding.requirement.partition(".")[0] not in BY_FORM:
            return True
        stream = self.form_of(finding).streamed
        return stream is None or (STREAM if stream else JSON) in self.use.reads

    def effect(self, finding: Finding) -> Effect | None:
        """What was measured: for the same form, or for the same kind of fault, or the worst for another form."""
        form = self.form_of(finding)
        short = self.short
        same = contract.observed_effect(form, client=short, without=self.without)
        if same is not None:
            return _observed(finding.requirement, same)
        near = contract.near_effect(form, client=short, without=self.without)
        other = () if near is None else (_observed(finding.requirement, near),)
        rows = contract.impact_of(finding.requirement, (as_text(finding),), client=self.use.client)
        alike = [row for row in rows if row.found]
        older = tuple(_measured(finding.requirement, contract.outcome_on(row, self.use.client)) for row in rows)
        return _worst(older if alike else (*other, *older))


def _effects(use: ClientUse, profile: str, verdicts: Mapping[str, Verdict], known: Known) -> Iterator[Effect]:
    for verdict in verdicts.values():
        if not verdict.findings or verdict.requirement in TO_OTHERS or not concerns(use, verdict.requirement):
            continue
        named = [replace(finding, requirement=verdict.requirement) for finding in verdict.findings]
        findings = [finding for finding in named if known.reached(finding)]
        if not findings:
            continue
        read = [(finding, reading) for finding in findings if (reading := known.reading(finding)) is not None]
        if use.profile == profile and verdict.requirement.startswith(WHAT_THE_MODEL_GETS):
            if _is_only_miscounted(verdict.requirement, known):
                continue
            read = []
        if read and (effect := _by_the_model(verdict, read, use)) is not None:
            yield effect
            continue
        measured = _worst(effect for finding in findings if (effect := known.effect(finding)) is not None)
        if use.profile == profile:
            yield _under_its_profile(verdict, measured)
        elif measured is not None:
            yield measured
        elif (concluded := _concluded(verdict, ordinary=known.is_ordinary(findings))) is not None:
            yield concluded


def _is_only_miscounted(requirement: str, known: Known) -> bool:
    """Whether only counts are wrong: they say that a part is lost, and the model knows the parts all the same."""
    counts = (is_seen_in_counts(requirement) or is_about_counts(requirement)) and requirement not in SAME_TEXT
    return counts and known.readings.parts_arrive


def _by_the_model(verdict: Verdict, read: list[tuple[Finding, Reading]], use: ClientUse) -> Effect | None:
    """The effect by the model of the client; None where only the values of the answers are wrong."""
    name = verdict.requirement
    worst = _worst(_as_read(name, reading, use) for _, reading in read)
    if worst is None or worst.outcome != HARMLESS:
        return worst
    if not is_about_values(name) or (is_about_counts(name) and use.profile is not None):
        return worst
    if changes_some(name):
        return Effect(requirement=name, outcome=CHANGED_SOME, stops=False, measured=False)
    return None


def _as_read(requirement: str, reading: Reading, use: ClientUse) -> Effect:
    if reading.wrong is None or reading.wrong.outcome in HARMLESS_OUTCOMES:
        return Effect(requirement=requirement, outcome=HARMLESS, stops=False, measured=False)
    outcome, why = reading.wrong.outcome, reading.wrong.why
    stops = contract.stops(outcome) and (reading.ordinary or use.profile is not None)
    if contract.stops(outcome) and not stops:
        outcome = SOME
    return Effect(
        requirement=requirement, outcome=contract.outcome_words(outcome), stops=stops, measured=False, why=why
    )


def _without_findings(known: Known) -> Iterator[Effect]:
    """What stops the client although no requirement is violated there, or none that the profile judges."""
    read = known.readings.without_findings(known.short, streams_only=JSON not in known.use.reads)
    if read is not None:
        yield _as_read("", read, known.use)


def _observed(requirement: str, effect: str) -> Effect:
    other = requirement.startswith(f"{OTHER_ENDPOINTS}.")
    return Effect(
        requirement=requirement,
        outcome=contract.outcome_words(effect),
        stops=contract.stops(effect) and not other,
    )


def _measured(requirement: str, outcome: str) -> Effect:
    return Effect(requirement=requirement, outcome=outcome, stops=_stops(requirement, outcome))


def _worst(found: Iterable[Effect]) -> Effect | None:
    return min(found, key=lambda effect: (not effect.stops, rank(effect.outcome)), default=None)


def _under_its_profile(verdict: Verdict, measured: Effect | None) -> Effect:
    """The effect under the profile of the client: exactly what fails a run stops the client."""
    row = CATALOGUE.get(verdict.requirement)
    harm = row.harm if row else DRIFTS
    stops = verdict.outcome == FAIL
    concluded = REFUSED_SOME if harm == BREAKS and not stops else BY_HARM.get(harm, "differs from what it expects")
    known = measured is not None and (not stops or measured.outcome != HARMLESS)
    return Effect(
        requirement=verdict.requirement,
        outcome=measured.outcome if measured is not None and known else concluded,
        stops=stops,
        measured=known,
    )


def _concluded(verdict: Verdict, *, ordinary: bool) -> Effect | None:
    """The effect of a violation that was never measured, by its harm.

    `ordinary` says that requests are affected which nearly every application sends.
    """
    name = verdict.requirement
    row = CATALOGUE.get(name)
    if row is None or row.harm not in BY_HARM or name.startswith(f"{OTHER_ENDPOINTS}."):
        return None
    if verdict.level != MUST:
        return _advised(row, ordinary=ordinary)
    if name.startswith("request.") and row.harm == BREAKS:
        return Effect(requirement=name, outcome=REFUSED_SOME, stops=False, measured=False)
    loses = row.harm == LOSES and ordinary and not name.startswith("stop.") and not is_seen_in_counts(name)
    stops = row.harm == BREAKS or loses
    return Effect(requirement=name, outcome=BY_HARM[row.harm], stops=stops, measured=False)


def _advised(row: Requirement, *, ordinary: bool) -> Effect | None:
    """The effect of a violated SHOULD that was never measured."""
    if row.harm == LOSES and ordinary and is_about_values(row.id):
        return Effect(requirement=row.id, outcome=BY_HARM[LOSES], stops=False, measured=False)
    if row.harm != BREAKS or row.probed or row.topic not in ABOUT_ANSWERS or row.id.startswith(ABOUT_REQUESTS):
        return None
    return Effect(requirement=row.id, outcome=BY_HARM[BREAKS], stops=False, measured=False)


def as_text(finding: Finding) -> str:
    """The finding as measurements describe it: event type, JSON pointer and what was found."""
    return f"{finding.place.event_type or '-'} {finding.place.pointer or '-'} {finding.found}"


def _stops(requirement: str, outcome: str) -> bool:
    serious = contract.is_failure(outcome) or outcome.endswith(LOST)
    return serious and not requirement.startswith(f"{OTHER_ENDPOINTS}.")
