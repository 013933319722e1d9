"""count_tokens, models, requests with several correct answers, caching, and concurrent streams."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, exchange, numbered, refused, response, streamed, verdicts
from stream_frames import block, ends, over, start, stop, text

from messages_conformance.contract import profile, profile_names
from messages_conformance.exchange import ACCEPTED, EITHER, REFUSED, Exchange
from messages_conformance.rules import CATALOGUE, NOT_VERIFIED, PASS

Run = list[Exchange]
COUNT = "/v1/messages/count_tokens"
NEWEST = "anthropic-2026-10-21"
MODEL = {"type": "model", "id": "a", "display_name": "A", "created_at": "2026-01-01T00:00:00Z"}
NO_ROUTE = {"error": {"type": "not_found_error", "message": "Not found"}}
CACHE = {"cache_control": {"type": "ephemeral"}}


PICTURE = [
    {"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://a.invalid/b.png"}}]}
]


def counted(tokens: Any, ask: Any = None, **fields: Any) -> Exchange:
    """A request that was counted; `tokens` is the input_tokens of the answer, or the whole body if it is a dict."""
    body = tokens if isinstance(tokens, dict) else {"input_tokens": tokens}
    given = {"max_tokens": ..., **(ask or {})}
    return exchange(response(body), ask=given, path=COUNT, expect=ACCEPTED, **fields)


def uncounted(status: int, message: str, *, ask: Any = None, **fields: Any) -> Exchange:
    error = {"error": {"type": "invalid_request_error", "message": message}}
    return refused(status, error, ask={"max_tokens": ..., **(ask or {})}, path=COUNT, **{"expect": ACCEPTED, **fields})


def got(path: str, body: Any, *, status: int = 200, **fields: Any) -> Exchange:
    given = {"expect": ACCEPTED, **fields}
    return exchange(response(body, status=status), ask=b"", method="GET", path=path, **given)


def listed(*items: Any, query: str = "", more: bool = False, **changes: Any) -> Exchange:
    """A page of models; an item that is a string is a model with this id."""
    data = [{**MODEL, "id": item} if isinstance(item, str) else item for item in items]
    ids = [item.get("id") for item in data] or [None]
    body = {"data": data, "has_more": more, "first_id": ids[0], "last_id": ids[-1], **changes}
    return got(f"/v1/models{query}", {name: value for name, value in body.items() if value is not ...})


def probed(requirement: str, **fields: Any) -> dict[str, Any]:
    return {"probes": (requirement,), "expect": REFUSED, **fields}


def with_text(content: str, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": content}], **more}


def billed(tokens: int, **counts: int) -> dict[str, Any]:
    return {"usage": {"input_tokens": tokens, "output_tokens": 5, **counts}}


def prefilled(answer: str) -> Exchange:
    turns = [{"role": "user", "content": "Capital?"}, {"role": "assistant", "content": "The capital "}]
    return answered(with_text(answer), ask={"messages": turns}, probes=("request.prefill.continue",))


def emptied(**changes: Any) -> Exchange:
    """The answer to max_tokens 0."""
    usage = {"usage": {"input_tokens": 9, "output_tokens": 0}}
    message = {"content": [], "stop_reason": "max_tokens", **usage, **changes}
    return answered(message, ask={"max_tokens": 0}, probes=("request.max_tokens.zero-prewarm",))


def cached(tokens: int, read: int) -> Exchange:
    system = {"system": [{"type": "text", "text": "Long.", **CACHE}]}
    return answered(billed(tokens, cache_read_input_tokens=read), ask=system)


def prompting(word: str, answer: str, *, started_s: float = 0.0) -> Exchange:
    """A stream of a request for one word."""
    events = [start(), block(), text(answer), stop(), ends(), over()]
    question = {"messages": [{"role": "user", "content": f"Reply with only this word: {word}"}]}
    return streamed(events, ask=question, started_s=started_s)


def tiny(**counts: int) -> Exchange:
    return answered(billed(3, **counts), probes=("request.cache_control.below-minimum",), expect=ACCEPTED)


BLOCKS = answered(ask={"messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}]})
BAD_COUNT = probed("adjacent.count_tokens.validates", path=COUNT)
OLD_COUNT = probed("version.same-rules-count-tokens", path=COUNT)
BAD_LIMIT = probed("adjacent.models.limit", path="/v1/models?limit=0")
NO_MODEL = probed("adjacent.models.retrieve", path="/v1/models/none")
TOOL = {"tools": [{"name": "f", "input_schema": {"type": "object"}}]}
UNCACHED = counted(1000, ask={"system": [{"type": "text", "text": "Long.", **CACHE}]})
MISLABELLED = exchange(
    response({"input_tokens": 12}, media_type="text/plain"), ask={"max_tokens": ...}, path=COUNT, expect=ACCEPTED
)
FIRST, SECOND = listed("a", query="?limit=1", more=True), listed("b", query="?limit=1&after_id=a")

ROWS: dict[str, tuple[Run, Run]] = {
    "adjacent.count_tokens.shape": ([counted("12")], [counted(12)]),
    "adjacent.count_tokens.no-max_tokens": ([uncounted(400, "max_tokens: Field required")], [counted(12)]),
    "adjacent.count_tokens.approx": ([answered(), counted(21)], [answered(), counted(20)]),
    "adjacent.count_tokens.monotone": ([counted(12), counted(9, ask=TOOL)], [counted(12), counted(12, ask=TOOL)]),
    "adjacent.count_tokens.validates": (
        [counted(12), exchange(response({"input_tokens": 3}), **BAD_COUNT)],
        [counted(12), refused(400, **BAD_COUNT)],
    ),
    "version.same-rules-count-tokens": (
        [counted(12), exchange(response({"input_tokens": 3}), **OLD_COUNT)],
        [counted(12), refused(400, **OLD_COUNT)],
    ),
    "adjacent.models.list-shape": ([listed("a", has_more=...)], [listed("a", "b", extra=1)]),
    "adjacent.models.item-shape": ([listed({**MODEL, "created_at": 1_700_000_000})], [listed("a")]),
    "adjacent.models.before_id": (
        [FIRST, SECOND, listed("b", query="?limit=1&before_id=b")],
        [FIRST, SECOND, listed("a", query="?limit=1&before_id=b")],
    ),
    "adjacent.models.limit": (
        [listed("a", "b", query="?limit=1")],
        [listed("a", query="?limit=1"), refused(400, method="GET", **BAD_LIMIT)],
    ),
    "adjacent.models.cursors": ([listed("a", "b", first_id="b", last_id="a")], [listed("a", "b"), FIRST, SECOND]),
    "adjacent.models.retrieve": (
        [listed("a"), got("/v1/models/a", {**MODEL, "display_name": "A (latest)"})],
        [listed("a"), got("/v1/models/a", MODEL), refused(404, NO_ROUTE, method="GET", **NO_MODEL)],
    ),
    "adjacent.models.id-escape": (
        [got("/v1/models/a", MODEL), got("/v1/models/x%2Fa", NO_ROUTE, status=404)],
        [got("/v1/models/a", MODEL), got("/v1/models/x%2Fa", {**MODEL, "id": "x/a"})],
    ),
    "request.prefill.continue": ([prefilled("The capital is Paris.")], [prefilled("is Paris.")]),
    "request.prefill.unsupported": (
        [refused(422, probes=("request.prefill.continue",))],
        [refused(400, probes=("request.prefill.continue",))],
    ),
    "request.max_tokens.zero-prewarm": ([emptied(**with_text("Hello"))], [emptied()]),
    "request.max_tokens.zero-tokmodel": (
        [refused(500, probes=("request.max_tokens.zero-tokmodel",))],
        [refused(400, probes=("request.max_tokens.zero-tokmodel",))],
    ),
    "request.cache_control.below-minimum": ([tiny(cache_creation_input_tokens=7)], [tiny(cache_read_input_tokens=0)]),
    "auth.both-headers": (
        [refused(500, probes=("auth.both-headers",))],
        [refused(401, probes=("auth.both-headers",))],
    ),
    "usage.cache.exclusive-buckets": ([UNCACHED, cached(1000, 960)], [UNCACHED, cached(40, 960)]),
    "usage.service_tier.enum": (
        [answered({"usage": {"input_tokens": 10, "output_tokens": 5, "service_tier": 1}})],
        [answered({"usage": {"input_tokens": 10, "output_tokens": 5, "service_tier": "unheard-of"}})],
    ),
    "stream.concurrent-isolation": (
        [prompting("zebra-17", "zebra-17 maple-42"), prompting("maple-42", "maple-42")],
        [prompting("zebra-17", "zebra-17"), prompting("maple-42", "Sure! Maple-42.")],
    ),
    "headers.retry-after.on-429": (
        [refused(429, {"error": {"type": "rate_limit_error", "message": "Slow down"}})],
        [refused(429, http={"headers": {"retry-after": "3"}})],
    ),
}


def home(requirement: str) -> str:
    """A profile that requires it, preferably the one with most requirements."""
    ordered = sorted(profile_names(), key=lambda name: name != FULL_PROFILE)
    return next(name for name in ordered if not CATALOGUE[requirement].inapplicable(profile(name)))


def judged(requirement: str, run: Run) -> Any:
    return verdicts(numbered(*run), under=home(requirement), only=[requirement])[requirement]


@pytest.mark.parametrize("requirement", ROWS)
def test_it_is_violated(requirement: str) -> None:
    verdict = judged(requirement, ROWS[requirement][0])
    assert len(verdict.findings) == 1
    assert verdict.findings[0].exchange in range(1, len(ROWS[requirement][0]) + 1)
    assert verdict.findings[0].found
    assert verdict.findings[0].wanted


@pytest.mark.parametrize("requirement", ROWS)
def test_it_passes(requirement: str) -> None:
    verdict = judged(requirement, ROWS[requirement][1])
    assert (verdict.outcome, verdict.findings) == (PASS, ())


VIOLATIONS: list[tuple[str, Run]] = [
    ("adjacent.count_tokens.shape", [counted({"token_count": 12})]),
    ("adjacent.count_tokens.shape", [counted(12.0)]),
    ("adjacent.count_tokens.shape", [exchange(response([12]), path=COUNT, expect=ACCEPTED)]),
    ("adjacent.count_tokens.shape", [uncounted(404, "Not found")]),
    ("adjacent.count_tokens.shape", [answered(ask={"system": "s"}), uncounted(400, "no", ask={"system": "s"})]),
    ("adjacent.count_tokens.approx", [answered(billed(1000)), counted(900)]),
    ("adjacent.count_tokens.monotone", [counted(12), counted(9, ask={"system": "Be brief."})]),
    (
        "adjacent.count_tokens.monotone",
        [counted(12), counted(9, ask={"messages": [{"role": "user", "content": "Hello, and more"}]})],
    ),
    ("adjacent.count_tokens.validates", [counted(12), refused(500, **BAD_COUNT)]),
    ("transport.content-type.json-response", [MISLABELLED]),
    ("adjacent.models.list-shape", [got("/v1/models", NO_ROUTE, status=404)]),
    ("adjacent.models.list-shape", [got("/v1/models", [MODEL])]),
    ("adjacent.models.item-shape", [listed({"id": "a", "object": "model"})]),
    ("adjacent.models.limit", [listed("a"), exchange(response({}), method="GET", **BAD_LIMIT)]),
    ("adjacent.models.cursors", [listed("a", first_id=..., last_id=...)]),
    ("adjacent.models.cursors", [FIRST, listed("a", query="?limit=1&after_id=a")]),
    ("adjacent.models.cursors", [FIRST, listed(query="?limit=1&after_id=a")]),
    ("adjacent.models.cursors", [listed("a", more=True), listed(query="?after_id=a")]),
    ("adjacent.models.cursors", [FIRST, got("/v1/models?limit=1&after_id=a", NO_ROUTE, status=404)]),
    ("adjacent.models.retrieve", [listed("a"), got("/v1/models/a", NO_ROUTE, status=404)]),
    ("adjacent.models.retrieve", [listed("x/a"), got("/v1/models/x%2Fa", NO_ROUTE, status=404)]),
    ("adjacent.models.retrieve", [listed("a"), got("/v1/models/a", MODEL), refused(400, method="GET", **NO_MODEL)]),
    ("adjacent.models.retrieve", [listed("a"), got("/v1/models/a", MODEL), refused(404, method="GET", **NO_MODEL)]),
    ("adjacent.models.id-escape", [got("/v1/models/a", MODEL), got("/v1/models/x%2Fa", MODEL)]),
    ("request.max_tokens.zero-prewarm", [emptied(usage={"input_tokens": 9, "output_tokens": 3})]),
    ("request.max_tokens.zero-prewarm", [emptied(stop_reason="end_turn")]),
    ("request.max_tokens.zero-prewarm", [refused(400, probes=("request.max_tokens.zero-prewarm",))]),
    (
        "request.cache_control.below-minimum",
        [BLOCKS, refused(400, probes=("request.cache_control.below-minimum",), expect=ACCEPTED)],
    ),
]


@pytest.mark.parametrize(("requirement", "run"), VIOLATIONS)
def test_other_ways_of_violating_it(requirement: str, run: Run) -> None:
    assert len(judged(requirement, run).findings) == 1


UNSHOWN: list[tuple[str, Run]] = [
    ("request.cache_control.below-minimum", []),
    ("request.cache_control.below-minimum", [refused(400, probes=("request.cache_control.below-minimum",))]),
    ("request.cache_control.below-minimum", [tiny(cache_read_input_tokens=600)]),
    ("adjacent.count_tokens.shape", [refused(400, ask={"system": "s"}), uncounted(400, "no", ask={"system": "s"})]),
    ("adjacent.count_tokens.shape", [uncounted(400, "max_tokens: Field required")]),
    ("adjacent.count_tokens.shape", [uncounted(400, "no images", ask={"messages": PICTURE})]),
    ("adjacent.count_tokens.no-max_tokens", [uncounted(404, "Not found")]),
    ("adjacent.count_tokens.approx", [counted(21)]),
    ("adjacent.count_tokens.approx", [answered(billed(0)), counted(21)]),
    ("adjacent.count_tokens.approx", [cached(40, 960), UNCACHED]),
    ("adjacent.count_tokens.approx", [answered(), answered(billed(99)), counted(40)]),
    ("adjacent.count_tokens.monotone", [counted(12), counted(9, ask={**TOOL, "model": "other"})]),
    ("adjacent.count_tokens.validates", [refused(404, NO_ROUTE, **BAD_COUNT)]),
    ("adjacent.models.item-shape", [listed()]),
    ("adjacent.models.item-shape", [got("/v1/models", {"models": []})]),
    ("adjacent.models.limit", [refused(404, NO_ROUTE, method="GET", **BAD_LIMIT)]),
    ("adjacent.models.cursors", [listed()]),
    ("adjacent.models.retrieve", [got("/v1/models/a", MODEL)]),
    ("adjacent.models.retrieve", [listed("a")]),
    ("adjacent.models.id-escape", [got("/v1/models/a", MODEL)]),
    ("adjacent.models.id-escape", [got("/v1/models/x%2Fa", NO_ROUTE, status=404)]),
    ("request.prefill.unsupported", [prefilled("is Paris.")]),
    ("request.prefill.continue", [prefilled("")]),
    ("request.max_tokens.zero-prewarm", []),
    ("request.max_tokens.zero-prewarm", [emptied(**with_text("Hi")), answered(billed(9), ask={"max_tokens": 2})]),
    ("request.max_tokens.zero-prewarm", [emptied(error={"message": "no"}, content=...)]),
    ("usage.cache.exclusive-buckets", [UNCACHED, cached(1000, 0)]),
    ("usage.cache.exclusive-buckets", [cached(40, 960)]),
    ("stream.concurrent-isolation", [prompting("zebra-17", "zebra-17")]),
    ("stream.concurrent-isolation", [prompting("zebra-17", "zebra-17"), prompting("maple-42", "I cannot say that.")]),
    (
        "stream.concurrent-isolation",
        [prompting("zebra-17", "zebra-17"), prompting("maple-42", "maple-42", started_s=5.0)],
    ),
    ("headers.retry-after.on-429", [refused(429, {"error": {"type": "rate_limit_error", "message": "Monthly spend"}})]),
]


@pytest.mark.parametrize(("requirement", "run"), UNSHOWN)
def test_a_requirement_without_its_premise_is_not_verified(requirement: str, run: Run) -> None:
    verdict = judged(requirement, run)
    assert (verdict.outcome, verdict.findings) == (NOT_VERIFIED, ())
    assert verdict.reason


def test_a_target_that_refuses_prefill_does_not_have_to_continue_one() -> None:
    error = {"error": {"type": "invalid_request_error", "message": "This model does not support prefill."}}
    run = [refused(400, error, probes=("request.prefill.continue",), capability="prefill", expect=EITHER)]
    outcomes = {name: verdict.outcome for name, verdict in verdicts(numbered(*run)).items()}
    assert outcomes["request.prefill.continue"] == "not-applicable"
    assert outcomes["request.prefill.unsupported"] == PASS


def test_a_missing_count_tokens_is_one_finding() -> None:
    run = [uncounted(404, "Not found"), refused(404, NO_ROUTE, **BAD_COUNT), answered()]
    assert _violated(run, "adjacent.") == {"adjacent.count_tokens.shape"}


def test_a_list_of_any_content_is_read() -> None:
    run = [listed({**MODEL, "id": ["a"]}, {"id": 7}, query="?limit=many"), listed({**MODEL, "id": None}), FIRST, SECOND]
    result = verdicts(numbered(*run), under=NEWEST)
    assert {verdict.outcome for name, verdict in result.items() if name.startswith("adjacent.models")}.isdisjoint(
        {"error"}
    )


def test_a_missing_list_of_models_is_one_finding() -> None:
    run = [
        got("/v1/models", NO_ROUTE, status=404),
        got("/v1/models?limit=1", NO_ROUTE, status=404),
        refused(404, NO_ROUTE, method="GET", **BAD_LIMIT),
    ]
    assert _violated(run, "adjacent.") == {"adjacent.models.list-shape"}


def _violated(run: Run, prefix: str) -> set[str]:
    result = verdicts(numbered(*run), under=NEWEST)
    return {name for name, verdict in result.items() if verdict.findings and name.startswith(prefix)}


def test_streams_of_other_requests_are_not_compared() -> None:
    assert judged("stream.concurrent-isolation", [streamed(), streamed()]).outcome == NOT_VERIFIED
