"""Runs a client through its scenarios: one process for all, a new one after a scenario that hangs or ends it.

The driver prints a line for each scenario that has ended. A scenario without one within its limit hangs: all processes
of the client are killed, and the next process begins with the scenario after it.
"""

from __future__ import annotations

import json
import os
import queue
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from messages_conformance.clients.comparison import Result, by_the_model, differences, only_loss
from messages_conformance.clients.installing import Installation
from messages_conformance.clients.known_clients import KnownClient, Scenario
from messages_conformance.clients.processes import Program
from messages_conformance.clients.recording import Recorded, Recorder
from messages_conformance.masking import masked
from messages_conformance.rules.catalogue import BREAKS, CATALOGUE, LEAKS, LOSES

SIGN: Final = b"\x1e"
"""Begins the lines of a driver."""

STARTUP_S: Final = 120.0
"""Longest wait until a driver has loaded its client (our own)."""

OK: Final = "ok"
FAILS: Final = "fails"
LOSS: Final = "loss"
HANGS: Final = "hangs"
NOT_COUNTED: Final = "not counted"
NOT_PROVOKED: Final = "not provoked"
OUTCOMES: Final = (OK, LOSS, FAILS, HANGS, NOT_COUNTED, NOT_PROVOKED)

REFUSED: Final = 400
"""The status with which a target refuses what its model cannot do."""

LOSE_CONTENT: Final = frozenset({BREAKS, LEAKS, LOSES})
"""Harms of violations after which an application may get other content."""

NOTHING_RECORDED: Final = Recorded()

HUNG: Final = "hung"
NOT_TRIED: Final = "not tried"
GIVES_UP_AFTER: Final = 3
"""If this many scenarios in a row hang, the others are not run (our own): each takes its whole time limit."""

ENDED: Final = "ended"
UNSEEN: Final = "no result"


@dataclass(frozen=True, kw_only=True)
class ScenarioResult:
    """What a client made of one scenario. `violated` are the requirements that its exchanges violate, MUSTs first."""

    scenario: str
    core: bool
    outcome: str
    detail: str = ""
    violated: tuple[str, ...] = ()
    requests: int = 0


@dataclass(frozen=True, kw_only=True)
class ClientResult:
    """All scenarios of a client, or `not_run`: why there are none."""

    client: KnownClient
    version: str = ""
    scenarios: tuple[ScenarioResult, ...] = ()
    not_run: str = ""

    @property
    def failed(self) -> tuple[ScenarioResult, ...]:
        """The scenarios in which the application did not get what it expects."""
        return tuple(one for one in self.scenarios if one.outcome in (FAILS, HANGS, LOSS))

    @property
    def status(self) -> str:
        """`fails` when a core scenario fails, `loss` when anything else is wrong, else `ok`; empty when nothing ran."""
        counted = [one for one in self.scenarios if one.outcome in (OK, FAILS, HANGS, LOSS)]
        if not counted:
            return ""
        if any(one.core and one.outcome in (FAILS, HANGS) for one in counted):
            return FAILS
        return LOSS if self.failed else OK


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """The endpoint that a client talks to. `{scenario}` in its address is replaced by the name of the scenario.

    `obedient` says that the model does what a scenario asks: then a missing call is no choice of the model.
    """

    base_url: str
    model: str
    key: str = field(repr=False)
    limit_s: float
    obedient: bool = False


@dataclass(kw_only=True)
class _Answers:
    """What the drivers of one client printed so far."""

    version: str = ""
    results: dict[str, Result] = field(default_factory=dict)


def run_client(
    installation: Installation, asked: Sequence[Scenario], endpoint: Endpoint, recorder: Recorder
) -> ClientResult:
    """Runs the scenarios through the recorder and judges their exchanges."""
    recorder.forget()
    version, results = collect(installation, asked, endpoint, gives_up=True)
    recorded = recorder.judged()
    judged = [
        judged_scenario(one, results.get(one.name, {}), recorded.get(one.name, Recorded()), obedient=endpoint.obedient)
        for one in asked
    ]
    return ClientResult(client=installation.client, version=version, scenarios=tuple(judged))


def collect(
    installation: Installation, asked: Sequence[Scenario], endpoint: Endpoint, *, gives_up: bool = False
) -> tuple[str, Mapping[str, Result]]:
    """Runs the scenarios; returns the version of the client, and what it handed to the application in each.

    With `gives_up`, the scenarios after GIVES_UP_AFTER that hang in a row are not tried.
    """
    answers = _Answers()
    pending = list(asked)
    while pending:
        done = _run_process(installation, pending, endpoint, answers)
        pending = pending[done + 1 :]
        if not answers.version:  # the client cannot be started at all
            first = answers.results[asked[0].name]
            return "", dict.fromkeys((one.name for one in asked), first)
        if gives_up and _all_hang(asked[: len(asked) - len(pending)], answers.results):
            skipped = {"error": NOT_TRIED, "message": f"the {GIVES_UP_AFTER} scenarios before hang"}
            answers.results |= dict.fromkeys((one.name for one in pending), skipped)
            pending = []
    return answers.version, answers.results


def _all_hang(done: Sequence[Scenario], results: Mapping[str, Result]) -> bool:
    """Whether the last scenarios all hang."""
    last = [results[one.name].get("error") == HUNG for one in done[-GIVES_UP_AFTER:]]
    return len(last) == GIVES_UP_AFTER and all(last)


def _run_process(installation: Installation, pending: Sequence[Scenario], endpoint: Endpoint, answers: _Answers) -> int:
    """Runs one process until it ends or hangs; returns the number of scenarios that have a result in order."""
    lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
    program = Program(
        installation.words(_argument(pending, endpoint)),
        env=_environment(endpoint.key),
        on_line=lambda line: _read(line, lines),
        on_end=lambda: lines.put(None),
    )
    done = 0
    limit_s = STARTUP_S
    try:
        while done < len(pending):
            line = lines.get(timeout=limit_s)
            if line is None:
                break
            limit_s = endpoint.limit_s
            if "ready" in line:
                answers.version = str(line["ready"])
            elif line.get("scenario") == pending[done].name and isinstance(line.get("result"), dict):
                answers.results[pending[done].name] = line["result"]
                done += 1
    except queue.Empty:
        answers.results[pending[done].name] = {"error": HUNG, "message": f"no result within {limit_s:g} s"}
        return done
    finally:
        program.kill()
    if done < len(pending):
        answers.results[pending[done].name] = {"error": ENDED, "message": f"the client ended: {program.last_words}"}
    return done


def _argument(pending: Sequence[Scenario], endpoint: Endpoint) -> str:
    return json.dumps(
        {
            "base_url": endpoint.base_url,
            "model": endpoint.model,
            "scenarios": {scenario.name: dict(scenario.ask) for scenario in pending},
        }
    )


def _environment(key: str) -> Mapping[str, str]:
    """Ours without what the clients read from it, such as a key or a proxy before the loopback."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ANTHROPIC_", "CLAUDE", "MESSAGES_"))
        and name.lower() not in ("http_proxy", "all_proxy")
    }
    return {**kept, "CLIENT_KEY": key, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def _read(line: bytes, lines: queue.SimpleQueue[dict[str, Any] | None]) -> None:
    """Passes on the lines of a driver, not those that its client prints."""
    _, sign, text = line.rpartition(SIGN)
    if not sign:
        return
    try:
        found = json.loads(text)
    except ValueError:
        return
    if isinstance(found, dict):
        lines.put(found)


# -- judging ---------------------------------------------------------------------------------------------------------


def judged_scenario(
    scenario: Scenario, result: Result, recorded: Recorded = NOTHING_RECORDED, *, obedient: bool
) -> ScenarioResult:
    """Compares what the application got with what the scenario expects."""
    wrong = differences(scenario, result or {"error": UNSEEN, "message": "the client gave no result"})
    refused = scenario.optional and result.get("status") == REFUSED
    excused = not obedient and not explains(recorded.violated) and (refused or by_the_model(wrong))
    return ScenarioResult(
        scenario=scenario.name,
        core=scenario.core,
        outcome=NOT_PROVOKED if excused else _outcome(scenario, result, wrong),
        detail=masked("; ".join(wrong.values())),
        violated=recorded.violated,
        requests=len(recorded.exchanges),
    )


def explains(violated: Iterable[str]) -> bool:
    """Whether a violated requirement can be why an application gets other content than it asked for.

    A missing id of the request or a wrong count cannot: then the model did something else.
    """
    return any(CATALOGUE[name].harm in LOSE_CONTENT for name in violated if name in CATALOGUE)


def _outcome(scenario: Scenario, result: Result, wrong: Mapping[str, str]) -> str:
    if not wrong:
        return OK
    if result.get("error") == NOT_TRIED:
        return NOT_COUNTED
    if result.get("error") == HUNG:
        return HANGS
    return LOSS if only_loss(scenario, wrong) else FAILS


def without_control_failures(result: ClientResult, control: ClientResult) -> ClientResult:
    """The result; a scenario that fails against the reference endpoint, too, counts for nobody."""
    failing = {one.scenario: one.detail for one in control.failed}
    made = [
        ScenarioResult(
            scenario=one.scenario,
            core=one.core,
            outcome=NOT_COUNTED,
            detail=f"it fails with the reference endpoint, too: {failing[one.scenario]}",
            violated=one.violated,
            requests=one.requests,
        )
        if one.scenario in failing
        else one
        for one in result.scenarios
    ]
    return ClientResult(client=result.client, version=result.version, scenarios=tuple(made), not_run=result.not_run)
