"""Rules for GET /v1/models and GET /v1/models/{id}.

Both are free, so the suites request them in several ways; what must agree between the answers is judged over the run.
A missing endpoint is reported once, and the other requirements on it are not verified.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from messages_conformance.exchange import ACCEPTED, REFUSED, Exchange, bounded_integer
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    answered,
    body_of,
    refusal,
    response_of,
    schema_findings,
    shown,
    status_and_body,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BOTH, BREAKS, HIDES, LOSES, RUN, rule
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.verdict import MUST, SHOULD, STATUS, Finding, Place, Unverified

MODELS_PATH: Final = "/v1/models"

COMPARED: Final = ("id", "type", "display_name", "created_at", "max_input_tokens", "max_tokens")
"""Members of a model that must be the same in the list and on their own."""

LIST: Final = "platform.claude.com/docs/en/api/models/list, read 2026-11-22"
RETRIEVE: Final = "platform.claude.com/docs/en/api/models/retrieve, read 2026-11-22"
NO_LIST: Final = Unverified(reason="GET /v1/models returned no list in this run")


def _requests_a_page(exchange: Exchange) -> bool:
    """Whether a valid request for a page of models was answered."""
    listing = exchange.request.method == "GET" and exchange.request.route == MODELS_PATH
    return answered(exchange) and listing and exchange.expect != REFUSED


def _requests_one_model(exchange: Exchange) -> bool:
    """Whether a request for one model was answered."""
    route = exchange.request.route
    return answered(exchange) and exchange.request.method == "GET" and route.startswith(f"{MODELS_PATH}/")


def _query(exchange: Exchange, name: str) -> str | None:
    values = parse_qs(urlsplit(exchange.request.path).query).get(name)
    return values[-1] if values else None


def _items(exchange: Exchange) -> list[Mapping[str, Any]] | None:
    """The models of a page that are objects; None without a list."""
    data = body_of(exchange).get("data") if exchange.succeeded else None
    return [item for item in data if isinstance(item, dict)] if isinstance(data, list) else None


def _id(item: Mapping[str, Any]) -> str:
    """A model's id; empty if it is not a string."""
    name = item.get("id")
    return name if isinstance(name, str) else ""


def _pages(exchanges: Sequence[Exchange]) -> list[tuple[Exchange, list[Mapping[str, Any]]]]:
    return [
        (exchange, items)
        for exchange in exchanges
        if _requests_a_page(exchange) and (items := _items(exchange)) is not None
    ]


def _first_page(exchange: Exchange) -> bool:
    return _requests_a_page(exchange) and exchange.expect == ACCEPTED and "?" not in exchange.request.path


@rule(
    "adjacent.models.list-shape",
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={"models"},
    source=LIST,
    applies=_first_page,
    reads={PROBES, REQUEST},
    provoked="GET /v1/models is sent.",
)
def lists_models(exchange: Exchange) -> Iterable[Finding]:
    """GET /v1/models returns data, a boolean has_more, and first_id and last_id, which are strings or null."""
    if not exchange.succeeded:
        yield Finding(place=STATUS, found=status_and_body(exchange), wanted="200 and a list of models")
    else:
        yield from schema_findings("models", exchange, "adjacent.models.list-shape")


@rule(
    "adjacent.models.item-shape",
    MUST,
    harm=BREAKS,  # an application reads these fields
    families={ANTHROPIC},
    needs={"models"},
    source=sources.sdk("types/model_info.py"),
    applies=lambda exchange: _first_page(exchange) and exchange.succeeded,
    reads={PROBES, REQUEST},
    provoked="GET /v1/models is sent.",
)
def describes_each_model(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """Each model has an id, the type model, a display_name and an RFC 3339 created_at."""
    if not _items(exchange):
        yield Unverified(reason="the list of models is empty" if _items(exchange) is not None else NO_LIST.reason)
        return
    yield from schema_findings("models", exchange, "adjacent.models.item-shape")


@rule(
    "adjacent.models.limit",
    SHOULD,
    harm=HIDES,
    families={ANTHROPIC},
    needs={"models"},
    source=LIST,
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="Pages are requested with limit 1, 0 and 1001.",
)
def limits_a_page(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A page has at most `limit` models, and a limit outside 1 to 1000 is refused with 400."""
    pages = _pages(exchanges)
    if not pages:
        yield NO_LIST
        return
    for exchange, items in pages:
        limit = _query(exchange, "limit")
        if limit is not None and limit.isdecimal() and len(items) > bounded_integer(limit):
            found = f"{len(items)} models"
            yield Finding(
                exchange=exchange.number, place=Place(pointer="/data"), found=found, wanted=f"at most {limit}"
            )
            return
    for exchange in exchanges:
        if "adjacent.models.limit" in exchange.probes and response_of(exchange).status != 400:
            yield refusal(exchange, "400: limit is 1 to 1000")
            return


@rule(
    "adjacent.models.cursors",
    MUST,
    harm=LOSES,  # a client that pages misses models, or asks forever
    families={ANTHROPIC},
    needs={"models"},
    source=LIST,
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="All pages of the list are requested, with the default limit and with limit=1 and after_id.",
)
def continues_after_the_last_id(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """first_id and last_id name the first and last model of a page; after_id continues after that model."""
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
    """Pages after a cursor that do not continue the list."""
    last_pages: dict[str | None, Exchange] = {}
    for after in filter(_requests_a_page, exchanges):
        cursor, limit = _query(after, "after_id"), _query(after, "limit")
        before, last_pages[limit] = last_pages.get(limit), after
        if before is None or cursor is None or cursor != body_of(before).get("last_id"):
            continue
        items = _items(after)
        seen = {_id(item) for item in _items(before) or ()} | {cursor}
        if not after.succeeded:
            yield refusal(after, "200 and the next page")
        elif items is not None and (repeated := [_id(item) for item in items if _id(item) in seen - {""}]):
            found = f"{shown(repeated[0])} again, as in exchange {before.number}"
            yield Finding(
                exchange=after.number, place=Place(pointer="/data/0/id"), found=found, wanted="the model after it"
            )
        elif items == []:
            found, wanted = "an empty page", "another model: the previous page had has_more"
            yield Finding(exchange=after.number, place=Place(pointer="/data"), found=found, wanted=wanted)


@rule(
    "adjacent.models.before_id",
    SHOULD,
    harm=LOSES,  # a client that pages back misses models
    families={ANTHROPIC},
    needs={"models"},
    source=LIST,
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="The page before the third model is requested with limit=1 and before_id.",
)
def continues_before_the_first_id(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """before_id returns the page that ends right before that model."""
    single = [pair for pair in _pages(exchanges) if _query(pair[0], "limit") == "1"]
    walked = [_id(item) for exchange, items in single if _query(exchange, "before_id") is None for item in items[:1]]
    asked = [one for one in exchanges if _requests_a_page(one) and _query(one, "before_id") in walked[1:]]
    if not asked:
        yield Unverified(reason="no page before a known model was requested")
    # A page that comes when it is asked for once more is judged then.
    for exchange in [one for one in asked if one.succeeded] or asked[-1:]:
        wanted = walked[walked.index(_query(exchange, "before_id") or "") - 1]
        found = [_id(item) for item in _items(exchange) or ()]
        if not exchange.succeeded:
            yield refusal(exchange, "200 and the page before that model")
        elif found[-1:] != [wanted]:
            place = Place(pointer="/data")
            yield Finding(exchange=exchange.number, place=place, found=shown(found[-1:]), wanted=shown([wanted]))


def _named(exchange: Exchange) -> str:
    """The model id in the path, decoded."""
    return unquote(exchange.request.route.removeprefix(f"{MODELS_PATH}/"))


def _encoded(exchange: Exchange) -> bool:
    return "%2f" in exchange.request.route.lower()


@rule(
    "adjacent.models.retrieve",
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={"models"},
    source=RETRIEVE,
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="A listed model and an unknown one are requested by id.",
)
def returns_a_model_as_it_is_listed(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """GET /v1/models/{id} returns the model as in the list, and 404 not_found_error for an unknown id."""
    listed = {name: item for _, items in _pages(exchanges) for item in items if (name := _id(item))}
    if not listed:
        yield NO_LIST
        return
    requested = [
        one for one in exchanges if _requests_one_model(one) and one.expect == ACCEPTED and _named(one) in listed
    ]
    known = [one for one in requested if not _encoded(one)] or requested
    if not known:
        yield Unverified(reason="no listed model was requested")
        return
    for exchange in known:
        yield from _differs(exchange, listed[_named(exchange)])
    if any(exchange.succeeded for exchange in known):
        for exchange in exchanges:
            if "adjacent.models.retrieve" in exchange.probes and exchange.expect == REFUSED:
                yield from _finds_an_unknown_model(exchange)


def _differs(exchange: Exchange, item: Mapping[str, Any]) -> Iterator[Finding]:
    if not exchange.succeeded:
        yield refusal(exchange, "200: the model is in the list")
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


def _finds_an_unknown_model(exchange: Exchange) -> Iterator[Finding]:
    status, error = response_of(exchange).status, body_of(exchange).get("error")
    kind = error.get("type") if isinstance(error, dict) else None
    if status != 404:
        yield refusal(exchange, "404: there is no such model")
    elif isinstance(kind, str) and kind != "not_found_error":
        place = Place(pointer="/error/type")
        yield Finding(exchange=exchange.number, place=place, found=shown(kind), wanted='"not_found_error"')


@rule(
    "adjacent.models.id-escape",
    SHOULD,
    harm=BREAKS,
    families=BOTH,
    needs={"models"},
    source=f"{sources.sdk('_utils/_path.py')} (encodes path parameters)",
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="A listed model with a slash in its id is requested with %2F instead.",
)
def finds_a_model_by_its_encoded_id(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A model with a slash in its id is found when the slash is percent-encoded."""
    requested = [exchange for exchange in exchanges if _requests_one_model(exchange) and exchange.expect == ACCEPTED]
    plain = any(exchange.succeeded and not _encoded(exchange) for exchange in requested)
    encoded = [exchange for exchange in requested if _encoded(exchange)]
    if not plain or not encoded:
        yield Unverified(reason="no model with a slash in its id was requested" if plain else "no model was returned")
        return
    for exchange in encoded:
        if not exchange.succeeded:
            yield refusal(exchange, f"200 and the model {_named(exchange)}")
        elif body_of(exchange).get("id") != _named(exchange):
            found = shown(body_of(exchange).get("id"))
            place = Place(pointer="/id")
            yield Finding(exchange=exchange.number, place=place, found=found, wanted=shown(_named(exchange)))
