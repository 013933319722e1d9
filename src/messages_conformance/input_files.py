"""Reads files that a user or another program wrote: what they are, their encoding, their syntax and their types.

Behind this module nothing checks types again. A mistake is an `InputError`, whose text names the place in the file; the
caller adds the name of the file and the cure.
"""

from __future__ import annotations

import json
import re
import stat
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

T = TypeVar("T")

MAX_WRITTEN_BYTES: Final = 4 * 1024 * 1024
"""The limit for files that people write: waivers, options, profiles (our own choice; the largest known has 40 kB)."""

MAX_SAVED_BYTES: Final = 1024 * 1024 * 1024
"""The limit for files that a run wrote: a recording of 20,000 exchanges has a tenth of it (our own choice)."""

MAX_KEY_PARTS: Final = 1_000
"""A line of TOML has at most this many dots (our own choice: more than any text or key needs)."""

SHOWN_CHARACTERS: Final = 60
"""A message quotes at most this much of a wrong value (our own choice: it stays one readable line)."""

STREAMS: Final = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")
"""Where a shell puts the output of a command (`<(...)`, a pipe): somebody writes there, so reading it ends."""

_ANY_ITEM: Final = "[...]"
"""How msgspec writes the index of a list in the path of a wrong value."""


class InputError(ValueError):
    """A file cannot be used. The text says why and where in the file, without the name of the file."""


def read_bytes(path: Path, *, limit_bytes: int) -> bytes:
    """The contents of a regular file or of a shell's stream. Raises InputError, never blocks on a named pipe."""
    try:
        check_is_file(path)
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1)
    except OSError as error:
        raise InputError(error.strerror or str(error)) from error
    except InputError:
        raise
    except ValueError as error:  # a path with a null character
        raise InputError(str(error)) from error
    if len(data) > limit_bytes:
        raise InputError(f"it has more than {limit_bytes // (1024 * 1024):,} MB")
    return data


def check_is_file(path: Path) -> None:
    """Raises InputError for a folder, a device and a named pipe, whose writer may never come; OSError for no file."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not str(path).startswith(STREAMS):
        raise InputError(f"it is {_kind_of(mode)}, not a file")


def _kind_of(mode: int) -> str:
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a named pipe"), (stat.S_ISSOCK, "a socket"))
    return next((name for test, name in kinds if test(mode)), "a device")


def decoded(data: bytes) -> str:
    """The text of UTF-8 bytes without a byte-order mark. Raises InputError with the line."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"it is not UTF-8 (byte {data[error.start]:#04x} in line {line:,})") from error


def parsed_toml(data: bytes) -> dict[str, Any]:
    """The table of a TOML file. Raises InputError for anything else."""
    text = decoded(data)
    if any(line.count(".") > MAX_KEY_PARTS for line in text.split("\n")):
        raise InputError("it is nested too deeply")  # tomllib needs minutes for a key of 50,000 parts
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise InputError("it is nested too deeply") from error
    except ValueError as error:
        raise InputError(f"it is not TOML: {_shortened(error)}") from error


def parsed_json(data: bytes | str) -> Any:
    """A JSON value. Raises InputError for anything else, NaN and Infinity included."""
    text = decoded(data) if isinstance(data, bytes) else data
    try:
        value = _STRICT.decode(text)
    except RecursionError as error:
        raise InputError("it is nested too deeply") from error
    except ValueError as error:
        raise InputError(f"it is not JSON: {_shortened(error)}") from error
    return value


def shown(value: Any) -> str:
    """A value as a message quotes it: its repr, on one line, cut when it is long."""
    try:
        text = repr(value[: SHOWN_CHARACTERS + 1] if isinstance(value, str) else value)
    except (RecursionError, ValueError):  # deeply nested, or a number with thousands of digits
        return f"a very large {type(value).__name__}"
    return text if len(text) <= SHOWN_CHARACTERS + 2 else f"{text[:SHOWN_CHARACTERS]}…"


def _shortened(error: Exception) -> str:
    """The reason of a parser on one line. It may quote the file."""
    text = " ".join(str(error).split())
    return text if len(text) <= 3 * SHOWN_CHARACTERS else f"{text[: 3 * SHOWN_CHARACTERS]}…"


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_STRICT: Final = json.JSONDecoder(parse_constant=_refuse_constant)


def typed(value: Any, kind: type[T]) -> T:
    """The value as the type, unknown keys ignored. Raises InputError with the path of the first wrong value."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise InputError(_located(value, kind, str(error))) from error
    except UnicodeError as error:
        raise InputError("it has half a surrogate pair in place of a known word") from error
    except (RecursionError, OverflowError) as error:
        raise InputError("it is nested too deeply, or a number in it is too large") from error


def _located(value: Any, kind: Any, message: str) -> str:
    """The message of msgspec in our words, with the indexes that it leaves out: `requirements[3].findings[0].place`."""
    what, _, path = message.partition(" - at `$")
    path = path.removesuffix("`")
    for index in _indexes(value, kind, message, path):
        path = path.replace(_ANY_ITEM, f"[{index}]", 1)
    where = path.removeprefix(".") or "the whole document"
    return f"{where}: {what[:1].lower()}{what[1:]}".replace("`", "")


def _indexes(value: Any, kind: Any, message: str, path: str) -> Iterator[int]:
    """The index for each `[...]` of a path: the first item with which alone the same message comes."""
    place: list[str | int] = []
    for token in re.findall(r"\[\.\.\.\]|[^.\[\]]+", path):
        if token != _ANY_ITEM:
            place.append(token)
            continue
        items = _at(value, place)
        if not isinstance(items, list):
            return
        for index, item in enumerate(items):
            alone = _replaced(value, place, [item])
            if _message(alone, kind) == message:
                yield index
                value = alone
                place.append(0)
                break
        else:
            return


def _message(value: Any, kind: Any) -> str:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        return str(error)
    except (UnicodeError, RecursionError, OverflowError):
        pass
    return ""


def _at(value: Any, place: Sequence[str | int]) -> Any:
    for key in place:
        value = value[key]
    return value


def _replaced(value: Any, place: Sequence[str | int], new: Any) -> Any:
    """A copy of the value with another value at the place."""
    if not place:
        return new
    copy: Any = list(value) if isinstance(value, list) else dict(value)
    copy[place[0]] = _replaced(value[place[0]], place[1:], new)
    return copy
