"""Describes a failure: the same facts in the same order in every report format.

The order: id and level · sentence · cause · harm · clients it breaks · where · how often · found · wanted · source ·
the command that asks only this again · curl command · trace.
Each requirement is described once, even when it failed in many exchanges.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from messages_conformance.exchange import Exchange, RecordingPart
from messages_conformance.report.both_sides import both_sides
from messages_conformance.report.finding_words import place_words, readable
from messages_conformance.report.generated_requests import describe_generated, only_command, repeat_command
from messages_conformance.report.impact_text import impact_sentence, names_client
from messages_conformance.report.model import NO_COMMAND, Report, cause_of, harm_of
from messages_conformance.report.reproduction import curl, quoted
from messages_conformance.report.request_features import describe_request
from messages_conformance.report.run_info import RunInfo
from messages_conformance.report.text import counted, inline, sentence
from messages_conformance.report.trace import trace
from messages_conformance.rules.catalogue import HARM_MEANINGS
from messages_conformance.rules.verdict import STATUS, Finding, Verdict

VALUE_CHARACTERS: Final = 300
"""Length to which found and wanted values are cut; report.json has them in full."""

PLACE_CHARACTERS: Final = 160
"""Length to which the name of a situation is cut. A recorded exchange has the path of its file there (our own)."""

CLIENTS: Final = 4
REFERENCE_PORT: Final = 4010
"""The port in commands for the reference endpoint, whose real port changes with every run."""
REFERENCE_KEY: Final = "reference-key"
"""The key that `serve` accepts: `reference.API_KEY`, which this package may not import; a test compares the two."""

DOUBT: Final = "the model or the server: a weak model can do this by itself, and it did not happen on every try"

UNCATALOGUED: Final = "not in this version's catalogue"


@dataclass(frozen=True, kw_only=True)
class FailureText:
    """The failure of one requirement in words. `curl` is empty when no recorded exchange shows it.

    `generated` describes the generated request that shows it, and is empty for a request of a suite. `again` is the
    command that asks only this again. `cause` explains this and other failures, where one is known.
    """

    id: str
    level: str
    sentence: str
    where: str
    seen: str
    found: str
    wanted: str
    harm: str
    impact: str
    source: str
    exchange: int
    curl: str
    trace: tuple[str, ...]
    generated: str = ""
    again: str = ""
    cause: str = ""
    doubt: str = ""

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """(label, text) pairs in their fixed order, without the empty ones."""
        rows = (
            ("cause", self.cause),
            ("doubt", self.doubt),
            ("harm", self.harm),
            ("measured", self.impact if names_client(self.impact) else ""),
            ("where", self.where),
            ("seen", self.seen),
            ("found", self.found),
            ("wanted", self.wanted),
            ("source", self.source),
            ("request", self.generated),
            ("again", self.again),
        )
        return tuple(row for row in rows if row[1])


def describe_failure(report: Report, verdict: Verdict, *, first: Finding | None = None) -> FailureText:
    """Describes the failure of a verdict: one finding in full, the plainest if none is given, the others by number."""
    first = first or (verdict.findings[0] if verdict.findings else None)
    exchange = report.exchanges.get(first.exchange) if first else None
    return FailureText(
        id=inline(verdict.requirement),
        level=verdict.level,
        sentence=sentence_of(report, verdict.requirement),
        where=place(report, first) if first else "",
        seen=seen(report, verdict),
        found=inline(readable(first, first.found), VALUE_CHARACTERS) if first else sentence(verdict.reason),
        wanted=inline(readable(first, first.wanted), VALUE_CHARACTERS) if first else "",
        harm=_harm(report, verdict.requirement),
        impact=sentence(impact_sentence(verdict.requirement, most=CLIENTS)) if verdict.findings else "",
        source=source_of(report, verdict.requirement),
        exchange=first.exchange if first else 0,
        curl=command_of(report, first.exchange) if first else "",
        trace=_shown(exchange, first) if exchange and first else (),
        generated=inline(describe_generated(exchange), VALUE_CHARACTERS) if exchange else "",
        again=again(report, first),
        cause=cause.sentence if (cause := cause_of(report, verdict.requirement)) else "",
        doubt=DOUBT if verdict.uncertain else "",
    )


def _shown(exchange: Exchange, finding: Finding) -> tuple[str, ...]:
    """The exchange as lines: both sides of a gateway where they were recorded."""
    return both_sides(exchange) or trace(exchange, focus=finding.place.event)


def again(report: Report, finding: Finding | None) -> str:
    """The command that asks only this again; empty when the report does not know the request, or nobody can ask."""
    judged_by = report.run.judged_by
    if judged_by:
        return "" if judged_by == NO_COMMAND or finding is None else f"{judged_by} --only {quoted(finding.requirement)}"
    if finding is None or not finding.exchange:
        return "" if finding is None else only_command(report.run, finding)
    exchange = report.exchanges.get(finding.exchange)
    if exchange is None:
        saved = report.saved_exchanges.get(finding.exchange)
        command = "" if saved is None else str(saved.generated.get("draw_again", ""))
        return command or only_command(report.run, finding, situations_of(report, finding.exchange))
    return repeat_command(report.run, exchange) or only_command(report.run, finding, exchange.situations)


def as_text(failure: FailureText) -> str:
    """The description as plain text, with the curl command and the trace."""
    lines = [f"{failure.id}  {failure.level}", f"  {failure.sentence}"]
    lines += [f"  {label:<7} {text}" for label, text in failure.facts]
    if failure.curl:
        lines += ["", failure.curl]
    if failure.trace:
        lines += ["", *failure.trace]
    return "\n".join(lines)


def sentence_of(report: Report, requirement: str) -> str:
    """The sentence of a requirement, from the catalogue of the report."""
    row = report.catalogue.get(requirement)
    return sentence(row.sentence) if row else UNCATALOGUED


def source_of(report: Report, requirement: str) -> str:
    """The source of a requirement, from the catalogue of the report."""
    row = report.catalogue.get(requirement)
    return sentence(row.source) if row else UNCATALOGUED


def _harm(report: Report, requirement: str) -> str:
    harm = harm_of(report, requirement)
    return f"{harm}: {HARM_MEANINGS[harm]}" if harm in HARM_MEANINGS else harm


def command(run: RunInfo, exchange: Exchange) -> str:
    """The curl command for an exchange of this run. For the reference endpoint, a comment says how to start it."""
    base_url = exchange.request.base_url or run.base_url
    if base_url or not run.target.startswith("reference:"):
        return curl(
            exchange,
            base_url or run.target,
            key_variable=run.key_variable,
            connection=run.connection,
            is_recorded=bool(run.judged_by),
        )
    start = f"# first, in another terminal: messages-conformance serve --port {REFERENCE_PORT}"
    start += "".join(f" --{kind} {quoted(name)}" for kind, name in _changes(run.target)) + "\n"
    start += f"# and here: export {run.key_variable}={REFERENCE_KEY}\n"
    return start + curl(exchange, f"http://127.0.0.1:{REFERENCE_PORT}", key_variable=run.key_variable)


def _changes(target: str) -> Iterator[tuple[str, str]]:
    """The options of `serve` with which the reference endpoint behaves like the target: (name, value)."""
    parts = [part for part in target.removeprefix("reference:").split(",") if not part.startswith("transport=")]
    faults = [part.removeprefix("fault=") for part in parts if part and not part.startswith("variant=")]
    if faults:
        yield "fault", ",".join(faults)
    yield from (("variant", part.removeprefix("variant=")) for part in parts if part.startswith("variant="))


def command_of(report: Report, number: int) -> str:
    """The curl command for exchange `number` of the report; empty when there is none."""
    exchange = report.exchanges.get(number)
    if exchange is not None:
        return "" if RecordingPart.REQUEST in exchange.lacks else command(report.run, exchange)
    saved = report.saved_exchanges.get(number)
    return "" if saved is None else saved.curl


def situations_of(report: Report, number: int) -> tuple[str, ...]:
    """The situations of exchange `number`; empty when the report does not have the exchange."""
    found = report.exchanges.get(number) or report.saved_exchanges.get(number)
    return () if found is None else found.situations


def place(report: Report, finding: Finding) -> str:
    """The place of a finding in words: the request, then the place in the response."""
    if not finding.exchange:
        return "the run as a whole"
    exchange, saved = report.exchanges.get(finding.exchange), report.saved_exchanges.get(finding.exchange)
    name = "one request"
    if exchange is not None:
        name = describe_request(exchange)
        if recorded := _recorded_at(exchange):
            name = f"{inline(recorded, PLACE_CHARACTERS)}: {name}"
    elif saved is not None:
        name = f"{inline(str(saved.row['method']))} {inline(str(saved.row['path']), 80)}"
    return f"{name}: {'the status' if finding.place == STATUS else inline(place_words(finding.place), 200)}"


def _recorded_at(exchange: Exchange) -> str:
    """Where an exchange of a capture is: its situation is its place in the file, or it is one of a saved run."""
    situation = exchange.situations[0] if exchange.situations else f"exchange {exchange.number}"
    if not exchange.capture:
        return situation if exchange.lacks and exchange.situations else ""
    file = exchange.capture.partition(" (part ")[0]
    return situation if situation.startswith(file) else f"{file}, {situation}"


def seen(report: Report, verdict: Verdict) -> str:
    """How often it was seen, and for which requests; empty for one finding about the run as a whole."""
    numbers = {finding.exchange for finding in verdict.findings if finding.exchange}
    if not numbers:
        return ""
    total = max(verdict.judged, len(numbers))
    text = f"in {len(numbers):,} of {counted(total, 'answer')}" if total > 1 else ""
    parts = [text, verdict.pattern, _tries(report, verdict, numbers)]
    return "; ".join(part for part in parts if part)


def _tries(report: Report, verdict: Verdict, failing: set[int]) -> str:
    """How many tries of the same request fail, when not all of them do."""
    tries: dict[object, list[bool]] = {}
    for number in (*failing, *verdict.passed_on):
        exchange = report.exchanges.get(number)
        if exchange is not None:
            tries.setdefault(exchange.request.identity, []).append(number in failing)
    mixed = [found for found in tries.values() if len(set(found)) == 2]
    if not mixed:
        return ""
    bad, every = sum(map(sum, mixed)), sum(map(len, mixed))
    return f"not each time: {bad:,} of {every:,} tries of the same request fail"
