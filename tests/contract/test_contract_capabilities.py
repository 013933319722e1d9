"""Each capability is read: a target without it passes under a profile that does not promise it, and only there."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from messages_conformance import contract
from messages_conformance.contract import Capability, Profile
from messages_conformance.contract.probes import probes
from messages_conformance.exchange import ACCEPTED, Ask
from messages_conformance.generate.features import NEEDED
from messages_conformance.generate.requests import FIELD_NEEDS, SMALL, requests
from messages_conformance.generate.seeds import seeded
from messages_conformance.proof import MODEL, run, suite_requests
from messages_conformance.reference import Fault, faults
from messages_conformance.rules import CATALOGUE, FAIL, NOT_APPLICABLE, PASS, WARN

PROFILES = ("anthropic-2023-06-01", "anthropic-2026-10-21", "tokmodel", "claude-code")

WITHOUT_FAULT = {
    "search-results": "faults of search results are found by deep runs, or beside other requests",
    "small-limits": "no requirement needs it; the requests that need it are tested below",
    "provider-prefixed-model": "a run stops if the target refuses the model that the user gave",
}
"""Capabilities that no fault can show, each with the reason."""

FAULTS = {
    "count-tokens": "count_tokens_in_string",
    "documents": "drop_documents",
    "images": "drop_images",
    "models": "date_models_by_unix_time",
    "prefill": "repeat_prefill",
    "system": "refuse_system_string",
    "system-blocks": "serve_images_in_system",
    "thinking": "bill_thinking_although_disabled",
    "tools": "capitalise_tool_names",
}
"""Faults that a run of few requests shows; any other capability is tested with the first fault of all."""

CLIENTS = frozenset({"claude-code", "sdk-base-url"})
"""Capabilities to accept the requests of certain clients, with every field in them."""

DOCS = Path(__file__).parents[2] / "docs" / "write-a-profile.md"

GENERATED = 60
"""So many generated requests hold every kind of block at least once."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A fault that breaks a requirement that needs the capability, under a profile that offers it."""

    capability: str
    profile: str
    fault: str
    broken: frozenset[str]
    """Everything that the fault breaks under the profile."""

    @property
    def needing(self) -> frozenset[str]:
        return self.broken & _needing(self.capability)


CONTROLLED = {name for name, probe in probes().items() if probe.controlled}
"""Requirements that need more requests than their own: they are not verified in a run of theirs alone."""


def _needing(capability: str) -> frozenset[str]:
    return frozenset(name for name, row in CATALOGUE.items() if capability in row.needs and name not in CONTROLLED)


def _broken(fault: Fault, profile: Profile) -> frozenset[str]:
    named = fault.trips_tokmodel if profile.family == "tokmodel" else fault.trips
    return frozenset(name for name in named if name in CATALOGUE and not CATALOGUE[name].inapplicable(profile))


def _cases(capability: str) -> Iterator[Case]:
    """Every fault that shows the capability in memory and without generated requests."""
    for name in PROFILES:
        profile = contract.profile(name)
        for fault in faults().values() if capability in profile.offers else ():
            broken = _broken(fault, profile)
            shows = not (fault.needs_socket or fault.statement or fault.undetectable or fault.timing_only)
            if shows and fault.depth != "deep" and broken & _needing(capability):
                yield Case(capability=capability, profile=name, fault=fault.name, broken=broken)


def _case(capability: str) -> Case:
    """The fault in FAULTS, else the one that breaks the fewest other requirements."""
    cases = [case for case in _cases(capability) if FAULTS.get(capability, case.fault) == case.fault]
    found = sorted(cases, key=lambda case: (len(case.broken - case.needing), len(case.broken), case.fault))
    assert found, f"{capability}: write a fault of a requirement that needs it, or its reason into WITHOUT_FAULT"
    return found[0]


def _written(path: Path, profile: Profile, *, promises: frozenset[str], dependent: frozenset[str]) -> str:
    path.write_text(
        f'extends = "{profile.name}"\npromises = {sorted(promises)}\ndepends_on_model = {sorted(dependent)}\n'
    )
    contract.profile.cache_clear()
    return str(path)


def _with_and_without(folder: Path, base: str, capability: str) -> tuple[str, str]:
    """The paths of two profiles: one promises the capability of every model, the other does not offer it."""
    profile = contract.profile(base)
    promises, dependent = profile.promises - {capability}, profile.depends_on_model - {capability}
    return (
        _written(folder / "with.toml", profile, promises=promises | {capability}, dependent=dependent),
        _written(folder / "without.toml", profile, promises=promises, dependent=dependent),
    )


def _findings(target: str, profile: str, only: frozenset[str]) -> dict[str, str]:
    """The outcome of each requirement in a run that sends only what these requirements need."""
    _, report = run(target, profile, model=MODEL, only=tuple(sorted(only)), generated=0)
    assert report.statement is None
    # What a cause explains was found, too.
    return {verdict.requirement: FAIL if verdict.explained else verdict.outcome for verdict in report.verdicts}


SHOWN = sorted(set(contract.capabilities()) - set(WITHOUT_FAULT))
QUICK = set(SHOWN[::6])
"""The default run tries these capabilities, and CI all."""


@pytest.mark.parametrize(
    "capability", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in SHOWN]
)
def test_a_fault_fails_only_with_the_capability(tmp_path: Path, capability: str) -> None:
    case = _case(capability)
    promising, silent = _with_and_without(tmp_path, case.profile, capability)
    target = f"reference:{case.fault},transport=memory"
    found = _findings(target, promising, case.broken)
    assert {found[name] for name in case.needing} <= {FAIL, WARN}
    found = _findings(target, silent, case.broken)
    assert {found[name] for name in case.needing} == {NOT_APPLICABLE}


def test_a_small_limit_is_sent_only_with_the_capability(tmp_path: Path) -> None:
    promising, silent = _with_and_without(tmp_path, "tokmodel", "small-limits")
    target, answered = "reference:variant=least_limit,transport=memory", "transport.path.post-messages"
    assert _findings(target, promising, frozenset({answered})) == {answered: FAIL}
    assert _findings(target, silent, frozenset({answered})) == {answered: PASS}


def test_a_search_result_is_generated_only_with_the_capability(tmp_path: Path) -> None:
    paths = _with_and_without(tmp_path, "anthropic-2023-06-01", "search-results")
    held = [
        any('"search_result"' in json.dumps(generate(str(number))) for number in range(GENERATED))
        for generate in (seeded(requests(contract.profile(path), size=SMALL)) for path in paths)
    ]
    assert held == [True, False]


@pytest.mark.parametrize("capability", contract.capabilities().values(), ids=lambda row: row.name)
def test_each_capability_has_its_readers_and_its_sentence(capability: Capability) -> None:
    assert bool(_needing(capability.name)) != bool(capability.read_by)
    assert re.fullmatch(r"[^a-z]?[A-Z`].*\.", capability.sentence)
    assert any(capability.name in contract.profile(name).offers for name in PROFILES)


def test_every_name_in_use_is_a_capability() -> None:
    names = {name for row in CATALOGUE.values() for name in (*row.needs, row.capability, row.replaced_by) if name}
    names |= {name for ask in suite_requests() for name in (*ask.needs, getattr(ask, "capability", None)) if name}
    names |= {*FIELD_NEEDS.values(), *NEEDED.values()}
    assert names <= set(contract.capabilities())


def _used(body: Mapping[str, Any]) -> set[str]:
    """The capabilities of the fields of a body."""
    used = {FIELD_NEEDS[name] for name, value in body.items() if name in FIELD_NEEDS and value is not False}
    return used - {"system"} | {"system-blocks"} if isinstance(body.get("system"), list) else used


@pytest.mark.parametrize(
    "ask",
    [
        ask
        for ask in suite_requests()
        if isinstance(ask, Ask) and isinstance(ask.body, Mapping) and not ask.needs & CLIENTS
    ],
    ids=lambda ask: ask.situation,
)
def test_a_valid_request_needs_the_capabilities_of_its_fields(ask: Ask) -> None:
    # Every request has text.
    missing = _used(ask.body) - {"text"} - ask.needs if isinstance(ask.body, Mapping) else set()
    assert ask.expect != ACCEPTED or not missing, f"{ask.situation}: add needs={sorted(missing)}"


def test_the_documentation_has_every_capability() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", DOCS.read_text("utf-8").partition("## Capabilities")[2], re.M)
    assert rows == [(row.name, row.sentence) for row in contract.capabilities().values()]
