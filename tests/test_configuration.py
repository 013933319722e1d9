"""The origin of options: command line, environment, file, in this order; and errors in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from command_line import run

from messages_conformance.configuration import Configuration, ConfigurationError, read, settings
from messages_conformance.options import OPTIONS

FILE = """
depth = "smoke"
seed = 1
[targets.staging]
target = "https://staging.example.com"
model = "m"
seed = 2
"""


def written(folder: Path, text: str, name: str = "messages-conformance.toml") -> Configuration:
    (folder / name).write_text(text)
    return read(folder)


def found(configuration: Configuration, given: dict[str, Any] | None = None, **environment: str) -> dict[str, Any]:
    variables = {f"MESSAGES_CONFORMANCE_{name}": value for name, value in environment.items()}
    return {name: each.value for name, each in settings(given or {}, configuration, variables).items()}


def test_the_command_line_overrides_the_environment_and_the_environment_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, FILE)
    assert found(file) == {"depth": "smoke", "seed": 1}
    assert found(file, SEED="5")["seed"] == 5
    assert found(file, {"seed": 7}, SEED="5")["seed"] == 7


def test_options_of_a_target_override_those_for_all_targets_only(tmp_path: Path) -> None:
    file = written(tmp_path, FILE)
    expected = {"target": "https://staging.example.com", "model": "m", "seed": 2, "depth": "smoke"}
    assert found(file, {"target": "staging"}) == expected
    assert found(file, TARGET="staging") == expected
    assert found(file, {"target": "staging"}, SEED="5")["seed"] == 5
    assert found(file, {"target": "reference:"}) == {"target": "reference:", "depth": "smoke", "seed": 1}


def test_every_value_has_its_origin(tmp_path: Path) -> None:
    file = written(tmp_path, FILE)
    found_settings = settings({"target": "staging", "rate": 2.0}, file, {"MESSAGES_CONFORMANCE_DEPTH": "deep"})
    origins = {name: each.origin for name, each in found_settings.items()}
    assert origins["rate"] == "command line"
    assert origins["depth"] == "environment, MESSAGES_CONFORMANCE_DEPTH"
    assert origins["model"].endswith("messages-conformance.toml, [targets.staging]")


def test_every_option_has_a_variable_and_a_place_in_the_file(tmp_path: Path) -> None:
    text = {
        "whole number": "3",
        "number": "3",
        "flag": "true",
        "globs": "a b,c",
        "paths": "a b,c",
        "headers": "a\nb\nc",
    }
    toml = {"whole number": "3", "number": "3", "flag": "true", "globs": '["a", "b", "c"]'}
    toml |= dict.fromkeys(("paths", "headers"), toml["globs"])
    options = [option for option in OPTIONS if option.name != "config"]
    lines = "\n".join(f"{option.name} = {toml.get(option.kind, chr(34) + 'text' + chr(34))}" for option in options)
    file = written(tmp_path, lines)
    environment = {option.variable: text.get(option.kind, "text") for option in options}
    by_file = settings({}, file, {})
    by_environment = settings({}, Configuration(path=tmp_path), environment)
    assert set(by_file) == set(by_environment) == {option.name for option in options}
    for option in options:
        if option.kind not in ("path", "paths"):
            assert by_file[option.name].value == by_environment[option.name].value


ALIASES = {alias: option for option in OPTIONS for alias in option.aliases}


@pytest.mark.parametrize("alias", ALIASES)
def test_an_alias_sets_its_option_in_a_file_and_in_the_environment(tmp_path: Path, alias: str) -> None:
    option = ALIASES[alias]
    value: int | str = 3 if option.kind == "whole number" else "requests/0/1"
    assert written(tmp_path, f"{alias} = {value!r}").common == {option.name: value}
    by_variable = settings({}, Configuration(), {f"MESSAGES_CONFORMANCE_{alias.upper()}": str(value)})
    assert by_variable[option.name].value == value
    assert by_variable[option.name].origin == f"environment, MESSAGES_CONFORMANCE_{alias.upper()}"


def test_the_documented_name_overrides_its_alias_in_the_environment() -> None:
    assert found(Configuration(), GENERATED="4", DRAWN="5") == {"generated": 4}
    assert found(Configuration(), DRAWN="5", GENERATED="4") == {"generated": 4}


def test_an_option_is_set_once_in_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="drawn sets --generated a second time"):
        written(tmp_path, "generated = 4\ndrawn = 5")
    with pytest.raises(ConfigurationError, match="max_requests sets --max-requests a second time"):
        written(tmp_path, "max-requests = 4\nmax_requests = 5")


def test_an_alias_works_on_the_command_line_and_is_not_shown(tmp_path: Path) -> None:
    outcome = run("config", "--drawn", "4", "--draw=requests/0/1", cwd=tmp_path)
    rows = {line.split()[0]: line.split()[1:] for line in outcome.out.splitlines()}
    assert rows["generated"] == ["4", "command", "line"]
    assert rows["generate"] == ["requests/0/1", "command", "line"]
    assert not {*ALIASES} & {*rows}
    assert "--draw" not in run("run", "--help").out
    assert "--draw" not in run("run", "reference:", "--seeed", "1").error


def test_config_without_a_target_shows_that_none_is_set(tmp_path: Path) -> None:
    rows = {line.split()[0]: line.split()[1:] for line in run("config", cwd=tmp_path).out.splitlines()}
    assert rows["target"] == ["-", "default"]


def test_a_variable_that_is_empty_sets_nothing() -> None:
    assert found(Configuration(), DEPTH="", SEED=" ") == {}


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"MESSAGES_CONFORMANCE_SEED": "x"}, "MESSAGES_CONFORMANCE_SEED is 'x'; it is a whole number"),
        ({"MESSAGES_CONFORMANCE_SHOW_TRACE": "maybe"}, "it is true or false"),
        ({"MESSAGES_CONFORMANCE_MAX_REQUEST": "3"}, "did you mean MESSAGES_CONFORMANCE_MAX_REQUESTS?"),
    ],
)
def test_an_unusable_variable_is_reported(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message.replace("?", r"\?")):
        settings({}, Configuration(), environment)


def test_a_variable_that_holds_the_key_is_left_alone() -> None:
    key = {
        "MESSAGES_CONFORMANCE_API_KEY_ENVS": "sk-1",
        "MESSAGES_CONFORMANCE_API_KEY_ENV": "MESSAGES_CONFORMANCE_API_KEY_ENVS",
    }
    assert settings({}, Configuration(), key)["api-key-env"].value == "MESSAGES_CONFORMANCE_API_KEY_ENVS"


# -- files ----------------------------------------------------------------------------------------------------------


def test_the_nearest_file_inside_the_repository_is_used(tmp_path: Path) -> None:
    written(tmp_path, FILE)
    inner = tmp_path / "repository" / "inner"
    inner.mkdir(parents=True)
    assert read(inner).common == {"depth": "smoke", "seed": 1}
    (tmp_path / "repository" / "pyproject.toml").write_text("[tool.messages-conformance]\nseed = 3")
    assert read(inner).common == {"seed": 3}
    (inner / "pyproject.toml").write_text("[tool.other]\nx = 1")
    assert read(inner).common == {"seed": 3}
    (inner / ".git").mkdir()
    assert read(inner) == Configuration()


def test_a_broken_pyproject_without_our_table_is_ignored(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "pyproject.toml").write_text("not toml")
    assert read(tmp_path) == Configuration()
    (tmp_path / "pyproject.toml").write_text("[tool.messages-conformance]\nnot toml")
    with pytest.raises(ConfigurationError, match="is not TOML"):
        read(tmp_path)


def test_paths_in_a_file_are_relative_to_its_folder(tmp_path: Path) -> None:
    text = 'report = "out"\nsuite = "own"\nprofile = "acme.toml"\ntarget = "replay:saved.jsonl"'
    assert written(tmp_path, text).common == {
        "report": str(tmp_path / "out"),
        "suite": [str(tmp_path / "own")],
        "profile": str(tmp_path / "acme.toml"),
        "target": f"replay:{tmp_path / 'saved.jsonl'}",
    }
    assert written(tmp_path, 'profile = "tokmodel"').common == {"profile": "tokmodel"}


BROKEN = {
    "key": ('dept = "smoke"', ["unknown key 'dept'", "did you mean depth?", "max-requests"]),
    "kind": ('seed = "1"', ["seed is text", "a whole number"]),
    "truth": ("concurrency = true", ["concurrency is true or false", "a whole number"]),
    "list": ("only = [1]", ["only is a list", "a list of globs"]),
    "syntax": ("seed = x\n", ["is not TOML", "line 1"]),
    "targets": ("targets = 1", ["targets are tables"]),
    "target": ("[targets.a]\nseed = 1", ["[targets.a] has no target"]),
    "target-key": ('[targets.a]\ntarget = "reference:"\nmodl = "m"', ["[targets.a]: unknown key 'modl'", "model"]),
    "target-name": ('[targets."a.b"]\ntarget = "reference:"', ["a target's name is a word"]),
    "secret": ("api-key-env = 1234567890", ["api-key-env is a number", "text"]),
    "another-file": ('config = "x.toml"', ["unknown key 'config'"]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_an_unusable_file_is_reported_with_the_place(tmp_path: Path, case: str) -> None:
    text, parts = BROKEN[case]
    with pytest.raises(ConfigurationError) as raised:
        written(tmp_path, text).checked()
    for part in ("messages-conformance.toml", *parts):
        assert part in str(raised.value)
    assert "1234567890" not in str(raised.value)


def test_an_unknown_target_is_reported_with_the_nearest_one(tmp_path: Path) -> None:
    file = written(tmp_path, FILE)
    with pytest.raises(ConfigurationError, match=r"no target is named 'stagin'.*did you mean staging\?"):
        found(file, {"target": "stagin"})
    assert found(Configuration(), {"target": "localhost"}) == {"target": "localhost"}  # its reader says what is wrong


# -- the commands ---------------------------------------------------------------------------------------------------


def test_config_shows_values_and_places_but_no_key(tmp_path: Path) -> None:
    written(tmp_path, 'target = "https://user:sk-secret@host.example"\napi-key-env = "OTHER_KEY"')
    outcome = run("config", "--seed", "9", cwd=tmp_path, key="sk-kept-4711-from-every-file")
    assert outcome.code == 0, outcome.all
    rows = {line.split()[0]: line for line in outcome.out.splitlines()}
    assert {option.name for option in OPTIONS} < set(rows)
    assert rows["seed"].split()[1:] == ["9", "command", "line"]
    assert rows["target"].split()[1] == "https://host.example"
    assert "the nearest file" in rows["config"]
    assert rows["(the"].endswith("environment, OTHER_KEY")
    assert "sk-" not in outcome.all


def test_targets_of_a_file_run_by_name_and_side_by_side(tmp_path: Path) -> None:
    written(
        tmp_path,
        'depth = "smoke"\nonly = ["stream.order.*"]\n[targets.good]\ntarget = "reference:transport=memory"\n'
        '[targets.bad]\ntarget = "reference:drop_message_stop,transport=memory"\n',
    )
    one = run("run", "good", cwd=tmp_path)
    assert one.code == 0, one.all
    assert "target   reference:transport=memory" in one.out
    every = run("run", "--all", "--report", "out", cwd=tmp_path)
    assert every.code == 1, every.all
    whole = every.out[every.out.index("== good ==") :]
    assert whole.index("CONFORMS") < whole.index("== bad ==")
    comparison = (tmp_path / "out" / "comparison.md").read_text()
    assert "`good`" in comparison
    assert "stream.order.message-stop-once" in comparison
    written_files = {path.name for path in (tmp_path / "out").iterdir()}
    assert written_files == {"good", "bad", "comparison.md", "comparison.html", "fleet.json"}


def test_config_checks_the_limits_of_options_from_every_origin(tmp_path: Path) -> None:
    written(tmp_path, "concurrency = 0")
    assert "--concurrency is 0; it must be 1 or more" in run("config", cwd=tmp_path).error
    assert "unknown depth 'ful'" in run("config", "--concurrency", "1", "--depth", "ful", cwd=tmp_path).error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--all"), "--all needs targets"),
        (("run", "--all", "reference:"), "--all runs every target of the file"),
        (("run",), "no TARGET was given"),
        (("run", "reference:", "--config", "nowhere.toml"), "nowhere.toml cannot be read"),
    ],
)
def test_wrong_usage_of_run(tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    outcome = run(*arguments, cwd=tmp_path)
    assert outcome.code == 4
    assert message in outcome.error
