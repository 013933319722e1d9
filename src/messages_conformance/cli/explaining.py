"""The command `explain`: a requirement with its source, harm, faults, and right and wrong bytes; a topic as a list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from messages_conformance.cli.commands import Command
from messages_conformance.cli.completion_words import requirements
from messages_conformance.cli.parameters import Parsed, argument, flag, option
from messages_conformance.cli.parsing import wrong_usage
from messages_conformance.cli.requirements import as_json, print_json
from messages_conformance.options import OUTPUTS

if TYPE_CHECKING:
    from messages_conformance.rules.requirement_list import Listed

FAULTS: Final = 4
"""Faults that are named (our own choice)."""


def commands() -> tuple[Command, ...]:
    """Declares `explain`."""
    params = [
        argument(
            "requirement",
            metavar="ID",
            words=requirements,
            help="id of a requirement, a topic such as stream.order, a glob, or name of a capability of profiles",
        ),
        option("--output", choices=OUTPUTS, default="text", metavar="FORM", help="text (default) or json"),
        flag("--no-example", help="leave out the right and the wrong answer of the reference endpoint"),
    ]
    return (Command("explain", _explain, params),)


def _explain(parsed: Parsed) -> int:
    from messages_conformance import contract
    from messages_conformance.rules.requirement_list import listed
    from messages_conformance.run import UsageError, checked_requirements

    name = parsed.requirement
    if name in contract.capabilities():
        if parsed.output == "json":
            capability = contract.capabilities()[name]
            return print_json({"capability": name, "sentence": capability.sentence, "read_by": capability.read_by})
        _print(_capability(name))
        return 0
    rows = listed()
    found = [row for row in rows if row.id == name] or [row for row in rows if _matches(row.id, name)]
    if not found:
        try:
            checked_requirements([name])
        except UsageError as error:
            return wrong_usage(error)
    if parsed.output == "json":
        return print_json(
            [{**as_json(row), "measured": [_measured(m) for m in contract.impact(row.id)]} for row in found]
        )
    if len(found) == 1:
        _print(requirement_lines(found[0]))
        if not parsed.no_example:
            _print(example_lines(found[0].id))
    else:
        _print(_several(found))
    return 0


def _measured(measurement: Any) -> dict[str, Any]:
    """A measurement as a JSON object."""
    clients = dict(sorted(measurement.clients.items()))
    return {"measured": measurement.measured, "source": measurement.source, "clients": clients}


def _print(lines: Iterator[str]) -> None:
    from messages_conformance.report import StandardOutput
    from messages_conformance.report.text import encodable

    out = StandardOutput()
    for line in lines:
        out.write(f"{encodable(line)}\n")


def _matches(requirement: str, name: str) -> bool:
    """Whether a requirement is of a topic, or matches a glob."""
    return requirement.startswith(f"{name.rstrip('.')}.") or fnmatchcase(requirement, name)


def _several(rows: Sequence[Listed]) -> Iterator[str]:
    width = max(len(row.id) for row in rows)
    for row in rows:
        yield f"{row.id:<{width}}  {row.level:<6}  {row.harm or '-':<8}  {row.sentence}"
    yield f"{len(rows)} requirements; `explain ID` shows one in full"


def requirement_lines(row: Listed) -> Iterator[str]:
    """The facts about a requirement, as lines of text: id, level and sentence first, then a row for each fact."""
    from messages_conformance import contract
    from messages_conformance.proof.example import faults_of
    from messages_conformance.rules.catalogue import HARM_MEANINGS
    from messages_conformance.rules.requirement_list import EXCLUDED, TOLERATED

    label = {TOLERATED: "tolerated", EXCLUDED: "excluded"}.get(row.kind, "tested by")
    yield f"{row.id}  {row.level}\n  {row.sentence}\n"
    yield f"source     {row.source}"
    yield f"profiles   {', '.join(row.profiles) or 'none'}"
    yield f"{label:<9}  {row.how}"
    if row.harm:
        yield f"harm       {row.harm}: {HARM_MEANINGS[row.harm]}"
    yield f"severity   {contract.severity(row.id)}"
    for measurement in contract.impact(row.id):
        yield f"measured   {measurement.measured} ({measurement.source}), {measurement.severity}"
        yield from (f"             {client}: {outcome}" for client, outcome in sorted(measurement.clients.items()))
    faults = faults_of(row.id)
    for fault in faults[:FAULTS]:
        yield f"fault      messages-conformance serve --fault {fault.name}\n             {fault.summary}"
    if len(faults) > FAULTS:
        yield f"             and {len(faults) - FAULTS} more: messages-conformance serve --list"
    yield f"judge it   messages-conformance run TARGET --only {row.id}" if row.harm else ""


def example_lines(requirement: str) -> Iterator[str]:
    """The same request answered wrongly and rightly; nothing when no fault in memory shows it."""
    from messages_conformance.proof.example import example_of, faults_of

    fault = next((one for one in faults_of(requirement) if not one.needs_socket), None)
    found = example_of(requirement, fault) if fault is not None else None
    if fault is None or found is None:
        return
    yield f"\nwith the fault {fault.name}: {found.where}"
    yield f"  found    {found.found}\n  wanted   {found.wanted}"
    for title, text in (("request", found.request), ("right answer", found.right), ("wrong answer", found.wrong)):
        if text:
            yield f"\n{title}\n{_indented(text)}"


def _indented(text: str) -> str:
    from messages_conformance.report.text import visible

    return re.sub("^", "  ", visible(text), flags=re.MULTILINE)


def _capability(name: str) -> Iterator[str]:
    from messages_conformance import contract
    from messages_conformance.rules.requirement_list import listed

    capability: Any = contract.capabilities()[name]
    profiles = [contract.profile(each) for each in contract.profile_names()]
    yield f"{name}  capability of profiles\n  {capability.sentence}\n"
    promised = [each.name for each in profiles if name in each.promises]
    optional = [each.name for each in profiles if name in each.depends_on_model]
    yield f"promised by             {', '.join(promised) or 'none'}"
    yield f"depends on the model in {', '.join(optional) or 'none'}"
    if capability.read_by:
        yield f"read by                 {capability.read_by}"
    yield from (f"needed by               {row.id}  {row.level}" for row in listed() if name in row.needs)
