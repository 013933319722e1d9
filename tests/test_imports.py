"""Every module imports only what the table in ARCHITECTURE.md allows, and no imports form a cycle."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = "messages_conformance"
NOT_IN_THE_TABLE = frozenset({"__init__", "__main__"})
"""Modules that need no row: the first only holds the version, the second only starts `cli`."""

TABLE_HEAD = re.compile(r"^\| package \|.*\| may import \|$")
NEVER = re.compile(r"(?P<packages>`.+`) never import (?P<modules>`.+`)\.")
NAME = re.compile(r"`([\w.]+)`")


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """What ARCHITECTURE.md allows: a row's last cell, and the sentence `A` and `B` never import `c` or `d`."""

    rows: Mapping[str, str]
    pure: frozenset[str]
    impure: frozenset[str]

    def allows(self, importer: str, imported: str) -> bool:
        """Whether a package may import another one of ours, or a third-party package."""
        cell = self.rows[importer]
        if cell.startswith("everything"):
            return imported not in names(cell.removeprefix("everything"))
        return imported in names(cell)


def names(cell: str) -> frozenset[str]:
    """The names in a cell; a remark after a semicolon allows nothing."""
    return frozenset(NAME.findall(cell.partition(";")[0]))


def table(page: str) -> Allowed:
    """Reads the table and the sentence below it out of the text of ARCHITECTURE.md."""
    lines = page.splitlines()
    heads = [number for number, line in enumerate(lines) if TABLE_HEAD.match(line)]
    assert len(heads) == 1, "ARCHITECTURE.md needs one table with the columns `package` ... `may import`"
    rows = {}
    for line in lines[heads[0] + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        rows |= dict.fromkeys(names(cells[0]), cells[-1])
    paragraphs = [" ".join(paragraph.split()) for paragraph in page.split("\n\n")]
    never = next(filter(None, map(NEVER.fullmatch, paragraphs)), None)
    assert never, "ARCHITECTURE.md needs the sentence '`A` and `B` never import `c` or `d`.' in a paragraph of its own"
    return Allowed(rows=rows, pure=names(never["packages"]), impure=names(never["modules"]))


@dataclass(frozen=True, kw_only=True)
class Import:
    """One import of a module; `importer` and `imported` are whole dotted names."""

    importer: str
    imported: str
    line: int


def modules(source: Path) -> dict[str, Path]:
    """The file of each module of our package, by its dotted name."""
    found = {}
    for path in sorted((source / PACKAGE).rglob("*.py")):
        parts = path.relative_to(source).with_suffix("").parts
        found[".".join(parts[:-1] if parts[1:] and parts[-1] == "__init__" else parts)] = path
    return found


def imports(importer: str, path: Path, known: frozenset[str]) -> Iterator[Import]:
    """Every import in a file, those inside functions and under TYPE_CHECKING included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import; write {PACKAGE} out"
            found = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in dict.fromkeys(_module_of(name, known) for name in found):
            yield Import(importer=importer, imported=name, line=node.lineno)


def _module_of(name: str, known: frozenset[str]) -> str:
    """The module that an import loads: `package.module` for `from package.module import function`."""
    while name not in known and name.startswith(f"{PACKAGE}."):
        name = name.rpartition(".")[0]
    return name


def package_of(module: str) -> str:
    """The package of one of our modules, such as `rules`; the top-level name of any other module."""
    parts = module.split(".")
    return parts[1] if parts[0] == PACKAGE and parts[1:] else "__init__" if parts[0] == PACKAGE else parts[0]


@dataclass(frozen=True, kw_only=True)
class Code:
    """The modules of our package and of the suites, and their imports."""

    files: Mapping[str, Path]
    imports: tuple[Import, ...]


def code(source: Path, suites: Path) -> Code:
    files = modules(source)
    known = frozenset(files)
    files |= {f"{PACKAGE}.suites.{path.stem}": path for path in sorted(suites.rglob("*.py"))}
    return Code(files=files, imports=tuple(one for name, path in files.items() for one in imports(name, path, known)))


def problems(found: Code, allowed: Allowed) -> Iterator[str]:
    """One sentence for each package without a row, each row without a package, and each import that is not allowed."""
    packages = {package_of(name) for name in found.files} - NOT_IN_THE_TABLE
    for package in sorted(packages - allowed.rows.keys()):
        yield f"ARCHITECTURE.md: the table has no row for the package {package}; add one that says what it may import"
    for package in sorted(allowed.rows.keys() - packages):
        yield f"ARCHITECTURE.md: the table has a row for {package}, and no such package exists; remove the row"
    for one in found.imports:
        importer, imported = package_of(one.importer), package_of(one.imported)
        where = f"{found.files[one.importer].name}:{one.line}"
        if importer in allowed.pure and imported in allowed.impure:
            yield f"{where}: {importer} is pure and never imports {imported}"
        elif imported in (importer, "__init__") or imported in sys.stdlib_module_names or importer not in allowed.rows:
            continue
        elif not allowed.allows(importer, imported):
            yield f"{where}: {importer} may not import {imported}; it may import {allowed.rows[importer]}"


def cycle(found: Code, node: Callable[[str], str]) -> list[str]:
    """The names of one cycle of imports, the first repeated at the end; empty when there is none."""
    graph: dict[str, set[str]] = {}
    for one in found.imports:
        importer, imported = node(one.importer), node(one.imported)
        if imported.startswith(PACKAGE) and importer != imported:
            graph.setdefault(importer, set()).add(imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [str(name) for name in reversed(error.args[1])]
    return []


def as_module(name: str) -> str:
    return name


def as_package(name: str) -> str:
    return f"{PACKAGE}.{package_of(name)}" if name.startswith(f"{PACKAGE}.") else name


# -- our own code -----------------------------------------------------------------------------------------------------

OURS = code(ROOT / "src", ROOT / "suites")


def test_every_package_imports_only_what_the_table_allows() -> None:
    allowed = table((ROOT / "ARCHITECTURE.md").read_text("utf-8"))
    assert list(problems(OURS, allowed)) == []


def test_no_modules_import_each_other_in_a_cycle() -> None:
    assert cycle(OURS, as_module) == []


def test_no_packages_import_each_other_in_a_cycle() -> None:
    assert cycle(OURS, as_package) == []


# -- the checks themselves --------------------------------------------------------------------------------------------

SMALL_PAGE = """
| package | what it is | may import |
|---|---|---|
| `wire` | bytes | standard library |
| `rules`, `report` | two rows in one | `wire`; never `targets` |
| `targets` | network | `wire`, `httpx` |
| `plugin` | pytest | everything but `cli` |
| `cli` | commands | everything |
| `suites` | requests | `pytest` |

`wire`, `rules` and
`report` never import `httpx` or `socket`.
"""
SMALL_CODE = {
    "__init__.py": "import importlib.metadata\n",
    "__main__.py": f"from {PACKAGE}.cli import main\n",
    "wire.py": "import json\n",
    "rules/__init__.py": f"from {PACKAGE}.rules.one import a\n",
    "rules/one.py": f"from {PACKAGE}.wire import lines\n",
    "report/__init__.py": "",
    "targets/__init__.py": f"import httpx\nimport socket\nfrom {PACKAGE} import wire\n",
    "plugin.py": f"from {PACKAGE} import rules, targets\nimport pytest\n",
    "cli.py": f"import {PACKAGE}.plugin\n",
    "../../suites/test_ok.py": "import pytest\n",
}


def small_code(folder: Path, **changed: str) -> Code:
    for name, text in (SMALL_CODE | changed).items():
        path = folder / "src" / PACKAGE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return code(folder / "src", folder / "suites")


def test_allowed_imports_give_no_problem(tmp_path: Path) -> None:
    assert list(problems(small_code(tmp_path), table(SMALL_PAGE))) == []


@pytest.mark.parametrize(
    ("file", "text", "problem"),
    [
        ("wire.py", "import json\nimport socket\n", "wire.py:2: wire is pure and never imports socket"),
        ("report/a.py", "from httpx import get\n", "a.py:1: report is pure and never imports httpx"),
        ("rules/a.py", f"def f():\n    from {PACKAGE}.targets import x\n", "a.py:2: rules may not import targets"),
        ("rules/a.py", f"from {PACKAGE} import targets\n", "rules may not import targets; it may import `wire`"),
        ("rules/a.py", "import rich\n", "a.py:1: rules may not import rich"),
        ("targets/a.py", f"import {PACKAGE}.rules.one\n", "a.py:1: targets may not import rules"),
        ("plugin.py", f"import {PACKAGE}.cli\n", "plugin.py:1: plugin may not import cli"),
        ("extra/__init__.py", "", "no row for the package extra"),
        ("extra.py", "", "no row for the package extra"),
        ("../../suites/test_a.py", "import httpx\n", "test_a.py:1: suites may not import httpx"),
        ("../../suites/test_b.py", "import test_a\n", "test_b.py:1: suites may not import test_a"),
    ],
)
def test_an_import_that_is_not_allowed_is_reported(tmp_path: Path, file: str, text: str, problem: str) -> None:
    (found,) = problems(small_code(tmp_path, **{file: text}), table(SMALL_PAGE))
    assert problem in found


def test_a_row_without_a_package_is_reported(tmp_path: Path) -> None:
    page = SMALL_PAGE.replace("| `cli` |", "| `gone` | nothing | standard library |\n| `cli` |")
    (found,) = problems(small_code(tmp_path), table(page))
    assert "has a row for gone" in found


@pytest.mark.parametrize(
    "hidden", ["{}", "def f():\n    {}", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {}"]
)
def test_a_cycle_of_modules_is_found_where_imports_are_hidden(tmp_path: Path, hidden: str) -> None:
    text = hidden.format(f"from {PACKAGE}.rules import one")
    found = small_code(tmp_path, **{"rules/two.py": f"from {PACKAGE}.rules.three import x\n", "rules/three.py": ""})
    assert cycle(found, as_module) == []
    found = small_code(
        tmp_path, **{"rules/one.py": f"from {PACKAGE}.rules.two import y\n", "rules/two.py": f"{text}\n"}
    )
    assert {f"{PACKAGE}.rules.one", f"{PACKAGE}.rules.two"} <= set(cycle(found, as_module))


def test_a_cycle_of_packages_is_found_where_no_modules_form_one(tmp_path: Path) -> None:
    found = small_code(
        tmp_path,
        **{"report/a.py": f"import {PACKAGE}.targets.b\n", "targets/c.py": f"import {PACKAGE}.report.d\n"},
        **{"report/d.py": "", "targets/b.py": ""},
    )
    assert cycle(found, as_module) == []
    assert {f"{PACKAGE}.report", f"{PACKAGE}.targets"} <= set(cycle(found, as_package))


def test_a_run_that_generates_nothing_does_not_import_hypothesis() -> None:
    asked = f"import sys, {PACKAGE}.run.live_run, {PACKAGE}.plugin.fixtures; sys.exit('hypothesis' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0
