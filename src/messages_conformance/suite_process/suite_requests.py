"""The requests of our own suites, read from their parametrised tests without running pytest."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any

from messages_conformance import resources
from messages_conformance.plugin import PARAMETERS, SHAPES


@cache
def suite_requests() -> tuple[Any, ...]:
    """Every parameter of every suite that is sent, in the order of files and functions."""
    return tuple(asked for suite in requests_by_suite().values() for asked in suite)


@cache
def requests_by_suite() -> Mapping[str, tuple[Any, ...]]:
    """The same by the name of the suite: that of its file, without `test_`."""
    return MappingProxyType(
        {
            path.stem.removeprefix("test_"): tuple(
                value for function in _tests(_loaded(path)) for value in _parameters(function)
            )
            for path in sorted(resources.path("suites").glob("test_*.py"))
        }
    )


def _loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"suite_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _tests(module: ModuleType) -> Iterator[Callable[..., object]]:
    for name, function in vars(module).items():
        # A test that compares shapes sends no request of its own.
        if name.startswith("test_") and SHAPES not in inspect.signature(function).parameters:
            yield function


def _parameters(function: Callable[..., object]) -> Iterator[Any]:
    for mark in getattr(function, "pytestmark", ()):
        if mark.name == "parametrize" and mark.args[0] in PARAMETERS:
            # A plain value, or a value inside pytest.param.
            yield from (getattr(value, "values", (value,))[0] for value in mark.args[1])
