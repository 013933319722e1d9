"""What clients did with forms of violations: observed by running them, in the section `observed` of impact.json.

`python -m messages_conformance.clients.measuring` makes the section anew. Each row is one form of a violation. It has
the faults of the reference endpoint with this form, and the worst effect of each fault on each client in scenarios with
the form.

A fault often has several violations, and an effect is that of one of them. So the effect of a form is the smallest one
among the faults that had it. If a client once noticed nothing, this form alone does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from messages_conformance.contract.finding_forms import FindingForm, near_forms, same_form
from messages_conformance.contract.impacts import impact_data, is_failure

WORST_LAST: Final = (
    "ok",
    "silent_usage",
    "silent_stop_reason",
    "fails_some",
    "silent_text",
    "silent_tool",
    "error",
    "crash",
    "hang",
)
"""The effects that are observed, the worst last."""

LOST: Final = frozenset({"silent_text", "silent_tool"})
"""Effects after which a client goes on without a part of the answer: it does not work."""


@dataclass(frozen=True, kw_only=True)
class ObservedForm:
    """One form, and fault -> short name of the client -> effect, as a name of `outcomes`."""

    form: FindingForm
    effects: Mapping[str, Mapping[str, str]]


@cache
def observed_forms() -> tuple[ObservedForm, ...]:
    """Every form that was observed."""
    rows = impact_data().get("observed", {}).get("forms", ())
    return tuple(_row(row) for row in rows)


def observed_clients() -> Mapping[str, str]:
    """Short name -> client with its version, of the clients that were observed."""
    found: Mapping[str, str] = impact_data().get("observed", {}).get("clients", {})
    return found


def stops(effect: str) -> bool:
    """Whether a client with this effect does not work."""
    return effect in LOST or is_failure(impact_data()["outcomes"][effect])


def observed_effect(form: FindingForm, *, client: str, without: str = "") -> str | None:
    """The effect of a form on a client (its short name), if this form was observed.

    `without` is a fault that is left out: so it is predicted from the others.
    """
    return worst(same_form(form, _known(client, without).get(form.requirement, {})))


def near_effect(form: FindingForm, *, client: str, without: str = "") -> str | None:
    """The worst effect of other forms of the same requirement; None if none was observed."""
    return worst(near_forms(form, _known(client, without).get(form.requirement, {})))


def worst(effects: Iterable[str]) -> str | None:
    """The worst of some effects; None if there are none."""
    return max(effects, key=WORST_LAST.index, default=None)


def outcome_words(effect: str) -> str:
    """The effect in words, such as `crashes`."""
    words: str = impact_data()["outcomes"][effect]
    return words


@cache
def _known(client: str, without: str) -> Mapping[str, Mapping[FindingForm, str]]:
    """Requirement -> form -> the least effect on the client."""
    known: dict[str, dict[FindingForm, str]] = {}
    for row in observed_forms():
        found = [effects[client] for fault, effects in row.effects.items() if fault != without and client in effects]
        if found:
            known.setdefault(row.form.requirement, {})[row.form] = min(found, key=WORST_LAST.index)
    return MappingProxyType(known)


def _row(row: Mapping[str, Any]) -> ObservedForm:
    form = FindingForm(
        requirement=row["requirement"],
        streamed=row["streamed"],
        tools=row["tools"],
        place=row["place"],
        found=row["found"],
    )
    return ObservedForm(form=form, effects=row["faults"])
