"""One run as data: everything that a report contains, independent of the output format.

The verdict sentence, the exit code and the order of the failures are decided here; the output formats only show them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final, Protocol

from messages_conformance import contract
from messages_conformance.contract import FindingForm
from messages_conformance.exchange import Exchange
from messages_conformance.gate import Gate
from messages_conformance.options import DEPTHS
from messages_conformance.report.causes import Cause
from messages_conformance.report.clients import (
    FAILS,
    NOT_KNOWN,
    ClientStatus,
    client_statuses,
    is_open,
    status_for_profile,
    stopped_by,
    words_for,
)
from messages_conformance.report.feature_matrix import Row
from messages_conformance.report.finding_forms import form_of, plain_form
from messages_conformance.report.finding_words import accepted_mistakes, found_clause, uncounted_parts
from messages_conformance.report.order import CONTESTED, how_often, rank
from messages_conformance.report.run_info import FailedTest, Planned, RunInfo, SavedExchange, Spent
from messages_conformance.report.schema_coverage import FieldCoverage
from messages_conformance.report.text import clause, counted, cure_of_errors, sentence
from messages_conformance.rules.catalogue import CATALOGUE
from messages_conformance.rules.verdict import (
    ERROR,
    FAIL,
    NOT_APPLICABLE,
    NOT_VERIFIED,
    PASS,
    SHOULD,
    WARN,
    Finding,
    Verdict,
)
from messages_conformance.shapes import Drift

CONFORMANT: Final = 0
VIOLATIONS: Final = 1
NOT_JUDGED: Final = 2

WRONG_KEY: Final = "wrong-key"
UNREACHABLE: Final = "unreachable"
INTERRUPTED: Final = "interrupted"
BUDGET: Final = "budget"
UNANSWERED: Final = "unanswered"
NO_MESSAGE: Final = "no-message"
NOTHING_ASKED: Final = "nothing-asked"
UNWRITTEN: Final = "unwritten"
UNREAD: Final = "unread"
_PARTIAL: Final = frozenset({INTERRUPTED, BUDGET, UNANSWERED, NO_MESSAGE, UNWRITTEN, UNREAD})
"""Kinds of statement that end a run early: the verdicts until then stay valid. Any other kind makes them invalid."""

NO_COMMAND: Final = "-"
"""In `RunInfo.judged_by`: no command can judge the same exchanges again."""

FAIL_ON_SHOULD: Final = "should"
FAIL_ON_REGRESSION: Final = "regression"
"""Values of `fail_on`: a SHOULD fails the run, too; or only a MUST fails it that did not fail in the baseline."""


class Described(Protocol):
    """Sentence, source and harm of a requirement, from the catalogue or from a saved report."""

    @property
    def sentence(self) -> str:
        """What a conforming target does."""

    @property
    def source(self) -> str:
        """Where that is documented."""

    @property
    def harm(self) -> str:
        """What a violation does, one of `HARMS`; empty in a report of an older version."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """Why the run as a whole could not be judged: a `kind` such as "wrong-key", and a message with the cure."""

    kind: str
    message: str

    @property
    def invalidates(self) -> bool:
        """True when nothing could be judged; false when the run only ended early."""
        return self.kind not in _PARTIAL


@dataclass(frozen=True, kw_only=True)
class Report:
    """A run and its verdicts. `harness_errors` are internal errors that belong to no single requirement.

    `drifts` are differences from the shapes that the user keeps. They are no violations, but they fail the run, as
    `failed_tests` do. `request_coverage` is empty until the run is over. `exchanges` and `saved_exchanges` are by
    number; the latter are known only from a saved report. `gate` has the excuses. `causes` explain several failures.
    `features` is the feature matrix. `recording_sha256` is the digest of exchanges.jsonl at the end of the run;
    `stated_exit_code` and `stated_clients` are what the report.json of a saved run says.
    """

    run: RunInfo
    verdicts: tuple[Verdict, ...] = ()
    exchanges: Mapping[int, Exchange]
    catalogue: Mapping[str, Described]
    spent: Spent = Spent()  # noqa: RUF009 (frozen)
    planned: Planned | None = None
    complete: bool = True
    statement: Statement | None = None
    harness_errors: tuple[str, ...] = ()
    drifts: tuple[Drift, ...] = ()
    failed_tests: tuple[FailedTest, ...] = ()
    request_coverage: tuple[FieldCoverage, ...] = ()
    saved_exchanges: Mapping[int, SavedExchange] = field(default_factory=dict)
    gate: Gate = field(default_factory=Gate)
    causes: tuple[Cause, ...] = ()
    features: tuple[Row, ...] = ()
    recording_sha256: str = ""
    stated_exit_code: int | None = None
    stated_clients: tuple[ClientStatus, ...] = ()

    def form_of(self, finding: Finding) -> FindingForm:
        """The form of a finding, with what is known of the request that was answered so."""
        exchange, saved = self.exchanges.get(finding.exchange), self.saved_exchanges.get(finding.exchange)
        if exchange is not None or saved is None:
            return form_of(finding, exchange)
        return plain_form(finding, streamed=bool(saved.row.get("events")), tools=None)

    @cached_property
    def client_statuses(self) -> tuple[ClientStatus, ...]:
        """The status of each measured client. Without the recordings, a saved report is repeated."""
        found, stated = self.statuses_without(""), {row.client: row for row in self.stated_clients}
        if self.exchanges or not all(one.client in stated for one in found):
            return found
        return tuple(replace(stated[one.client], streams_only=one.streams_only) for one in found)

    def statuses_without(self, fault: str) -> tuple[ClientStatus, ...]:
        """The same without the observations of a fault of the reference endpoint."""
        return client_statuses(
            self.run.profile,
            self.verdicts,
            self.form_of,
            unjudged=self.unjudged,
            without=fault,
            exchanges=self.exchanges,
        )

    @property
    def unjudged(self) -> bool:
        """True when nothing could be judged; the statement says why."""
        return self.statement is not None and self.statement.invalidates


@dataclass(frozen=True, kw_only=True)
class Headline:
    """What a reader must know first. `sentence` is that of the cause, or of the requirement when there is none."""

    requirement: str
    sentence: str
    harm: str
    is_cause: bool


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Numbers of requirements by outcome. `harness_errors` also includes the errors of the whole run.

    `excused` is the number of failures and warnings that have an excuse; they are also in `failed` and `warned`.
    """

    passed: int
    failed: int
    warned: int
    not_verified: int
    not_applicable: int
    harness_errors: int
    excused: int = 0

    @property
    def verified(self) -> int:
        """How many requirements have a verdict about the target."""
        return self.passed + self.failed + self.warned


def counts(report: Report) -> Counts:
    """The numbers of requirements by outcome."""
    by = Counter(verdict.outcome for verdict in report.verdicts)
    return Counts(
        passed=by[PASS],
        failed=by[FAIL],
        warned=by[WARN],
        not_verified=by[NOT_VERIFIED],
        not_applicable=by[NOT_APPLICABLE],
        harness_errors=len(_errors(report)) + len(report.harness_errors),
        excused=len(excused(report)),
    )


def _errors(report: Report) -> tuple[Verdict, ...]:
    """Verdicts of rules that raised an error. A rule that is newer than the edition of the run does not count."""
    return tuple(v for v in report.verdicts if v.outcome == ERROR and v.requirement not in report.gate.excuses)


def fails(report: Report, verdict: Verdict) -> bool:
    """Whether this verdict makes the run fail: a failure, or a SHOULD that warns under `fail_on` should."""
    if verdict.requirement in report.gate.excuses:
        return False
    if verdict.outcome == FAIL:
        return True
    return verdict.outcome == WARN and verdict.level == SHOULD and report.run.fail_on == FAIL_ON_SHOULD


def failures(report: Report) -> tuple[Verdict, ...]:
    """The verdicts that make the run fail, in the order of `order.rank`."""
    return _ordered(report, (v for v in report.verdicts if fails(report, v)))


def warnings(report: Report) -> tuple[Verdict, ...]:
    """The verdicts that warn without failing the run, in the order of `failures`."""
    counted = (v for v in report.verdicts if v.requirement not in report.gate.excuses)
    return _ordered(report, (v for v in counted if v.outcome == WARN and not fails(report, v)))


def excused(report: Report) -> tuple[Verdict, ...]:
    """The failures and warnings with an excuse, in the order of `failures`."""
    found = (v for v in report.verdicts if v.outcome in (FAIL, WARN) and v.requirement in report.gate.excuses)
    return _ordered(report, found)


def _ordered(report: Report, found: Iterable[Verdict]) -> tuple[Verdict, ...]:
    causes = {cause.requirement: place for place, cause in reversed(list(enumerate(report.causes)))}
    return tuple(sorted(found, key=lambda verdict: rank(verdict, harm_of(report, verdict.requirement), causes)))


def harm_of(report: Report, requirement: str) -> str:
    """What a violation does, one of `HARMS`; empty when neither the report nor this version says."""
    row = report.catalogue.get(requirement)
    row = row if row is not None and row.harm else CATALOGUE.get(requirement)
    return sentence(row.harm) if row else ""


def not_verified(report: Report) -> Mapping[str, tuple[str, ...]]:
    """Reason -> ids of the requirements that were not verified for this reason; the most frequent reason first."""
    groups: dict[str, list[str]] = {}
    for verdict in report.verdicts:
        if verdict.outcome == NOT_VERIFIED:
            groups.setdefault(verdict.reason or "no reason recorded", []).append(verdict.requirement)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return {reason: tuple(sorted(ids)) for reason, ids in ordered}


def exit_code(report: Report) -> int:
    """0 conformant, 1 violations, 2 could not be judged."""
    if report.statement is not None and report.statement.invalidates:
        return NOT_JUDGED
    if any(fails(report, verdict) for verdict in report.verdicts) or report.failed_tests:
        return VIOLATIONS
    if report.gate.problems or stopped_by(_client(report), report.gate.excuses):
        return VIOLATIONS
    total, partial = counts(report), report.run.only or report.run.skip or report.run.judged_by
    if report.statement is not None or not report.complete or total.harness_errors or not total.verified:
        return NOT_JUDGED
    if is_open(_client(report)) and not partial:  # selections and recordings may lack what the client needs
        return NOT_JUDGED
    return VIOLATIONS if report.drifts else CONFORMANT


def verdict_sentence(report: Report) -> str:
    """The run in one sentence, on one line, with the warning of the run."""
    return _verdict(report) + (f" (WARNING: {sentence(report.run.warning)})" if report.run.warning else "")


def _verdict(report: Report) -> str:
    statement = report.statement
    if statement is not None and statement.invalidates:
        return f"COULD NOT BE JUDGED: {_without_end(statement.message)}"
    if failed := failures(report):
        return _nonconformance(report, failed)
    if report.failed_tests:
        return (
            f"FAILED: {counted(len(report.failed_tests), 'test')} of your own failed; no requirement of profile "
            f"{sentence(report.run.profile)} fails"
        )
    if report.gate.problems:
        more = len(report.gate.problems) - 1
        others = f"; and {counted(more, 'more waiver')}" if more else ""
        return f"FAILED by a waiver, not by the target: {_without_end(report.gate.problems[0])}{others}"
    if statement is not None or not report.complete:
        return _incompleteness(report)
    total = counts(report)
    if total.harness_errors:
        return (
            f"COULD NOT BE JUDGED: {counted(total.harness_errors, 'harness error')}, not caused by the target"
            f"{_first(_error_messages(report))}; {cure_of_errors(_error_messages(report))}"
        )
    if not total.verified:
        return f"COULD NOT BE JUDGED: no requirement was verified{_first(not_verified(report))}"
    names = _verdict_names(report)
    if names and (stopped := stopped_by(_client(report), report.gate.excuses)):
        return f"{names[1]}: {stopped}"
    conforms = _works(report, names[0]) if names else f"CONFORMS to profile {sentence(report.run.profile)}"
    if total.failed:
        conforms = f"PASSES, but does not conform to profile {sentence(report.run.profile)}"
    if total.excused:
        conforms += f" ({_excuses(report)})"
    colon = ";" if ": " in conforms else ":"
    return f"{conforms}{colon} {counted(total.verified, 'requirement')} verified, {_unverified(total)}" + (
        (f", {counted(total.warned, 'warning')}" if total.warned else "") + _of_smoke(report, total) + _drifted(report)
    )


def _of_smoke(report: Report, total: Counts) -> str:
    """How much of the profile a smoke run saw, and what sees the rest; empty for other runs."""
    if report.run.depth != DEPTHS[0] or not total.not_verified:
        return ""
    every = total.verified + total.not_verified
    share = f"{total.verified:,} of {every:,} requirements of the profile"
    return f"; this smoke run saw {share}, and --depth {DEPTHS[1]} sees the rest"


def _excuses(report: Report) -> str:
    """How many deviations are excused, by kind of excuse."""
    kinds = Counter(report.gate.excuses[verdict.requirement].kind for verdict in excused(report))
    return ", ".join(f"{number:,} {sentence(kind)}" for kind, number in sorted(kinds.items()))


def _drifted(report: Report) -> str:
    if not report.drifts:
        return ""
    answers = len({drift.situation for drift in report.drifts})
    return (
        f"; but {counted(answers, 'shape differs', 'shapes differ')} from --snapshots (--snapshot-update accepts this)"
    )


def _nonconformance(report: Report, failed: tuple[Verdict, ...]) -> str:
    fatal = [verdict for verdict in failed if verdict.outcome == FAIL]
    names = _verdict_names(report)
    text = f"DOES NOT CONFORM to profile {sentence(report.run.profile)}: " + (
        _by_cause(report, failed) or _by_number(report, failed)
    )
    if names and fatal:
        text = _about_the_client(report, fatal, text)
    if _ended(report):
        return text
    why = f": {_without_end(report.statement.message)}" if report.statement is not None else ""
    return f"{text}; the run is incomplete{why}"


def _about_the_client(report: Report, fatal: list[Verdict], text: str) -> str:
    """The words of the profile for its client; `text` says what the target violates."""
    works, fails = _verdict_names(report)
    found = _client(report)
    if found is None or found.status == FAILS:
        return f"{fails}, {_because(report, fatal)}"
    return text if found.status == NOT_KNOWN else f"{_works(report, works)}; the target {text}"


def _by_number(report: Report, failed: tuple[Verdict, ...]) -> str:
    """How many requirements fail, and the worst of them."""
    worst = failed[0]
    row = report.catalogue.get(worst.requirement)
    doubt = "; the model or the server may be the reason" if worst.uncertain else ""
    if accepted := accepted_mistakes(failed):
        return accepted + (f" ({clause(row.sentence)})" if row else "")
    return (
        f"{len(failed):,} of {counted(counts(report).verified, 'verified requirement')} "
        f"{'fails' if len(failed) == 1 else 'fail'}"
        + (" (SHOULD included)" if any(v.outcome == WARN for v in failed) else "")
        + f"; the worst: {worst.requirement} ({harm_of(report, worst.requirement)}{how_often(worst)}){doubt}"
        + (f": {parts}" if (parts := uncounted_parts(worst.findings)) else "")
        + (f"; required: {clause(row.sentence)}" if row and not parts else "")
        + (found_clause(worst.findings[0]) if worst.findings and not parts else "")
    )


def _by_cause(report: Report, failed: tuple[Verdict, ...]) -> str:
    """The cause of the worst failure, and what follows from it; empty when no cause is known for that failure."""
    cause = cause_of(report, failed[0].requirement)
    if cause is None:
        return ""
    more, hidden = len(failed) - 1, len(cause.explains)
    text = f"{cause.clause} ({cause.requirement}, {harm_of(report, cause.requirement)})"
    if hidden:
        text += f", and {counted(hidden, 'requirement')} {'is' if hidden == 1 else 'are'} not verified because of it"
    if more:
        verified = counted(counts(report).verified, "verified requirement")
        text += f"; {more:,} more of {verified} {'fails' if more == 1 else 'fail'}"
    return text


def cause_of(report: Report, requirement: str) -> Cause | None:
    """The cause for which a requirement is blamed; None without one."""
    return next((cause for cause in report.causes if cause.requirement == requirement), None)


def headline(report: Report) -> Headline | None:
    """What a reader must know first: the worst failure or, without failures, warning; None for a clean run."""
    found = failures(report) or warnings(report)
    if report.unjudged or not found or found[0].requirement in CONTESTED:
        return None
    name = found[0].requirement
    cause, row = cause_of(report, name), report.catalogue.get(name)
    text = cause.sentence if cause is not None else sentence(row.sentence) if row is not None else name
    if cause is None and (parts := uncounted_parts(found[0].findings)):
        text = f"{parts[0].upper()}{parts[1:]}."
    return Headline(requirement=name, sentence=text, harm=harm_of(report, name), is_cause=cause is not None)


def _verdict_names(report: Report) -> tuple[str, ...]:
    """The words of the profile for (conforms, does not conform); empty when it has none."""
    name = report.run.profile
    return contract.profile(name).verdict_names if name in contract.profile_names() else ()


def clients_of(report: Report, *, without: str = "") -> tuple[ClientStatus, ...]:
    """The status of each measured client: the table of clients in every format.

    `without` is a fault of the reference endpoint whose observations are left out.
    """
    return report.statuses_without(without) if without else report.client_statuses


def _works(report: Report, words: str) -> str:
    """The words of the profile for a client that works, with its losses and what was not seen."""
    return words if (found := _client(report)) is None else words_for(found, words)


def _client(report: Report) -> ClientStatus | None:
    """The status of the client that the profile is about; None for a profile of an API."""
    return status_for_profile(report.run.profile, clients_of(report))


def _because(report: Report, failed: list[Verdict]) -> str:
    """The sentence of the worst failure, and the number of the others."""
    worst, more = failed[0].requirement, len(failed) - 1
    row, cause = report.catalogue.get(worst), cause_of(report, worst)
    why = f": {_without_end(row.sentence)}" if row is not None else ""
    why = f": {cause.clause}" if cause is not None else why
    others = f"; {counted(more, 'more requirement')} {'fails' if more == 1 else 'fail'} too" if more else ""
    return f"because the target violates {worst}{why}{others}"


def _incompleteness(report: Report) -> str:
    total = counts(report)
    why = _without_end(report.statement.message) if report.statement is not None else "the run ended early"
    return (
        f"INCOMPLETE: {why}; {counted(total.verified, 'requirement')} verified without a failure, {_unverified(total)}"
    )


def _ended(report: Report) -> bool:
    return report.complete and report.statement is None


def _unverified(total: Counts) -> str:
    return f"{total.not_verified:,} not verified"


def _error_messages(report: Report) -> Iterable[str]:
    yield from report.harness_errors
    yield from (f"{v.requirement}: {v.reason}" for v in _errors(report))


def _first(reasons: Iterable[str]) -> str:
    first = next(iter(reasons), "")
    return f" ({_without_end(first)})" if first else ""


def _without_end(message: str) -> str:
    return sentence(message).rstrip(" .;:")
