"""Verdicts on the neighbours of the Messages path: count_tokens and the list of models.

Neither costs anything, so each is asked in several ways; what has to agree between the answers is judged over the run.
Where an endpoint is missing altogether that is said once, and the other requirements on it stay unverified.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from messages_conformance import contract
from messages_conformance.exchange import ACCEPTED, REFUSED, Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    answered,
    body_of,
    grouped,
    has_message,
    response_of,
    shown,
    streamed,
    total_input,
    usage_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BOTH, RUN, rule
from messages_conformance.rules.relations import ERRATIC, PROMPT_SLACK_TOKENS, erratic
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place, Unverified

COUNT_PATH: Final = "/v1/messages/count_tokens"
MODELS_PATH: Final = "/v1/models"
STATUS: Final = Place(header=":status")

APPROX_TOKENS: Final = 10
APPROX_SHARE: Final = 0.05
"""A count may be this far from what is billed, whichever is more: it is an estimate (requirement's own figures)."""

COUNT_FIELDS: Final = frozenset(
    ["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control"]
)
"""What count_tokens takes of a question; the rest of one changes no input count (types/message_count_tokens_params.py
of the official SDK)."""

COMPARED: Final = ("id", "type", "display_name", "created_at", "max_input_tokens", "max_tokens")
"""Members of a model that must be the same wherever it is shown."""

COUNTING: Final = sources.sdk("types/message_count_tokens_params.py")
TOKEN_COUNTING: Final = "platform.claude.com/docs/en/build-with-claude/token-counting, read 2026-11-22"
LIST: Final = "platform.claude.com/docs/en/api/models/list, read 2026-11-22"
RETRIEVE: Final = "platform.claude.com/docs/en/api/models/retrieve, read 2026-11-22"
NO_COUNT: Final = Unverified(reason="count_tokens counted nothing in this run")
NO_LIST: Final = Unverified(reason="GET /v1/models gave no list in this run")


def _said(exchange: Exchange) -> str:
    response = response_of(exchange)
    return f"{response.status}: {shown(response.body.decode('utf-8', 'replace').strip(), 160)}"


def _refusal(exchange: Exchange, wanted: str) -> Finding:
    return Finding(exchange=exchange.number, place=STATUS, found=_said(exchange), wanted=wanted)


# -- count_tokens ---------------------------------------------------------------------------------------------------


def _counting(exchange: Exchange) -> bool:
    """A valid question that was to be counted."""
    return answered(exchange) and exchange.request.route == COUNT_PATH and exchange.expect == ACCEPTED


def _count(exchange: Exchange) -> int | None:
    """The tokens that count_tokens gave; None for anything but a valid answer."""
    if not _counting(exchange) or not exchange.succeeded or not contract.valid("count_tokens", _json(exchange)):
        return None
    return int(body_of(exchange)["input_tokens"])


def _json(exchange: Exchange) -> Any:
    return response_of(exchange).json


def _misses_max_tokens(exchange: Exchange) -> bool:
    return response_of(exchange).status >= 400 and b"max_tokens" in response_of(exchange).body


@rule(
    "adjacent.count_tokens.shape",
    MUST,
    families={ANTHROPIC},
    needs={"count-tokens"},
    source=sources.sdk("types/message_tokens_count.py"),
    over=RUN,
    provoked="Questions of the suites are counted.",
)
def counts_in_an_integer(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """POST /v1/messages/count_tokens answers a valid question with an integer input_tokens of 0 or more."""
    served = {_question(exchange) for exchange in exchanges if has_message(exchange)}
    answers = 0
    for exchange in exchanges:
        if not _counting(exchange) or _misses_max_tokens(exchange):
            continue
        answers += exchange.succeeded
        # What is refused where messages are created, too, is judged there.
        plain = exchange.request.fields.keys() <= {"model", "messages"}
        if exchange.succeeded:
            yield from (replace(finding, exchange=exchange.number) for finding in _misshapen(exchange))
        elif plain or _question(exchange) in served:
            yield _refusal(exchange, "200 and input_tokens")
    if not answers:
        yield NO_COUNT


def _misshapen(exchange: Exchange) -> Iterator[Finding]:
    if isinstance(tokens := body_of(exchange).get("input_tokens"), float):  # whole floats are integers to a schema
        yield Finding(place=Place(pointer="/input_tokens"), found=shown(tokens), wanted="an integer")
    else:
        yield from _shape("count_tokens", exchange, "adjacent.count_tokens.shape")


def _shape(schema: str, exchange: Exchange, requirement: str) -> Iterator[Finding]:
    """Where an answer leaves its schema in a way that the schema lays to this requirement."""
    body = _json(exchange)
    if not isinstance(body, dict):
        said = shown(response_of(exchange).body.decode("utf-8", "replace").strip())
        yield Finding(place=Place(pointer=""), found=said, wanted="a JSON object")
        return
    yield from grouped(
        Finding(place=Place(pointer=problem.pointer), found=problem.found, wanted=problem.wanted)
        for problem in contract.explain(schema, body)
        if problem.requirement == requirement
    )


@rule(
    "adjacent.count_tokens.no-max_tokens",
    MUST,
    families={ANTHROPIC},
    needs={"count-tokens"},
    source=COUNTING,
    applies=_counting,
    provoked="Questions are counted without a max_tokens.",
)
def counts_without_a_limit(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """count_tokens needs a model and messages only, and no max_tokens."""
    if _misses_max_tokens(exchange):
        yield Finding(place=STATUS, found=_said(exchange), wanted="200: max_tokens is no field of count_tokens")
    elif not exchange.succeeded:
        yield NO_COUNT


def _question(exchange: Exchange) -> str:
    """What a count depends on, as a key to compare by."""
    asked = {name: value for name, value in exchange.request.fields.items() if name in COUNT_FIELDS}
    return json.dumps(asked, sort_keys=True)


@rule(
    "adjacent.count_tokens.approx",
    SHOULD,
    families={ANTHROPIC},
    needs={"count-tokens"},
    source=f"{TOKEN_COUNTING} (an estimate, with a small difference); tolerance of 10 tokens or 5 %",
    over=RUN,
    provoked="A question is counted, and asked.",
)
def counts_what_it_bills(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The count is within 10 tokens or 5 % of the input that the same question is billed for."""
    billed = [one for one in exchanges if has_message(one) and total_input(usage_of(one)) > 0]
    if erratic(billed):
        yield ERRATIC
        return
    pairs = 0
    for counted, asked in _counted_and_asked(exchanges, billed):
        pairs += 1
        count, actual = _count(counted), total_input(usage_of(asked))
        if count is not None and abs(count - actual) > max(APPROX_TOKENS, APPROX_SHARE * actual):
            yield Finding(
                exchange=counted.number,
                place=Place(pointer="/input_tokens"),
                found=f"{count}, but the same question was billed for {actual} (exchange {asked.number})",
                wanted=f"within {max(APPROX_TOKENS, int(APPROX_SHARE * actual))} of it",
            )
            return
    if not pairs:
        yield Unverified(reason="no question was both counted and asked, with counts")


def _counted_and_asked(
    exchanges: Sequence[Exchange], billed: Sequence[Exchange]
) -> Iterator[tuple[Exchange, Exchange]]:
    """Pairs of a count and a message for the same question; whole messages before streamed ones."""
    asked: dict[str, Exchange] = {}
    for exchange in sorted(billed, key=streamed):
        if b"cache_control" not in exchange.request.body:  # what is cached is judged as that
            asked.setdefault(_question(exchange), exchange)
    for exchange in exchanges:
        if _count(exchange) is not None and _question(exchange) in asked:
            yield exchange, asked[_question(exchange)]


@rule(
    "adjacent.count_tokens.monotone",
    SHOULD,
    families={ANTHROPIC},
    needs={"count-tokens"},
    source=f"{TOKEN_COUNTING}; tolerance of {PROMPT_SLACK_TOKENS} tokens",
    over=RUN,
    provoked="A question is counted alone, with more text, with a system prompt and with a tool.",
)
def counts_no_less_for_more(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """More text, a system prompt or a tool never lowers the count."""
    counted = [(exchange, count) for exchange in exchanges if (count := _count(exchange)) is not None]
    pairs = 0
    for longer, more in counted:
        for shorter, less in counted:
            if not _extends(longer.request.fields, shorter.request.fields):
                continue
            pairs += 1
            if more < less - PROMPT_SLACK_TOKENS:
                found = f"{more}, but {less} for a part of it (exchange {shorter.number})"
                yield Finding(
                    exchange=longer.number, place=Place(pointer="/input_tokens"), found=found, wanted=f"{less} or more"
                )
                return
    if not pairs:
        yield Unverified(reason="no question was counted both alone and with more")


def _extends(longer: Mapping[str, Any], shorter: Mapping[str, Any]) -> bool:
    """Whether one question is another with a system prompt, tools or text behind it."""
    added = {name for name in longer if name not in shorter}
    if not added <= {"system", "tools", "messages"} or not set(shorter) <= set(longer):
        return False
    same = all(longer[name] == value for name, value in shorter.items() if name != "messages")
    mine, theirs = _words(longer), _words(shorter)
    if not same or mine is None or theirs is None or not mine.startswith(theirs):
        return False
    return bool(added) or mine != theirs


def _words(fields: Mapping[str, Any]) -> str | None:
    """The text of a question of a single plain user message."""
    messages = fields.get("messages")
    content = messages[0].get("content") if isinstance(messages, list) and len(messages) == 1 else None
    return content if isinstance(content, str) else None


def _refuses_as_create_does(exchanges: Sequence[Exchange], requirement: str) -> Iterator[Finding | Unverified]:
    """Each invalid question is answered with 400, by an endpoint that counts valid ones."""
    sent = [exchange for exchange in exchanges if requirement in exchange.probes]
    if not sent or not any(_count(exchange) is not None for exchange in exchanges):
        yield NO_COUNT
        return
    for exchange in sent:
        if response_of(exchange).status != 400:
            yield _refusal(exchange, "400, as for the same body at /v1/messages")
            return


@rule(
    "adjacent.count_tokens.validates",
    SHOULD,
    families={ANTHROPIC},
    needs={"count-tokens"},
    source=TOKEN_COUNTING,
    over=RUN,
    provoked="An unknown role and missing messages are sent to be counted.",
)
def counts_valid_questions_only(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """An invalid question is refused with 400, as it is where messages are created."""
    return _refuses_as_create_does(exchanges, "adjacent.count_tokens.validates")


@rule(
    "version.same-rules-count-tokens",
    SHOULD,
    families={ANTHROPIC},
    needs={"count-tokens"},
    api_version="2026-10-21",
    source="platform.claude.com/docs/en/api/migration-2026-10-21, read 2026-11-22",
    over=RUN,
    provoked="What 2026-10-21 removed is sent to be counted.",
)
def counts_by_the_version_asked_for(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """What version 2026-10-21 refuses is refused by count_tokens too."""
    return _refuses_as_create_does(exchanges, "version.same-rules-count-tokens")


# -- models ---------------------------------------------------------------------------------------------------------


def _listing(exchange: Exchange) -> bool:
    """A valid request for a page of models."""
    asked = exchange.request.method == "GET" and exchange.request.route == MODELS_PATH
    return answered(exchange) and asked and exchange.expect != REFUSED


def _showing(exchange: Exchange) -> bool:
    """A request for one model."""
    route = exchange.request.route
    return answered(exchange) and exchange.request.method == "GET" and route.startswith(f"{MODELS_PATH}/")


def _query(exchange: Exchange, name: str) -> str | None:
    values = parse_qs(urlsplit(exchange.request.path).query).get(name)
    return values[-1] if values else None


def _items(exchange: Exchange) -> list[Mapping[str, Any]] | None:
    """The models of a page that are objects; None when there is no list."""
    data = body_of(exchange).get("data") if exchange.succeeded else None
    return [item for item in data if isinstance(item, dict)] if isinstance(data, list) else None


def _id(item: Mapping[str, Any]) -> str:
    """A model's id; empty when it is no string."""
    name = item.get("id")
    return name if isinstance(name, str) else ""


def _pages(exchanges: Sequence[Exchange]) -> list[tuple[Exchange, list[Mapping[str, Any]]]]:
    return [
        (exchange, items) for exchange in exchanges if _listing(exchange) and (items := _items(exchange)) is not None
    ]


def _first_page(exchange: Exchange) -> bool:
    return _listing(exchange) and exchange.expect == ACCEPTED and "?" not in exchange.request.path


@rule(
    "adjacent.models.list-shape",
    MUST,
    families={ANTHROPIC},
    needs={"models"},
    source=LIST,
    applies=_first_page,
    provoked="GET /v1/models is asked.",
)
def lists_models(exchange: Exchange) -> Iterable[Finding]:
    """GET /v1/models answers with data, a boolean has_more, and first_id and last_id, which are strings or null."""
    if not exchange.succeeded:
        yield Finding(place=STATUS, found=_said(exchange), wanted="200 and a list of models")
    else:
        yield from _shape("models", exchange, "adjacent.models.list-shape")


@rule(
    "adjacent.models.item-shape",
    MUST,
    families={ANTHROPIC},
    needs={"models"},
    source=sources.sdk("types/model_info.py"),
    applies=lambda exchange: _first_page(exchange) and exchange.succeeded,
    provoked="GET /v1/models is asked.",
)
def describes_each_model(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """Each model has an id, the type model, a display_name and an RFC 3339 created_at."""
    if not _items(exchange):
        yield Unverified(reason="the list of models is empty" if _items(exchange) is not None else NO_LIST.reason)
        return
    yield from _shape("models", exchange, "adjacent.models.item-shape")


@rule(
    "adjacent.models.limit",
    SHOULD,
    families={ANTHROPIC},
    needs={"models"},
    source=LIST,
    over=RUN,
    provoked="A page of one model is asked for, and limits of 0 and 1001 are tried.",
)
def keeps_to_the_limit_of_a_page(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A page holds at most limit models, and a limit outside 1 to 1000 is refused with 400."""
    pages = _pages(exchanges)
    if not pages:
        yield NO_LIST
        return
    for exchange, items in pages:
        limit = _query(exchange, "limit")
        if limit is not None and limit.isdecimal() and len(items) > int(limit):
            found = f"{len(items)} models"
            yield Finding(
                exchange=exchange.number, place=Place(pointer="/data"), found=found, wanted=f"at most {limit}"
            )
            return
    for exchange in exchanges:
        if "adjacent.models.limit" in exchange.probes and response_of(exchange).status != 400:
            yield _refusal(exchange, "400: limit is 1 to 1000")
            return


@rule(
    "adjacent.models.cursors",
    MUST,
    families={ANTHROPIC},
    needs={"models"},
    source=LIST,
    over=RUN,
    provoked="The list is asked for whole and, where there is more, on; and page by page with limit=1 and after_id.",
)
def continues_after_the_last_id(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """first_id and last_id are those of the page's first and last model, and after_id goes on behind it."""
    pages = [(exchange, items) for exchange, items in _pages(exchanges) if items]
    if not pages:
        yield NO_LIST
        return
    wrong = [finding for exchange, items in pages for finding in _cursors(exchange, items)]
    yield from wrong[:1] or list(_walk(exchanges))[:1]


def _cursors(exchange: Exchange, items: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    for name, item in (("first_id", items[0]), ("last_id", items[-1])):
        stated = body_of(exchange).get(name)
        if stated != item.get("id"):
            found = shown(stated) if name in body_of(exchange) else "absent"
            place = Place(pointer=f"/{name}")
            yield Finding(exchange=exchange.number, place=place, found=found, wanted=shown(item.get("id")))


def _walk(exchanges: Sequence[Exchange]) -> Iterator[Finding]:
    """Where a page after a cursor is no continuation."""
    walked = [exchange for exchange in exchanges if _listing(exchange)]
    for number, after in enumerate(walked):
        cursor, limit = _query(after, "after_id"), _query(after, "limit")
        before = next((one for one in reversed(walked[:number]) if _query(one, "limit") == limit), None)
        if before is None or cursor is None or cursor != body_of(before).get("last_id"):
            continue
        items = _items(after)
        seen = {_id(item) for item in _items(before) or ()} | {cursor}
        if not after.succeeded:
            yield _refusal(after, "200 and the next page")
        elif items is not None and (again := [_id(item) for item in items if _id(item) in seen - {""}]):
            found = f"{shown(again[0])} again, as in exchange {before.number}"
            yield Finding(
                exchange=after.number, place=Place(pointer="/data/0/id"), found=found, wanted="the model after it"
            )
        elif items == []:
            found, wanted = "an empty page", "another model: the page before said has_more"
            yield Finding(exchange=after.number, place=Place(pointer="/data"), found=found, wanted=wanted)


def _named(exchange: Exchange) -> str:
    """The model id that a path names."""
    return unquote(exchange.request.route.removeprefix(f"{MODELS_PATH}/"))


def _encoded(exchange: Exchange) -> bool:
    return "%2f" in exchange.request.route.lower()


@rule(
    "adjacent.models.retrieve",
    MUST,
    families={ANTHROPIC},
    needs={"models"},
    source=RETRIEVE,
    over=RUN,
    provoked="A model of the list is asked for by its id, and one that does not exist.",
)
def shows_a_model_as_it_is_listed(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """GET /v1/models/{id} answers with the same model as the list, and with 404 not_found_error to an unknown id."""
    listed = {name: item for _, items in _pages(exchanges) for item in items if (name := _id(item))}
    if not listed:
        yield NO_LIST
        return
    shows = [one for one in exchanges if _showing(one) and one.expect == ACCEPTED and _named(one) in listed]
    known = [one for one in shows if not _encoded(one)] or shows
    if not known:
        yield Unverified(reason="no model of the list was asked for")
        return
    for exchange in known:
        yield from _differs(exchange, listed[_named(exchange)])
    if any(exchange.succeeded for exchange in known):
        for exchange in exchanges:
            if "adjacent.models.retrieve" in exchange.probes and exchange.expect == REFUSED:
                yield from _knows(exchange)


def _differs(exchange: Exchange, item: Mapping[str, Any]) -> Iterator[Finding]:
    if not exchange.succeeded:
        yield _refusal(exchange, "200: the model is in the list")
        return
    body = body_of(exchange)
    for name in COMPARED:
        if name in item and body.get(name) != item[name]:
            found = shown(body[name]) if name in body else "absent"
            place = Place(pointer=f"/{name}")
            yield Finding(
                exchange=exchange.number, place=place, found=found, wanted=f"{shown(item[name])}, as in the list"
            )
            return


def _knows(exchange: Exchange) -> Iterator[Finding]:
    status, error = response_of(exchange).status, body_of(exchange).get("error")
    kind = error.get("type") if isinstance(error, dict) else None
    if status != 404:
        yield _refusal(exchange, "404: there is no such model")
    elif isinstance(kind, str) and kind != "not_found_error":
        place = Place(pointer="/error/type")
        yield Finding(exchange=exchange.number, place=place, found=shown(kind), wanted='"not_found_error"')


@rule(
    "adjacent.models.id-escape",
    SHOULD,
    families=BOTH,
    needs={"models"},
    source=f"{sources.sdk('_utils/_path.py')} (encodes path parameters)",
    over=RUN,
    provoked="A listed model whose id holds a slash is asked for with %2F in its place.",
)
def finds_a_model_by_its_encoded_id(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A model whose id holds a slash is found by the id with the slash percent-encoded."""
    shown_ones = [exchange for exchange in exchanges if _showing(exchange) and exchange.expect == ACCEPTED]
    plain = any(exchange.succeeded and not _encoded(exchange) for exchange in shown_ones)
    encoded = [exchange for exchange in shown_ones if _encoded(exchange)]
    if not plain or not encoded:
        yield Unverified(reason="no model with a slash in its id was asked for" if plain else "no model was shown")
        return
    for exchange in encoded:
        if not exchange.succeeded:
            yield _refusal(exchange, f"200 and the model {_named(exchange)}")
        elif body_of(exchange).get("id") != _named(exchange):
            found = shown(body_of(exchange).get("id"))
            place = Place(pointer="/id")
            yield Finding(exchange=exchange.number, place=place, found=found, wanted=shown(_named(exchange)))
