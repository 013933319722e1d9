"""A failure as its reader meets it: always the same facts, in the same order, whatever prints them.

The order: id and level · sentence · where · found · wanted · whom it breaks · source · curl command · trace.
One requirement is one block, however many exchanges it failed in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.report.generated_requests import describe_generated, repeat_command
from messages_conformance.report.impact_text import impact_sentence
from messages_conformance.report.model import Report, RunInfo
from messages_conformance.report.reproduction import curl, quoted
from messages_conformance.report.text import counted, inline, listed, sentence
from messages_conformance.report.trace import trace
from messages_conformance.rules.verdict import Finding, Verdict

VALUE_CHARACTERS: Final = 300
"""Of what was found or wanted; the whole of it stands in report.json."""

SITUATIONS: Final = 6
CLIENTS: Final = 4
REFERENCE_PORT: Final = 4010
"""Where the commands expect the reference endpoint, which lives on another port in every run."""

UNCATALOGUED: Final = "not in this version's catalogue"


@dataclass(frozen=True, kw_only=True)
class FailureText:
    """One requirement's failure in words. `curl` is empty when no recorded exchange shows it."""

    id: str
    level: str
    sentence: str
    where: str
    more: str
    found: str
    wanted: str
    breaks: str
    source: str
    exchange: int
    curl: str
    trace: tuple[str, ...]
    drawn: str = ""
    again: str = ""

    @property
    def facts(self) -> tuple[tuple[str, str], ...]:
        """(label, text) in the order in which they are read, those without text left out."""
        rows = (
            ("where", self.where),
            ("also", self.more),
            ("found", self.found),
            ("wanted", self.wanted),
            ("breaks", self.breaks),
            ("source", self.source),
            ("drawn", self.drawn),
            ("again", self.again),
        )
        return tuple(row for row in rows if row[1])


def describe_failure(report: Report, verdict: Verdict) -> FailureText:
    """The block of a verdict: its first finding in full, the others by number and situation."""
    first = verdict.findings[0] if verdict.findings else None
    exchange = report.exchanges.get(first.exchange) if first else None
    return FailureText(
        id=inline(verdict.requirement),
        level=verdict.level,
        sentence=sentence_of(report, verdict.requirement),
        where=place(report, first) if first else "",
        more=_more(report, verdict),
        found=inline(first.found, VALUE_CHARACTERS) if first else sentence(verdict.reason),
        wanted=inline(first.wanted, VALUE_CHARACTERS) if first else "",
        breaks=sentence(impact_sentence(verdict.requirement, most=CLIENTS)),
        source=source_of(report, verdict.requirement),
        exchange=first.exchange if first else 0,
        curl=command_of(report, first.exchange) if first else "",
        trace=trace(exchange, focus=first.place.event) if exchange and first else (),
        drawn=inline(describe_generated(exchange), VALUE_CHARACTERS) if exchange else "",
        again=_again(report, first.exchange) if first else "",
    )


def _again(report: Report, number: int) -> str:
    """The command that draws an exchange's request again, also where an earlier report alone tells of it."""
    exchange = report.exchanges.get(number)
    if exchange is not None:
        return repeat_command(report.run, exchange)
    return str(report.saved_exchanges[number].drawn.get("draw_again", "")) if number in report.saved_exchanges else ""


def as_text(block: FailureText) -> str:
    """The block as plain text, the curl command and the trace included."""
    lines = [f"{block.id}  {block.level}", f"  {block.sentence}"]
    lines += [f"  {label:<7} {text}" for label, text in block.facts]
    if block.curl:
        lines += ["", block.curl]
    if block.trace:
        lines += ["", *block.trace]
    return "\n".join(lines)


def sentence_of(report: Report, requirement: str) -> str:
    """The requirement's sentence out of the report's catalogue."""
    row = report.catalogue.get(requirement)
    return sentence(row.sentence) if row else UNCATALOGUED


def source_of(report: Report, requirement: str) -> str:
    """The requirement's source out of the report's catalogue."""
    row = report.catalogue.get(requirement)
    return sentence(row.source) if row else UNCATALOGUED


def command(run: RunInfo, exchange: Exchange) -> str:
    """The curl command for an exchange of this run; for the reference endpoint, how to start it stands above."""
    if run.base_url or not run.target.startswith("reference:"):
        return curl(exchange, run.base_url or run.target, key_variable=run.key_variable)
    parts = run.target.removeprefix("reference:").split(",")
    change = next((part for part in parts if not part.startswith("transport=")), "")
    kind, _, name = change.rpartition("=") if change.startswith(("fault=", "variant=")) else ("", "", change)
    option = f" --{kind or 'fault'} {quoted(name)}" if name else ""
    start = f"# first, elsewhere: messages-conformance serve --port {REFERENCE_PORT}{option}\n"
    return start + curl(exchange, f"http://127.0.0.1:{REFERENCE_PORT}", key_variable=run.key_variable)


def command_of(report: Report, number: int) -> str:
    """The curl command for an exchange of the report by its number; empty when there is none."""
    exchange = report.exchanges.get(number)
    if exchange is not None:
        return command(report.run, exchange)
    kept = report.saved_exchanges.get(number)
    return "" if kept is None else kept.curl


def situations_of(report: Report, number: int) -> tuple[str, ...]:
    """The situations that an exchange brought about; empty where nothing is left of it."""
    found = report.exchanges.get(number) or report.saved_exchanges.get(number)
    return () if found is None else found.situations


def place(report: Report, finding: Finding) -> str:
    """Where a finding is, in words: the exchange with its first situation, then the place in its response."""
    if not finding.exchange:
        return "the run as a whole"
    situations = situations_of(report, finding.exchange)
    name = f"exchange {finding.exchange}" + (f" ({inline(situations[0], 60)})" if situations else "")
    return f"{name}, {inline(str(finding.place), 200)}"


def _more(report: Report, verdict: Verdict) -> str:
    if len(verdict.findings) < 2:
        return ""
    first = verdict.findings[0].exchange
    here = sum(1 for finding in verdict.findings if finding.exchange == first) - 1
    others = list(dict.fromkeys(f.exchange for f in verdict.findings if f.exchange != first))
    parts = [f"{counted(here, 'more place')} in the same exchange"] if here else []
    if others:
        slugs = dict.fromkeys(_slug(report, number) for number in others)
        parts.append(f"{counted(len(others), 'more exchange')}: {listed(tuple(slugs), SITUATIONS)}")
    return "; and ".join(parts)


def _slug(report: Report, number: int) -> str:
    if not number:
        return "the run as a whole"
    situations = situations_of(report, number)
    return inline(situations[0], 60) if situations else f"exchange {number}"
