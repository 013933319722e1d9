"""Generated requests are judged after the finding is reproduced and minimised, with few requests."""

from dataclasses import replace

import pytest

from messages_conformance import contract
from messages_conformance.engine import compose
from messages_conformance.exchange import ACCEPTED, EITHER, Chunk, Exchange, Origin, Response
from messages_conformance.generate import ask
from messages_conformance.generate.generated_sets import generate_again
from messages_conformance.proof.trial import MODEL, run
from messages_conformance.run.confirmation import Confirmation, shrink_requests

PROFILE = contract.profile("anthropic-2023-06-01")
OK = b'{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":"end_turn","usage":{}}'
NUMBER = next(
    number
    for number in range(40)
    if generate_again(Origin(set_name="requests", seed=0, number=number), PROFILE).expect == ACCEPTED
)


def answered(asked, status, number=1):
    request = compose(asked, profile=PROFILE, model="m")
    body = OK if status == 200 else b'{"type":"error","error":{"type":"invalid_request_error","message":"no"}}'
    chunks = (Chunk(at_s=0.0, data=body),)
    headers = (("content-type", "application/json"),)
    response = Response(status=status, headers=headers, chunks=chunks, headers_at_s=0.0, ended_at_s=0.0)
    return Exchange(
        number=number,
        request=request,
        response=response,
        situations=(asked.situation,),
        probes=(asked.probe,),
        expect=asked.expect,
        origin=asked.origin,
    )


class Target:
    """A target that answers by a function of the body, and counts the requests."""

    def __init__(self, refuses, **settings):
        self.refuses = refuses
        self.sent = []
        known = {"others": lambda: (), "most": 30, "alone": True, **settings}
        self.confirmation = Confirmation(profile=PROFILE, send=self.send, find=self.find, **known)

    def send(self, asked):
        self.sent.append(asked)
        return answered(asked, 400 if self.refuses(asked.body) else 200, number=1 + len(self.sent))

    def find(self, exchange):
        wrong = exchange.response.status == 400 and exchange.expect == ACCEPTED
        return frozenset({"transport.path.post-messages"} if wrong else ())

    def settle(self, number=NUMBER):
        asked = generate_again(Origin(set_name="requests", seed=0, number=number), PROFILE)
        return self.confirmation.confirmed(answered(asked, 400 if self.refuses(asked.body) else 200))


def test_a_correct_answer_costs_no_further_request():
    target = Target(lambda body: False)
    assert target.settle().response.status == 200
    assert target.sent == []


def test_a_refused_request_is_minimised():
    target = Target(lambda body: True)
    settled = target.settle()
    assert settled.origin.shrunk
    assert settled.request.fields["messages"] == [{"role": "user", "content": "Reply with the single word: ok"}]
    assert set(settled.request.fields) == {"model", "max_tokens", "messages"}
    assert len(target.sent) <= 31


@pytest.mark.parametrize("most", [0, 3])
def test_the_limit_of_requests_is_kept(most):
    target = Target(lambda body: True, most=most)
    target.settle()
    assert len(target.sent) <= 1 + most


def test_a_finding_that_is_not_reproduced_is_marked_as_intermittent():
    answers = iter([True, False])
    target = Target(lambda body: next(answers))
    settled = target.settle()
    assert settled.intermittent
    assert not settled.origin.shrunk


def test_refusing_a_feature_that_was_never_accepted_is_no_violation():
    target = Target(lambda body: True, alone=False)
    assert target.settle().expect == EITHER
    assert target.sent == []


def test_a_finding_of_the_suites_is_not_minimised_again():
    own = replace(answered(ask("own", "Hi"), 400), origin=None)
    target = Target(lambda body: True, others=lambda: (own,))
    assert not target.settle().origin.shrunk
    assert target.sent == []


@pytest.mark.parametrize(
    ("given", "target", "most"),
    [
        (None, "reference:", 30),
        (None, "http://127.0.0.1:8000", 30),
        (None, "http://localhost/base", 30),
        (None, "https://api.example.com", 0),
        (7, "https://api.example.com", 7),
    ],
)
def test_minimising_is_limited_to_targets_on_this_machine_unless_the_user_allows_it(given, target, most):
    assert shrink_requests(given, target) == most


def test_a_fault_is_reported_with_the_smallest_generated_request():
    target = "reference:refuse_foreign_descriptions,transport=memory"
    code, report = run(target, PROFILE.name, model=MODEL)
    findings = [finding for verdict in report.verdicts for finding in verdict.findings]
    assert code == 1
    assert {finding.requirement for finding in findings} == {"transport.path.post-messages"}
    first = report.exchanges[findings[0].exchange]
    assert first.origin.shrunk
    assert set(first.request.fields) == {"model", "max_tokens", "messages", "tools"}
    again, alone = run(target, PROFILE.name, model=MODEL, generate=first.origin.name)
    assert again == 1
    assert alone.spent.requests < 40
