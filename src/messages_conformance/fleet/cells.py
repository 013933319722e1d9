"""The cells of a fleet: each combination of target, model, profile and depth that a file names is one run."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from messages_conformance import axes, configuration
from messages_conformance.axes import Axes, is_glob
from messages_conformance.configuration import Configuration, ConfigurationError, Setting
from messages_conformance.masking import masked, remember_address

ListModels = Callable[[Mapping[str, Setting]], tuple[str, ...]]
"""Asks a target with these options for its models; raises ConfigurationError when it has no list."""

SLUG_CHARACTERS: Final = 80
"""The longest name of a folder of a cell, without its hash (our own; most file systems allow 255 bytes)."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run of a fleet, or why it cannot run (`problem`).

    `id` is the name of the target in the file, followed by the values of its axes: `staging:openai/gpt-5:deep`.
    `options` are all options of the run by name, the report folder included. `note` says what the file leaves out.
    `varied` are the options that the axes of the target set.
    """

    id: str
    name: str
    options: Mapping[str, Setting] = field(default_factory=dict)
    problem: str = ""
    note: str = ""
    varied: tuple[str, ...] = ()

    @property
    def folder(self) -> Path | None:
        """The folder of its report; None without options."""
        found = self.value("report")
        return None if found is None else Path(found)

    def value(self, option: str) -> Any:
        """The value of an option; None when it is not set."""
        return self.options[option].value if option in self.options else None


def expanded(
    found: Configuration,
    given: Mapping[str, Any],
    environment: Mapping[str, str],
    *,
    base: Path,
    list_models: ListModels,
) -> tuple[Cell, ...]:
    """All cells of the file, in its order. A target that cannot be used is one cell with a problem.

    `given` are the options of the command line: they override the axes. `base` is the folder of the reports.
    """
    cells: list[Cell] = []
    for name in found.targets:
        try:
            cells += _of_target(name, found, given, environment, base, list_models)
        except ConfigurationError as error:
            cells.append(Cell(id=name, name=name, problem=masked(str(error))))
    cells += [Cell(id=name, name=name, problem=masked(problem)) for name, problem in found.problems.items()]
    return tuple(cells)


def planned_cell(
    row: Mapping[str, str],
    found: Configuration,
    given: Mapping[str, Any],
    environment: Mapping[str, str],
    *,
    base: Path,
) -> Cell:
    """The cell that a row of `targets --format json` describes: `name`, and the values of its axes.

    No target is asked for its models, so that all shards of a fleet have the same cells.
    """
    name = row["name"]
    if name in found.problems or name not in found.targets:
        problem = found.problems.get(name) or f"the file has no target {name!r}; make the list of cells again"
        return Cell(id=row.get("id", name), name=name, problem=masked(problem))
    options = _options(name, found, given, environment, base)
    values = tuple((option, row[option]) for option in axes.OF.values() if row.get(f"{option}_axis") and option in row)
    return _cell(name, options, values, found)


def _of_target(
    name: str,
    found: Configuration,
    given: Mapping[str, Any],
    environment: Mapping[str, str],
    base: Path,
    list_models: ListModels,
) -> list[Cell]:
    options = _options(name, found, given, environment, base)
    varying = found.axes.get(name, Axes())
    models, note = ((), "") if "model" in given else _models(varying, options, list_models)
    axis_values = {
        "model": models,
        "profile": () if "profile" in given else varying.profiles,
        "depth": () if "depth" in given else varying.depths,
    }
    used = {option: values for option, values in axis_values.items() if values}
    cells = [
        _cell(name, options, tuple(zip(used, values, strict=True)), found)
        for values in itertools.product(*used.values())
    ]
    return [replace(cell, note=note) for cell in cells[:1]] + cells[1:]


def _options(
    name: str, found: Configuration, given: Mapping[str, Any], environment: Mapping[str, str], base: Path
) -> dict[str, Setting]:
    """The options of one target, with its own report folder."""
    options = configuration.settings({**given, "target": name}, found, environment)
    remember_address(str(options["target"].value or ""))
    if "report" not in found.targets[name]:
        options["report"] = Setting(value=str(base / slug(name)), origin="default")
    return options


def _cell(name: str, options: Mapping[str, Setting], values: Sequence[tuple[str, str]], found: Configuration) -> Cell:
    """A cell with these values of axes. Without any, the report is in the folder of the target itself."""
    origin = f"{found.path}, [{configuration.TARGETS}.{name}]"
    varied = {option: Setting(value=value, origin=origin) for option, value in values}
    words = [_word(option, value) for option, value in values]
    folder = Path(options["report"].value, *map(slug, words))
    report = Setting(value=str(folder), origin=options["report"].origin)
    return Cell(
        id=":".join([name, *words]), name=name, options={**options, **varied, "report": report}, varied=tuple(varied)
    )


def _word(option: str, value: str) -> str:
    """The value of an axis as a part of an id: a profile in a file has the name of that file."""
    return Path(value).stem if option == "profile" and value.endswith(".toml") else value


def _models(varying: Axes, options: Mapping[str, Setting], list_models: ListModels) -> tuple[tuple[str, ...], str]:
    """The models of a target, and a note when there are more than the file allows; raises ConfigurationError."""
    patterns = [model for model in varying.models if is_glob(model)]
    if not patterns:
        return varying.models, ""
    listed = list_models(options)
    taken: dict[str, None] = {}
    matching: dict[str, None] = {}
    for model in varying.models:
        found = [one for one in listed if fnmatchcase(one, model)] if is_glob(model) else []
        matching |= dict.fromkeys(found)
        taken |= dict.fromkeys(found or ([] if is_glob(model) else [model]))
    if not taken:
        raise ConfigurationError(
            f"none of its {len(listed):,} models matches {', '.join(patterns)}; correct models in the file"
        )
    literal = [model for model in varying.models if not is_glob(model)]
    kept = [*literal, *[one for one in matching if one not in literal][: varying.max_models]]
    left_out = len(taken) - len(kept)
    note = f"{left_out:,} of {len(taken):,} models are left out ({axes.MAX_MODELS} = {varying.max_models})"
    return tuple(one for one in taken if one in set(kept)), note if left_out else ""


def slug(text: str) -> str:
    """A name for a folder or file: letters, digits, `.`, `_` and `-`. A text that had to change keeps its identity."""
    found = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.")[:SLUG_CHARACTERS]
    return (
        found
        if found and found == text
        else f"{found or 'x'}-{sha256(text.encode('utf-8', 'replace')).hexdigest()[:6]}"
    )
