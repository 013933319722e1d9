"""The commands `list` and `explain`: requirements with level, source and how they are provoked; capabilities."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from messages_conformance.cli.parsing import Commands, wrong_usage


def add(commands: Commands) -> None:
    """Declares `list` and `explain`."""
    listing = commands.add_parser("list", help="list all requirements with level and source", allow_abbrev=False)
    listing.set_defaults(command=_list, parser=listing)
    listing.add_argument("--profile", help="only the requirements of this profile")
    listing.add_argument("--format", choices=("text", "json", "markdown"), default="text", help="(default: text)")

    explain = commands.add_parser("explain", help="show one requirement or capability in full", allow_abbrev=False)
    explain.set_defaults(command=_explain, parser=explain)
    explain.add_argument("requirement", metavar="ID", help="id of a requirement, or name of a capability of profiles")


def _rows(profile_name: str | None) -> list[Any]:
    from messages_conformance.rules.requirement_list import listed
    from messages_conformance.run import checked_profile

    if profile_name is None:
        return list(listed())
    profile = checked_profile(profile_name)
    return [row for row in listed(profile) if profile.name in row.profiles]


def _list(parsed: argparse.Namespace) -> int:
    from messages_conformance.run import UsageError

    try:
        rows = _rows(parsed.profile)
    except UsageError as error:
        return wrong_usage(error)
    if parsed.format == "json":
        print(json.dumps([_row(row) for row in rows], indent=2, ensure_ascii=False))
    elif parsed.format == "markdown":
        _print_markdown(rows)
    else:
        _print_text(rows)
    return 0


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


def _row(row: Any) -> dict[str, Any]:
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


def _explain(parsed: argparse.Namespace) -> int:
    from messages_conformance import contract
    from messages_conformance.rules.catalogue import HARM_MEANINGS
    from messages_conformance.rules.requirement_list import EXCLUDED, TOLERATED, listed
    from messages_conformance.run import UsageError, checked_requirements

    found = {row.id: row for row in listed()}
    if parsed.requirement in contract.capabilities():
        return _explain_capability(parsed.requirement)
    try:
        if parsed.requirement not in found:
            checked_requirements([parsed.requirement])
        row = found[parsed.requirement]
    except UsageError as error:
        return wrong_usage(error)
    except KeyError:
        return wrong_usage(UsageError(f"{parsed.requirement!r} matches several requirements; explain takes one id"))
    label = {TOLERATED: "tolerated", EXCLUDED: "excluded"}.get(row.kind, "provoked")
    print(f"{row.id}  {row.level}\n  {row.sentence}\n")
    print(f"source     {row.source}")
    print(f"profiles   {', '.join(row.profiles) or 'none'}")
    print(f"{label:<9}  {row.how}")
    if row.harm:
        print(f"harm       {row.harm}: {HARM_MEANINGS[row.harm]}")
    print(f"severity   {contract.severity(row.id)}")
    for measurement in contract.impact(row.id):
        print(f"measured   {measurement.measured} ({measurement.source}), {measurement.severity}")
        for client, outcome in sorted(measurement.clients.items()):
            print(f"             {client}: {outcome}")
    return 0


def _explain_capability(name: str) -> int:
    from messages_conformance import contract
    from messages_conformance.rules.requirement_list import listed

    capability = contract.capabilities()[name]
    profiles = [contract.profile(each) for each in contract.profile_names()]
    print(f"{name}  capability of profiles\n  {capability.sentence}\n")
    promised = [each.name for each in profiles if name in each.promises]
    optional = [each.name for each in profiles if name in each.depends_on_model]
    print(f"promised by             {', '.join(promised) or 'none'}")
    print(f"depends on the model in {', '.join(optional) or 'none'}")
    if capability.read_by:
        print(f"read by                 {capability.read_by}")
    for row in listed():
        if name in row.needs:
            print(f"needed by               {row.id}  {row.level}")
    return 0
