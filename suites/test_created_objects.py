"""The life of a batch and of files: created, read and deleted. These requests need --include batches,files.

Whatever is created is deleted at the end, also after an error or when the run is stopped.
"""

import asyncio
import json
from dataclasses import replace
from urllib.parse import quote

import pytest

from messages_conformance.generate import Dialogue, count_tokens, other_route, user

BATCHES = "/v1/messages/batches"
FILES = "/v1/files"
JSON = (("content-type", "application/json"),)
BETA = (("anthropic-beta", "files-api-2025-04-14"),)
OK = "Reply with the single word: ok"
# The real API needs some two minutes for a small batch.
POLL_S = 5
MAX_POLLS = 13
NOTES = "".join(
    f"On day {number} the baker sold {number * 7} loaves and the miller counted them.\n" for number in range(1, 15)
)
BOUNDARY = "messages-conformance-4f1c"
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cfc0f01f0005"
    "0001ff56c72f0d0000000049454e44ae426082"
)


def sent(situation, path, *, probe, **fields):
    return other_route(situation, path, probe=f"adjacent.{probe}", expect="either", **fields)


def creating(situation, path, **fields):
    return sent(situation, path, method="POST", creates=True, **fields)


def created(answer):
    """The id of what an answer describes, as a part of a path; empty without one."""
    found = answer.response is not None and answer.response.status == 200
    identifier = answer.response.fields.get("id") if found else None
    return quote(identifier, safe="") if isinstance(identifier, str) else ""


def is_offered(listed):
    return listed.response is not None and listed.response.status == 200


def status_of(answer):
    return answer.response.fields.get("processing_status") if answer.response is not None else None


# -- batches ---------------------------------------------------------------------------------------------------------


def batch_of(*limits):
    """A batch whose requests have these values of max_tokens. The engine writes the model of the run in."""
    requests = [
        {"custom_id": f"request-{number}", "params": {"model": "$MODEL", "max_tokens": limit, "messages": [user(OK)]}}
        for number, limit in enumerate(limits, start=1)
    ]
    return json.dumps({"requests": requests}).encode()


async def until_ended(send, name, path):
    """Looks at a batch until it has ended, for a minute at most; returns whether it has."""
    for number in range(MAX_POLLS):
        looked = await send(sent(f"{name}.look-{number}", path, probe="batches.life"))
        if status_of(looked) not in ("in_progress", "canceling"):
            return status_of(looked) == "ended"
        await asyncio.sleep(POLL_S)
    return False


async def live_through_batch(send):
    """Creates a batch of a valid and an invalid request, waits for its results, and deletes it."""
    life = {"probe": "batches.life"}
    if not is_offered(await send(sent("batches.life.list", f"{BATCHES}?limit=1", **life))):
        return
    body = batch_of(1, -1)
    made = await send(creating("batches.life.create", BATCHES, headers=JSON, body=body, **life))
    if not (identifier := created(made)):
        return
    path, ended = f"{BATCHES}/{identifier}", False
    try:
        await send(sent("batches.life.early", f"{path}/results", probe="batches.results"))
        ended = await until_ended(send, "batches.life", path)
        if ended:
            await send(sent("batches.life.results", f"{path}/results", probe="batches.results"))
    finally:
        await delete_batch(send, "batches.life", path, ended=ended)


async def cancel_batch(send):
    """Creates a batch of one request and cancels it at once."""
    if not is_offered(await send(sent("batches.cancel.list", f"{BATCHES}?limit=1", probe="batches.cancel"))):
        return
    body = batch_of(1)
    made = await send(creating("batches.cancel.create", BATCHES, headers=JSON, body=body, probe="batches.life"))
    if not (identifier := created(made)):
        return
    path, ended = f"{BATCHES}/{identifier}", False
    try:
        await send(sent("batches.cancel.cancel", f"{path}/cancel", method="POST", headers=JSON, probe="batches.cancel"))
        ended = await until_ended(send, "batches.cancel", path)
        if ended:
            await send(sent("batches.cancel.results", f"{path}/results", probe="batches.results"))
    finally:
        await delete_batch(send, "batches.cancel", path, ended=ended)


async def delete_batch(send, name, path, *, ended):
    """Deletes a batch; one that has not ended is canceled first."""
    last = {"probe": "batches.life", "cleans_up": True}
    if not ended:
        await send(sent(f"{name}.stop", f"{path}/cancel", method="POST", headers=JSON, **last))
        await send(sent(f"{name}.stopped", path, **last))
    await send(sent(f"{name}.delete", path, method="DELETE", **last))
    await send(sent(f"{name}.gone", path, **last))


# -- files -----------------------------------------------------------------------------------------------------------


def form(name, media_type, data, **fields):
    """The body and the headers of an upload."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    ]
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
    body = "".join(parts).encode() + head.encode() + f"Content-Type: {media_type}\r\n\r\n".encode() + data
    headers = (("content-type", f"multipart/form-data; boundary={BOUNDARY}"), *BETA)
    return {"body": body + f"\r\n--{BOUNDARY}--\r\n".encode(), "headers": headers}


def count_with(situation, kind, source):
    """A request that counts the tokens of a question about a file."""
    content = [{"type": kind, "source": source}, {"type": "text", "text": "How many loaves did the baker sell?"}]
    return count_tokens(situation, [user(content)])


def in_beta(asked):
    return replace(asked, headers=BETA, expect="either")


async def live_through_files(send):
    """Uploads small files, reads them, uses them in messages, and deletes them."""
    life = {"probe": "files.life"}
    if not is_offered(await send(sent("files.life.offered", f"{FILES}?limit=1", headers=BETA, **life))):
        return
    kept = []

    async def upload(name, probe, *upload_of, **fields):
        answer = await send(creating(f"files.life.{name}", FILES, probe=f"files.{probe}", **form(*upload_of, **fields)))
        if identifier := created(answer):
            kept.append(identifier)
        return identifier

    try:
        text = await upload("text", "life", "notes.txt", "text/plain", NOTES.encode())
        if not text:
            return
        await send(sent("files.life.read", f"{FILES}/{text}", headers=BETA, **life))
        await send(sent("files.life.list", f"{FILES}?limit=20", headers=BETA, **life))
        await send(sent("files.life.content", f"{FILES}/{text}/content", headers=BETA, **life))
        source = {"type": "file", "file_id": text}
        await send(in_beta(count_with("files.life.used", "document", source)))
        inline = {"type": "text", "media_type": "text/plain", "data": NOTES}
        await send(in_beta(count_with("files.life.inline", "document", inline)))
        await send(in_beta(count_with("files.life.text-as-image", "image", source)))
        picture = await upload("picture", "life", "pixel.png", "image/png", PIXEL)
        if picture:
            source = {"type": "file", "file_id": picture}
            await send(in_beta(count_with("files.life.image-as-document", "document", source)))
        await upload("expires", "expiry", "hour.txt", "text/plain", b"Hello.", expires_in_seconds=3600)
        await upload("expires-early", "expiry", "hour.txt", "text/plain", b"Hello.", expires_in_seconds=3599)
        await upload("odd-name", "filename", "a|b.txt", "text/plain", b"Hello.")
    finally:
        for number, identifier in enumerate(kept):
            path, last = f"{FILES}/{identifier}", {"headers": BETA, "cleans_up": True}
            await send(sent(f"files.life.delete-{number}", path, method="DELETE", **last, **life))
            if number == 0:
                await send(sent("files.life.gone", path, **last, **life))


DIALOGUES = [
    Dialogue(
        name="batches.life",
        steps=live_through_batch,
        max_requests=MAX_POLLS + 8,
        max_output_tokens=1,
        needs=frozenset({"batches"}),
        opt_in="batches",
    ),
    Dialogue(
        name="batches.cancel",
        steps=cancel_batch,
        max_requests=MAX_POLLS + 8,
        max_output_tokens=1,
        needs=frozenset({"batches"}),
        opt_in="batches",
    ),
    Dialogue(
        name="files.life",
        steps=live_through_files,
        max_requests=19,
        max_output_tokens=0,
        needs=frozenset({"files", "count-tokens"}),
        opt_in="files",
    ),
]


@pytest.mark.parametrize("dialogue", DIALOGUES, indirect=True)
def test_created_objects(dialogue, judge):
    judge(*dialogue)
