"""Every fault trips exactly the rules that it names, and every rule is tripped by some fault."""

import pytest

from messages_conformance import contract
from messages_conformance.contract import Profile
from messages_conformance.reference import Fault, faults
from messages_conformance.rules import CATALOGUE, MUST

PROFILES = ("anthropic-2023-06-01", "anthropic-2026-10-21", "tokmodel")
"""A fault is tried in the first of these profiles that promises what it breaks."""

JUDGED_ON_SIGHT = {
    "errors.status.413": "33 MB are sent in a deep run only",
    "transport.request.size-limit": "33 MB are sent in a deep run only",
    "request.messages.content-string": "the plainest request has a string, and a run stops where that is refused",
}
"""Rules that no run against a fault can show yet, each with the reason; their own tests are in tests/rules."""

MODEL_GIVEN = {
    "lose_messages": "answered 404 to POST /v1/messages",
    "refuse_prefixed_models": "refused the model",
}
"""Faults that cannot be told from a wrong address or a wrong model when the user names both."""

VOID = MODEL_GIVEN | {
    "answer_garbage": "does not speak HTTP",
    "drop_connection": "closed the connection",
    "never_answer": "did not begin to answer",
    "reset_connection": "closed the connection",
}
"""Faults that leave nothing to judge: the run says so in one statement."""


def known(fault: Fault, profile: Profile) -> frozenset[str]:
    """What the fault names, as far as it is judged in the profile."""
    named = fault.trips_tokmodel if profile.family == "tokmodel" else fault.trips
    return frozenset(
        name for name in named if name in CATALOGUE and not CATALOGUE[name].inapplicable(profile)
    ) - frozenset(JUDGED_ON_SIGHT)


UNSEEN = {
    "trim_deltas": "blanks lost between deltas cannot be told from a model that leaves them out",
}
"""Faults that no rule can see without accusing correct servers, each with the reason."""


def tried_in(fault: Fault) -> str | None:
    """The profile in which the fault is tried; None for one whose rules are still to come."""
    if fault.name in VOID or fault.name in UNSEEN:
        return None
    if fault.category == "claude-code":
        return "claude-code"
    return next((name for name in PROFILES if known(fault, contract.profile(name))), None)


def only_in_tokmodel(fault: Fault) -> bool:
    """Whether the fault breaks a promise that tokmodel alone makes."""
    own = known(fault, contract.profile("tokmodel")) - known(fault, contract.profile(PROFILES[0]))
    return bool(own) and fault.category != "claude-code"


TRIED = {name: profile for name, fault in faults().items() if (profile := tried_in(fault)) is not None}


KEYS = {name: (f"reference:{name}", profile) for name, profile in TRIED.items()}
KEYS |= {f"{name}-tokmodel": (f"reference:{name}", "tokmodel") for name in TRIED if only_in_tokmodel(faults()[name])}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_fault_trips_exactly_what_it_names(key, outcomes):
    target, profile = key
    fault = faults()[target.removeprefix("reference:")]
    outcome = outcomes[key]
    assert outcome.harness_errors == ()
    assert outcome.tripped == known(fault, contract.profile(profile)), fault.summary
    softened = contract.profile(profile).only_warns
    must = any(CATALOGUE[name].level == MUST and not softened(name) for name in outcome.tripped)
    assert outcome.exit_code == (1 if must else 0)


@pytest.mark.parametrize("key", [(f"reference:{name}", "tokmodel") for name in VOID], ids=list(VOID))
def test_a_dead_target_is_one_statement(key, outcomes):
    outcome = outcomes[key]
    assert outcome.exit_code == 2
    assert outcome.tripped == frozenset()
    assert VOID[key[0].removeprefix("reference:")] in outcome.statement


def test_every_rule_is_tripped_by_some_fault():
    named = {name for fault, profile in TRIED.items() for name in known(faults()[fault], contract.profile(profile))}
    named |= {name for fault in faults().values() for name in known(fault, contract.profile("tokmodel"))}
    untried = sorted(set(CATALOGUE) - named - set(JUDGED_ON_SIGHT))
    assert untried == [], "write a fault for each of these, in src/messages_conformance/reference/faults"
