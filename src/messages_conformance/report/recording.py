"""exchanges.jsonl: the exchanges of a run, one JSON object on each line. They can be judged again without a network."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

from messages_conformance.exchange import Exchange, read_recording, to_record
from messages_conformance.input_files import InputError
from messages_conformance.masking import masked
from messages_conformance.report.files import ReportError

FILE_NAME: Final = "exchanges.jsonl"


def append(path: Path | str, exchange: Exchange) -> None:
    """Appends one exchange to the file and creates the file when necessary; raises ReportError."""
    line = json.dumps(to_record(exchange), separators=(",", ":"), allow_nan=False) + "\n"
    line = masked(line, max_base64=0)  # the bodies are in base64, and are masked before they become a record
    try:
        with Path(path).open("ab") as file:
            file.write(line.encode("ascii"))
    except OSError as error:
        raise ReportError(
            f"{str(path)!r} could not be written: {error.strerror}; free space or name another folder with --report"
        ) from error


def digest(path: Path | str) -> str:
    """The SHA-256 of a file in hexadecimal; empty when it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def read(path: Path | str) -> tuple[Exchange, ...]:
    """The exchanges of a file, without an incomplete last line; raises ReportError."""
    try:
        return tuple(read_recording(Path(path)))
    except InputError as error:
        raise ReportError(
            f"{str(path)!r} is not a recording: {error}; name the {FILE_NAME} that a run with --report wrote"
        ) from error
