"""Data files are found in a wheel and in a checkout, and their absence is one clear error."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from messages_conformance import resources


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package folder of our own, in a tree without pyproject.toml, as in site-packages."""
    folder = tmp_path / "lib" / "messages_conformance"
    folder.mkdir(parents=True)
    monkeypatch.setattr(resources, "_PACKAGE", folder)
    resources._home.cache_clear()
    yield folder
    resources._home.cache_clear()


def _checkout(package: Path, monkeypatch: pytest.MonkeyPatch, *, marked: bool) -> Path:
    root = package.parent.parent
    inside = root / "src" / "messages_conformance"
    inside.mkdir(parents=True)
    (root / "schemas").mkdir()
    (root / "schemas" / "a.json").write_text("beside src", encoding="utf-8")
    if marked:
        (root / "pyproject.toml").touch()
    monkeypatch.setattr(resources, "_PACKAGE", inside)
    return inside


def test_this_tree_has_the_schemas() -> None:
    assert '"Message"' in resources.text("schemas/response.json")
    assert resources.path("schemas").is_dir()


def test_names_are_relative_sorted_and_recursive() -> None:
    found = resources.names("schemas", ".json")
    assert list(found) == sorted(found)
    assert {"response.json", "blocks/text.json", "events/ping.json"} <= set(found)
    assert all(name.endswith(".json") for name in found)


def test_the_package_folder_comes_first(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = _checkout(package, monkeypatch, marked=True)
    (inside / "schemas").mkdir()
    (inside / "schemas" / "a.json").write_text("é in the wheel", encoding="utf-8")
    assert resources.text("schemas/a.json") == "é in the wheel"


def test_a_checkout_has_them_beside_src(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _checkout(package, monkeypatch, marked=True)
    assert resources.text("schemas/a.json") == "beside src"


def test_a_folder_above_src_without_pyproject_is_no_checkout(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _checkout(package, monkeypatch, marked=False)
    with pytest.raises(resources.ResourceError, match="installation is incomplete"):
        resources.text("schemas/a.json")


def test_a_missing_folder_names_both_places_in_a_checkout(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = _checkout(package, monkeypatch, marked=True)
    with pytest.raises(resources.ResourceError) as caught:
        resources.path("suites")
    assert str(inside) in str(caught.value)
    assert str(inside.parent.parent) in str(caught.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(resources.ResourceError, match=r"schemas/nope\.json.*misspelt"):
        resources.text("schemas/nope.json")
