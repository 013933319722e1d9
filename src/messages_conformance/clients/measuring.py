"""Makes the section `observed` of contract/impact.json anew, from runs of clients against faults.

    python -m messages_conformance.clients.measuring [--client NAME ...] [--fault NAME ...] [--more N] [--cache FOLDER]

Faults that are measured again replace what was observed with them; the others are kept. Sometimes the exchanges of the
client do not explain the effect of a fault, such as a refused request. Then the suites run against the fault, too, and
the effect belongs to everything that they find. So it is with a fault that no exchange of the client shows.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from messages_conformance import contract, resources
from messages_conformance.clients.installing import Installation, NotInstalled, default_cache, installed
from messages_conformance.clients.known_clients import chosen_clients
from messages_conformance.clients.observing import UNAFFECTED, Observation, observe
from messages_conformance.clients.predictions import checked_faults, default_faults, report_of
from messages_conformance.contract import FindingForm
from messages_conformance.contract.impacts import client_names
from messages_conformance.contract.observed_effects import WORST_LAST
from messages_conformance.live import DEFAULT_PROFILE

FILE: Final = "contract/impact.json"
VALUES: Final = re.compile(r"/(input|text|thinking|partial_json)(/|$)")
"""Places of values of which the scenarios see a part: a client that seems to be unaffected can have lost the rest."""

Rows = dict[FindingForm, dict[str, dict[str, str]]]
"""Form -> fault -> short name of the client -> effect."""

FormsOf = Callable[[str, str], frozenset[FindingForm]]
"""(fault, profile) -> the forms of everything that the suites find."""


def forms_of_suites(fault: str, profile: str) -> frozenset[FindingForm]:
    """The forms of everything that a run of the suites finds."""
    report = report_of(fault, profile)
    return frozenset(report.form_of(finding) for verdict in report.verdicts for finding in verdict.findings)


def effects_by_form(seen: Observation, *, more: Callable[[], frozenset[FindingForm]]) -> Mapping[FindingForm, str]:
    """The worst effect of a fault in the scenarios with each form; `more` has the forms of the suites."""
    found: dict[FindingForm, str] = {}
    for one in seen.scenarios:
        for form in one.forms:
            found[form] = _worst(found.get(form, UNAFFECTED), one.effect)
    effect = _worst(*(one.effect for one in seen.scenarios if one.met))
    if _class(effect) != _class(_worst(*found.values())):
        found |= dict.fromkeys(more() - found.keys(), effect)
    elif not found:
        found |= dict.fromkeys((form for form in more() if not VALUES.search(form.place)), effect)
    return found


def _class(effect: str) -> tuple[bool, bool]:
    """Effects with the same one are the same status in the table of clients."""
    return effect != UNAFFECTED, contract.stops(effect)


def _worst(*effects: str) -> str:
    return max(effects, key=WORST_LAST.index, default=UNAFFECTED)


def measure(installation: Installation, names: Sequence[str], rows: Rows, *, suites: FormsOf = forms_of_suites) -> str:
    """Adds what the client does with each fault to the rows; returns its version, or nothing if it met no fault."""
    client = installation.client
    profile = contract.client_uses()[client_names()[client.measured]].profile or DEFAULT_PROFILE
    for faults in rows.values():
        for name in names:
            faults.get(name, {}).pop(client.measured, None)
    version = ""
    for seen in observe(installation, names, profile):
        version = seen.result.version or version
        found = effects_by_form(seen, more=lambda fault=seen.fault: suites(fault, profile))  # type: ignore[misc]
        for form, effect in found.items():
            rows.setdefault(form, {}).setdefault(seen.fault, {})[client.measured] = effect
        print(f"{seen.fault}: {client.title}: {_worst(*found.values())}", flush=True)
    return version


def read(data: Mapping[str, Any]) -> Rows:
    """The rows of the file."""
    rows: Rows = {}
    for row in data.get("observed", {}).get("forms", ()):
        form = FindingForm(**{name: row[name] for name in FIELDS})
        rows[form] = {fault: dict(effects) for fault, effects in row["faults"].items()}
    return rows


FIELDS: Final = ("requirement", "streamed", "tools", "place", "found")


def observed(rows: Rows, clients: Mapping[str, str], *, day: str) -> dict[str, Any]:
    """The section `observed` of the file."""
    forms = [
        {name: getattr(form, name) for name in FIELDS} | {"faults": kept}
        for form, faults in rows.items()
        if (kept := {fault: dict(sorted(effects.items())) for fault, effects in sorted(faults.items()) if effects})
    ]
    forms.sort(key=lambda row: json.dumps([row[name] for name in FIELDS]))
    return {"day": day, "clients": dict(clients), "forms": forms}


def text_of(data: Mapping[str, Any]) -> str:
    """The file: one line for each row."""
    parts = [f"  {json.dumps(name)}: {_value(name, value)}" for name, value in data.items()]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _value(name: str, value: Any) -> str:
    if name == "requirements":
        return _object((key, _array(rows, "      ", "    ")) for key, rows in value.items())
    if name == "observed":
        return _object(
            (key, _array(part, "      ", "    ") if key == "forms" else json.dumps(part, ensure_ascii=False))
            for key, part in value.items()
        )
    if isinstance(value, dict):
        return _object((key, json.dumps(part, ensure_ascii=False)) for key, part in value.items())
    return json.dumps(value, ensure_ascii=False)


def _object(parts: Iterable[tuple[str, str]]) -> str:
    return "{\n" + ",\n".join(f"    {json.dumps(key)}: {text}" for key, text in parts) + "\n  }"


def _array(rows: Iterable[Any], indent: str, end: str) -> str:
    return "[\n" + ",\n".join(indent + json.dumps(row, ensure_ascii=False) for row in rows) + f"\n{end}]"


def _installations(names: Sequence[str], cache: Path) -> Iterator[Installation]:
    for client in chosen_clients(names):
        if client.measured:
            try:
                yield installed(client, cache)
            except NotInstalled as error:
                print(f"{client.title}: not run: {error}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and writes the file, after each client."""
    parser = argparse.ArgumentParser(prog="measuring", allow_abbrev=False)
    parser.add_argument("--client", action="append", default=[])
    parser.add_argument("--fault", action="append", default=[])
    parser.add_argument("--more", type=int, default=60)
    parser.add_argument("--cache", type=Path, default=default_cache())
    parsed = parser.parse_args(arguments)
    names = checked_faults(parsed.fault) if parsed.fault else default_faults(parsed.more)
    path = Path(str(resources.path(FILE)))
    for installation in _installations(parsed.client, parsed.cache):
        data = json.loads(path.read_text("utf-8"))
        rows, clients = read(data), dict(data.get("observed", {}).get("clients", {}))
        version = measure(installation, names, rows)
        if version:
            clients[installation.client.measured] = f"{installation.client.title} {version}"
        day = datetime.datetime.now(datetime.UTC).date().isoformat()
        path.write_text(text_of(data | {"observed": observed(rows, clients, day=day)}), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
