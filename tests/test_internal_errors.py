"""A lack of memory is named as such, wherever it strikes; any other error of ours is named with its place."""

from __future__ import annotations

import errno

import pytest

from messages_conformance.internal_errors import described, is_lack_of_memory, report_internal_error

LACKS = {
    "memory": MemoryError(),
    "system": OSError(errno.ENOMEM, "Cannot allocate memory"),
    "thread": RuntimeError("can't start new thread"),
    "library": ImportError("x.so: failed to map segment from shared object"),
    "loader": ImportError("x.so: cannot allocate memory in static TLS block"),
}
OTHERS = {
    "file": OSError(errno.ENOENT, "No such file or directory"),
    "runtime": RuntimeError("the loop is closed"),
    "import": ImportError("no module named x"),
    "value": ValueError("can't start new thread"),
}


def raised_while(first: BaseException) -> BaseException:
    """The error that replaces the first one, as cleaning up after it does."""
    try:
        try:
            raise first
        finally:
            raise RuntimeError("cannot join thread before it is started")
    except RuntimeError as error:
        return error


@pytest.mark.parametrize("error", LACKS.values(), ids=LACKS)
def test_a_lack_of_memory_is_named(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    for one in (error, raised_while(error)):
        assert is_lack_of_memory(one)
        assert described(one) == "the memory of this process is used up: raise its limit, or lower --concurrency"
        report_internal_error(one)
        assert capsys.readouterr().err.startswith("ERROR: the memory of this process is used up; raise its limit")


@pytest.mark.parametrize("error", OTHERS.values(), ids=OTHERS)
def test_another_error_is_none(error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    for one in (error, raised_while(error)):
        assert not is_lack_of_memory(one)
        assert described(one).startswith(f"internal error: {type(one).__name__}: {one}")
        report_internal_error(one)
        assert "the target did not cause it; please report it" in capsys.readouterr().err


def test_errors_that_refer_to_each_other_have_an_end() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__context__, second.__context__ = second, first
    assert not is_lack_of_memory(first)
