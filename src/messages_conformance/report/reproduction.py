"""The curl command that sends a recorded request again, byte for byte.

It is written for a POSIX shell. Printable text is in single quotes; other bytes go through printf in octal. Only the
key is left out: in its place there is a variable that the shell expands.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from messages_conformance.exchange import (
    CUT_BODY,
    HTTP_1_0,
    KEY_PLACEHOLDER,
    LEAVE_EARLY,
    Exchange,
    Request,
    is_header_placeholder,
)
from messages_conformance.report.text import showable

LINE_CHARACTERS: Final = 100
"""Longest line of a command; our own choice, so that a command is readable in most terminals."""

INLINE_BYTES: Final = 64 * 1024
"""Longest body in the command itself: Linux takes 128 KiB in one argument (MAX_ARG_STRLEN)."""

EXPECT_BYTES: Final = 1024
"""From this body size on, some curl versions send `Expect: 100-continue` (curl's EXPECT_100_THRESHOLD)."""

OCTAL_BYTES: Final = 2048
"""Longest binary body in the octal form of printf; base64 is shorter for a longer one (our own choice)."""

LEAVE_BYTES: Final = 2_000
"""Bytes of a stream, headers included, after which the reader of curl ends: the first delta arrived by then."""

CUT_BODY_TIMEOUT_S: Final = 5
"""Seconds that curl waits for the answer to a body that is shorter than its content-length."""

_PATTERN_BYTES: Final = 256
"""Longest repeated piece that is searched in a large body (our own choice)."""

_PLAIN_WORD: Final = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")


def curl(
    exchange: Exchange,
    base_url: str,
    *,
    key_variable: str = "MESSAGES_API_KEY",
    connection: Sequence[str] = (),
    is_recorded: bool = False,
) -> str:
    """The command that sends the request of the exchange to `base_url`; it has several lines.

    `key_variable` is the environment variable that holds the key; `connection` the options of a run for certificates.
    `is_recorded` is true for requests that another client sent: what belongs to its connection is left out.
    """
    request = _without_connection(exchange.request) if is_recorded else exchange.request
    url = base_url.rstrip("/") + request.path
    words = [
        *_certificates(connection),
        *_switches(request, url, is_recorded),
        quoted(url),
        *_headers(request, url, key_variable),
    ]
    source, data = _data(request)
    lines = _packed(["curl -isS", *words])
    if data:
        lines.append(data)
    leaving = f" | head -c {LEAVE_BYTES}" if request.wire == LEAVE_EARLY else ""
    return source + " \\\n  ".join(lines) + leaving


def quoted(text: str) -> str:
    """The text quoted as one word of a POSIX shell."""
    if _PLAIN_WORD.fullmatch(text):
        return text
    if showable(text):
        return "'" + text.replace("'", "'\\''") + "'"
    return _octal_word(text)


def _octal_word(text: str) -> str:
    return '"$(' + _printf(_header_bytes(text)) + ')"'


CERTIFICATES: Final = {
    "--ca-bundle": "--cacert",
    "--client-cert": "--cert",
    "--client-key": "--key",
    "--insecure": "-k",
}
"""The options of curl that do what ours do."""


def _certificates(connection: Sequence[str]) -> list[str]:
    """The options of curl for those of a run."""
    return [CERTIFICATES.get(word) or quoted(word) for word in connection]


def _switches(request: Request, url: str, is_recorded: bool) -> list[str]:
    words = ["-N"] if request.streamed else []
    words += ["--compressed"] if is_recorded and _is_compressed(request) else []
    words += {HTTP_1_0: ["--http1.0"], CUT_BODY: [f"--max-time {CUT_BODY_TIMEOUT_S}"]}.get(request.wire, [])
    if url.startswith("https:") and request.wire != HTTP_1_0:
        words.append("--http1.1")
    if set(url) & set("[]{}"):
        words.append("-g")
    if "/../" in url or "/./" in url or url.endswith(("/..", "/.")):
        words.append("--path-as-is")
    if request.method == "HEAD" and not request.body:
        return [*words, "-I"]
    if request.method != "GET" or request.body:
        words.append(f"-X {quoted(request.method)}")
    return words


OF_A_CONNECTION: Final = frozenset({"host", "connection", "keep-alive", "proxy-connection"})
"""Headers that belong to the connection of another client, such as that to our proxy (RFC 9110, 7.2 and 7.6.1)."""


def _without_connection(request: Request) -> Request:
    return replace(request, headers=tuple(row for row in request.headers if row[0].lower() not in OF_A_CONNECTION))


def _is_compressed(request: Request) -> bool:
    """Whether the answer may be compressed, which a terminal cannot show."""
    codings = (request.header("accept-encoding") or "identity").split(",")
    return any(coding.partition(";")[0].strip() not in ("identity", "") for coding in codings)


def _headers(request: Request, url: str, key_variable: str) -> list[str]:
    words = [_header(n, v, key_variable) for n, v in request.headers if not _made_by_curl(n, v, request, url)]
    names = {name.lower() for name, _ in request.headers}
    # Headers that curl adds by default are removed where they could change the answer.
    if _sends_body(request) and "content-type" not in names:
        words.append("-H content-type:")
    if "accept" not in names:
        words.append("-H accept:")
    if len(request.body) >= EXPECT_BYTES and "expect" not in names:
        words.append("-H expect:")
    return words


def _made_by_curl(name: str, value: str, request: Request, url: str) -> bool:
    match name.lower():
        case "content-length":
            return value.strip() == str(len(request.body))
        case "host":
            return value == url.partition("://")[2].partition("/")[0]
    return False


def _header(name: str, value: str, key_variable: str) -> str:
    if not value.strip():
        return f"-H {quoted(name + ';')}"  # the syntax of curl for a header without a value
    if is_header_placeholder(value):
        return f'-H "{name}: {value}"'
    before, key, after = value.partition(KEY_PLACEHOLDER)
    text = f"{name}: {before}"
    if not key:
        return f"-H {quoted(text) if text.isascii() else _octal_word(text)}"
    variable = "${" + key_variable + "}" if after[:1].isalnum() or after[:1] == "_" else "$" + key_variable
    if not after and not set(text) & set('"\\$`!') and showable(text):
        return f'-H "{text}{variable}"'
    return f'-H {quoted(text)}"{variable}"{quoted(after) if after else ""}'


def _sends_body(request: Request) -> bool:
    return bool(request.body) or request.method in ("POST", "PUT", "PATCH")


def _data(request: Request) -> tuple[str, str]:
    """(the commands piped into curl, the option of curl for the body)."""
    body = request.body
    if not _sends_body(request):
        return "", ""
    if len(body) <= INLINE_BYTES:
        text = _decoded(body)
        if text is not None and not text.startswith("@"):
            return "", f"--data-binary '{text}'" if "'" not in text else f"--data-binary {quoted(text)}"
        return f"{_piped(body)} | ", "--data-binary @-"
    return f"{_abridged(body) or _piped(body)} | ", "--data-binary @-"


def _piped(body: bytes) -> str:
    if _decoded(body) is not None or len(body) <= OCTAL_BYTES:
        return _printf(body)
    return f"printf %s {base64.b64encode(body).decode()} | base64 -d"


def _abridged(body: bytes) -> str:
    """Commands that print a large body made mostly of one repeated piece; empty for any other body."""
    run = _repetition(body)
    if run is None:
        return ""
    start, end, period = run
    piece = _decoded(body[start : start + period])
    if piece is None or "\n" in piece or piece.startswith("-"):
        return ""
    repeat = f"yes {quoted(piece)} | tr -d '\\n' | head -c {end - start}"
    return f"{{ {_printf(body[:start])}; {repeat}; {_printf(body[end:])}; }}"


def _repetition(body: bytes) -> tuple[int, int, int] | None:
    """(start, end, period) of a repetition that covers most of the body; None when there is none."""
    middle = len(body) // 2
    sample = body[middle : middle + 4 * _PATTERN_BYTES]
    period = next((p for p in range(1, _PATTERN_BYTES + 1) if sample[p:] == sample[:-p]), None)
    if period is None:
        return None
    # The rest of the body must be near its ends, or the command would not become short.
    start, end = min(INLINE_BYTES, middle), max(len(body) - INLINE_BYTES, middle + len(sample))
    if body[start + period : end] != body[start : end - period]:
        return None
    while end < len(body) and body[end] == body[end - period]:
        end += 1
    while start > 0 and body[start - 1] == body[start - 1 + period]:
        start -= 1
    while start < end and body[start] & 0xC0 == 0x80:
        start += 1  # the piece begins with a whole character
    return (start, end, period) if len(body) - (end - start) <= INLINE_BYTES else None


def _decoded(body: bytes) -> str | None:
    """The body as text when all of it is printable; else None."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if showable(text) else None


def _header_bytes(text: str) -> bytes:
    # Recorded header values were decoded as Latin-1, as older HTTP versions prescribe.
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _printf(data: bytes) -> str:
    text = _decoded(data)
    if text is not None:
        return f"printf %s {quoted(text)}"
    # printf would take a leading hyphen for an option.
    head = "\\055" if data.startswith(b"-") else ""
    return f"printf '{head}" + "".join(_octal(byte) for byte in data[1 if head else 0 :]) + "'"


def _octal(byte: int) -> str:
    if byte == 0x25:
        return "%%"
    if byte == 0x5C:
        return "\\\\"
    return chr(byte) if 0x20 <= byte < 0x7F and byte != 0x27 else f"\\{byte:03o}"


def _packed(words: list[str]) -> list[str]:
    """The words in as few lines of at most LINE_CHARACTERS as possible."""
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) <= LINE_CHARACTERS:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
