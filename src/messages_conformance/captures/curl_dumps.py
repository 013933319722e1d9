"""What `curl -i` and `curl -iN` print, with or without the lines of `-v`, and with the command before it.

A dump has the bytes of the body as curl decoded them. A copy from a terminal may lack line breaks: only a
dump with all headers, whose lines still end in CRLF, is taken for exact. Several dumps in one file follow each other.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from messages_conformance.captures.pair import Headers, Pair
from messages_conformance.captures.scrubbing import are_all_headers
from messages_conformance.exchange import UNPARSED, parse_json

STATUS_LINE: Final = re.compile(rb"HTTP/(\d(?:\.\d)?) (\d{3})(?: [^\r\n]*)?\r?(?:\n|$)")
_HEADER: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*?)[ \t]*(\r?\n|$)")
_NOISE: Final = re.compile(
    rb"(?:\* [^\n]*|[{}] \[\d+ bytes data\][^\n]*|  % Total[^\n]*|\s+Dload  Upload[^\n]*"
    rb"|[ \d]{3} [\d.kMG ]{5,}[^\n]*--:--:--[^\n]*)(?:\n|$)"
)
"""Lines of `curl -v` on standard error, and of its progress meter."""

_SENT: Final = re.compile(rb"> ([^\r\n]*)\r?(?:\n|$)")
_RECEIVED: Final = re.compile(rb"< ([^\r\n]*)(\r?)(?:\n|$)")
_COMMAND: Final = re.compile(rb"(?:[$%#>] ?)?curl\s(?:[^\n\\]|\\\r?\n|\\.)*(?:\n|$)", re.DOTALL)
_HEADER_OPTIONS: Final = ("-H", "--header")
_METHOD_OPTIONS: Final = ("-X", "--request")
_DATA_OPTIONS: Final = ("-d", "--data", "--data-raw", "--data-binary", "--data-ascii", "--json")
_REQUEST_LINE: Final = re.compile(r"([A-Z]+) (\S+) HTTP/\d")


@dataclass
class _Request:
    method: str = "POST"
    url: str | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | None = None


def looks_like_dump(head: bytes) -> bool:
    """Whether the first bytes of a file are a dump: a status line, a line of `curl -v`, or a curl command."""
    text = head.lstrip()
    if STATUS_LINE.match(text) or _COMMAND.match(text):
        return True
    return bool(_NOISE.match(text) or _SENT.match(text)) and bool(re.search(rb"^(?:< )?HTTP/\d", head, re.MULTILINE))


def read_dump(data: bytes) -> Iterator[Pair]:
    """Yields the pairs of a dump. Interim responses and the answers of a proxy to CONNECT are left out."""
    number = 0
    for pair in _Reader(data).pairs():
        status = pair.status or 0
        if status < 200 or (status == 200 and pair.response_headers == () and not pair.response_body):
            continue
        number += 1
        yield replace(pair, place=f"response {number}")


class _Reader:
    """Reads a dump from its beginning to its end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._request = _Request()

    def pairs(self) -> Iterator[Pair]:
        while self._at < len(self._data):
            if STATUS_LINE.match(self._data, self._at):
                yield self._response()
            elif match := _RECEIVED.match(self._data, self._at):
                if STATUS_LINE.match(match[1] + b"\n"):
                    yield self._verbose_response()
                else:
                    self._at = match.end()
            else:
                self._skip()

    def _skip(self) -> None:
        """Reads one line before a response: of the command, of the request, or noise."""
        if match := _COMMAND.match(self._data, self._at):
            self._request = _of_command(match[0])
            self._at = match.end()
        elif match := _SENT.match(self._data, self._at):
            self._sent(match[1].decode("utf-8", "replace"))
            self._at = match.end()
        else:
            end = self._data.find(b"\n", self._at)
            self._at = len(self._data) if end < 0 else end + 1

    def _sent(self, line: str) -> None:
        if match := _REQUEST_LINE.match(line):
            kept = self._request.body
            self._request = _Request(method=match[1], url=match[2], body=kept)
        elif ":" in line:
            name, _, value = line.partition(":")
            self._request.headers.append((name.strip(), value.strip()))

    def _response(self) -> Pair:
        match = STATUS_LINE.match(self._data, self._at)
        assert match is not None
        self._at = match.end()
        headers, crlf = self._headers(match[0].endswith(b"\r\n"))
        return self._pair(match, headers, self._body(headers), exact=crlf)

    def _headers(self, crlf: bool) -> tuple[Headers, bool]:
        headers = []
        while match := _HEADER.match(self._data, self._at):
            crlf = crlf and match[3] == b"\r\n"
            headers.append((match[1].decode(), match[2].decode("latin-1")))
            self._at = match.end()
        for end in (b"\r\n", b"\n"):
            if self._data.startswith(end, self._at):
                self._at += len(end)
                break
        return tuple(headers), crlf

    def _verbose_response(self) -> Pair:
        """A response whose head is in the lines of `-v`, and whose body follows; `-i` may print the head again."""
        lines, crlf = [], True
        while match := (_RECEIVED.match(self._data, self._at) or _NOISE.match(self._data, self._at)):
            if match[0].startswith(b"<"):
                lines.append(match[1] + b"\n")
                crlf = crlf and bool(match[2])
            self._at = match.end()
            if lines and not lines[-1].strip():
                break
        while match := _NOISE.match(self._data, self._at):
            self._at = match.end()
        if STATUS_LINE.match(self._data, self._at):
            return self._response()
        status = STATUS_LINE.match(lines[0])
        assert status is not None
        found = [match for line in lines[1:] if (match := _HEADER.match(line))]
        headers = tuple((match[1].decode(), match[2].decode("latin-1")) for match in found)
        return self._pair(status, headers, self._body(headers), exact=False)

    def _body(self, headers: Headers) -> tuple[bytes, bool]:
        """The body that begins here, and whether no line of `-v` was inside of it."""
        length = next((value for name, value in headers if name.lower() == "content-length"), "")
        rest = self._data[self._at :]
        if length.isdecimal() and int(length) <= len(rest) and _ends_there(rest, int(length)):
            self._at += int(length)
            return rest[: int(length)], True
        end = _end_of_body(rest)
        self._at += end
        plain = _without_noise(rest[:end])
        return plain, plain == rest[:end]

    def _pair(self, status: re.Match[bytes], headers: Headers, body: tuple[bytes, bool], *, exact: bool) -> Pair:
        request, self._request = self._request, _Request(url=self._request.url)
        version = status[1].decode()
        return Pair(
            place="response",
            method=request.method,
            url=request.url,
            request_headers=tuple(request.headers),
            request_body=request.body,
            status=int(status[2]),
            response_headers=headers,
            response_body=body[0],
            exact_body=exact and body[1] and are_all_headers(headers),
            all_headers=exact,
            http_version=f"HTTP/{version}",
        )


def _ends_there(rest: bytes, length: int) -> bool:
    """Whether a body of this length is followed by the end, by another dump, or by a line of its own."""
    after = rest[length:].lstrip()
    return not after or bool(STATUS_LINE.match(after) or _NOISE.match(after) or _COMMAND.match(after))


_NEXT: Final = re.compile(
    rb"HTTP/\d(?:\.\d)? \d{3}[ \r\n][^\n]*\n(?=[A-Za-z-]+:)|^[$%] ?curl\s|^> [A-Z]+ \S+ HTTP/\d", re.MULTILINE
)


def _end_of_body(rest: bytes) -> int:
    """Where the body ends: at the next dump, or at the end of the file."""
    for match in _NEXT.finditer(rest):
        before = rest[: match.start()].rstrip()
        if match.start() == 0 or rest[match.start() - 1 : match.start()] == b"\n" or before.endswith(b"}"):
            return match.start()
    return len(rest)


def _without_noise(body: bytes) -> bytes:
    """The body without the lines that `-v` printed into it, if there are any."""
    if not re.search(rb"^(?:\* |[{}] \[\d+ bytes data\])", body, re.MULTILINE):
        return body
    lines = body.splitlines(keepends=True)
    return b"".join(line for line in lines if not _NOISE.fullmatch(line))


def _of_command(command: bytes) -> _Request:
    """The request of a curl command; what cannot be read of it is left out."""
    text = re.sub(r"\\\r?\n", " ", command.decode("utf-8", "replace")).strip().lstrip("$%#> ")
    try:
        words = shlex.split(text)
    except ValueError:
        words = text.split()
    request, method, bodies, sends = _Request(), "", [], False
    words = words[1:]
    while words:
        word = words.pop(0)
        name, _, joined = word.partition("=") if word.startswith("--") else (word, "", "")
        if name in (*_HEADER_OPTIONS, *_METHOD_OPTIONS, *_DATA_OPTIONS, "--url"):
            value = joined or (words.pop(0) if words else "")
            sends = sends or name in _DATA_OPTIONS
            if name in _HEADER_OPTIONS and ":" in value:
                key, _, rest = value.partition(":")
                request.headers.append((key.strip(), rest.strip()))
            elif name in _METHOD_OPTIONS:
                method = value
            elif name == "--url":
                request.url = value
            elif name in _DATA_OPTIONS and not value.startswith("@"):
                bodies.append(value)
        elif re.match(r"https?://", word) or ("/v1/" in word and not word.startswith("-")):
            request.url = word
    if bodies:
        request.body = "&".join(bodies).encode()
        if parse_json(request.body) is UNPARSED:
            request.body = None  # variables of a shell, or an abbreviated body
    request.method = method or ("POST" if sends or request.url is None else "GET")
    return request
