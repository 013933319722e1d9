"""The judge: asks every rule about the exchanges that it applies to, and makes one verdict for each requirement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from typing import Final

from messages_conformance.contract import Profile
from messages_conformance.exchange import LEFT, SILENT, Exchange, Failure, RecordingPart
from messages_conformance.internal_errors import INTERNAL, OF_THE_USER, described
from messages_conformance.masking import bounded
from messages_conformance.rules.capability_refusals import refused_capabilities
from messages_conformance.rules.catalogue import CATALOGUE, EXCHANGE, LOAD_TOPIC, RUN, Requirement, is_ours
from messages_conformance.rules.recording_parts import PROBES, lacking, reason_for
from messages_conformance.rules.shared_results import forget_results, once_per_run
from messages_conformance.rules.tally import MOST_PASSED, Tally, book, typed
from messages_conformance.rules.verdict import (
    ERROR,
    FAIL,
    MUST,
    NOT_APPLICABLE,
    NOT_PROVOKED,
    NOT_RECORDED,
    NOT_VERIFIED,
    PASS,
    SHOULD,
    UNSHOWN,
    WARN,
    Finding,
    Unverified,
    Verdict,
)
from messages_conformance.stream import forget_long_stream

NAMED_FINDINGS = 5
"""The exchanges of the first findings of each requirement stay in memory, to be shown in the report (our own)."""

WINDOW_EXCHANGES: Final = 5_000
"""At most this many exchanges are compared with each other, eight times those of a standard run: time and memory have a
bound."""

WINDOW_BYTES: Final = 256 * 1024 * 1024
"""A window ends after bodies of this size, too (origin: our own; 1 GiB is the memory of a small CI runner)."""

KEPT_EVENTS: Final = 100_000
"""At most this many decoded events of a window stay in memory, twenty times those of a standard run (our own; one has 2
KiB)."""

NOT_SEEN = "judged only when it happens, and it did not happen"

ENDS_A_RUN = frozenset({"budget", "cancelled", "outage", "refused"})
"""Failures after which no request is answered: they explain better than a rule why a run did not show something."""


def matches(requirement: str, globs: Iterable[str]) -> bool:
    """Whether a requirement's id matches one of the globs; a glob without wildcards also names all below it."""
    return any(fnmatchcase(requirement, glob) or fnmatchcase(requirement, f"{glob}.*") for glob in globs)


def select(only: Iterable[str] = (), skip: Iterable[str] = ()) -> Callable[[str], bool]:
    """A function that says whether `--only` and `--skip` leave a requirement id."""
    kept, dropped = tuple(only), tuple(skip)
    return lambda requirement: (not kept or matches(requirement, kept)) and not matches(requirement, dropped)


def odd(exchange: Exchange) -> bool:
    """Whether there is no answer, or none that an application has to write: only `raw` rules are asked about these."""
    response = exchange.response
    return response is None or response.ending == LEFT or bool(exchange.request.wire and not exchange.succeeded)


@dataclass(frozen=True, kw_only=True)
class _Outcomes:
    """What the rules that apply to one exchange return: nothing, findings or reasons, an error, or not asked."""

    exchange: Exchange
    passed: tuple[Requirement, ...]
    reported: tuple[tuple[Requirement, list[Finding | Unverified]], ...]
    failed: tuple[tuple[Requirement, str], ...]
    left_out: Sequence[tuple[Requirement, str]]


OUR_ERRORS: Final = (Exception, SystemExit)
"""What a rule may raise. One that ends the process would end the run without a verdict."""


class EndlessRuleError(Exception):
    """A rule took too long. It is asked about no other exchange."""


class Judge:
    """Collects exchanges one by one; `verdicts` can be called at any time, and is final after the last exchange.

    `limit` makes a context that raises EndlessRuleError when the rules about one exchange take too long.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        selected: Callable[[str], bool] | None = None,
        catalogue: Mapping[str, Requirement] = CATALOGUE,
        limit: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._limit = limit
        self._endless: set[str] = set()
        self.profile = profile
        self.catalogue = catalogue = {row.id: _under(row, profile) for row in catalogue.values()}
        self._selected = selected = selected or select()
        self._exchanges: list[Exchange] = []
        self._together: list[Exchange] = []  # those of the capture that is being read; in a live run, all of them
        self._captures_ended = False
        self._window_bytes = self._window_events = 0
        self.full_windows = 0
        """How often a new window began because one capture had many exchanges."""
        self._unanswered: list[Exchange] = []
        self._run_tallies: dict[str, Tally] = {}  # of the rules over several exchanges, until another one is added
        self.has_forgotten = False
        """Whether `forget` was called, so that `exchanges` shows no longer what went well."""
        self._tallies: dict[str, Tally] = defaultdict(Tally)
        self._explained: set[int] = set()
        self._outcomes: dict[int, _Outcomes] = {}  # by identity: the outcomes keep their exchange alive
        self._judging = [
            requirement
            for requirement in catalogue.values()
            if requirement.over == EXCHANGE and selected(requirement.id) and not requirement.inapplicable(profile)
        ]
        self._over_captures = [
            requirement
            for requirement in catalogue.values()
            if requirement.over == RUN and selected(requirement.id) and not requirement.inapplicable(profile)
        ]
        self._lacked_by: dict[tuple[frozenset[RecordingPart], bool], Sequence[tuple[Requirement, str]]] = {}
        self._groups_by_lack: dict[
            frozenset[RecordingPart], Sequence[tuple[Callable[[Exchange], bool], Sequence[Requirement]]]
        ] = {}
        self._probed = {requirement.id: requirement for requirement in self._judging if requirement.probed}
        self._groups: dict[Callable[[Exchange], bool], list[Requirement]] = defaultdict(list)
        for requirement in self._judging:
            if not requirement.probed:
                self._groups[requirement.applies].append(requirement)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All exchanges so far, those without an answer included."""
        return tuple(self._exchanges)

    @property
    def found(self) -> frozenset[str]:
        """The requirements over single exchanges that have a finding so far."""
        return frozenset(name for name, tally in self._tallies.items() if tally.findings)

    @property
    def explained(self) -> frozenset[int]:
        """The numbers of exchanges with a finding: if one of them has no answer, the finding says why."""
        return frozenset(self._explained)

    def add(self, exchange: Exchange) -> tuple[Finding, ...]:
        """Judges one exchange by every rule that applies to it; returns the findings."""
        if self._together and self._together[-1].capture != exchange.capture:
            self.end_capture()
        if len(self._together) >= WINDOW_EXCHANGES or self._window_bytes >= WINDOW_BYTES:
            self.end_capture()
            self.full_windows += 1
        self._exchanges.append(exchange)
        self._together.append(exchange)
        self._window_bytes += exchange.size_bytes
        self._run_tallies.clear()
        if exchange.failure is not None and exchange.response is None and exchange.failure.kind != SILENT:
            self._unanswered.append(exchange)
        outcomes = self._outcomes_of(exchange)
        for requirement in outcomes.passed:
            tally = self._tallies[requirement.id]
            tally.passed += 1
            if len(tally.passed_on) < MOST_PASSED:
                tally.passed_on.append(exchange.number)
        for requirement, text in outcomes.failed:
            self._fail(requirement, text)
        for requirement, reason in outcomes.left_out:
            tally = self._tallies[requirement.id]
            tally.left_out, tally.lack = tally.left_out + 1, reason
        found: list[Finding] = []
        for requirement, reported in outcomes.reported:
            found += book(self._tallies[requirement.id], requirement, reported, exchange.number)
        if found:
            self._explained.add(exchange.number)
        if exchange.response is not None:
            self._window_events += forget_long_stream(
                exchange.response, most_events=max(KEPT_EVENTS - self._window_events, 0)
            )
        return tuple(found)

    def end_capture(self) -> None:
        """Applies the rules over several exchanges to those added since the last call: no later one belongs to them.

        `add` calls it when the name of the capture changes, and when a window is full.
        """
        if not self._together:
            return
        together = tuple(exchange for exchange in self._together if not odd(exchange))
        self._together, self._captures_ended = [], True
        self._window_bytes = self._window_events = 0
        for requirement in self._over_captures:
            self._tallies[requirement.id].absorb(self._over_run(requirement, together))
        forget_results()

    def forget(self) -> None:
        """Releases the memory of answered exchanges of captures that have ended. The verdicts do not change.

        Those that the first findings of a requirement name stay, so that a report can show them.
        """
        named = {finding.exchange for tally in self._tallies.values() for finding in tally.findings[:NAMED_FINDINGS]}
        open_ = {exchange.number for exchange in self._together}
        self._exchanges = [
            exchange
            for exchange in self._exchanges
            if exchange.number in named or exchange.number in open_ or exchange.response is None
        ]
        self.has_forgotten = True
        kept = {id(exchange) for exchange in self._exchanges}
        self._outcomes = {key: outcomes for key, outcomes in self._outcomes.items() if key in kept}

    def findings(self, exchange: Exchange) -> tuple[Finding, ...]:
        """The findings that `add` would return; no verdict changes."""
        return tuple(
            finding
            for requirement, reported in self._outcomes_of(exchange).reported
            for finding in book(Tally(), requirement, reported, exchange.number)
        )

    def findings_alone(self, exchange: Exchange) -> tuple[Finding, ...]:
        """The same for an exchange that is not kept; may be called from several threads."""
        return tuple(
            finding
            for requirement, reported in self._judged(exchange).reported
            for finding in book(Tally(), requirement, reported, exchange.number)
        )

    def _outcomes_of(self, exchange: Exchange) -> _Outcomes:
        """The outcomes of an exchange; its rules are asked once, however often it is looked at."""
        if id(exchange) not in self._outcomes:
            with self._limit():
                self._outcomes[id(exchange)] = self._judged(exchange)
        return self._outcomes[id(exchange)]

    def _judged(self, exchange: Exchange) -> _Outcomes:
        passed, reported, failed = [], [], []
        applying, left_out = self._applying(exchange)
        for requirement in applying:
            if requirement.id in self._endless:
                continue
            try:
                outcomes = typed(requirement.judge(exchange))
            except OUR_ERRORS as error:  # a rule with a bug is our error, and must not cost the other verdicts
                self._endless |= {requirement.id} if isinstance(error, EndlessRuleError) else set()
                failed.append((requirement, _described(requirement, error)))
                continue
            if outcomes:
                reported.append((requirement, outcomes))
            else:
                passed.append(requirement)
        return _Outcomes(
            exchange=exchange,
            passed=tuple(passed),
            reported=tuple(reported),
            failed=tuple(failed),
            left_out=left_out,
        )

    def _lacked(self, unavailable: frozenset[RecordingPart], exchange: Exchange) -> Sequence[tuple[Requirement, str]]:
        """The requirements that read one of these parts, each with the reason; equal for exchanges of one source."""
        key = unavailable, exchange.load is not None
        if key in self._lacked_by and unavailable <= exchange.lacks:
            return self._lacked_by[key]
        rows = (row for row in self._judging if row.reads & unavailable and _may_concern(row, exchange))
        found = [(row, reason_for(exchange, row.reads)) for row in rows]
        if unavailable <= exchange.lacks:  # the reason of a lag has its seconds
            self._lacked_by[key] = found
        return found

    def _groups_without(
        self, unavailable: frozenset[RecordingPart]
    ) -> Sequence[tuple[Callable[[Exchange], bool], Sequence[Requirement]]]:
        """The requirements that read none of these parts, by the function that says whether they apply."""
        if unavailable not in self._groups_by_lack:
            kept = ((key, [row for row in group if not row.reads & unavailable]) for key, group in self._groups.items())
            self._groups_by_lack[unavailable] = [(applies, group) for applies, group in kept if group]
        return self._groups_by_lack[unavailable]

    def _applying(self, exchange: Exchange) -> tuple[list[Requirement], Sequence[tuple[Requirement, str]]]:
        """The requirements to ask about an exchange, and those that read a part which it lacks.

        `applies` may read the missing part too, so it is unknown whether the latter would apply.
        """
        unavailable = lacking(exchange)
        if odd(exchange):
            raw = [row for row in self._judging if row.raw and not row.reads & unavailable and row.applies(exchange)]
            return raw, []
        applying = [self._probed[name] for name in exchange.probes if name in self._probed]
        applying = [row for row in applying if not row.reads & unavailable and row.applies(exchange)]
        left_out = self._lacked(unavailable, exchange) if unavailable else []
        for applies, requirements in self._groups_without(unavailable):
            try:
                applying += requirements if applies(exchange) else []
            except OUR_ERRORS as error:  # as above
                for requirement in requirements:
                    self._fail(requirement, _described(requirement, error))
        return applying, left_out

    def _fail(self, requirement: Requirement, text: str) -> None:
        self._tallies[requirement.id].absorb(Tally(error=text))

    def unverified(self, exchange: Exchange, premise: Iterable[str]) -> tuple[str, ...]:
        """Why an exchange does not show what it was sent for: the reasons of the rules that `premise` names."""
        named, reasons = frozenset(premise), []
        for requirement in self._judging:
            if requirement.id not in named or exchange.response is None or requirement.reads & lacking(exchange):
                continue
            if requirement.applies(exchange):
                reasons += [one.reason for one in requirement.judge(exchange) if isinstance(one, Unverified)]
        return tuple(reasons)

    def verdicts(self, *, only: Collection[str] | None = None) -> tuple[Verdict, ...]:
        """One verdict for each selected requirement, in the catalogue's order; with `only`, for these ids alone."""
        refused = refused_capabilities(self._exchanges, self.profile)
        answered = tuple(exchange for exchange in self._together if not odd(exchange))
        verdicts = tuple(
            self._verdict(row, refused, answered)
            for row in self.catalogue.values()
            if self._selected(row.id) and (only is None or row.id in only)
        )
        forget_results()
        return verdicts

    def shown_by(self, requirement: str, wanted: Callable[[Exchange], bool]) -> bool:
        """Whether a rule over several exchanges finds something in the wanted ones alone."""
        row = self.catalogue[requirement]
        exchanges = tuple(one for one in self._together if wanted(one) and (row.raw or not odd(one)))
        return bool(exchanges) and bool(self._over_run(row, exchanges).findings)

    def _verdict(self, requirement: Requirement, refused: Mapping[str, str], answered: tuple[Exchange, ...]) -> Verdict:
        why_not = requirement.inapplicable(self.profile)
        if not why_not and requirement.capability is not None and not self._tallies[requirement.id].findings:
            why_not = refused.get(requirement.capability, "")
        if why_not:
            return Verdict(requirement=requirement.id, level=requirement.level, outcome=NOT_APPLICABLE, reason=why_not)
        tally = self._tallies[requirement.id]
        if requirement.over == RUN and (self._together or not self._captures_ended):
            exchanges = tuple(self._together) if requirement.raw else answered
            tally = Tally().absorb(tally).absorb(self._run_tally(requirement, exchanges))
        outcome, reason = _outcome(requirement, tally), self._reason(requirement, tally)
        if requirement.on_sight and outcome == NOT_VERIFIED and reason in UNSHOWN:
            outcome, reason = NOT_APPLICABLE, NOT_SEEN
        return Verdict(
            requirement=requirement.id,
            level=requirement.level,
            outcome=outcome,
            reason=reason,
            findings=tuple(tally.findings),
            judged=tally.passed + len({finding.exchange for finding in tally.findings}),
            passed_on=tuple(tally.passed_on) if tally.findings else (),
        )

    def _run_tally(self, requirement: Requirement, answered: tuple[Exchange, ...]) -> Tally:
        """The outcome of a rule over several exchanges; it is asked again only after another exchange."""
        tally = self._run_tallies.get(requirement.id)
        if tally is None:
            tally = self._run_tallies[requirement.id] = self._over_run(requirement, answered)
        return tally

    def _over_run(self, requirement: Requirement, answered: tuple[Exchange, ...]) -> Tally:
        """The outcome of a rule over all answered exchanges. A rule that never ended is not asked again."""
        if requirement.id in self._endless:
            return Tally()
        with self._limit():
            tally = _over_run(requirement, answered)
        if tally.endless:
            self._endless.add(requirement.id)
            self._fail(requirement, tally.error)
        return tally

    def _reason(self, requirement: Requirement, tally: Tally) -> str:
        if tally.error:
            return bounded(tally.error.strip())
        if tally.findings or tally.passed:
            return ""
        ended = requirement.over == RUN and any(one.kind in ENDS_A_RUN for one in self._failures(requirement))
        if (tally.unverified or tally.left_out) and not ended:
            return tally.unverified + _left_out(tally) if tally.unverified else tally.lack
        if (last := next(self._failures(requirement), None)) is not None:
            return last.message
        return NOT_RECORDED if self._exchanges and PROBES in self._exchanges[-1].lacks else NOT_PROVOKED

    def _failures(self, requirement: Requirement) -> Iterator[Failure]:
        """The failures of the unanswered exchanges that might have shown the requirement, the last one first."""
        for exchange in reversed(self._unanswered):
            if exchange.failure is not None and self._was_for(requirement, exchange):
                yield exchange.failure

    def _was_for(self, requirement: Requirement, exchange: Exchange) -> bool:
        """Whether an unanswered exchange might have shown the requirement."""
        named = requirement.id in exchange.probes or not requirement.id.startswith("request.")
        return (requirement.over == RUN or named) and _may_concern(requirement, exchange)


def _described(requirement: Requirement, error: BaseException) -> str:
    """An error of a rule in words, which say whose rule it is."""
    return described(error, kind=INTERNAL if is_ours(requirement.id) else OF_THE_USER)


def _may_concern(requirement: Requirement, exchange: Exchange) -> bool:
    return requirement.topic != LOAD_TOPIC or exchange.load is not None


def _left_out(tally: Tally) -> str:
    """How many exchanges could not be judged, and why; empty if all could."""
    number = tally.left_out
    if not number:
        return ""
    return f" ({number} exchange{'s are' if number > 1 else ' is'} left out: {tally.lack})"


def _under(requirement: Requirement, profile: Profile) -> Requirement:
    """The requirement at its level in the profile, with a rule that knows the profile if it reads it."""
    if requirement.reads_profile:
        requirement = replace(requirement, judge=partial(requirement.judge, profile=profile))
    softer = requirement.level == MUST and profile.only_warns(requirement.id)
    return replace(requirement, level=SHOULD) if softer else requirement


def _over_run(requirement: Requirement, answered: tuple[Exchange, ...]) -> Tally:
    """The outcome of a rule over all answered exchanges that have the parts it reads."""
    tally = Tally()
    readable, left_out = _parted(answered, requirement.reads)
    tally.left_out = len(left_out)
    tally.lack = reason_for(left_out[-1], requirement.reads) if left_out else ""
    if left_out and not readable:
        return tally
    try:
        outcomes = typed(requirement.judge(readable))
        # A rule that holds for no exchange at all passes only because exchanges are left out.
        vacuous = bool(left_out) and not outcomes and not list(requirement.judge(()))
    except OUR_ERRORS as error:  # a rule with a bug is our error, and must not cost the other verdicts
        tally.endless = isinstance(error, EndlessRuleError)
        tally.error = _described(requirement, error)
        return tally
    if not vacuous:
        book(tally, requirement, outcomes, 0)
    return tally


@once_per_run
def _parted(
    exchanges: Sequence[Exchange], reads: frozenset[RecordingPart]
) -> tuple[Sequence[Exchange], Sequence[Exchange]]:
    """The exchanges that have all these parts, and those that lack one."""
    left_out = [one for one in exchanges if reads & lacking(one)] if reads else []
    if not left_out:
        return exchanges, left_out
    excluded = set(map(id, left_out))
    return tuple(one for one in exchanges if id(one) not in excluded), left_out


def _outcome(requirement: Requirement, tally: Tally) -> str:
    if tally.findings:
        return FAIL if requirement.level == MUST else WARN
    if tally.error:
        return ERROR
    return PASS if tally.passed else NOT_VERIFIED
