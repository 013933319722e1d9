"""One cause, one headline: what failing requests share is found, said in words, and its bystanders are not verified."""

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest
from tests.report.report_samples import report, request

from messages_conformance.exchange import Chunk, Exchange, Failure, Origin, Response
from messages_conformance.report import FORMATS, explained, load, to_json
from messages_conformance.report.causes import find_causes, outcome_of, plainness
from messages_conformance.report.model import exit_code, failures, headline, verdict_sentence
from messages_conformance.report.order import rank
from messages_conformance.report.request_features import features
from messages_conformance.rules.verdict import NOT_PROVOKED, STATUS, Finding, Place, Verdict

VALID = "transport.path.post-messages"
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aaaa"}}


def turn(content="Hello"):
    return {"role": "user", "content": content}


def body(number=0, **fields):
    return {"model": "m", "max_tokens": 16, "messages": [turn(f"Question {number}")], **fields}


MESSAGE = b'{"type": "message", "content": []}'


def asked(sent, status=200, answer=MESSAGE, **fields):
    """An exchange whose number is filled in later."""
    answer = Response(
        status=status,
        headers=(("content-type", "application/json"),),
        chunks=(Chunk(at_s=0.1, data=answer),) if status == 200 else (),
        headers_at_s=0.1,
        ended_at_s=0.2,
    )
    given = {"request": request(sent), "response": answer, "expect": "accepted", "situations": ("s",), **fields}
    return Exchange(number=0, **given)


def test_the_plainest_request_is_none_that_begins_every_run():
    begins, other = (asked(body(), situations=(name,)) for name in ("preflight.models", "message.plain"))
    none = asked(body(), situations=())
    assert plainness(other) < plainness(begins)
    assert plainness(none) < plainness(begins)
    assert plainness(replace(other, situations=("preflight.models", "message.plain"))) < plainness(begins)


def numbered(*exchanges):
    return tuple(replace(exchange, number=number) for number, exchange in enumerate(exchanges, start=1))


def failed(requirement, exchanges, outcome="fail", level="MUST"):
    findings = tuple(
        Finding(requirement=requirement, exchange=exchange.number, found="500", wanted="200", place=STATUS)
        for exchange in exchanges
    )
    return Verdict(requirement=requirement, level=level, outcome=outcome, findings=findings, judged=len(findings))


def bad(exchanges):
    return [exchange for exchange in exchanges if outcome_of(exchange) not in ("answered", "")]


def demoted(verdicts, exchanges, kept=lambda verdict, blamed: False):
    return explained(verdicts, exchanges, kept=kept)


BLOCKS = [{"type": "text", "text": "Hello"}]
TOOLS = [{"name": "f", "input_schema": {"type": "object"}}]


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"tools": 9}, "with 9 or more tools (5 pass)"),
        ({"messages": 12}, "with 12 or more messages (5 pass)"),
    ],
)
def test_a_size_names_the_smallest_that_fails_and_the_largest_that_passes(members, words):
    def of_size(number, size):
        (name,) = members
        items = TOOLS if name == "tools" else [turn(f"Question {number}")]
        return body(number, **{name: items * size})

    (most,) = members.values()
    exchanges = numbered(
        *(asked(body(number)) for number in range(20)),
        *(asked(of_size(number, 2 + number)) for number in range(4)),
        *(asked(of_size(number, most + number), 400) for number in range(4)),
    )
    (cause,) = find_causes([failed(VALID, bad(exchanges))], exchanges)
    assert cause.sentence == f"Every request {words} is refused with 400."


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"stream": True}, "Every streamed request is answered with 500."),
        ({"tools": TOOLS}, "Every request with tools is answered with 500."),
        ({"system": "Be brief"}, "Every request whose system prompt is a string is answered with 500."),
        ({"system": BLOCKS}, "Every request whose system prompt is a list of blocks is answered with 500."),
        ({"messages": BLOCKS}, "Every request whose content is a list of blocks is answered with 500."),
        ({"messages": [IMAGE]}, "Every request with an image given as base64 is answered with 500."),
        (
            {"messages": [{"type": "tool_result", "tool_use_id": "t"}]},
            "Every request with a tool result without content is answered with 500.",
        ),
        ({"stop_sequences": ["x"]}, "Every request with stop_sequences is answered with 500."),
        ({"metadata": {"user_id": "u"}}, "Every request with metadata is answered with 500."),
        ({"thinking": {"type": "enabled"}}, "Every request whose thinking is enabled is answered with 500."),
        ({"tool_choice": {"type": "any"}}, "Every request whose tool_choice is any is answered with 500."),
        ({"max_tokens": 5000}, "Every request whose max_tokens is 5,000 or more (16 passes) is answered with 500."),
        ({"vendor_field": 1}, "Every request with vendor_field is answered with 500."),
    ],
)
def test_what_all_failing_requests_share_is_said_in_words(wrong, sentence):
    def with_it(number):
        if "messages" in wrong:
            return {"messages": [turn([*wrong["messages"], {"type": "text", "text": f"Question {number}"}])]}
        return wrong

    exchanges = numbered(
        *(asked(body(number)) for number in range(20)),
        *(asked(body(number, **with_it(number)), 500) for number in range(4)),
        *(asked(body(number, temperature=1, **with_it(number)), 500) for number in range(4)),
        *(asked(body(number, temperature=1)) for number in range(4)),
    )
    (cause,) = find_causes([failed(VALID, bad(exchanges))], exchanges)
    assert cause.sentence == sentence
    assert cause.requirement == VALID
    assert len(cause.exchanges) == 8


def test_messages_of_text_blocks_are_told_from_other_lists():
    def blocks(*content):
        return {"messages": [turn(list(content))]}

    exchanges = numbered(
        *(asked(body(number)) for number in range(20)),
        *(asked(body(**blocks(IMAGE, {"type": "text", "text": f"{number}"}))) for number in range(5)),
        *(asked(body(**blocks({"type": "text", "text": f"{number}"})), 400) for number in range(5)),
    )
    (cause,) = find_causes([failed(VALID, bad(exchanges))], exchanges)
    assert cause.sentence == "Every request whose user message is a list of text blocks is refused with 400."


def test_two_features_together_are_found():
    exchanges = numbered(
        *(asked(body(number)) for number in range(10)),
        *(asked(body(number, stream=True)) for number in range(10)),
        *(asked(body(number, tools=TOOLS)) for number in range(10)),
        *(asked(body(number, stream=True, tools=TOOLS), 502) for number in range(5)),
    )
    (cause,) = find_causes([failed(VALID, bad(exchanges))], exchanges)
    assert cause.sentence == "Every streamed request with tools is answered with 502."


@pytest.mark.parametrize(
    ("wanted", "other"),
    [
        ({"messages": [turn("Paris? Call the tool f.")]}, {"messages": [turn("Say hello.")]}),
        ({"messages": [turn([{"type": "text", "text": "Use both tools."}])]}, {"messages": [turn(BLOCKS)]}),
        ({"tool_choice": {"type": "tool", "name": "f"}}, {"tool_choice": {"type": "none"}}),
    ],
)
def test_requests_that_ask_for_a_tool_call_have_a_feature(wanted, other):
    exchanges = numbered(
        *(asked(body(number)) for number in range(20)),
        *(asked({**body(number, tools=TOOLS, max_tokens=number + 20), **other}) for number in range(8)),
        *(asked({**body(number, tools=TOOLS, max_tokens=number + 20), **wanted}, 500) for number in range(6)),
        *(asked({**body(number, tools=TOOLS, max_tokens=number + 20, stream=True), **wanted}) for number in range(6)),
    )
    (cause,) = find_causes([failed(VALID, bad(exchanges))], exchanges)
    assert cause.sentence.endswith("and without streaming is answered with 500.")
    assert "asking for a tool call" in cause.sentence or "whose tool_choice is tool" in cause.sentence


def again(sent, *statuses):
    return [asked(body(sent), status) for status in statuses]


def test_failures_that_come_and_go_are_one_cause_and_no_feature_is_blamed():
    exchanges = numbered(
        *(asked(body(number)) for number in range(40)),
        *(one for number in range(40, 52) for one in again(number, 400, 200)),
        asked(body(60, metadata={"user_id": "u"}), 400),
        asked(body(61, top_k=1), 400),
    )
    struck = failed("request.metadata.accepted", exchanges[-2:-1])
    form = replace(failed("errors.envelope.type", bad(exchanges)), findings=(
        replace(struck.findings[0], requirement="errors.envelope.type", place=Place(pointer="/type")),
    ))  # fmt: skip
    verdicts, (cause,) = demoted([failed("errors.type.temporary", exchanges[40:42]), struck, form], exchanges)
    assert cause.sentence == (
        "14 of 54 requests are refused with 400, without regard to what they ask for; sent again, the same request "
        "passes."
    )
    assert cause.requirement == "errors.type.temporary"
    assert cause.explains == ("request.metadata.accepted",)
    assert [verdict.outcome for verdict in verdicts] == ["fail", "not-verified", "fail"]


def test_a_request_that_is_always_refused_is_no_failure_that_comes_and_goes():
    exchanges = numbered(
        *(asked(body(number)) for number in range(60)),
        *(one for number in range(60, 66) for one in again(number, 400, 200)),
        *(one for number in range(70, 74) for one in [asked(body(number, top_k=1), 400)] * 4),
    )
    found = find_causes([failed(VALID, bad(exchanges))], exchanges)
    assert [cause.sentence for cause in found][1:] == ["Every request with top_k is refused with 400."]
    assert found[0].sentence.startswith("6 of 70 requests are refused with 400")


def test_failures_that_come_and_go_can_be_of_one_kind():
    exchanges = numbered(
        *(asked(body(number)) for number in range(60)),
        *(asked(body(number, tools=TOOLS)) for number in range(60, 70)),
        *(asked(body(number, tools=TOOLS), status) for number in range(70, 76) for status in (500, 200)),
    )
    (cause,) = find_causes([failed("errors.status.5xx-of-one-kind", bad(exchanges))], exchanges)
    assert cause.sentence == (
        "6 of 16 requests with tools are answered with 500, and no others are; sent again, the same request passes."
    )


def test_two_causes_are_told_apart():
    exchanges = numbered(
        *(asked(body(number)) for number in range(20)),
        *(asked(body(number, stream=True), 500) for number in range(9)),
        *(asked(body(number, tools=TOOLS), 400) for number in range(4)),
    )
    found = find_causes([failed(VALID, bad(exchanges))], exchanges)
    assert [cause.sentence for cause in found] == [
        "Every streamed request is answered with 500.",
        "Every request with tools is refused with 400.",
    ]


def test_what_fails_often_is_a_hint_and_explains_nothing():
    exchanges = numbered(
        *(asked(body(number)) for number in range(60)),
        *(asked(body(number, tools=TOOLS, stream=True)) for number in range(20)),
        *(asked(body(number, tools=TOOLS), 500 if number else 200) for number in range(6)),
    )
    wrong = bad(exchanges)
    verdicts, (cause,) = demoted([failed(VALID, wrong), failed("a", wrong[:1])], exchanges)
    assert cause.sentence == "Of 6 requests with tools and without streaming, 5 are answered with 500."
    assert not cause.always
    assert cause.explains == ()
    assert [verdict.outcome for verdict in verdicts] == ["fail", "fail"]


def test_rare_failures_are_no_hint():
    exchanges = numbered(*(asked(body(number, stream=True), 500 if number % 9 == 0 else 200) for number in range(60)))
    assert find_causes([failed(VALID, bad(exchanges))], exchanges) == ()


def test_few_requests_are_counted():
    exchanges = numbered(
        *(asked(body(number)) for number in range(20)),
        *(asked(body(number, messages=[turn([IMAGE, number])]), 400) for number in range(3)),
    )
    (cause,) = find_causes([failed(VALID, bad(exchanges))], exchanges)
    assert cause.sentence == "Each of the 3 requests with an image given as base64 is refused with 400."


@pytest.mark.parametrize(
    "exchanges",
    [
        numbered(asked(body(1), 500), *(asked(body(number)) for number in range(2, 9))),
        numbered(
            *(asked(body(number, stream=number % 2 == 0), 500 if number % 4 == 0 else 200) for number in range(9))
        ),
        numbered(*(asked(body(n, top_k=1), 429) for n in range(4)), *(asked(body(n)) for n in range(4))),
        numbered(*(asked(body(n, top_k=1), 400, expect="refused") for n in range(4)), asked(body())),
        numbered(*(asked(body(n, top_k=1), 400, expect="either") for n in range(4)), asked(body())),
    ],
    ids=["one request", "half of the streams", "rate limit", "as expected", "as allowed"],
)
def test_without_evidence_there_is_no_cause(exchanges):
    number = next(exchange.number for exchange in exchanges if exchange.response.status != 200)
    assert find_causes([failed(VALID, [exchanges[number - 1]])], exchanges) == ()


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"\x1f\x8b\x08", "gzip bytes without content-encoding: gzip"),
        (b"Welcome", "text that is not JSON"),
        (b" ", "an empty body"),
        (b"[]", "JSON that is no object"),
        (b'{"choices": []}', "an answer of the Chat Completions API"),
        (b'{"code": 0}', "a JSON object that is no message"),
    ],
)
def test_foreign_answers_to_all_requests_are_named(answer, sentence):
    exchanges = numbered(*(asked(body(number), answer=answer) for number in range(5)))
    (cause,) = find_causes([failed("response.object", exchanges)], exchanges)
    assert cause.sentence == f"Every request for a message gets {sentence}."


def test_silence_and_a_cut_answer_have_words():
    silent = asked(body(), response=None, failure=Failure(kind="timeout", message="no answer"))
    lost = asked(body(), response=None, failure=Failure(kind="dns", message="unknown host"))
    cut = replace(asked(body()), response=replace(asked(body()).response, ending="reset"))
    assert [outcome_of(exchange) for exchange in (silent, lost, cut)] == ["gets no answer", "", "is cut off"]


STREAMS = numbered(
    *(asked(body(number)) for number in range(20)),
    *(asked(body(number, stream=True), 500) for number in range(5)),
    asked(body(stream=True, system="Be brief"), 500, probes=("request.system.string",)),
)
SYSTEM = failed("request.system.string", STREAMS[25:])
WHOLE = failed("response.shape", STREAMS[:1])
NEVER = Verdict(requirement="stream.order.message-stop-last", level="MUST", outcome="not-verified", reason=NOT_PROVOKED)
OTHER = Verdict(requirement="auth.missing-key", level="MUST", outcome="not-verified", reason=NOT_PROVOKED)
BLAMED = failed(VALID, STREAMS[20:])


def test_a_bystander_is_not_verified_because_of_the_cause():
    verdicts, (cause,) = demoted([BLAMED, SYSTEM, WHOLE, NEVER, OTHER], STREAMS)
    by = {verdict.requirement: verdict for verdict in verdicts}
    assert {name: verdict.outcome for name, verdict in by.items()} == {
        VALID: "fail",
        "request.system.string": "not-verified",
        "response.shape": "fail",
        "stream.order.message-stop-last": "not-verified",
        "auth.missing-key": "not-verified",
    }
    assert by["request.system.string"].reason == f"every streamed request is answered with 500 ({VALID})"
    assert by["request.system.string"].explained == SYSTEM.findings
    assert by["stream.order.message-stop-last"].cause == VALID
    assert by["auth.missing-key"] == OTHER
    assert cause.explains == ("request.system.string", "stream.order.message-stop-last")


def test_a_refusal_explains_nothing_about_what_a_gateway_sent():
    images, answers = failed("gateway.request.images", STREAMS[25:]), failed("gateway.answer.text", STREAMS[25:])
    verdicts, (cause,) = demoted([failed("gateway.request.valid", STREAMS[20:]), images, answers], STREAMS)
    assert cause.requirement == "gateway.request.valid"
    assert images in verdicts
    assert cause.explains == ("gateway.answer.text",)


def test_what_nearly_all_requests_lack_is_named_in_place_of_a_size():
    beta = (*request(body(0)).headers, ("anthropic-beta", "context-1m-2025-08-07"))
    exchanges = numbered(
        *(asked(body(number), 400) for number in range(90)),
        *(asked(body(number, max_tokens=4000), 400) for number in range(9)),
        *(asked({}, request=request(body(number), headers=beta)) for number in range(2)),
    )
    (cause,) = find_causes([failed(VALID, bad(exchanges))], exchanges)
    assert cause.sentence == "Every request without the header anthropic-beta is refused with 400."


def test_what_fails_on_successful_answers_too_is_not_blamed():
    everywhere = failed("headers.request-id.present", STREAMS)
    assert find_causes([everywhere], STREAMS) == ()
    (cause,) = find_causes([everywhere, failed("request.system.string", STREAMS[20:], outcome="warn")], STREAMS)
    assert cause.requirement == "request.system.string"


def test_a_cause_has_the_outcome_of_requests_for_a_message():
    blocks = {"messages": [turn(BLOCKS)]}
    counting = [request(body(number, **blocks), path="/v1/messages/count_tokens") for number in range(3)]
    exchanges = numbered(
        *(asked(body(number)) for number in range(20)),
        *(asked(body(max_tokens=20 + number, **blocks), 500) for number in range(6)),
        *(asked({}, 404, request=each) for each in counting),
    )
    (cause,) = find_causes([failed(VALID, bad(exchanges))], exchanges)
    assert cause.sentence == "Every request whose content is a list of blocks is answered with 500."


def test_a_leak_is_never_a_bystander():
    leak = failed("auth.key-not-echoed", STREAMS[25:])
    verdicts, _ = demoted([BLAMED, leak], STREAMS)
    assert leak in verdicts


def test_a_recommendation_hides_no_obligation():
    warned = failed(VALID, STREAMS[20:], outcome="warn", level="SHOULD")
    verdicts, _ = demoted([warned, SYSTEM, failed("a", STREAMS[25:], outcome="warn")], STREAMS)
    assert "fail" in {verdict.outcome for verdict in verdicts}


def test_a_kept_verdict_stays():
    verdicts, (cause,) = demoted([BLAMED, SYSTEM], STREAMS, kept=lambda verdict, blamed: blamed == VALID)
    assert [(verdict.requirement, verdict.outcome) for verdict in verdicts] == [
        (VALID, "fail"),
        (SYSTEM.requirement, "fail"),
    ]
    assert cause.explains == ()


def test_the_plainest_failing_request_comes_first():
    small = asked({"messages": {}}, 500)
    generated = replace(asked({"a": 1}, 500), origin=Origin(set_name="requests", seed=1, number=1))
    exchanges = numbered(asked(body(1, metadata={"user_id": "u"}), 500), generated, asked(body(2), 500), small)
    verdicts, _ = demoted([failed("a", exchanges)], exchanges)
    assert [finding.exchange for finding in verdicts[0].findings] == [4, 3, 1, 2]


def explained_report():
    verdicts, causes = demoted([BLAMED, SYSTEM, WHOLE, NEVER], STREAMS)
    return report(*verdicts, causes=causes, exchanges={exchange.number: exchange for exchange in STREAMS})


def test_the_cause_is_the_headline():
    made = explained_report()
    assert failures(made)[0].requirement == VALID
    assert headline(made).sentence == "Every streamed request is answered with 500."
    assert verdict_sentence(made) == (
        "DOES NOT CONFORM to profile anthropic-2023-06-01: every streamed request is answered with 500 "
        f"({VALID}, {headline(made).harm}), and 2 requirements are not verified because of it; "
        "1 more of 2 verified requirements fails"
    )


def test_every_verdict_of_a_saved_report_keeps_its_cause(tmp_path):
    made = explained_report()
    (tmp_path / "report.json").write_text(json.dumps(to_json(made)))
    read = load(tmp_path)
    assert read.causes == made.causes
    assert read.verdicts == made.verdicts
    assert to_json(read)["causes"] == to_json(made)["causes"]


def test_no_run_becomes_green_by_a_cause():
    for verdicts in ([BLAMED, SYSTEM], [SYSTEM, WHOLE], [BLAMED, SYSTEM, WHOLE, NEVER, OTHER]):
        before = report(*verdicts)
        after, causes = demoted(verdicts, STREAMS)
        assert exit_code(replace(before, verdicts=after, causes=causes)) == exit_code(before) == 1


def test_every_format_shows_the_cause_first():
    made = explained_report()
    for name in ("html", "markdown", "sarif", "junit", "json", "terminal", "verdict"):
        assert "very streamed request is answered with 500" in FORMATS[name](made), name
    page = FORMATS["html"](made)
    assert page.index(">Causes (1)<") < page.index(">Failures (2)<") < page.index(">Clients that can use it<")


def test_sarif_has_the_cause_and_what_it_explains():
    results = json.loads(FORMATS["sarif"](explained_report()))["runs"][0]["results"]
    blamed = next(result for result in results if result["ruleId"] == VALID)
    assert blamed["properties"]["cause"] == "Every streamed request is answered with 500."
    assert "request.system.string" in blamed["properties"]["explains"]
    assert "request.system.string" not in {result["ruleId"] for result in results}


def test_junit_skips_a_bystander_because_of_the_cause():
    root = ElementTree.fromstring(FORMATS["junit"](explained_report()))
    skipped = root.find(".//testcase[@name='request.system.string']/skipped")
    assert skipped.get("message") == f"not-verified: every streamed request is answered with 500 ({VALID})"
    failure = root.find(f".//testcase[@name='{VALID}']/failure")
    assert failure.get("message").startswith("Every streamed request is answered with 500. ")


def test_results_in_another_order_than_their_calls_are_a_feature():
    calls = [{"type": "tool_use", "id": name, "name": "look", "input": {}} for name in ("a", "b")]
    results = [{"type": "tool_result", "tool_use_id": name} for name in ("b", "a")]
    said = "whose tool results are in another order than the calls"
    swapped, straight = (
        features(asked({"messages": [turn(calls) | {"role": "assistant"}, turn(answers)]})).values()
        for answers in (results, results[::-1])
    )
    assert said in swapped
    assert said not in straight


def test_of_equal_failures_that_comes_first_which_fails_wherever_it_applies():
    exchanges = numbered(*(asked(body(number)) for number in range(8)))
    rare = replace(failed("request.max_tokens.integer", exchanges[:1]), judged=7)
    always = replace(failed("request.max_tokens.required", exchanges[1:3]), judged=2)
    assert rank(always, "hides", {}) < rank(rare, "hides", {})


def refused(sent, status, message, **fields):
    answer = json.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": message}}).encode()
    chunks = (Chunk(at_s=0.1, data=answer),)
    made = asked(sent, status, **fields)
    return replace(made, response=replace(made.response, chunks=chunks))


TOOLS = [{"name": "look", "input_schema": {"type": "object"}}]
WITH_TOOLS = [body(number, tools=TOOLS) for number in range(4)]
PLAIN = [asked(body(number)) for number in range(40)]


def the_cause(*exchanges, requirement=VALID):
    known = numbered(*exchanges)
    wrong = [one for one in known if one.response.status >= 400]
    return find_causes([failed(requirement, wrong)], known)


@pytest.mark.parametrize(
    ("messages", "end"),
    [
        (["no tools here"] * 4, 'with 400: "no tools here".'),
        ([f"tools.{number}: no tools here" for number in range(4)], 'with 400: "tools.0: no tools here".'),
        (["no tools here", "this is no tool", "a", "b"], "with 400."),
        (["Bad request"] * 4, "with 400."),
    ],
)
def test_a_cause_quotes_what_the_target_says_to_all(messages, end):
    wrong = [refused(sent, 400, message) for sent, message in zip(WITH_TOOLS, messages, strict=True)]
    (cause,) = the_cause(*wrong, *PLAIN)
    assert cause.sentence == f"Every request with tools is refused {end}"


def test_an_answer_of_another_route_shows_nothing_about_requests_for_messages():
    images = [body(max_tokens=number, messages=[turn([IMAGE])]) for number in (8, 9, 10, 11)]
    wrong = [asked(sent, 500) for sent in images]
    counts = [asked(sent) for sent in images]
    counts = [replace(one, request=replace(one.request, path="/v1/messages/count_tokens")) for one in counts]
    (cause,) = the_cause(*wrong, *counts, *PLAIN)
    assert cause.sentence == "Every request with an image given as base64 is answered with 500."


def test_an_odd_request_with_the_5xx_of_a_cause_is_explained_by_it():
    wrong = [asked(sent, 500) for sent in WITH_TOOLS]
    odd = asked(body(9, tools=TOOLS), 500, expect="refused")
    (cause,) = the_cause(*wrong, odd, *PLAIN)
    assert 5 in cause.exchanges
    assert cause.sentence == "Every request with tools is answered with 500."


def test_a_valid_key_that_is_refused_now_and_then_is_a_cause():
    wrong = [refused(body(number), 401, "invalid x-api-key") for number in range(100, 103)]
    (cause,) = the_cause(*wrong, *PLAIN)
    assert cause.by_chance
    assert cause.sentence.startswith('3 of 43 requests with a valid key are refused with 401: "invalid x-api-key"')


def test_a_key_that_no_request_of_a_kind_may_use_is_another_cause():
    wrong = [refused(sent, 401, "no tools for this key") for sent in WITH_TOOLS]
    assert not any(cause.by_chance for cause in the_cause(*wrong, *PLAIN))


def answer_of(name, text="Hello"):
    return json.dumps({"type": "message", "id": name, "content": [{"type": "text", "text": text}]}).encode()


COPIED = [
    asked(body(number, max_tokens=limit), answer=answer_of(f"msg_{number}")) for number in (1, 2, 3) for limit in (8, 9)
]


def test_copies_of_earlier_answers_are_a_cause():
    known = numbered(*COPIED)
    copies = [failed("response.id.unique", known), failed("stop.max_tokens.occurs", known[1:2])]
    verdicts, causes = explained(copies, known, kept=lambda *_: False)
    assert causes[0].sentence == (
        "3 of 6 answers are copies of the answer to another request, with its id; the requests differ in max_tokens."
    )
    assert [verdict.outcome for verdict in verdicts] == ["fail", "not-verified"]


def test_a_server_with_one_id_makes_no_copies():
    known = numbered(*(asked(body(number), answer=answer_of("msg_1", f"Hello {number}")) for number in range(6)))
    assert find_causes([failed("response.id.unique", known)], known) == ()
