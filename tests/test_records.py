"""Records cannot be changed, and their fields are named: the dataclasses of the packages that judge."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil

import pytest

import messages_conformance

PACKAGES = ("rules", "stream", "wire", "engine", "session", "report")

CHANGEABLE = {
    "engine.planning.Outcome",
    "engine.planning.Question",
    "engine.retries.History",
    "report.schema_coverage.FieldCoverage",
    "report.schema_coverage.Keyword",
    "report.schema_coverage.Tally",
    "rules.tally.Tally",
    "stream.content_block.Block",
    "wire._Block",
}
"""Records that collect something while they exist."""

POSITIONAL = {"rules.tally.Tally", "stream.content_block.Block", "wire._Block"}
"""Records that are made often, inside one module."""


def records(package: str) -> dict[str, type]:
    """The dataclasses that a package defines, by module and name without that of the project."""
    root = importlib.import_module(f"{messages_conformance.__name__}.{package}")
    names = [module.name for module in pkgutil.walk_packages(getattr(root, "__path__", ()), f"{root.__name__}.")]
    modules = [root, *(importlib.import_module(name) for name in names if not name.endswith("__main__"))]
    return {
        f"{module.__name__.partition('.')[2]}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and dataclasses.is_dataclass(value) and value.__module__ == module.__name__
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_records_cannot_be_changed(package: str) -> None:
    changeable = {name for name, one in records(package).items() if not one.__dataclass_params__.frozen}
    assert changeable == {name for name in CHANGEABLE if name.startswith(f"{package}.")}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_fields_of_records_are_named(package: str) -> None:
    positional = {
        name
        for name, one in records(package).items()
        if not all(field.kw_only for field in dataclasses.fields(one) if field.init)
    }
    assert positional == {name for name in POSITIONAL if name.startswith(f"{package}.")}
