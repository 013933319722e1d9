"""Sample reports: green, red, incomplete, not judged, and with hostile text in every field."""

import json
from dataclasses import replace

from messages_conformance.exchange import KEY_PLACEHOLDER, Chunk, Exchange, Failure, Request, Response
from messages_conformance.gate import Difference, Excuse, Gate
from messages_conformance.report import Report, RunInfo, Spent, Statement
from messages_conformance.rules.accessors import answered
from messages_conformance.rules.catalogue import BOTH, EXCHANGE, Requirement
from messages_conformance.rules.verdict import Finding, Place, Verdict
from messages_conformance.wire import encode

HOSTILE = (
    "\x1b[2J\x1b]0;pwned\x07 [bold]not markup[/bold] \x00\x9b31m \ud800 \u202e\u2028 </failure>]]>&\r\n\x0c\ufffe end"
)


def requirement(
    id, level="MUST", sentence="The stream ends with message_stop.", source="streaming page, 2026-11-22", harm="breaks"
):
    return Requirement(
        id=id,
        level=level,
        harm=harm,
        sentence=sentence,
        source=source,
        families=BOTH,
        api_version=None,
        model_dependent=False,
        needs=frozenset(),
        over=EXCHANGE,
        provoked="a streamed message",
        applies=answered,
        judge=lambda exchange: (),
    )


def request(body=None, *, method="POST", path="/v1/messages", headers=None):
    if body is None:
        messages = [{"role": "user", "content": "It's 5 o'clock"}]
        body = {"model": "m", "max_tokens": 16, "stream": True, "messages": messages}
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    if headers is None:
        headers = (
            ("x-api-key", KEY_PLACEHOLDER),
            ("anthropic-version", "2023-06-01"),
            ("content-type", "application/json"),
            ("accept", "application/json"),
        )
    return Request(method=method, path=path, headers=tuple(headers), body=data)


def streamed(events, *, chunk_s=0.01):
    chunks = tuple(
        Chunk(at_s=0.3 + number * chunk_s, data=encode(name, data)) for number, (name, data) in enumerate(events)
    )
    return Response(
        status=200,
        headers=(("content-type", "text/event-stream"), ("request-id", "req_1"), ("x-noise", "yes")),
        chunks=chunks,
        headers_at_s=0.25,
        ended_at_s=0.3 + len(events) * chunk_s,
    )


def deltas(count):
    text = [("content_block_delta", json.dumps({"type": "content_block_delta", "n": n})) for n in range(count)]
    return [("message_start", '{"type":"message_start"}'), *text, ("message_stop", '{"type":"message_stop"}')]


def exchange(number, *, situation="streamed", sent=None, response=None, failure=None):
    return Exchange(
        number=number,
        request=sent or request(),
        response=None if failure else response or streamed(deltas(3)),
        situations=(situation,),
        failure=failure,
    )


RUN = RunInfo(
    target="http://127.0.0.1:4000",
    model="via-hosted-vllm",
    profile="anthropic-2023-06-01",
    depth="standard",
    seed=0,
    fail_on="must",
    started_at="2026-11-22T22:00:00Z",
    version="0.1.0",
    notes=("the trailing /v1 was left out",),
    budget="at most 400 requests, 20,000 output tokens",
)

CATALOGUE = {
    "stream.order": requirement("stream.order"),
    "stream.framing": requirement("stream.framing", sentence="Lines end alike.", source="WHATWG HTML, 9.2"),
    "usage.present": requirement("usage.present", sentence="A message carries its usage.", harm="misbills"),
    "headers.request-id": requirement(
        "headers.request-id", "SHOULD", sentence="A response names its request.", harm="drifts"
    ),
    "stop.sequence": requirement("stop.sequence", sentence="A stop sequence ends the answer."),
}

PASSED = Verdict(requirement="stream.framing", level="MUST", outcome="pass", judged=12)
UNVERIFIED = Verdict(
    requirement="stop.sequence", level="MUST", outcome="not-verified", reason="the model did not cooperate"
)
FAILED = Verdict(
    requirement="stream.order",
    level="MUST",
    outcome="fail",
    judged=50,
    findings=tuple(
        Finding(
            requirement="stream.order",
            exchange=number,
            found="nothing after event #4",
            wanted="message_delta or message_stop",
            place=Place(event=4, event_type="content_block_delta", offset_bytes=1204, pointer="/type"),
        )
        for number in range(1, 51)
    ),
)
MINOR = Verdict(
    requirement="usage.present",
    level="MUST",
    outcome="fail",
    judged=3,
    findings=(
        Finding(
            requirement="usage.present",
            exchange=1,
            found="no usage",
            wanted="an object",
            place=Place(pointer="/usage"),
        ),
    ),
)
WARNED = Verdict(
    requirement="headers.request-id",
    level="SHOULD",
    outcome="warn",
    judged=2,
    findings=tuple(
        Finding(
            requirement="headers.request-id",
            exchange=number,
            found="absent",
            wanted="a request-id",
            place=Place(header="request-id"),
        )
        for number in (1, 2)
    ),
)
BROKEN = Verdict(requirement="stream.framing", level="MUST", outcome="error", reason="KeyError: 'type'")
INAPPLICABLE = Verdict(
    requirement="stream.framing", level="MUST", outcome="not-applicable", reason="profile x does not promise it"
)

_SITUATIONS = ("streamed", "streamed-system", "stop-sequence", "unicode", "multi-turn", "long", "max-tokens", "echo")
EXCHANGES = {number: exchange(number, situation=_SITUATIONS[number % 8]) for number in range(1, 51)}
SPENT = Spent(requests=50, input_tokens=1234, output_tokens=567, elapsed_s=12.34)


def report(*verdicts, **changes):
    run = replace(changes.pop("run", RUN), fail_on=changes.pop("fail_on", "must"))
    given = {"run": run, "exchanges": EXCHANGES, "catalogue": CATALOGUE, "spent": SPENT, **changes}
    return Report(verdicts=verdicts, **given)


def green():
    return report(PASSED, UNVERIFIED)


def red():
    return report(PASSED, MINOR, FAILED, WARNED, UNVERIFIED)


def should_only(fail_on):
    return report(PASSED, WARNED, fail_on=fail_on)


def incomplete(*verdicts):
    return report(*(verdicts or (PASSED, UNVERIFIED)), complete=False)


def interrupted(*verdicts):
    statement = Statement(kind="interrupted", message="interrupted by Ctrl-C after 12 of 60 exchanges")
    return report(*(verdicts or (PASSED, UNVERIFIED)), complete=False, statement=statement)


def wrong_key(*verdicts):
    message = "the target answers 401 to the key in MESSAGES_API_KEY: is it right?"
    statement = Statement(kind="wrong-key", message=message)
    return report(*verdicts, statement=statement, exchanges={})


def hostile():
    finding = Finding(
        requirement="stream.order",
        exchange=1,
        found=HOSTILE + "x" * 100_000,
        wanted=HOSTILE,
        place=Place(event=1, event_type=HOSTILE, pointer=HOSTILE, header=HOSTILE),
    )
    verdicts = (
        replace(FAILED, findings=(finding, replace(finding, exchange=2), replace(finding, exchange=0))),
        replace(WARNED, findings=(finding,)),
        replace(UNVERIFIED, reason=HOSTILE),
        replace(BROKEN, reason=HOSTILE),
        replace(MINOR, requirement="unknown.requirement" + HOSTILE),
    )
    stream = streamed([(None, "first\nsecond"), ("x\x1b[31m", "\x1b[2J")])
    failure = Failure(kind="tls", message=HOSTILE)
    exchanges = {
        1: exchange(1, situation=HOSTILE, response=stream, sent=request(b"\xff\x00\x1b[2J'")),
        2: exchange(2, situation=HOSTILE, failure=failure),
    }
    run = replace(RUN, target=HOSTILE, model=HOSTILE, profile=HOSTILE, notes=(HOSTILE,), only=(HOSTILE,))
    return Report(
        run=run,
        verdicts=verdicts,
        exchanges=exchanges,
        catalogue={"stream.order": requirement("stream.order", sentence=HOSTILE, source=HOSTILE)},
        harness_errors=(HOSTILE,),
    )


def excused():
    excuses = {
        "stream.order": Excuse(kind="waived", reason="until 2027-02-28 by jo@example.com: ticket 4711"),
        "headers.request-id": Excuse(kind="unscored", reason="added after edition 2026.11"),
    }
    changes = Difference(fixed=("usage.present",), no_longer_verified=("stop.sequence",))
    return report(PASSED, FAILED, WARNED, UNVERIFIED, gate=Gate(excuses=excuses, difference=changes))


def stale():
    problem = "waivers.toml, lines 2 to 6: stale, because stream.framing is not violated any more; delete it"
    return report(PASSED, gate=Gate(problems=(problem, problem)))


def hostile_gate():
    gate = Gate(excuses={"stream.order": Excuse(kind=HOSTILE, reason=HOSTILE)}, problems=(HOSTILE,))
    return report(PASSED, FAILED, gate=gate, run=replace(RUN, waivers=HOSTILE, baseline=HOSTILE, edition=HOSTILE))


EVERY = {
    "green": green,
    "red": red,
    "should_must": lambda: should_only("must"),
    "should_should": lambda: should_only("should"),
    "incomplete": incomplete,
    "interrupted": interrupted,
    "wrong_key": wrong_key,
    "hostile": hostile,
    "excused": excused,
    "stale": stale,
    "hostile_gate": hostile_gate,
    "empty": report,
    "harness": lambda: report(PASSED, replace(BROKEN, requirement="stop.sequence"), harness_errors=("boom",)),
}
