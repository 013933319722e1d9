"""Files, folders and standard input as streams of bytes, with their first bytes."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from messages_conformance.captures.errors import CaptureError
from messages_conformance.captures.formats import HEAD_BYTES
from messages_conformance.captures.saved_runs import RECORDING, REPORT
from messages_conformance.exchange import GZIP_MAGIC
from messages_conformance.input_files import InputError, check_is_file

STANDARD_INPUT: Final = "-"

NOT_SEARCHED: Final = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", ".tox"})
"""Folders that hold no recordings of their owner, and often many files."""

OWN_OUTPUT: Final = frozenset({REPORT, "junit.xml", "matrix.json", "report.html"})
"""Files that a report folder has besides its recording."""

UNREADABLE: Final = (OSError, EOFError, zlib.error, UnicodeError, RecursionError)
"""The errors of reading a file that is damaged, or not ours to read."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One file to read. `named`: the user gave this path, so that it must be a recording."""

    name: str
    path: Path | None
    named: bool


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A file that is open for reading; `head` are its first bytes, which `file` yields again."""

    head: bytes
    file: IO[bytes]
    exact: bool


def places(names: Iterable[str]) -> Iterator[Place]:
    """The files under these paths, in order; raises CaptureError for a path that does not exist."""
    for name in names:
        path = Path(name)
        if name == STANDARD_INPUT:
            yield Place(name="standard input", path=None, named=True)
        elif not os.path.lexists(path):
            raise CaptureError(f"there is no file or folder {name!r}; name recordings, folders of them, or - for stdin")
        elif wrong := _wrong_kind(path):
            raise CaptureError(f"{name!r} cannot be read: {wrong}; name recordings, folders of them, or - for stdin")
        elif path.is_dir():
            yield from _in_folder(path)
        else:
            yield Place(name=name, path=_recording_of(path), named=True)


def _wrong_kind(path: Path) -> str:
    """Why a path is neither a file nor a folder; empty when it is one, or when it cannot be known yet."""
    try:
        if not path.is_dir():
            check_is_file(path)
    except InputError as error:
        return str(error)
    except OSError:  # reading it says why
        pass
    return ""


def _recording_of(path: Path) -> Path:
    """The recording beside a report.json; any other path as it is."""
    beside = path.parent / RECORDING
    return beside if path.name == REPORT and beside.is_file() else path


def _in_folder(folder: Path) -> Iterator[Place]:
    if (folder / RECORDING).is_file():
        yield Place(name=str(folder), path=folder / RECORDING, named=True)
        return
    for root, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in NOT_SEARCHED)
        for name in sorted(files):
            path = Path(root) / name
            if name not in OWN_OUTPUT and path.is_file():
                yield Place(name=str(path), path=path, named=False)


@contextmanager
def opened(place: Place) -> Iterator[Opened]:
    """Opens a file. A gzip file is decompressed, and UTF-16 becomes UTF-8; raises one of UNREADABLE."""
    source: IO[bytes] = sys.stdin.buffer if place.path is None else place.path.open("rb")
    try:
        file, exact = _buffered(source), True
        if _peeked(file).startswith(GZIP_MAGIC):
            file = _buffered(gzip.GzipFile(fileobj=file))
        if _peeked(file).startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            file, exact = _buffered(codecs.EncodedFile(file, "utf-8", "utf-16")), False
        yield Opened(head=_peeked(file), file=file, exact=exact)
    finally:
        if place.path is not None:
            source.close()


def _buffered(file: Any) -> io.BufferedReader:
    return io.BufferedReader(_Raw(file), HEAD_BYTES)


def _peeked(file: io.BufferedReader) -> bytes:
    """The first bytes, which stay in the buffer of the file."""
    return file.peek(HEAD_BYTES)[:HEAD_BYTES]


class _Raw(io.RawIOBase):
    """Reads whole buffers from a file, a pipe too, so that the first bytes are there when they are peeked at."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = len(buffer)
        while len(self._rest) < size and (data := self._file.read(size - len(self._rest))):
            self._rest += data
        taken, self._rest = self._rest[:size], self._rest[size:]
        buffer[: len(taken)] = taken
        return len(taken)
