"""Message batches and files: lists, unknown ids and malformed creations. These requests cost no tokens.

Nothing else is sent to a target whose list of one item is not answered.
"""

import json
from urllib.parse import quote

import pytest

from messages_conformance.generate import Dialogue, other_route

BATCHES = "/v1/messages/batches"
FILES = "/v1/files"
NO_BATCH = f"{BATCHES}/msgbatch_01AAAAAAAAAAAAAAAAAAAAAA"
JSON = (("content-type", "application/json"),)
NO_FILE = f"{FILES}/file_01AAAAAAAAAAAAAAAAAAAAAAAA"
# Even a target that wrongly takes such a batch has nothing to run.
NOTHING = {"model": "no-such-model-xyz", "max_tokens": 0, "messages": [{"role": "user", "content": "Hello."}]}


def one(custom_id, **more):
    return {"custom_id": custom_id, "params": NOTHING, **more}


MALFORMED = {
    "create-invalid": {
        "empty-object": {},
        "no-requests": {"requests": []},
        "no-custom-id": {"requests": [{"params": NOTHING}]},
        "no-params": {"requests": [{"custom_id": "a"}]},
    },
    "custom_id": {
        "space": {"requests": [one("a b")]},
        "too-long": {"requests": [one("a" * 65)]},
        "twice": {"requests": [one("a"), {"custom_id": "a", "params": {"model": "no-such-model-xyz"}}]},
    },
}


def sent(situation, path, *, probe, **fields):
    return other_route(situation, path, probe=f"adjacent.{probe}", **fields)


def is_offered(listed):
    return listed.response is not None and listed.response.status == 200


async def ask_for_batches(send):
    """Requests the list of batches, batches that do not exist, and batches that must not be created."""
    listed = await send(sent("batches.list", f"{BATCHES}?limit=1", probe="batches.list-shape", expect="either"))
    if not is_offered(listed):
        return
    last = listed.response.fields.get("last_id")
    if listed.response.fields.get("has_more") is True and isinstance(last, str):
        path = f"{BATCHES}?limit=1&after_id={quote(last, safe='')}"
        await send(sent("batches.next", path, probe="batches.list-shape", expect="accepted"))
    for limit in (0, 1001):
        await send(sent(f"batches.limit-{limit}", f"{BATCHES}?limit={limit}", probe="batches.limit"))
    for auth in ("none", "wrong"):
        await send(sent(f"batches.auth-{auth}", f"{BATCHES}?limit=1", auth=auth, probe="batches.auth", statuses=(401,)))
    for name, method, path in (
        ("get", "GET", NO_BATCH),
        ("results", "GET", f"{NO_BATCH}/results"),
        ("cancel", "POST", f"{NO_BATCH}/cancel"),
        ("delete", "DELETE", NO_BATCH),
    ):
        unknown = {"probe": "batches.unknown-id", "statuses": (404,), "headers": JSON}
        await send(sent(f"batches.unknown-{name}", path, method=method, **unknown))
    for probe, bodies in MALFORMED.items():
        for name, body in bodies.items():
            made = await send(sent(f"batches.{name}", BATCHES, method="POST", body=body, probe=f"batches.{probe}"))
            if is_offered(made):
                await remove(send, made)
                break


async def remove(send, made):
    """Cancels and deletes a batch that should not have been created."""
    identifier = made.response.fields.get("id")
    if isinstance(identifier, str):
        path = f"{BATCHES}/{quote(identifier, safe='')}"
        for number, (method, below) in enumerate((("POST", "/cancel"), ("GET", ""), ("DELETE", ""))):
            situation = f"batches.remove-{made.number}-{number}"
            await send(sent(situation, path + below, method=method, probe="batches.list-shape", expect="either"))


async def ask_for_files(send):
    """Requests the list of files, files that do not exist, and files that must not be stored."""
    listed = await send(sent("files.list", f"{FILES}?limit=1", probe="files.list-shape", expect="either"))
    if not is_offered(listed):
        return
    await send(sent("files.limit-0", f"{FILES}?limit=0", probe="files.limit"))
    await send(sent("files.ids-limit", f"{FILES}?ids[]=file_01&limit=1", probe="files.ids"))
    for name, method, path in (
        ("get", "GET", NO_FILE),
        ("content", "GET", f"{NO_FILE}/content"),
        ("delete", "DELETE", NO_FILE),
    ):
        await send(sent(f"files.unknown-{name}", path, method=method, probe="files.unknown-id", statuses=(404,)))
    body = json.dumps({"file": "Hello."}).encode()
    await send(sent("files.json", FILES, method="POST", body=body, probe="files.create-invalid"))


DIALOGUES = [
    Dialogue(name="batches", steps=ask_for_batches, max_requests=23, max_output_tokens=0, needs=frozenset({"batches"})),
    Dialogue(name="files", steps=ask_for_files, max_requests=7, max_output_tokens=0, needs=frozenset({"files"})),
]


@pytest.mark.parametrize("dialogue", DIALOGUES, indirect=True)
def test_batches_and_files(dialogue, judge):
    judge(*dialogue)
