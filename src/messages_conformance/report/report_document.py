"""The types of report.json, as schemas/report.json describes them. A report is read with them and with nothing else.

Unknown keys are ignored: later versions of this format only add keys. What an earlier version did not write has a
default.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

MAX_NUMBER = 2**53
"""JSON readers agree about whole numbers up to here (RFC 8259, 6)."""

Text = str
Name = Annotated[str, Meta(min_length=1)]
Count = Annotated[int, Meta(ge=0, le=MAX_NUMBER)]
FromOne = Annotated[int, Meta(ge=1, le=MAX_NUMBER)]
Whole = Annotated[int, Meta(ge=-MAX_NUMBER, le=MAX_NUMBER)]
Amount = Annotated[float, Meta(ge=0, le=float(MAX_NUMBER))]
"""Seconds or milliseconds. Neither NaN nor infinity is one."""


class StatementRow(Struct, frozen=True):
    """Why the run as a whole could not be judged."""

    kind: Name
    message: Text


class RunRow(Struct, frozen=True):
    """The options of the run."""

    target: Text
    model: Text
    profile: Text
    depth: Text
    seed: Whole
    fail_on: Literal["must", "should", "regression"]
    only: tuple[Text, ...]
    skip: tuple[Text, ...]
    started_at: Text
    version: Text
    notes: tuple[Text, ...]
    budget: Text = ""
    base_url: Text = ""
    judged_by: Text = ""
    key_variable: Text = "MESSAGES_API_KEY"
    headers: tuple[Text, ...] = ()
    connection: tuple[Text, ...] = ()
    suites: tuple[Text, ...] = ()
    warning: Text = ""
    edition: Text = ""
    waivers: Text = ""
    baseline: Text = ""


class PlannedRow(Struct, frozen=True):
    """The limits that were planned."""

    requests: Count
    output_tokens: Count
    duplicates: Count = 0


class SpentRow(Struct, frozen=True):
    """What the run cost."""

    requests: Count
    input_tokens: Count
    output_tokens: Count
    elapsed_s: Amount
    money: Amount | None = None
    currency: Text = ""


class FailedTestRow(Struct, frozen=True):
    """A failed test of the user."""

    name: Text
    message: Text


class DriftRow(Struct, frozen=True):
    """A difference from a kept shape."""

    situation: Text
    path: Text
    before: Text | None
    after: Text | None


class TallyRow(Struct, frozen=True):
    """How many requests were sent, and what became of them."""

    sent: Count
    accepted: Count
    refused: Count


class CaseRow(TallyRow, frozen=True):
    """The same for one case of a field."""

    name: Text


class KeywordRow(Struct, frozen=True):
    """How often a keyword of the schema held, and how often it was broken."""

    name: Text
    held: Count
    broken: Count


class FieldRow(Struct, frozen=True):
    """One field of the request schema that was sent."""

    name: Text
    beta: bool
    valid: TallyRow
    invalid: TallyRow
    cases: tuple[CaseRow, ...]
    keywords: tuple[KeywordRow, ...]


class CoverageRow(Struct, frozen=True):
    """The part of the request schema that was sent."""

    rows: tuple[FieldRow, ...]
    not_sent: tuple[Text, ...]


class DifferenceRow(Struct, frozen=True):
    """Changes since the baseline: requirement ids."""

    newly_failing: tuple[Text, ...] = ()
    newly_warning: tuple[Text, ...] = ()
    fixed: tuple[Text, ...] = ()
    newly_verified: tuple[Text, ...] = ()
    no_longer_verified: tuple[Text, ...] = ()
    unknown_before: tuple[Text, ...] = ()


class GateRow(Struct, frozen=True):
    """What decides in addition to the levels."""

    problems: tuple[Text, ...] = ()
    difference: DifferenceRow | None = None


class ExcuseRow(Struct, frozen=True):
    """Why a deviation does not fail the run."""

    kind: Text
    reason: Text


class PlaceRow(Struct, frozen=True):
    """A place in a response."""

    event: FromOne | None
    event_type: Text | None
    offset_bytes: Count | None
    pointer: Text | None
    header: Text | None


class FindingRow(Struct, frozen=True):
    """One violation at one place."""

    exchange: Count | None
    place: PlaceRow
    found: Text
    wanted: Text
    curl: Text | None
    intermittent: bool | UnsetType = UNSET
    draw_again: Text | UnsetType = UNSET
    ask_again: Text = ""


class RequirementRow(Struct, frozen=True):
    """One requirement and its verdict. A later version may write a verdict that this one does not know."""

    id: Name
    level: Literal["MUST", "SHOULD", "MAY"]
    verdict: Name
    reason: Text
    sentence: Text
    source: Text
    judged: Count
    findings: tuple[FindingRow, ...]
    excuse: ExcuseRow | None = None
    harm: Text = ""
    cause: Text | None = None
    uncertain: bool = False
    pattern: str = ""
    explained: tuple[FindingRow, ...] = ()


class CauseRow(Struct, frozen=True):
    """What explains several failures at once."""

    requirement: Name
    sentence: Name
    features: tuple[Text, ...]
    exchanges: tuple[Count, ...]
    example: Count
    explains: tuple[Text, ...]
    always: bool = True


class FailureRow(Struct, frozen=True):
    """Why there is no response."""

    kind: Text
    message: Text


class OriginRow(Struct, frozen=True):
    """How a request was generated."""

    name: Text
    seed: Whole
    number: Count
    pointer: Text | None
    reason: Text
    shrunk: bool


class ExchangeRow(Struct, frozen=True):
    """One exchange, without its request and response."""

    number: Count
    situations: tuple[Text, ...]
    method: Text
    path: Text
    status: Count | None
    first_byte_ms: Amount | None
    total_ms: Amount | None
    events: Count | None
    ending: Text | None
    failure: FailureRow | None
    attempt: FromOne | UnsetType = UNSET
    bytes: Count | UnsetType | None = UNSET
    waits: tuple[Text, ...] | UnsetType = UNSET
    origin: OriginRow | UnsetType = UNSET


class CellRow(Struct, frozen=True):
    """The result for a feature of requests in one mode."""

    result: Literal["works", "refused", "ignored", "broken", "unknown"]
    reason: Text
    requirement: Text
    exchange: Count


class FeatureRow(Struct, frozen=True):
    """A feature of requests, with its results."""

    feature: Text
    title: Text
    area: Text
    whole: CellRow
    streamed: CellRow


class EffectRow(Struct, frozen=True):
    """What a violation does to a client."""

    requirement: Text
    outcome: Text
    stops: bool
    measured: bool = True
    why: Text = ""


class ClientRow(Struct, frozen=True):
    """Whether one client works."""

    client: Text
    status: Text
    effects: tuple[EffectRow, ...] = ()
    unseen: tuple[Text, ...] = ()
    not_offered: tuple[Text, ...] = ()


class ReportDocument(Struct, frozen=True):
    """The whole of report.json, as far as a reader needs it."""

    complete: bool
    statement: StatementRow | None
    run: RunRow
    spent: SpentRow
    harness_errors: tuple[Text, ...]
    requirements: tuple[RequirementRow, ...]
    exchanges: tuple[ExchangeRow, ...]
    planned: PlannedRow | None = None
    gate: GateRow = GateRow()
    failed_tests: tuple[FailedTestRow, ...] = ()
    drifts: tuple[DriftRow, ...] = ()
    request_coverage: CoverageRow | None = None
    causes: tuple[CauseRow, ...] = ()
    features: tuple[FeatureRow, ...] = ()
    clients: tuple[ClientRow, ...] = ()
    recording_sha256: Text = ""
    exit_code: Whole | None = None
