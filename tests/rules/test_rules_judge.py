"""The judge: one verdict for each requirement, from all exchanges that it was judged on."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from builders import answered, numbered, refused, streamed, unanswered, verdicts
from stream_frames import HELLO

from messages_conformance import contract
from messages_conformance.contract import profile
from messages_conformance.exchange import Exchange
from messages_conformance.rules import (
    CATALOGUE,
    ERROR,
    FAIL,
    MAY,
    MUST,
    NOT_APPLICABLE,
    NOT_VERIFIED,
    OUTCOMES,
    PASS,
    SHOULD,
    WARN,
    Finding,
    Judge,
    Place,
    Requirement,
    Unverified,
    matches,
    select,
)
from messages_conformance.rules import catalogue as registry
from messages_conformance.rules.accessors import answered as has_answer
from messages_conformance.rules.accessors import grouped
from messages_conformance.rules.recording_parts import TIMES

WRONG = Finding(found="a", wanted="b")
UNSHOWN = Unverified(reason="the model did not cooperate")


def row(id: str, *outcomes: Any, level: str = MUST, **fields: Any) -> Requirement:
    """A requirement whose rule returns these outcomes, one for each exchange; then nothing."""
    left = list(outcomes)

    def judge(_: Exchange) -> Iterable[Any]:
        outcome = left.pop(0) if left else ()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    given: dict[str, Any] = {
        "families": frozenset({"anthropic"}),
        "api_version": None,
        "model_dependent": False,
        "needs": frozenset(),
        "over": "exchange",
        "provoked": "",
        "applies": has_answer,
        "harm": "drifts",
        "sentence": "It is good.",
        "source": "the test",
        "judge": judge,
    }
    return Requirement(id=id, level=level, **{**given, **fields})


def verdict(requirement: Requirement, *exchanges: Exchange, under: str = "anthropic-2023-06-01") -> Any:
    return verdicts(exchanges, under=under, catalogue={requirement.id: requirement})[requirement.id]


TWO = numbered(answered(), answered())


@pytest.mark.parametrize(
    ("outcomes", "level", "outcome", "judged"),
    [
        ([[], []], MUST, PASS, 2),
        ([[], [WRONG]], MUST, FAIL, 2),
        ([[WRONG], []], SHOULD, WARN, 2),
        ([[WRONG], []], MAY, WARN, 2),
        ([[WRONG, WRONG], [WRONG]], MUST, FAIL, 2),
        ([[UNSHOWN], [UNSHOWN]], MUST, NOT_VERIFIED, 0),
        ([[UNSHOWN], []], MUST, PASS, 1),
        ([[UNSHOWN], [WRONG]], MUST, FAIL, 1),
        ([[UNSHOWN, WRONG], []], MUST, FAIL, 2),
        ([ZeroDivisionError("x"), []], MUST, ERROR, 1),
        ([ZeroDivisionError("x"), [WRONG]], MUST, FAIL, 1),
        ([AssertionError("x"), KeyError("y")], SHOULD, ERROR, 0),
    ],
)
def test_the_outcome_sums_up_all_exchanges(outcomes: list[Any], level: str, outcome: str, judged: int) -> None:
    result = verdict(row("a.b", *outcomes, level=level), *TWO)
    assert (result.outcome, result.judged, result.level) == (outcome, judged, level)
    assert result.outcome in OUTCOMES


def test_a_finding_knows_its_requirement_and_its_exchange() -> None:
    elsewhere = Finding(found="a", wanted="b", exchange=7, place=Place(pointer="/id"))
    result = verdict(row("a.b", [WRONG], [elsewhere]), *TWO)
    assert [(finding.requirement, finding.exchange) for finding in result.findings] == [("a.b", 1), ("a.b", 7)]


def test_a_rule_that_raises_costs_no_other_verdict() -> None:
    rows = {
        requirement.id: requirement
        for requirement in (row("a.bad", ZeroDivisionError("boom"), []), row("b.good", [], [WRONG]), row("c.fine"))
    }
    result = verdicts(TWO, catalogue=rows)
    assert [result[name].outcome for name in rows] == [ERROR, FAIL, PASS]
    assert "ZeroDivisionError: boom" in result["a.bad"].reason


def test_a_premise_or_a_run_rule_that_raises_is_an_error_too() -> None:
    def raises(_: Any) -> Any:
        raise ValueError("no")

    assert verdict(row("a.b", applies=raises), *TWO).outcome == ERROR
    assert verdict(row("a.b", over="run", judge=raises), *TWO).outcome == ERROR


def test_a_generator_is_read_to_its_end() -> None:
    def judge(_: Exchange) -> Iterator[Finding]:
        yield WRONG
        raise RuntimeError("later")

    assert verdict(row("a.b", judge=judge), *TWO).outcome == ERROR


@pytest.mark.parametrize(
    ("fields", "under", "reason"),
    [
        (
            {"families": frozenset({"tokmodel"})},
            "anthropic-2023-06-01",
            "profile anthropic-2023-06-01 does not promise it",
        ),
        ({"families": frozenset({"anthropic"})}, "tokmodel", "profile tokmodel does not promise it"),
        ({"api_version": "2026-10-21"}, "anthropic-2023-06-01", "it belongs to API version 2026-10-21"),
        ({"needs": frozenset({"flying", "tools"})}, "anthropic-2023-06-01", "does not promise flying"),
    ],
)
def test_a_requirement_that_the_profile_does_not_promise_is_not_judged(
    fields: dict[str, Any], under: str, reason: str
) -> None:
    result = verdict(row("a.b", [WRONG], **fields), *TWO, under=under)
    assert (result.outcome, result.findings, result.judged) == (NOT_APPLICABLE, (), 0)
    assert reason in result.reason


@pytest.mark.parametrize("fields", [{"api_version": "2023-06-01"}, {"needs": frozenset({"tools"})}])
def test_a_requirement_that_the_profile_promises_is_judged(fields: dict[str, Any]) -> None:
    assert verdict(row("a.b", [WRONG], **fields), *TWO).outcome == FAIL


# -- why a requirement is not verified --------------------------------------------------------------------------------


def test_a_requirement_that_no_exchange_shows_says_so() -> None:
    assert verdict(row("a.b")).reason == "no answer of this run shows it"
    assert verdict(row("a.b", applies=lambda exchange: False), *TWO).outcome == NOT_VERIFIED
    assert verdict(row("a.b", [UNSHOWN]), TWO[0]).reason == UNSHOWN.reason


def test_a_failed_exchange_gives_the_reason() -> None:
    silent = unanswered(message="no byte came for 60 s", probes=("request.x.y",))
    assert verdict(row("stream.x"), silent).reason == "no byte came for 60 s"
    assert verdict(row("request.x.y"), silent).reason == "no byte came for 60 s"
    assert verdict(row("request.other"), silent).reason == "no answer of this run shows it"
    assert verdict(row("stream.x"), silent, answered()).outcome == PASS


def test_a_run_that_ended_early_gives_this_as_the_reason() -> None:
    over_run = row("a.b", over="run", judge=lambda _: [UNSHOWN])
    assert verdict(over_run, answered()).reason == UNSHOWN.reason
    assert verdict(over_run, answered(), unanswered("budget", "the budget ended")).reason == "the budget ended"


def test_a_run_without_exchanges_verifies_nothing() -> None:
    outcomes = {result.outcome for result in verdicts([]).values()}
    assert outcomes == {NOT_VERIFIED, NOT_APPLICABLE}
    assert {result.outcome for result in verdicts([unanswered(), unanswered("dns")]).values()} == outcomes


def test_no_shipped_rule_raises() -> None:
    odd = [
        answered(body, ask=ask, stream=stream)
        for body in ([1], None, 7, "x", b"", b"\xff", {"content": [None], "usage": [], "stop_reason": 7})
        for ask in (b"", b"[]", b"{", {"messages": [7], "stop_sequences": "x", "tools": {}, "max_tokens": "5"})
        for stream in (False, True)
    ]
    odd += [streamed(HELLO[:length], ask=b"[]") for length in range(len(HELLO))]
    odd += [refused(status, body) for status in (400, 429, 500) for body in ([1], b"", {"error": None}, {"error": "x"})]
    for under in ("anthropic-2023-06-01", "tokmodel"):
        result = verdicts(numbered(*odd), under=under)
        assert {name: one.reason for name, one in result.items() if one.outcome == ERROR} == {}


# -- the judge during a run -----------------------------------------------------------------------------------------


def test_each_exchange_returns_its_findings_and_verdicts_are_available_at_any_time() -> None:
    judge = Judge(profile("anthropic-2023-06-01"), catalogue={"a.b": row("a.b", [WRONG], [])})
    assert judge.verdicts()[0].outcome == NOT_VERIFIED
    assert [finding.requirement for finding in judge.add(TWO[0])] == ["a.b"]
    assert judge.verdicts()[0].outcome == FAIL
    assert judge.add(TWO[1]) == ()
    assert judge.add(unanswered()) == ()
    assert len(judge.exchanges) == 3
    assert judge.verdicts() == judge.verdicts()


def test_the_reasons_of_a_premise_say_what_the_model_did_not_show() -> None:
    shy = row("a.shy", [UNSHOWN], [UNSHOWN], model_dependent=True)
    judge = Judge(profile("anthropic-2023-06-01"), catalogue={"a.shy": shy})
    assert judge.unverified(TWO[0], ["a.shy"]) == (UNSHOWN.reason,)
    assert judge.unverified(TWO[0], ["a.other"]) == ()
    assert judge.unverified(unanswered(), ["a.shy"]) == ()


@pytest.mark.parametrize(
    ("glob", "requirement", "matched"),
    [
        ("stream", "stream.order.message-start-first", True),
        ("stream.order", "stream.order.message-start-first", True),
        ("stream.*", "stream.order.message-start-first", True),
        ("*first", "stream.order.message-start-first", True),
        ("stream.order.message-start", "stream.order.message-start-first", False),
        ("Stream", "stream.order.message-start-first", False),
        ("order", "stream.order.message-start-first", False),
    ],
)
def test_globs(glob: str, requirement: str, matched: bool) -> None:
    assert matches(requirement, [glob]) is matched
    assert matches(requirement, ["nothing", glob]) is matched
    assert not matches(requirement, [])


@pytest.mark.parametrize(
    ("only", "skip", "left"),
    [
        ((), (), {"a.b", "a.c", "d.e"}),
        (("a",), (), {"a.b", "a.c"}),
        ((), ("a",), {"d.e"}),
        (("a", "d.*"), ("*.b",), {"a.c", "d.e"}),
        (("z",), (), set()),
    ],
)
def test_a_selection_leaves_no_verdict_on_the_rest(
    only: tuple[str, ...], skip: tuple[str, ...], left: set[str]
) -> None:
    rows = {name: row(name) for name in ("a.b", "a.c", "d.e")}
    judge = Judge(profile("anthropic-2023-06-01"), catalogue=rows, selected=select(only, skip))
    judge.add(TWO[0])
    assert {result.requirement for result in judge.verdicts()} == left


@pytest.mark.parametrize(
    ("number", "found"),
    [
        (1, "wrong"),
        (2, "wrong (and at 1 more place of this response)"),
        (3, "wrong (and at 2 more places of this response)"),
    ],
)
def test_several_places_of_one_exchange_are_one_finding(number: int, found: str) -> None:
    findings = [Finding(found="wrong", wanted="right") for _ in range(number)]
    assert [finding.found for finding in grouped(findings)] == [found]


# -- places ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (Place(), "the response"),
        (Place(pointer=""), "the whole body"),
        (Place(pointer="/usage"), "/usage"),
        (Place(header="request-id"), "header request-id"),
        (Place(offset_bytes=1204), "byte 1,204"),
        (Place(event=7, event_type="ping", offset_bytes=0, pointer="/x"), "event #7 ping, byte 0, /x"),
    ],
)
def test_a_place_is_printed_in_words(place: Place, message: str) -> None:
    assert str(place) == message


# -- the catalogue --------------------------------------------------------------------------------------------------


def test_every_row_is_complete() -> None:
    for name, requirement in CATALOGUE.items():
        assert name == requirement.id
        assert requirement.level in (MUST, SHOULD, MAY), name
        assert requirement.sentence.endswith("."), name
        assert requirement.source, name
        assert requirement.families <= {"tokmodel", "anthropic", "gateway-passthrough", "gateway-translates"}, name
        assert requirement.families, name
        assert requirement.topic == name.split(".")[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "response.object"}, "is judged twice"),
        ({"id": "a.b", "level": "WILL"}, "is none of MUST, SHOULD, MAY"),
        (
            {"id": "a.b", "harm": "hurts"},
            "harm 'hurts' is none of leaks, breaks, loses, ",
        ),
        (
            {"id": "a.b", "harm": ""},
            "add an argument such as harm=BREAKS to its @rule; the value is one of leaks, breaks, ",
        ),
        (
            {"id": "a.b", "harm": "", "probed": True},
            'in suites/probes.toml, add a line such as harm = "hides" below its level; the value is one of leaks, ',
        ),
        ({"id": "a.b", "sentence": ""}, "needs a sentence"),
        ({"id": "a.b", "source": ""}, "needs a sentence (its docstring) and a source"),
    ],
)
def test_a_bad_row_is_refused(changes: dict[str, Any], message: str) -> None:
    id = changes.pop("id")
    with pytest.raises(ValueError, match=id) as refusal:
        registry.add(row(id, **changes))
    assert message in str(refusal.value)
    assert "a.b" not in CATALOGUE


def test_the_sentence_is_the_first_paragraph_of_the_docstring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})

    @registry.rule("a.b", SHOULD, source="s", applies=has_answer, needs=("tools",), reads={TIMES}, harm="drifts")
    def is_good(exchange: Exchange) -> Iterable[Finding]:
        """It is
        good.

        No more of this.
        """
        return ()

    added = registry._registered["a.b"]
    assert (added.sentence, added.level, added.needs) == ("It is good.", SHOULD, {"tools"})
    assert (added.applies, added.reads, added.harm) == (has_answer, {TIMES}, "drifts")
    assert added.families == {"tokmodel", "anthropic"}
    assert list(added.judge(TWO[0])) == list(is_good(TWO[0])) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "requirement a.b: say which exchanges it judges: applies=answered"),
        ({"over": "run", "applies": has_answer}, "requirement a.b: a rule over a run has no applies"),
    ],
)
def test_a_rule_says_which_exchanges_it_judges(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        registry.rule("a.b", MUST, source="s", **arguments)


def good_ids(exchange: Exchange) -> Iterable[Finding]:
    """It is good."""
    return ()


def test_a_rule_of_a_user_may_omit_its_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    registry.rule("acme.ids", MUST, source="s", applies=has_answer)(good_ids)
    assert registry._registered["acme.ids"].harm == registry.DRIFTS


def test_a_rule_of_the_contract_says_its_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_reserved", set())
    with pytest.raises(ValueError, match=r"requirement ids\.good: add an argument such as harm=BREAKS"):
        registry.rule("ids.good", MUST, source="s", applies=has_answer)(good_ids)


SERIOUS = {registry.LEAKS, registry.BREAKS, registry.LOSES}


@pytest.mark.parametrize("name", sorted(name for name in CATALOGUE if contract.severity(name) == "fatal"))
def test_a_measured_fatal_effect_is_a_serious_harm(name: str) -> None:
    assert CATALOGUE[name].harm in SERIOUS, f"{name}: fatal in contract/impact.json; its harm is breaks or loses"


@pytest.mark.parametrize("name", sorted(name for name, row in CATALOGUE.items() if row.harm == registry.DRIFTS))
def test_what_only_drifts_was_never_measured_to_harm_a_client(name: str) -> None:
    assert contract.severity(name) in {"harmless", "unmeasured"}
