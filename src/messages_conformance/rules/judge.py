"""The judge: asks every applicable rule about every exchange, and sums up one verdict for each requirement."""

from __future__ import annotations

import traceback
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial

from messages_conformance.contract import Profile
from messages_conformance.exchange import LEFT, REFUSED, SILENT, Exchange
from messages_conformance.rules.accessors import cleanly_refused
from messages_conformance.rules.catalogue import CATALOGUE, EXCHANGE, RUN, Requirement
from messages_conformance.rules.verdict import (
    ERROR,
    FAIL,
    MUST,
    NOT_APPLICABLE,
    NOT_VERIFIED,
    PASS,
    SHOULD,
    WARN,
    Finding,
    Unverified,
    Verdict,
)

NOT_PROVOKED = "no exchange of this run brought it about"

NOT_SEEN = "it is judged where it happens, and it did not happen"

ENDS_A_RUN = frozenset({"budget", "cancelled", "refused"})
"""Failures after which nothing more is answered: they say better than a rule why a run did not show something."""


def matches(requirement: str, globs: Iterable[str]) -> bool:
    """Whether a requirement's id matches one of the globs; a glob without wildcards also names all below it."""
    return any(fnmatchcase(requirement, glob) or fnmatchcase(requirement, f"{glob}.*") for glob in globs)


def select(only: Iterable[str] = (), skip: Iterable[str] = ()) -> Callable[[str], bool]:
    """Which requirement ids `--only` and `--skip` leave."""
    kept, dropped = tuple(only), tuple(skip)
    return lambda requirement: (not kept or matches(requirement, kept)) and not matches(requirement, dropped)


def odd(exchange: Exchange) -> bool:
    """Nothing came, or nothing that an application need have written: only `raw` rules are asked about it."""
    response = exchange.response
    return response is None or response.ending == LEFT or bool(exchange.request.wire and not exchange.succeeded)


@dataclass(slots=True)
class _Tally:
    """What one requirement has seen so far."""

    findings: list[Finding] = field(default_factory=list)
    passed: int = 0
    unverified: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Said:
    """What the rules say of one exchange: which are content, which have something to say, and which broke."""

    exchange: Exchange
    content: tuple[Requirement, ...]
    spoken: tuple[tuple[Requirement, list[Finding | Unverified]], ...]
    broken: tuple[tuple[Requirement, str], ...]


class Judge:
    """Collects exchanges one by one; verdicts can be had at any time, the last ones at the end.

    `unanswered` exchanges (no response) say why what they were to show is not verified.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        selected: Callable[[str], bool] | None = None,
        catalogue: Mapping[str, Requirement] = CATALOGUE,
    ) -> None:
        self.profile = profile
        self.catalogue = catalogue = {row.id: _under(row, profile) for row in catalogue.values()}
        self._selected = selected = selected or select()
        self._exchanges: list[Exchange] = []
        self._tallies: dict[str, _Tally] = defaultdict(_Tally)
        self._explained: set[int] = set()
        self._said: dict[int, _Said] = {}  # by identity: what is said of an exchange keeps it alive
        self._asked = [
            requirement
            for requirement in catalogue.values()
            if requirement.over == EXCHANGE and selected(requirement.id) and not requirement.inapplicable(profile)
        ]
        self._probed = {requirement.id: requirement for requirement in self._asked if requirement.probed}
        self._groups: dict[Callable[[Exchange], bool], list[Requirement]] = defaultdict(list)
        for requirement in self._asked:
            if not requirement.probed:
                self._groups[requirement.applies].append(requirement)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        return tuple(self._exchanges)

    @property
    def found(self) -> frozenset[str]:
        """The requirements over single exchanges that were found broken so far."""
        return frozenset(name for name, tally in self._tallies.items() if tally.findings)

    def add(self, exchange: Exchange) -> tuple[Finding, ...]:
        """Judges one exchange by every rule that applies to it; returns what was found."""
        self._exchanges.append(exchange)
        said = self._said_of(exchange)
        for requirement in said.content:
            self._tallies[requirement.id].passed += 1
        for requirement, text in said.broken:
            self._tallies[requirement.id].errors.append(text)
        found: list[Finding] = []
        for requirement, outcomes in said.spoken:
            found += _book(self._tallies[requirement.id], requirement, outcomes, exchange.number)
        if found:
            self._explained.add(exchange.number)
        return tuple(found)

    def findings(self, exchange: Exchange) -> tuple[Finding, ...]:
        """What would be found in an exchange; nothing is booked of it."""
        spoken = self._said_of(exchange).spoken
        return tuple(
            finding
            for requirement, outcomes in spoken
            for finding in _book(_Tally(), requirement, outcomes, exchange.number)
        )

    def _said_of(self, exchange: Exchange) -> _Said:
        """What every rule that applies says of an exchange, which is asked once, however often it is looked at."""
        kept = self._said.get(id(exchange))
        if kept is None:
            kept = self._said[id(exchange)] = self._asked_about(exchange)
        return kept

    def _asked_about(self, exchange: Exchange) -> _Said:
        content, spoken, broken = [], [], []
        for requirement in self._applying(exchange):
            try:
                outcomes = list(requirement.judge(exchange))
            except Exception:  # a broken rule is our error, and must not cost the other verdicts
                broken.append((requirement, traceback.format_exc(limit=-3)))
                continue
            if outcomes:
                spoken.append((requirement, outcomes))
            else:
                content.append(requirement)
        return _Said(exchange=exchange, content=tuple(content), spoken=tuple(spoken), broken=tuple(broken))

    @property
    def explained(self) -> frozenset[int]:
        """The exchanges about which something was found: where one has no answer, that says why."""
        return frozenset(self._explained)

    def _applying(self, exchange: Exchange) -> list[Requirement]:
        """The requirements to ask about an exchange; rules that apply alike are asked that once."""
        if odd(exchange):
            return [row for row in self._asked if row.raw and row.applies(exchange)]
        applying = [self._probed[name] for name in exchange.probes if name in self._probed]
        applying = [requirement for requirement in applying if requirement.applies(exchange)]
        for applies, requirements in self._groups.items():
            try:
                applying += requirements if applies(exchange) else []
            except Exception:  # a broken rule is our error, and must not cost the other verdicts
                for requirement in requirements:
                    self._tallies[requirement.id].errors.append(traceback.format_exc(limit=-3))
        return applying

    def unverified(self, exchange: Exchange, premise: Iterable[str]) -> tuple[str, ...]:
        """Why the model did not show what this exchange was to show: reasons of the rules that the premise names."""
        named, reasons = frozenset(premise), []
        for requirement in self._asked:
            if requirement.id in named and exchange.response is not None and requirement.applies(exchange):
                reasons += [said.reason for said in requirement.judge(exchange) if isinstance(said, Unverified)]
        return tuple(reasons)

    def verdicts(self, *, only: Collection[str] | None = None) -> tuple[Verdict, ...]:
        """One verdict for each selected requirement, in the catalogue's order; with `only`, for these ids alone."""
        lacking = self._refused_capabilities()
        answered = tuple(exchange for exchange in self._exchanges if not odd(exchange))
        return tuple(
            self._verdict(row, lacking, answered)
            for row in self.catalogue.values()
            if self._selected(row.id) and (only is None or row.id in only)
        )

    def _refused_capabilities(self) -> Mapping[str, str]:
        """What the profile leaves to the model and every answer of this run refused, each with the target's words."""
        said: dict[str, list[str]] = defaultdict(list)
        for exchange in self._exchanges:
            name = exchange.capability
            asked = exchange.response is not None and exchange.expect != REFUSED
            if asked and name is not None and name in self.profile.depends_on_model:
                said[name].append(cleanly_refused(exchange))
        return {name: f"the target refuses {name}: {words[-1]}" for name, words in said.items() if all(words)}

    def _verdict(self, requirement: Requirement, lacking: Mapping[str, str], answered: tuple[Exchange, ...]) -> Verdict:
        why_not = requirement.inapplicable(self.profile)
        if not why_not and requirement.capability is not None and not self._tallies[requirement.id].findings:
            why_not = lacking.get(requirement.capability, "")
        if why_not:
            return Verdict(requirement=requirement.id, level=requirement.level, outcome=NOT_APPLICABLE, reason=why_not)
        tally = self._tallies[requirement.id] if requirement.over == EXCHANGE else _over_run(requirement, answered)
        outcome, reason = _outcome(requirement, tally), self._reason(requirement, tally)
        if requirement.on_sight and outcome == NOT_VERIFIED and reason == NOT_PROVOKED:
            outcome, reason = NOT_APPLICABLE, NOT_SEEN
        return Verdict(
            requirement=requirement.id,
            level=requirement.level,
            outcome=outcome,
            reason=reason,
            findings=tuple(tally.findings),
            judged=tally.passed + len({finding.exchange for finding in tally.findings}),
        )

    def _reason(self, requirement: Requirement, tally: _Tally) -> str:
        if tally.errors:
            return tally.errors[0].strip()
        if tally.findings or tally.passed:
            return ""
        unanswered = [
            exchange.failure
            for exchange in self._exchanges
            if exchange.response is None
            and exchange.failure is not None
            and exchange.failure.kind != SILENT
            and self._was_for(requirement, exchange)
        ]
        ended = [failure for failure in unanswered if failure.kind in ENDS_A_RUN and requirement.over == RUN]
        if tally.unverified and not ended:
            return tally.unverified[-1]
        return unanswered[-1].message if unanswered else NOT_PROVOKED

    def _was_for(self, requirement: Requirement, exchange: Exchange) -> bool:
        """Whether an unanswered exchange would have shown the requirement, as far as can be said."""
        return requirement.over == RUN or requirement.id in exchange.probes or not requirement.id.startswith("request.")


def _under(requirement: Requirement, profile: Profile) -> Requirement:
    """The requirement at its level in the profile, with a rule that knows the profile if it reads it."""
    if requirement.reads_profile:
        requirement = replace(requirement, judge=partial(requirement.judge, profile=profile))
    softer = requirement.level == MUST and profile.only_warns(requirement.id)
    return replace(requirement, level=SHOULD) if softer else requirement


def _over_run(requirement: Requirement, answered: tuple[Exchange, ...]) -> _Tally:
    """What a rule over several exchanges finds in the answered ones."""
    tally = _Tally()
    try:
        outcomes = list(requirement.judge(answered))
    except Exception:  # a broken rule is our error, and must not cost the other verdicts
        tally.errors.append(traceback.format_exc(limit=-3))
        return tally
    _book(tally, requirement, outcomes, 0)
    return tally


def _book(tally: _Tally, requirement: Requirement, outcomes: list[Finding | Unverified], number: int) -> list[Finding]:
    findings = [
        replace(said, requirement=requirement.id, exchange=said.exchange or number)
        for said in outcomes
        if isinstance(said, Finding)
    ]
    tally.findings += findings
    tally.unverified += [said.reason for said in outcomes if isinstance(said, Unverified)]
    if not outcomes:
        tally.passed += 1
    return findings


def _outcome(requirement: Requirement, tally: _Tally) -> str:
    if tally.findings:
        return FAIL if requirement.level == MUST else WARN
    if tally.errors:
        return ERROR
    return PASS if tally.passed else NOT_VERIFIED
