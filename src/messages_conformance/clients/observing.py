"""What a client does with faults of the reference endpoint, scenario by scenario, and what its exchanges violate.

All faults are served at the same time, and one process of the client does the scenarios of many faults. A recorder
between them judges the exchanges of each fault apart.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from messages_conformance.clients.client_runs import (
    FAILS,
    HANGS,
    LOSS,
    NOT_COUNTED,
    OK,
    ClientResult,
    Endpoint,
    ScenarioResult,
    collect,
    judged_scenario,
)
from messages_conformance.clients.comparison import Result, changes, differences
from messages_conformance.clients.driven_target import reference_model
from messages_conformance.clients.faulty_endpoints import SIGN, FaultyEndpoints
from messages_conformance.clients.installing import Installation
from messages_conformance.clients.known_clients import Scenario, scenarios
from messages_conformance.clients.recording import Recorded, Recorder
from messages_conformance.contract import FindingForm
from messages_conformance.exchange import Exchange
from messages_conformance.reference import API_KEY, serve_endpoint
from messages_conformance.report.finding_forms import form_of

NOT_COMPARED: Final = frozenset(
    {
        *("retry", "turn_with_retry", "extraction_with_retry"),
        *("count_tokens", "abort", "ten_at_once", "long_stream", "image"),
    }
)
"""Scenarios that the table does not predict (the proxy answers them, or they use another endpoint) or that repeat
others."""

LIMIT_S: Final = 15.0
"""Longest scenario (our own: retries of the SDKs after errors take up to four seconds)."""

SLOW_LIMIT_S: Final = 75.0
"""The same for a client that is started anew in each scenario. It waits longer than 20 s for the next byte of a stream,
in each of its turns."""

TOGETHER: Final = 20
"""Faults in one process of a client (our own: their exchanges are kept until they are judged)."""

CONTROL: Final = ""
"""In the place of a fault: the plain endpoint."""

UNAFFECTED: Final = "ok"
SOME: Final = "fails_some"
NO_FORMS: Final[frozenset[FindingForm]] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Observed:
    """One scenario under one fault. `effect` is an outcome of impact.json; `forms` are those of its violations.

    `met` says that the fault had an effect on one of its requests.
    """

    scenario: str
    effect: str
    met: bool
    forms: frozenset[FindingForm] = NO_FORMS


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What a client does with one fault: the result of each scenario, and what was observed."""

    fault: str
    result: ClientResult
    scenarios: tuple[Observed, ...]


def observe(installation: Installation, names: Sequence[str], profile: str) -> Iterator[Observation]:
    """One observation for each fault that the client meets."""
    for start in range(0, len(names), TOGETHER):
        yield from _observed(installation, names[start : start + TOGETHER], profile)


def _observed(installation: Installation, names: Sequence[str], profile: str) -> Iterator[Observation]:
    endpoints = FaultyEndpoints()
    # What a client that is started anew hands over depends on its folder and on the time.
    controls = () if installation.client.slow else (CONTROL,)
    asked = [asked_under(fault, one) for fault in (*controls, *names) for one in compared_scenarios(installation)]
    with (
        serve_endpoint(endpoints.as_endpoint()) as server,
        Recorder(server.base_url, profile, keeps_scenario=True) as recorder,
    ):
        endpoint = Endpoint(
            base_url=recorder.base_url,
            model=reference_model(installation.client),
            key=API_KEY,
            limit_s=limit_s(installation),
            obedient=True,
        )
        version, results = collect(installation, asked, endpoint)
        recorded = recorder.judged(_fault_of)
    for fault in filter(endpoints.shown, names):
        met = endpoints.met(fault)
        own = [one for one in asked if _fault_of(one.name) == fault]
        seen = [
            _scenario(
                one,
                results.get(one.name, {}),
                recorded.get(one.name, Recorded()),
                met=_scenario_of(one.name) in met,
                control=results.get(CONTROL + SIGN + _scenario_of(one.name), {}),
            )
            for one in own
        ]
        result = ClientResult(
            client=installation.client, version=version, scenarios=tuple(scenario for scenario, _ in seen)
        )
        yield Observation(fault=fault, result=result, scenarios=tuple(observed for _, observed in seen))


def compared_scenarios(installation: Installation) -> Iterator[Scenario]:
    """The scenarios of a client that the table of clients predicts."""
    for name in (*installation.client.scenarios, *installation.client.compared):
        if name not in NOT_COMPARED:
            yield scenarios()[name]


def limit_s(installation: Installation) -> float:
    """The longest scenario of a client."""
    return SLOW_LIMIT_S if installation.client.slow else LIMIT_S


def asked_under(fault: str, scenario: Scenario) -> Scenario:
    """The scenario with the fault in its name, which is in the path of its requests."""
    return replace(scenario, name=f"{fault}{SIGN}{scenario.name}")


def _fault_of(name: str) -> str:
    return name.partition(SIGN)[0]


def _scenario_of(name: str) -> str:
    return name.partition(SIGN)[2]


def _scenario(
    scenario: Scenario, result: Result, recorded: Recorded, *, met: bool, control: Result
) -> tuple[ScenarioResult, Observed]:
    judged = replace(judged_scenario(scenario, result, obedient=True), scenario=_scenario_of(scenario.name))
    wrong = differences(scenario, result or {"error": "no result"})
    changed = changes(result, control) if control and met and not wrong else {}
    if changed:
        wrong = changed
        lost = FAILS if "calls" in changed and judged.core else LOSS
        judged = replace(judged, outcome=lost, detail="; ".join(changed.values()))
    if not met and judged.outcome != OK:  # not because of the fault: this machine is slow
        judged = replace(judged, outcome=NOT_COUNTED)
    effect = effect_of(judged, wrong, result)
    return judged, Observed(scenario=judged.scenario, effect=effect, met=met, forms=forms_of(recorded))


def forms_of(recorded: Recorded) -> frozenset[FindingForm]:
    """The forms of everything that the exchanges violate."""
    by_number: Mapping[int, Exchange] = {exchange.number: exchange for exchange in recorded.exchanges}
    return frozenset(form_of(finding, by_number.get(finding.exchange)) for finding in recorded.findings)


def effect_of(judged: ScenarioResult, wrong: Mapping[str, str], result: Result) -> str:
    """The outcome of impact.json for what a scenario ended with. What is not core stops no client."""
    found = _effect(judged, wrong, result)
    if found in (UNAFFECTED, "silent_usage", "silent_stop_reason"):
        return found
    return found if judged.core and judged.outcome != LOSS else SOME


def _effect(judged: ScenarioResult, wrong: Mapping[str, str], result: Result) -> str:
    if not wrong:
        return UNAFFECTED
    if judged.outcome == HANGS:
        return "hang"
    if "error" in wrong and result.get("error"):
        return "crash" if hasattr(builtins, str(result["error"])) else "error"
    if {"calls", "results"} & set(wrong):
        return "silent_tool"
    if {"text", "final", "parsed", "values", "thinking"} & set(wrong):
        return "silent_text"
    if "stop_reason" in wrong:
        return "silent_tool" if judged.outcome == "fails" else "silent_stop_reason"
    return "silent_usage" if "usage" in wrong else SOME
