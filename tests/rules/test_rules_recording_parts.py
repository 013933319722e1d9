"""Every rule declares which parts of a recording it reads, and is not asked about exchanges that lack one of them."""

import importlib
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from builders import answered, home, numbered, refused, streamed, verdicts
from stream_frames import FULL, HELLO

from messages_conformance.contract import profile
from messages_conformance.exchange import (
    REFUSED,
    TIMEOUT,
    Chunk,
    Exchange,
    RecordingPart,
    Request,
    Response,
    StreamEvent,
)
from messages_conformance.proof import MODEL
from messages_conformance.proof import run as run_suites
from messages_conformance.rules import CATALOGUE, FAIL, NOT_VERIFIED, PASS, Judge, Requirement
from messages_conformance.rules.accessors import ids
from messages_conformance.rules.judge import odd
from messages_conformance.rules.recording_parts import (
    CHUNK_BORDERS,
    IDS,
    MAX_OBSERVER_LAG_S,
    PROBES,
    RAW_BODY,
    REQUEST,
    RESPONSE_HEADERS,
    TIMES,
    lacking,
    reason_for,
)
from messages_conformance.stream import logical_events, walk
from messages_conformance.wire import WireEvent

ALL_PARTS = frozenset(RecordingPart)
INVALID = {"expect": REFUSED, "probes": ("request.x",)}

Run = list[Exchange]

FIELDS: dict[RecordingPart, tuple[tuple[type, str], ...]] = {
    TIMES: (
        (Response, "headers_at_s"),
        (Response, "ended_at_s"),
        (Chunk, "at_s"),
        (StreamEvent, "at_s"),
        (Exchange, "started_s"),
        (Exchange, "observer_lag_s"),
    ),
    CHUNK_BORDERS: ((Response, "chunks"), (Response, "decoded_chunks"), (StreamEvent, "at_s")),
    RAW_BODY: (
        (Response, "body"),
        (Response, "framing"),
        (Response, "mislabelled"),
        (WireEvent, "names"),
        (WireEvent, "name"),
        (WireEvent, "dispatched"),
        (StreamEvent, "name"),
    ),
    RESPONSE_HEADERS: (
        (Response, "headers"),
        (Response, "header"),
        (Response, "media_type"),
        (Response, "mislabelled"),
    ),
    REQUEST: tuple(
        (Request, name)
        for name in ("method", "path", "headers", "body", "json", "fields", "route", "header", "identity", "wire")
    ),
    IDS: ((type(ids), "of"),),
    PROBES: tuple((Exchange, name) for name in ("probes", "expect", "statuses", "situations")),
}
"""What nobody may read of an exchange that lacks a part."""


class Undeclared(Exception):
    """A rule read a part that it does not declare."""


def _raises(part: RecordingPart) -> property:
    def read(_: object) -> Any:
        raise Undeclared(part)

    return property(read)


@contextmanager
def poisoned(parts: frozenset[RecordingPart]) -> Iterator[None]:
    """Makes every read of these parts raise Undeclared."""
    with pytest.MonkeyPatch.context() as patch:
        for part in sorted(parts):
            for owner, name in FIELDS[part]:
                patch.setattr(owner, name, _raises(part), raising=False)
        yield


def read_once(exchange: Exchange) -> Exchange:
    """The exchange after everything was derived from it that a source without raw bytes and headers also provides."""
    response = exchange.response
    _ = exchange.creates_message, exchange.request.streamed, exchange.succeeded
    if response is not None:
        _ = response.text, response.json, response.is_event_stream, response.mislabelled
        for event in (*response.events, *logical_events(response), *walk(response).events):
            _ = event.type, event.data
    return exchange


@cache
def sampled() -> dict[str, list[Run]]:
    """The runs of the tables of this folder, by requirement: those that violate it and those that do not."""
    modules = [importlib.import_module(path.stem) for path in sorted(Path(__file__).parent.glob("test_rules_*.py"))]
    tables = [getattr(module, "TABLE", getattr(module, "ROWS", {})) for module in modules]
    return {name: [*runs_of(bad), *runs_of(good)] for table in tables for name, (bad, good) in table.items()}


def runs_of(cell: Any) -> list[Run]:
    """A cell of a table has one run, or several."""
    return [cell] if all(isinstance(item, Exchange) for item in cell) else [run for run in cell if run]


@cache
def reads_nothing_of(exchange: Exchange, undeclared: frozenset[RecordingPart]) -> Exchange:
    """The exchange as a source without these parts records it."""
    return read_once(replace(read_once(exchange), lacks=undeclared))


@cache
def recorded() -> list[Exchange]:
    """A run of all suites against the reference endpoint in memory."""
    _, report = run_suites("reference:transport=memory", "anthropic-2023-06-01", model=MODEL)
    return [exchange for exchange in report.exchanges.values() if not odd(exchange)]


def first_undeclared(requirement: Requirement, runs: list[Run], declared: frozenset[RecordingPart]) -> Any:
    """The first part that a rule reads without declaring it; None if there is none."""
    undeclared = ALL_PARTS - declared
    seen = [[reads_nothing_of(exchange, undeclared) for exchange in run] for run in runs]
    try:
        with poisoned(undeclared):
            for run in seen:
                judge(requirement, run)
    except Undeclared as error:
        return error.args[0]
    return None


def judge(requirement: Requirement, run: Run) -> None:
    """Asks the rule about the whole run, or about each exchange that it applies to."""
    if requirement.over == "run":
        list(requirement.judge(tuple(run)))
        return
    for exchange in run:
        if requirement.applies(exchange):
            list(requirement.judge(exchange))


def needed(requirement: Requirement, runs: list[Run]) -> frozenset[RecordingPart]:
    """Every part that a rule reads."""
    declared: frozenset[RecordingPart] = frozenset()
    while (part := first_undeclared(requirement, runs, declared)) is not None:
        declared |= {part}
    return declared


def under_its_profile(requirement: str) -> Requirement:
    """The requirement as a profile has it that asks for it."""
    return Judge(profile(home(requirement))).catalogue[requirement]


def samples(requirement: Requirement) -> list[Run]:
    """Runs to show a rule: its own rows, and whole runs against the reference endpoint."""
    own, others = sampled().get(requirement.id, []), [run for runs in sampled().values() for run in runs]
    return [*own, recorded(), OTHERS, *(others if requirement.over == "exchange" else mixed())]


@cache
def mixed() -> list[Run]:
    """Runs over all topics: the rows of all requirements, in slices that share a name's first part."""
    topics: dict[str, Run] = {}
    for name, runs in sampled().items():
        topics.setdefault(name.split(".")[0], []).extend(exchange for run in runs for exchange in run)
    return [[exchange for exchange in run if not odd(exchange)] for run in topics.values()]


OTHERS = [
    answered(),
    streamed(),
    streamed(FULL),
    *(refused(status, **INVALID) for status in (400, 404, 413, 415, 429, 500)),
    refused(500, b"oops"),
    answered(http={"status": 307}),
    streamed(HELLO[:4], http={"ending": TIMEOUT, "detail": "time ran out"}),
    answered({"content": [], "usage": {"input_tokens": 10, "output_tokens": 40}}),
    refused(429, {"error": {"type": "rate_limit_error", "message": "m"}}),
]


ORDINARY = [name for name, rule in CATALOGUE.items() if rule.topic != "gateway"]
"""Without the requirements about gateways: their records are always whole, because both sides are ours."""


@pytest.mark.parametrize("requirement", ORDINARY)
def test_a_rule_declares_every_part_that_it_reads(requirement: str) -> None:
    rule = under_its_profile(requirement)
    part = first_undeclared(rule, samples(rule), rule.reads)
    if part is not None:
        where = f"{Path(inspect.getsourcefile(CATALOGUE[requirement].judge) or '').name}"
        pytest.fail(f'rules/{where}: add {part.name} to reads={{...}} of @rule("{requirement}", ...)')


@pytest.mark.parametrize(
    "requirement", [name for name in ORDINARY if CATALOGUE[name].reads and not CATALOGUE[name].probed]
)
def test_a_rule_reads_every_part_that_it_declares(requirement: str) -> None:
    rule = under_its_profile(requirement)
    assert needed(rule, samples(rule)) == rule.reads


def test_a_probe_is_judged_with_its_expectation_only() -> None:
    # Whether a header that the user added may be a credential is read from the request.
    read = {rule.reads for rule in CATALOGUE.values() if rule.probed and "auth" not in rule.id.split(".")}
    assert read == {frozenset({PROBES})}


# -- what a verdict says about a recording that lacks a part --------------------------------------------------------

LONG_LAG = {"observer_lag_s": MAX_OBSERVER_LAG_S + 0.01}


def without(run: Run, *parts: RecordingPart) -> Run:
    return [replace(exchange, lacks=frozenset(parts)) for exchange in run]


@pytest.mark.parametrize(
    ("part", "requirement", "reason"),
    [
        (TIMES, "stream.frame.incremental", "the recording has no times"),
        (CHUNK_BORDERS, "stream.frame.incremental", "the recording has no chunk borders"),
        (RAW_BODY, "stream.frame.no-bom", "the recording has no raw body"),
        (RESPONSE_HEADERS, "headers.request-id.present", "the recording has no response headers"),
        (RESPONSE_HEADERS, "headers.retry-after.sane", "the recording has no response headers"),
        (RESPONSE_HEADERS, "headers.request-id.unique", "the recording has no response headers"),
        (REQUEST, "stop.stop_sequence.none-requested", "the recording has no request"),
        (IDS, "response.id.unique", "the recording has no ids"),
        (PROBES, "request.max_tokens.required", "the recording does not say which answer the sender expected"),
        (PROBES, "errors.status.400", "the recording does not say which answer the sender expected"),
    ],
)
def test_a_requirement_is_not_verified_without_a_part_that_its_rule_reads(
    part: RecordingPart, requirement: str, reason: str
) -> None:
    bad, good = sampled()[requirement]
    for run in (bad, good):
        verdict = verdicts(numbered(*without(run, part)), only=[requirement])[requirement]
        assert (verdict.outcome, verdict.findings, verdict.judged, verdict.reason) == (NOT_VERIFIED, (), 0, reason)
        other = verdicts(numbered(*without(run, *(ALL_PARTS - CATALOGUE[requirement].reads))), only=[requirement])
        assert other[requirement] == verdicts(numbered(*run), only=[requirement])[requirement]


def test_a_requirement_passes_on_the_exchanges_that_have_the_part() -> None:
    requirement = "headers.request-id.present"
    run = numbered(answered(), *without([answered(http={"headers": {"request-id": None}})], RESPONSE_HEADERS))
    verdict = verdicts(run, only=[requirement])[requirement]
    assert (verdict.outcome, verdict.judged, verdict.reason) == (PASS, 1, "")


def test_a_rule_over_a_run_gets_the_exchanges_that_have_the_part() -> None:
    requirement = "headers.request-id.unique"
    twice = [answered(), answered(), *without([answered()], RESPONSE_HEADERS)]
    assert verdicts(numbered(*twice), only=[requirement])[requirement].outcome == FAIL
    verdict = verdicts(numbered(*twice[1:]), only=[requirement])[requirement]
    assert verdict.outcome == NOT_VERIFIED
    assert verdict.reason.endswith("(1 exchange is left out: the recording has no response headers)")


def test_a_rule_over_a_run_that_is_content_with_nothing_does_not_pass_without_its_exchanges() -> None:
    row = replace(CATALOGUE["response.id.unique"], id="a.b", reads=frozenset({TIMES}), judge=lambda exchanges: [])
    verdict = verdicts(without([answered()], TIMES), catalogue={"a.b": row})["a.b"]
    assert (verdict.outcome, verdict.reason) == (NOT_VERIFIED, "the recording has no times")
    assert verdicts([answered()], catalogue={"a.b": row})["a.b"].outcome == PASS


def test_no_rule_over_a_run_is_content_with_nothing() -> None:
    vacuous = [name for name, rule in CATALOGUE.items() if rule.over == "run" and not list(rule.judge(()))]
    assert vacuous == []


def test_times_are_lacking_while_our_own_process_was_blocked() -> None:
    lagging, steady = answered(**LONG_LAG), answered(observer_lag_s=MAX_OBSERVER_LAG_S)
    assert (lacking(lagging), lacking(steady)) == (frozenset({TIMES}), frozenset())
    expected = "this machine was too busy to take reliable times: it paused for 0.11 s"
    assert reason_for(lagging, frozenset({TIMES, CHUNK_BORDERS})) == expected
    assert reason_for(replace(lagging, lacks=frozenset({TIMES})), frozenset({TIMES})) == "the recording has no times"


def test_a_burst_is_no_finding_while_our_own_process_was_blocked() -> None:
    requirement = "stream.frame.incremental"
    bad, _ = sampled()[requirement]
    verdict = verdicts(numbered(*(replace(one, **LONG_LAG) for one in bad)), only=[requirement])[requirement]
    assert verdict.outcome == NOT_VERIFIED
    assert "this machine was too busy" in verdict.reason


def test_several_lacking_parts_are_named_in_one_reason() -> None:
    exchange = replace(answered(), lacks=frozenset({RAW_BODY, REQUEST, TIMES}))
    assert reason_for(exchange, frozenset({REQUEST, RAW_BODY})) == "the recording has no raw body and no request"
