"""A secret is found in every spelling that a response may use for it."""

from __future__ import annotations

import base64
import codecs
import json
import random
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any
from urllib.parse import quote

import pytest

from messages_conformance.exchange import KEY_PLACEHOLDER, Chunk, Response
from messages_conformance.masking import masked_response, masked_text
from messages_conformance.masking.presence import is_present
from messages_conformance.masking.spellings import _spans as exact_spans
from messages_conformance.masking.spellings import spans

KEY = "sk-A/b+c_d=0123&<xyz~9"
PLAIN_KEY = "sk-ant-REAL_0123456789abcdefghij"

SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "json": lambda key: json.dumps(key)[1:-1],
    "slashes": lambda key: json.dumps(key)[1:-1].replace("/", "\\/"),
    "all \\u": lambda key: "".join(f"\\u{ord(c):04x}" for c in key),
    "all \\U in upper case": lambda key: "".join(f"\\u{ord(c):04X}" for c in key),
    "every second \\u": lambda key: "".join(f"\\u{ord(c):04X}" if n % 2 else c for n, c in enumerate(key)),
    "json in json": lambda key: json.dumps(json.dumps("".join(f"\\u{ord(c):04x}" for c in key))),
    "percent": lambda key: quote(key, safe=""),
    "percent in lower case": lambda key: quote(key, safe="").lower() if key.islower() else quote(key, safe=""),
    "all percent": lambda key: "".join(f"%{ord(c):02x}" for c in key),
    "part percent": lambda key: key[:3] + "".join(f"%{ord(c):02X}" for c in key[3:9]) + key[9:],
    "percent twice": lambda key: quote(quote(key, safe=""), safe=""),
    "percent in json": lambda key: "".join(f"\\u0025{ord(c):02x}" for c in key),
    "html": lambda key: "".join(f"&#{ord(c)};" for c in key),
    "html in hex": lambda key: "".join(f"&#x{ord(c):X};" for c in key),
    "html in json of Go": lambda key: "".join(f"\\u0026#{ord(c)};" for c in key),
    "html by name": lambda key: (
        key.replace("&", "&amp;").replace("/", "&sol;").replace("<", "&lt;").replace("_", "&lowbar;")
    ),
    "quoted-printable": lambda key: "".join(f"={ord(c):02X}" for c in key),
    "hex": lambda key: key.encode().hex(),
    "HEX": lambda key: key.encode().hex().upper(),
    "\\x": lambda key: "".join(f"\\x{ord(c):02x}" for c in key),
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 at 1": lambda key: base64.b64encode(b"?" + key.encode() + b" more").decode(),
    "base64 at 2": lambda key: base64.b64encode(b"u:" + key.encode()).decode().rstrip("="),
    "base64url": lambda key: base64.urlsafe_b64encode(b"\xff\xfe" + key.encode() + b"\xfb\xff").decode(),
    "base64 in json": lambda key: json.dumps(base64.b64encode(b"\xff\xff\xff" + key.encode()).decode()).replace(
        "/", "\\/"
    ),
    "base64 in lines": lambda key: base64.encodebytes(b"Basic " * 9 + key.encode() + b" " * 50).decode(),
    "base64 in a JSON line break": lambda key: json.dumps(base64.encodebytes(b"a" * 50 + key.encode()).decode()),
    "base64 twice": lambda key: base64.b64encode(base64.b64encode(b"x" + key.encode())).decode(),
    "json in base64": lambda key: base64.b64encode("".join(f"\\u{ord(c):04x}" for c in key).encode()).decode(),
    "hex with blanks": lambda key: key.encode().hex(" "),
    "hex with colons in upper case": lambda key: key.encode().hex(":").upper(),
    "hex in words of two bytes": lambda key: key.encode().hex(" ", -2),
    "a list of 0x": lambda key: ", ".join(f"0x{c:02x}" for c in key.encode()),
    "a list of bytes": lambda key: json.dumps(list(key.encode())),
    "an object of bytes": lambda key: json.dumps(dict(enumerate(key.encode()))),
    "octal": lambda key: "".join(f"\\{c:03o}" for c in key.encode()),
    "CSS": lambda key: "".join(f"\\{c:x} " for c in key.encode()),
    "code points": lambda key: " ".join(f"U+{c:04X}" for c in key.encode()),
    "binary": lambda key: " ".join(f"{c:08b}" for c in key.encode()),
    "UTF-16": lambda key: key.encode("utf-16-le").decode(),
    "UTF-16 in JSON": lambda key: json.dumps(key.encode("utf-16-be").decode("latin-1")),
    "UTF-16 in base64": lambda key: base64.b64encode(key.encode("utf-16-le")).decode(),
    "base32": lambda key: base64.b32encode(b"?" + key.encode()).decode(),
    "percent of base64": lambda key: quote(base64.b64encode(key.encode()).decode(), safe=""),
    "backwards": lambda key: key[::-1],
    "wide letters": lambda key: "".join(chr(0xFEE0 + ord(c)) for c in key),
    "wide letters in JSON": lambda key: json.dumps("".join(chr(0xFEE0 + ord(c)) for c in key))[1:-1],
    "bold letters": lambda key: "".join(bold(c) for c in key),
    "bold letters in JSON in JSON": lambda key: json.dumps(json.dumps("".join(bold(c) for c in key)))[3:-3],
    "accents": lambda key: "".join(c + "\u0301" for c in key),
    "hidden characters in JSON": lambda key: json.dumps("\u200b".join(key))[1:-1],
}


def bold(character: str) -> str:
    """The mathematical letter or digit, which looks like the plain one."""
    if character.isdigit():
        return chr(0x1D7CE + int(character))
    if character.isascii() and character.isalpha():
        return chr(0x1D400 + ord(character) - ord("A") if character.isupper() else 0x1D41A + ord(character) - ord("a"))
    return character


@pytest.mark.parametrize("key", [KEY, PLAIN_KEY, "pass%41word\\x41=41&amp;"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_spelling_is_found_whole(spelling: str, key: str) -> None:
    spelled = SPELLINGS[spelling](key)
    for before, after in (("", ""), ("see ", " there"), ('{"a\\n":"', '"}'), ("x%20&lt;\\u0041 ", "%")):
        text = masked_text(before + spelled + after, key)
        assert KEY_PLACEHOLDER in text
        assert text.startswith(before)
        assert text.endswith(after)
        assert not spans(text.encode(), key.encode())


LOOSE_KEY = "sk-ant-REAL_0123456789-aB3/x+9"

LOOSE: dict[str, Callable[[str], str]] = {
    "lower case, as a header's name or a host": str.lower,
    "upper case": str.upper,
    "characters in a list": lambda key: json.dumps(list(key)),
    "parts in a list": lambda key: json.dumps([key[:9], key[9:19], key[19:]]),
    "parts that a program joins": lambda key: '" + "'.join([key[:9], key[9:19], key[19:]]),
    "zero-width spaces": "\u200b".join,
    "soft hyphens": "\u00ad".join,
    "blanks": " ".join,
    "other punctuation": lambda key: key.replace("-", "_").replace("/", "-"),
    "markup": lambda key: f"<b>{'</b><b>'.join(key)}</b>",
    "colours of a terminal": "\x1b[0m".join,
    "rot13": lambda key: codecs.encode(key, "rot13"),
    "backwards, in upper case": lambda key: key[::-1].upper(),
    "hidden characters in JSON": lambda key: json.dumps("\u200b".join(key))[1:-1],
}


Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def in_z85(data: bytes) -> str:
    """ZeroMQ's base 85, by its definition."""
    groups = [int.from_bytes(data[at : at + 4], "big") for at in range(0, len(data) - 3, 4)]
    return "".join(Z85[group // 85**place % 85] for group in groups for place in (4, 3, 2, 1, 0))


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("way", ["base85", "ascii85", "z85"])
def test_a_key_in_base_85_is_masked(way: str, before: int) -> None:
    data = b"x" * before + LOOSE_KEY.encode() + b"yz"
    encoded = {
        "base85": base64.b85encode(data).decode(),
        "ascii85": base64.a85encode(data).decode(),
        "z85": in_z85(data),
    }[way]
    for text in (encoded, json.dumps(encoded)):
        masked = masked_text(f"before: {text} :after", LOOSE_KEY)
        assert KEY_PLACEHOLDER in masked
        assert masked.startswith("before: ")
        assert masked.endswith(" :after")


@pytest.mark.parametrize("spelling", LOOSE)
def test_a_key_with_something_between_its_characters_is_found(spelling: str) -> None:
    text = masked_text(f"before: {LOOSE[spelling](LOOSE_KEY)} :after", LOOSE_KEY)
    assert KEY_PLACEHOLDER in text
    assert text.startswith("before: ")
    assert text.endswith(" :after")
    assert not spans(text.encode(), LOOSE_KEY.encode())


def test_a_key_like_a_word_is_looked_for_as_it_is_written() -> None:
    for key, text in (("my-test-key-1", "My test key: 1."), ("this-is-a-secret-key", "This is a secret key.")):
        assert masked_text(text, key) == text
        assert masked_text(f"{text} {key}", key) == f"{text} {KEY_PLACEHOLDER}"


def test_text_without_the_secret_stays() -> None:
    texts = (
        "",
        "sk-ant",
        "\\u0041%41&amp;" * 9,
        base64.b64encode(bytes(range(256))).decode(),
        "\ud800 \\",
        "%",
        "&#9999999;",
    )
    for text in texts:
        assert masked_text(text, PLAIN_KEY) == text


def streamed(*texts: str, field: str = "text", indexes: tuple[int, ...] = ()) -> bytes:
    lines = []
    for number, text in enumerate(texts):
        index = indexes[number] if indexes else 0
        delta = f'{{"type":"{field}_delta","{field}":"{text}"}}'
        lines.append(
            f'event: content_block_delta\ndata: {{"type":"content_block_delta","delta":{delta},"index":{index}}}\n\n'
        )
    return "".join(lines).encode()


def response_of(body: bytes) -> Response:
    return Response(status=200, headers=(), chunks=(Chunk(at_s=0.0, data=body),), headers_at_s=0.0, ended_at_s=1.0)


def joined(response: Response, field: str = "text") -> str:
    return "".join(event.fields["delta"][field] for event in response.events)


def test_letters_that_are_not_ascii_stay() -> None:
    text = "Straße, 北京, żółw, 𝐛𝐨𝐥𝐝, ＷＩＤＥ, e\u0301, \\u00e9\\ud835\\udc1a\\ud83d, 🎉"
    assert masked_text(text, PLAIN_KEY) == text
    assert masked_text(f"{text} {PLAIN_KEY} {text}", PLAIN_KEY) == f"{text} {KEY_PLACEHOLDER} {text}"


@pytest.mark.parametrize("spelling", ["plain", "json", "slashes", "all \\u", "percent", "base64 at 1", "html"])
def test_a_secret_that_is_cut_over_deltas_is_masked(spelling: str) -> None:
    escapes = spelling in ("all \\u",)
    spelled = SPELLINGS[spelling](PLAIN_KEY)
    for at in range(0, len(spelled), 6 if escapes else 1):
        masked = masked_response(response_of(streamed("a " + spelled[:at], spelled[at:] + " z")), PLAIN_KEY)
        assert KEY_PLACEHOLDER in joined(masked)
        assert joined(masked).endswith(" z")
        assert not spans(joined(masked).encode(), PLAIN_KEY.encode())


def test_a_secret_that_is_cut_into_characters_is_masked() -> None:
    masked = masked_response(response_of(streamed("before ", *PLAIN_KEY, " after")), PLAIN_KEY)
    assert joined(masked) == "before $MESSAGES_API_KEY" + "*" * (len(PLAIN_KEY) - 1) + " after"


def test_a_secret_that_is_cut_over_content_blocks_is_masked() -> None:
    blocks = [{"type": "text", "text": f"see {PLAIN_KEY[:9]}"}, {"type": "text", "text": PLAIN_KEY[9:]}]
    for body in (json.dumps({"content": blocks}), json.dumps({"content": blocks}, indent=1)):
        masked = masked_response(response_of(body.encode()), PLAIN_KEY)
        assert [block["text"] for block in masked.json["content"]] == ["see $MESSAGES_API_KEY", "*"]


def test_a_secret_in_alternating_blocks_or_over_kinds_of_blocks_is_masked() -> None:
    alternating = streamed(PLAIN_KEY[:9], "other", PLAIN_KEY[9:], indexes=(0, 1, 0))
    kinds = streamed(PLAIN_KEY[:9], field="thinking") + streamed(PLAIN_KEY[9:])
    for body in (alternating, kinds):
        assert KEY_PLACEHOLDER.encode() in masked_response(response_of(body), PLAIN_KEY).body


def test_a_body_that_is_cut_over_strings_without_the_secret_stays() -> None:
    response = response_of(streamed(PLAIN_KEY[:9], "-", PLAIN_KEY[9:20]) + b'data: {"text": "open\n\ndata: "\\\n')
    assert masked_response(response, PLAIN_KEY) is response


def test_the_quick_search_misses_nothing_that_the_exact_one_finds() -> None:
    """Pieces of spellings of spellings, whole and cut, between bytes that look like the beginning of an encoding."""
    chance = random.Random(9)
    forms = list(SPELLINGS.values())
    between = ["", " ", "\n", "\\n", "\\", "%", "&#4", "=", "\ndata: ", "Zm9v", "AAAA_-", "\xff"]
    hits = 0
    for _ in range(600):
        key = chance.choice([KEY, PLAIN_KEY, "k=1&x\\"])
        spelled = chance.choice(forms)(chance.choice(forms)(key))
        cut = chance.randrange(len(spelled))
        parts = [chance.choice(between), spelled[:cut], chance.choice(["", "", *between]), spelled[cut:], *between[:2]]
        text, secret = "".join(parts).encode(), key.encode()
        exact = any(True for _ in exact_spans(text, frozenset({secret}), 4, 2, has_breaks=True))
        assert is_present(text, secret, escapes=4, base64s=2) or not exact
        hits += exact
    assert hits > 150


def test_random_mixtures_of_spellings_are_found() -> None:
    random.seed(5)
    one = (
        str,
        lambda c: f"\\u{ord(c):04x}",
        lambda c: f"%{ord(c):02X}",
        lambda c: f"&#{ord(c)};",
        lambda c: f"&#x{ord(c):x};",
    )
    for _ in range(300):
        spelled = "".join(random.choice(one)(character) for character in PLAIN_KEY)
        assert masked_text(f'"{spelled}"', PLAIN_KEY) == f'"{KEY_PLACEHOLDER}"'


def lines_run(action: Callable[[], object]) -> int:
    """How many lines of the masking package one action runs: its work, on any machine."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if "masking" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(before)
    return count


HOSTILE: dict[str, Callable[[int], bytes]] = {
    "the plain key": lambda n: PLAIN_KEY.encode() * n,
    "the escaped key": lambda n: ("".join(f"\\u{ord(c):04x}" for c in PLAIN_KEY) + " ").encode() * n,
    "the key in base64": lambda n: base64.b64encode(PLAIN_KEY.encode() * n),
    "the key in base64 words": lambda n: (base64.b64encode(PLAIN_KEY.encode()) + b" ") * n,
    "the key cut in two": lambda n: streamed(PLAIN_KEY[:9], PLAIN_KEY[9:]) * n,
    "backslashes": lambda n: b"\\" * 64 * n,
    "quotes": lambda n: b'\\"' * 32 * n,
    "open strings": lambda n: b'"text":"' * 16 * n,
    "one name": lambda n: b'"text":"a",' * 6 * n,
    "many names": lambda n: b"".join(b'"n%d":"aaaaaaaaaaaaaaaaaaaaaaaa","n%d":"b",' % (i, i) for i in range(n)),
    "line breaks": lambda n: b"\r" * 64 * n,
    "percent": lambda n: b"%25" * 20 * n,
    "entities": lambda n: b"&amp;" * 16 * n,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_work_grows_as_the_body_grows(kind: str) -> None:
    def work(size: int) -> int:
        body = HOSTILE[kind](size)
        pieces = tuple(Chunk(at_s=0.0, data=body[at : at + 64]) for at in range(0, len(body), 64))
        response = Response(status=200, headers=(), chunks=pieces, headers_at_s=0.0, ended_at_s=1.0)
        return lines_run(lambda: masked_response(response, PLAIN_KEY))

    assert work(800) < 5 * work(200)
