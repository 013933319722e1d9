"""Near misses on the wire: unusual bodies, headers and forms of HTTP.

A server may accept or refuse most of them, but it must not fail on them.
"""

import gzip

import pytest

from messages_conformance.generate import EITHER, Ask, Dialogue, ask, was_left

BROKEN = "errors.no-5xx-on-bad-input"
NEXT = "transport.next-request-answered"
LEFT = "stream.disconnect.client"

PLAIN = '{"model": "$MODEL", "max_tokens": 16, "messages": [{"role": "user", "content": "Reply with the word: ok"}]%s}'
DEEP = 10_000  # levels: more than the stack or the limit of any parser allows


def body(text=PLAIN % "", *, more=""):
    """The smallest body as bytes: with another text, or with more members."""
    return (text if not more else PLAIN % f", {more}").encode("utf-8", "surrogatepass")


def near(name, content, **options):
    return Ask(situation=f"wire.{name}", body=content, probe=BROKEN, expect=EITHER, **options)


def content(kind, source):
    """A body whose user message has a block with this source."""
    question = {"type": "text", "text": "Reply with the word: ok"}
    turn = {"role": "user", "content": [{"type": kind, "source": source}, question]}
    return {"max_tokens": 16, "messages": [turn]}


BODIES = [
    near("bom", b"\xef\xbb\xbf" + body()),
    near("duplicate-key", body(more='"max_tokens": 8')),
    near("lone-surrogate", body().replace(b"word: ok", rb"word: ok \ud83d")),
    near("control-character", body().replace(b"word: ok", b"word:\x01 ok"), depth="deep"),
    near("nul", body().replace(b"word: ok", rb"word: ok\u0000")),
    near("trailing-bytes", body() + b"\n{}", depth="deep"),
    near("trailing-comma", body()[:-1] + b",}", depth="deep"),
    near("not-a-number", body(more='"temperature": NaN')),
    near("infinite-number", body().replace(b'"max_tokens": 16', b'"max_tokens": 1e400')),
    near("huge-integer", body(more=f'"top_k": 1{"0" * 400}')),
    near("utf-16", body().decode().encode("utf-16"), depth="deep"),
    near("deep-arrays", body(more=f'"metadata": {{"user_id": {"[" * DEEP}{"]" * DEEP}}}')),
    near("deep-objects", body(more='"metadata": ' + '{"a":' * DEEP + "1" + "}" * DEEP), depth="deep"),
]

HEADERS = [
    near("no-content-type", body(), headers=(("content-type", None),)),
    near("text-content-type", body(), headers=(("content-type", "text/plain"),)),
    near("odd-content-type", body(), headers=(("content-type", 'APPLICATION/json ; Charset="UTF-8"'),), depth="deep"),
    near("odd-query", body(), path="/v1/messages?beta=true&flag&=1&trace=%F0%9F%98%80"),
]

# No server can get these addresses, and nobody has these files: they are refused, but not with a crash.
ADDRESSES = [
    near(f"{kind}-{source['type']}", content(kind, source), needs=frozenset({capability}))
    for kind, capability, source in [
        ("image", "images", {"type": "url", "url": "https://pictures.invalid/a.png"}),
        ("image", "images", {"type": "file", "file_id": "file_011CNha8iCJcU1wXNR6q4V8w"}),
        ("document", "documents", {"type": "url", "url": "https://papers.invalid/a.pdf"}),
        ("document", "documents", {"type": "file", "file_id": "file_011CNha8iCJcU1wXNR6q4V8w"}),
    ]
]
COMPRESSED = [near("gzip", gzip.compress(body(), mtime=0), headers=(("content-encoding", "gzip"),))]

# Values of other types than the documented ones. The generator makes them for profiles that document errors.
TYPES = {
    "text-number": {"messages": [{"role": "user", "content": [{"type": "text", "text": 17}]}]},
    "text-null": {"messages": [{"role": "user", "content": [{"type": "text", "text": None}]}]},
    "block-string": {"messages": [{"role": "user", "content": ["Reply with the word: ok"]}]},
    "block-null": {"messages": [{"role": "user", "content": [None]}]},
    "message-null": {"messages": [None]},
    "message-list": {"messages": [[]]},
    "role-number": {"messages": [{"role": 1, "content": "Reply with the word: ok"}]},
    "system-blocks-strings": {"system": ["Use lower case."]},
    "system-null": {"system": None},
    "model-number": {"model": 17},
    "model-list": {"model": []},
    "max_tokens-string": {"max_tokens": "16"},
    "max_tokens-boolean": {"max_tokens": True},
    "temperature-string": {"temperature": "0.5"},
    "temperature-null": {"temperature": None},
    "top_p-string": {"top_p": "0.5"},
    "top_p-list": {"top_p": []},
    "top_p-high": {"top_p": 1.5},
    "stop_sequences-null": {"stop_sequences": None},
    "stop_sequences-null-item": {"stop_sequences": [None]},
    "stream-string": {"stream": "true"},
    "stream-null": {"stream": None},
}


def of_type(name, changes, *, streamed=False):
    """A body with a value of another type."""
    question = [{"role": "user", "content": "Reply with the word: ok"}]
    stream = {"stream": True} if streamed else {}
    return near(
        f"type.{name}{'.streamed' * streamed}",
        {"max_tokens": 16, "messages": question, **stream, **changes},
        needs=frozenset({"no-version-header"}),
    )


WRONG_TYPES = [
    *(of_type(name, changes) for name, changes in TYPES.items()),
    *(of_type(name, TYPES[name], streamed=True) for name in ("text-number", "message-null", "temperature-string")),
]

STILL = "Are you still there? Reply with the single word: yes"
HERE = "Are you here? Reply with the single word: yes"


async def break_http(send):
    """Sends requests in unusual forms of HTTP, and an ordinary one after each."""
    forms = {
        "http-1.0": {"wire": "http-1.0"},
        "expect": {"wire": "expect-continue", "headers": (("expect", "100-continue"),)},
        "cut-body": {"wire": "cut-body"},
    }
    for number, (name, form) in enumerate(forms.items()):
        await send(near(name, body()[:-20] if name == "cut-body" else body(), **form))
        await send(ask(f"wire.after.{name}", STILL, probe=NEXT, copy=number))


def leaving(times):
    """Steps that leave a number of streams after their first deltas, and then send an ordinary request."""

    async def leave(send):
        for copy in range(times):
            left = await send(
                Ask(
                    situation="wire.left",
                    body={
                        "max_tokens": 200,
                        "stream": True,
                        "messages": [{"role": "user", "content": "Count from 1 to 60."}],
                    },
                    copy=copy,
                    needs=frozenset({"stream"}),
                    wire="leave-early",
                )
            )
            if not was_left(left):
                return
        await send(ask("wire.left.after", HERE, probe=LEFT, copy=times))

    return leave


LEFT_STREAMS, MORE_LEFT_STREAMS = 3, 13
"""Some servers serve four requests at once: one that does not notice who left is blocked then. Others serve 16."""

DIALOGUES = [
    Dialogue(name="wire", steps=break_http, max_requests=6, max_output_tokens=6 * 16),
    *(
        Dialogue(
            name=f"wire.left.{times}",
            steps=leaving(times),
            max_requests=times + 1,
            max_output_tokens=200 * times + 16,
            depth=depth,
        )
        for times, depth in ((LEFT_STREAMS, "standard"), (MORE_LEFT_STREAMS, "deep"))
    ),
]


@pytest.mark.parametrize("exchange", [*BODIES, *HEADERS, *ADDRESSES, *COMPRESSED, *WRONG_TYPES], indirect=True)
def test_survives_near_misses(exchange, judge):
    judge(exchange)


@pytest.mark.parametrize("dialogue", DIALOGUES, indirect=True)
def test_survives_broken_connections(dialogue, judge):
    judge(*dialogue)
