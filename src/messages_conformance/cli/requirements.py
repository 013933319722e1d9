"""The command `list`: all requirements with level, harm and source."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from messages_conformance.cli.commands import Command
from messages_conformance.cli.completion_words import profiles
from messages_conformance.cli.parameters import Parsed, option
from messages_conformance.cli.parsing import wrong_usage
from messages_conformance.options import OUTPUTS

TOKMODEL: Final = "tokmodel"


def commands() -> tuple[Command, ...]:
    """Declares `list`."""
    params = [
        option("--profile", metavar="NAME", words=profiles, help="only the requirements of this profile"),
        option(
            "--grep",
            metavar="TEXT",
            help="only the requirements with this text in their id, sentence, source or harm, in any case",
        ),
        option(
            "--format",
            choices=("text", "json", "markdown"),
            default="text",
            metavar="FORM",
            help="text (default), json or markdown",
        ),
        option(
            "--fact",
            metavar="NUMBER",
            help="what covers a fact of the second reading of the contract, such as 2.14; all shows each of them",
        ),
        option("--output", choices=OUTPUTS, metavar="FORM", help="text or json, as in other commands"),
    ]
    return (Command("list", _list, params),)


def _rows(profile_name: str | None, text: str | None) -> list[Any]:
    """The requirements of a profile with a text; raises UsageError when there are none."""
    from messages_conformance.run import UsageError

    rows = _of_profile(profile_name)
    if text is not None:
        wanted = text.casefold()
        rows = [row for row in rows if any(wanted in field.casefold() for field in _searched(row))]
        if not rows:
            raise UsageError(f"no requirement has the text {text!r}; `list` shows all of them")
    return rows


def _searched(row: Any) -> tuple[str, ...]:
    return row.id, row.sentence, row.source, row.harm, row.how


def _of_profile(profile_name: str | None) -> list[Any]:
    from messages_conformance.rules.requirement_list import listed
    from messages_conformance.run import checked_profile

    if profile_name is None:
        return list(listed())
    profile = checked_profile(profile_name)
    return [row for row in listed(profile) if profile.name in row.profiles]


def _list(parsed: Parsed) -> int:
    from messages_conformance.run import UsageError

    try:
        if parsed.fact is not None:
            return _print_facts(parsed.fact, as_data=(parsed.output or parsed.format) == "json")
        rows = _rows(parsed.profile, parsed.grep)
    except UsageError as error:
        return wrong_usage(error)
    form = parsed.output or parsed.format
    if form == "json":
        return print_json([as_json(row) for row in rows])
    if form == "markdown":
        _print_markdown(rows)
    else:
        _print_text(rows)
    if parsed.profile == TOKMODEL:
        _print_claims(rows, as_markdown=form == "markdown")
    return 0


def _print_facts(number: str, *, as_data: bool) -> int:
    """Prints one fact or all of them, each with what covers it; raises UsageError for an unknown number."""
    from messages_conformance.contract.facts import facts
    from messages_conformance.rules.requirement_list import listed
    from messages_conformance.run import UsageError

    kinds = {row.id: row.kind for row in listed()}
    found = [fact for fact in facts() if number in (fact.number, "all")]
    if not found:
        raise UsageError(f"there is no fact {number!r}; the facts are 1.1 to 6.89, and `list --fact all` shows them")
    if as_data:
        return print_json([fact_as_json(fact, kinds) for fact in found])
    for fact in found:
        print(f"{fact.number:<5} {fact.subject}")
        covering = fact.judged_by or ((fact.subject,) if fact.subject in kinds else ())
        print(f"      {', '.join(f'{name} ({kinds[name]})' for name in covering) or fact.reason or 'open'}")
    return 0


def fact_as_json(fact: Any, kinds: Mapping[str, str]) -> dict[str, Any]:
    """A fact as a JSON object. `kinds` are the kinds of the requirements by id."""
    covering = fact.judged_by or ((fact.subject,) if fact.subject in kinds else ())
    return {
        "fact": fact.number,
        "subject": fact.subject,
        "covered_by": [{"id": name, "kind": kinds[name]} for name in covering],
        "reason": fact.reason,
    }


def _print_claims(rows: Sequence[Any], *, as_markdown: bool) -> None:
    """The statements of the pages of TokModel, each with the requirements that judge it."""
    from messages_conformance.contract.claims import claims
    from messages_conformance.rules.requirement_list import JUDGED

    known = {row.id: row for row in rows}
    print("\nWhat the pages of TokModel say, and what judges it:\n")
    for claim in claims():
        found = [known[name] for name in requirements_of(claim, known)]
        names = [row.id if row.kind == JUDGED else f"{row.id} ({row.kind})" for row in found]
        what = ", ".join([*names, *([claim.handled] if claim.handled else [])])
        print(f"- **{claim.name}** {claim.sentence} {what}" if as_markdown else f"{claim.name:<7} {claim.sentence}")
        if not as_markdown:
            print(f"        {what}")


def requirements_of(claim: Any, known: Iterable[str]) -> list[str]:
    """The requirements that judge a statement, out of the known ones."""
    return [name for glob in claim.judged_by for name in known if fnmatchcase(name, glob)]


def _print_markdown(rows: Sequence[Any]) -> None:
    from messages_conformance import contract

    columns = ("requirement", "level", "harm", "kind", "severity", "profiles", "sentence", "source")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in rows:
        profiles = ", ".join(row.profiles)
        cells = (
            f"`{row.id}`",
            row.level,
            row.harm,
            row.kind,
            contract.severity(row.id),
            profiles,
            row.sentence,
            row.source,
        )
        print(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")


def _print_text(rows: Sequence[Any]) -> None:
    from messages_conformance import contract
    from messages_conformance.rules.requirement_list import KINDS

    width = max(len(row.id) for row in rows)
    for row in rows:
        weight = f"{row.level:<6}  {row.harm or '-':<8}  {contract.severity(row.id):<10}"
        print(f"{row.id:<{width}}  {weight}  {row.kind:<9}  {row.sentence}")
        print(f"{'':<{width}}          {', '.join(row.profiles) or 'no profile'}; {row.source}")
    counted = (f"{sum(row.kind == kind for row in rows)} {kind}" for kind in KINDS)
    print(f"{len(rows)} requirements: {', '.join(counted)}")


def print_json(value: Any) -> int:
    """Prints a JSON value; returns the exit code."""
    print(json.dumps(value, indent=2, ensure_ascii=False))
    return 0


def as_json(row: Any) -> dict[str, Any]:
    """A requirement as a JSON object."""
    from messages_conformance import contract

    return {
        "id": row.id,
        "level": row.level,
        "kind": row.kind,
        "sentence": row.sentence,
        "source": row.source,
        "harm": row.harm,
        "severity": contract.severity(row.id),
        "profiles": list(row.profiles),
        "families": sorted(row.families),
        "api_version": row.api_version,
        "model_dependent": row.model_dependent,
        "needs": sorted(row.needs),
        "how": row.how,
    }
