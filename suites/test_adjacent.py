"""The other routes: count_tokens and the list of models. These requests cost no tokens."""

from dataclasses import replace
from urllib.parse import quote

import pytest

from messages_conformance.generate import Dialogue, count_tokens, get, other_route

# The texts of test_messages.py: each count is compared with the tokens that the same question was billed for there.
OK = "Reply with the single word: ok"
NOTE = " This note only makes the question longer and asks for nothing: the library opens at nine and closes at five."
INSTRUCTIONS = (
    "You are a careful assistant for a small library. You answer in plain words, you never invent a book, "
    "and when a reader asks for one word you give exactly that word."
)
CLOCK = {
    "name": "get_opening_hours",
    "description": "Gives the hours at which a library is open on one day.",
    "input_schema": {
        "type": "object",
        "properties": {"day": {"type": "string", "description": "The day of the week"}},
        "required": ["day"],
    },
}
PAGES = 3
PROMISED = "adjacent.models.max_tokens-accepted"

VENDORS = [replace(get("models.vendors", "/v1beta/models", needs=["vendor-models"]), expect="either")]
COUNTS = [
    count_tokens("count_tokens.plain", OK, depth="smoke"),
    count_tokens("count_tokens.longer", OK + NOTE),
    count_tokens("count_tokens.system", OK, system=INSTRUCTIONS, needs=["system"]),
    count_tokens("count_tokens.tools", OK, tools=[CLOCK], needs=["tools"]),
]


async def list_models(send):
    """Requests the list of models, single models of the list, and its first pages."""
    listed = await send(get("models.list", "/v1/models"))
    ids = model_ids(listed)
    plain = next((name for name in ids if "/" not in name), None)
    slashed = next((name for name in ids if "/" in name), None)
    for name in (plain, slashed):
        if name is not None:
            await send(get("models.retrieve", f"/v1/models/{quote(name, safe='')}"))
    await exceed_the_limit(send, listed)
    cursor = ""
    if listed.response is not None and listed.response.fields.get("has_more") is True:
        last = listed.response.fields.get("last_id")
        if isinstance(last, str):
            await send(get("models.more", f"/v1/models?after_id={quote(last, safe='')}"))
    seen = []
    for number in range(PAGES):
        page = await send(get(f"models.page-{number + 1}", f"/v1/models?limit=1{cursor}"))
        body = page.response.fields if page.response is not None else {}
        seen += model_ids(page)
        if number == PAGES - 1 and len(seen) == PAGES:
            before = f"/v1/models?limit=1&before_id={quote(seen[-1], safe='')}"
            await send(get("models.before", before))
        if body.get("has_more") is not True or not isinstance(body.get("last_id"), str):
            return
        cursor = f"&after_id={quote(body['last_id'], safe='')}"


async def exceed_the_limit(send, listed):
    """Asks the first model with a known output limit for this limit, and for one token more, which must be refused.

    The stream of the first answer is left after its first delta, because the budget of a run is smaller.
    """
    data = listed.response.fields.get("data") if listed.response is not None else None
    for item in data if isinstance(data, list) else []:
        limit = item.get("max_tokens") if isinstance(item, dict) else None
        if isinstance(limit, int) and limit > 0 and isinstance(item.get("id"), str):
            body = {"model": item["id"], "max_tokens": limit, "messages": [{"role": "user", "content": OK}]}
            long = [{"role": "user", "content": "Count from 1 to 60."}]
            probe, most = "adjacent.models.max_tokens", {**body, "messages": long, "stream": True}
            reached = other_route("models.max_tokens.reached", "/v1/messages", method="POST", body=most, probe=PROMISED)
            await send(replace(reached, expect="either", wire="leave-early"))
            body["max_tokens"] = limit + 1
            await send(other_route("models.max_tokens", "/v1/messages", method="POST", body=body, probe=probe))
            return


def model_ids(listed):
    """The ids in a list of models; empty where there is no list."""
    data = listed.response.fields.get("data") if listed.response is not None else None
    items = data if isinstance(data, list) else []
    return [item["id"] for item in items if isinstance(item, dict) and isinstance(item.get("id"), str)]


DIALOGUES = [
    Dialogue(name="models", steps=list_models, max_requests=7 + PAGES, max_output_tokens=0, needs=frozenset({"models"}))
]


@pytest.mark.parametrize("exchange", VENDORS, indirect=True)
def test_lists_models_of_vendors(exchange, judge):
    judge(exchange)


@pytest.mark.parametrize("exchange", COUNTS, indirect=True)
def test_counts(exchange, judge):
    judge(exchange)


@pytest.mark.parametrize("dialogue", DIALOGUES, indirect=True)
def test_lists_models(dialogue, judge):
    judge(*dialogue)
