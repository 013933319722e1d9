"""The cells of a file: axes, globs over the models of a target, shards, and lists of cells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from messages_conformance import configuration
from messages_conformance.configuration import ConfigurationError, Setting
from messages_conformance.fleet.cells import Cell, slug
from messages_conformance.fleet.scheduling import spread
from messages_conformance.fleet.selection import Selection, row_of, selected
from messages_conformance.fleet.shards import Shard, ShardError, shard_of

LISTED = ("openai/gpt-1", "openai/gpt-2", "claude-a", "claude-b")


EVERY = Selection()


def cells(
    folder: Path, text: str, selection: Selection = EVERY, given: Mapping[str, object] | None = None
) -> tuple[Cell, ...]:
    (folder / configuration.FILE_NAME).write_text(text)
    asked: list[str] = []

    def list_models(options: Mapping[str, Setting]) -> tuple[str, ...]:
        asked.append(options["target"].value)
        return LISTED

    found = configuration.read(folder, str(folder / configuration.FILE_NAME))
    return selected(found, given or {}, {}, base=Path("out"), list_models=list_models, selection=selection)


def ids(found: tuple[Cell, ...]) -> list[str]:
    return [cell.id for cell in found]


AXES = """
[targets.a]
target = "https://a.example"
models = ["x/1", "y"]
profiles = ["tokmodel"]
depths = ["smoke", "deep"]
"""
PLAIN = '[targets.b]\ntarget = "https://b.example"\n'


def test_each_combination_of_the_axes_is_a_cell_with_its_own_folder(tmp_path: Path) -> None:
    found = cells(tmp_path, AXES + PLAIN)
    assert ids(found) == [
        *("a:x/1:tokmodel:smoke", "a:x/1:tokmodel:deep", "a:y:tokmodel:smoke", "a:y:tokmodel:deep"),
        "b",
    ]
    assert len({cell.folder for cell in found}) == 5
    assert found[-1].folder == Path("out/b")
    assert (found[1].value("model"), found[1].value("depth")) == ("x/1", "deep")


def test_the_command_line_overrides_an_axis(tmp_path: Path) -> None:
    found = cells(tmp_path, AXES, given={"model": "z", "depth": "smoke"})
    assert ids(found) == ["a:tokmodel"]
    assert found[0].value("model") == "z"


def test_a_glob_takes_at_most_so_many_listed_models_and_says_how_many_it_leaves_out(tmp_path: Path) -> None:
    table = '[targets.a]\ntarget = "https://a.example"\nmodels = ["mine", "openai/*", "claude-*"]\nmax-models = 3\n'
    found = cells(tmp_path, table)
    assert ids(found) == ["a:mine", "a:openai/gpt-1", "a:openai/gpt-2", "a:claude-a"]
    assert found[0].note == "1 of 5 models are left out (max-models = 3)"


@pytest.mark.parametrize(
    "keys",
    [
        "models = []",
        'models = [""]',
        "models = 3",
        'models = ["a"]\nmodel = "b"',
        'depths = ["shallow"]',
        'models = ["*"]\nmax-models = 0',
        'models = ["no-such-*"]',
    ],
)
def test_a_wrong_axis_is_one_cell_that_cannot_run(tmp_path: Path, keys: str) -> None:
    found = cells(tmp_path, f'[targets.a]\ntarget = "https://a.example"\n{keys}\n{PLAIN}')
    assert sorted(ids(found)) == ["a", "b"]
    problems = {cell.id: cell.problem for cell in found}
    assert problems["a"]
    assert not problems["b"]


def test_each_cell_is_in_exactly_one_shard(tmp_path: Path) -> None:
    whole = cells(tmp_path, AXES + PLAIN)
    parts = [cells(tmp_path, AXES + PLAIN, Selection(shard=Shard(index=each, total=3))) for each in (1, 2, 3)]
    assert sorted(cell.id for part in parts for cell in part) == sorted(ids(whole))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_printed_list_gives_the_same_cells_without_asking_any_target(tmp_path: Path) -> None:
    text = AXES + '[targets.c]\ntarget = "https://c.example"\nmodels = ["claude-*"]\n'
    whole = cells(tmp_path, text)
    file = tmp_path / "cells.json"
    file.write_text(json.dumps([row_of(cell) for cell in whole]))
    again = cells(tmp_path, text.replace("claude-*", "other-*"), Selection(list_file=str(file)))
    assert again == tuple(_without_origin(cell, again) for cell in whole)


def _without_origin(cell: Cell, others: tuple[Cell, ...]) -> Cell:
    return next(other for other in others if (other.id, other.folder) == (cell.id, cell.folder))


@pytest.mark.parametrize("text", ["", "[]", "{", '[{"id": "a"}]', '[{"name": 3}]', '[["a"]]'])
def test_a_list_of_another_form_is_wrong_usage(tmp_path: Path, text: str) -> None:
    file = tmp_path / "cells.json"
    file.write_text(text)
    if text == "[]":
        assert cells(tmp_path, AXES, Selection(list_file=str(file))) == ()
        return
    with pytest.raises(ConfigurationError, match="--cells"):
        cells(tmp_path, AXES, Selection(list_file=str(file)))


def test_an_id_that_is_a_glob_itself_can_be_selected(tmp_path: Path) -> None:
    text = '[targets.a]\ntarget = "https://a.example"\nmodels = ["x1", "x2"]\n'
    assert ids(cells(tmp_path, text, Selection(patterns=("a:x2",)))) == ["a:x2"]
    assert ids(cells(tmp_path, text, Selection(patterns=("a:*",)))) == ["a:x1", "a:x2"]
    with pytest.raises(ConfigurationError, match="--cell"):
        cells(tmp_path, text, Selection(patterns=("b",)))


@pytest.mark.parametrize(
    ("text", "environment", "shard"),
    [
        ("2/10", {}, "2/10"),
        ("auto", {"CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "4"}, "1/4"),
        ("auto/4", {"JOB_COMPLETION_INDEX": "0"}, "1/4"),
        ("auto", {"CIRCLE_NODE_INDEX": "3", "CIRCLE_NODE_TOTAL": "4"}, "4/4"),
        ("auto", {"BUILDKITE_PARALLEL_JOB": "0", "BUILDKITE_PARALLEL_JOB_COUNT": "2"}, "1/2"),
        ("auto", {"AWS_BATCH_JOB_ARRAY_INDEX": "1", "AWS_BATCH_JOB_ARRAY_SIZE": "2"}, "2/2"),
    ],
)
def test_index_variables_of_ci_systems_are_understood(text: str, environment: dict[str, str], shard: str) -> None:
    assert str(shard_of(text, environment)) == shard


@pytest.mark.parametrize("text", ["", "0/3", "4/3", "1", "a/b", "1/2/3", "-1/3", "auto", "auto/3", "1/99999999", "١/٢"])
def test_another_shard_is_refused(text: str) -> None:
    with pytest.raises(ShardError, match="--shard"):
        shard_of(text, {})


def test_an_index_without_a_number_of_jobs_names_the_cure() -> None:
    with pytest.raises(ShardError, match="auto/N"):
        shard_of("auto", {"JOB_COMPLETION_INDEX": "0"})


def test_folders_of_different_names_differ() -> None:
    names = ("a/b", "a-b", "a b", "a:b", "..", ".", "", "ä", "x" * 300, "x" * 301)
    assert len({slug(name) for name in names}) == len(names)
    assert all("/" not in slug(name) and slug(name).strip(".") for name in names)


def test_neighbours_have_different_servers(tmp_path: Path) -> None:
    order = ids(spread(cells(tmp_path, AXES + PLAIN)))
    assert order[:2] == ["a:x/1:tokmodel:smoke", "b"]
