"""The doors: which room of the package may import which, and what no judging room ever touches."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from messages_conformance import resources

PACKAGE = "messages_conformance"
EVERYTHING = frozenset({"*"})
OURS = frozenset({"our rooms"})
DOORS: dict[str, frozenset[str]] = {
    # room: the rooms and third-party packages that it may import; the standard library goes without saying.
    "__init__": frozenset(),
    "__main__": frozenset({"cli"}),
    "resources": frozenset(),
    "contract": frozenset({"resources", "jsonschema", "jsonschema_rs", "referencing"}),
    "wire": frozenset(),
    "exchange": frozenset({"wire"}),
    "stream": frozenset({"contract", "exchange", "wire"}),
    "rules": frozenset({"contract", "exchange", "resources", "stream", "wire"}),
    "generate": frozenset({"contract", "exchange", "hypothesis"}),
    # Never rules or stream: judge and mock may not share an error.
    "reference": frozenset({"contract", "wire", "exchange", "resources", "h11"}),
    "targets": frozenset({"wire", "exchange", "reference", "httpx", "h11"}),
    "engine": frozenset({"contract", "exchange", "targets"}),
    "gate": frozenset({"rules"}),
    "report": frozenset({"gate", "rules", "exchange", "contract", "resources", "shapes", "rich"}),
    "shapes": frozenset({"exchange", "syrupy"}),
    "session": frozenset({"contract", "exchange", "gate", "report", "rules", "shapes", "rich"}),
    "run": frozenset(
        {
            "contract",
            "engine",
            "exchange",
            "generate",
            "options",
            "report",
            "rules",
            "session",
            "shapes",
            "targets",
            "rich",
        }
    ),
    "plugin": EVERYTHING,
    "proof": EVERYTHING,
    "options": frozenset(),
    "configuration": frozenset({"options"}),
    "cli": frozenset(
        {"resources", "contract", "rules", "report", "run", "options", "configuration", "gate", "proof", "reference"}
    ),
    "suites": frozenset({"generate", "pytest"}),
}
PURE = ("contract", "wire", "exchange", "stream", "rules", "gate", "report", "session")
IMPURE = frozenset({"httpx", "pytest", "hypothesis", "asyncio", "socket", "time", "random"})
UPPERMOST = frozenset({"plugin", "proof", "cli", "suites", "__main__"})
"""Rooms that nobody below them may import: `OURS` is every room but these."""


def imported(path: Path, package: str) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import in a file, wherever it stands."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import; write {package} out"
            # `from package import a, b` names rooms, or constants of the package itself.
            deeper = node.module == package
            yield from (
                (node.lineno, f"{node.module}.{alias.name}" if deeper else str(node.module)) for alias in node.names
            )


def trespasses(room: str, paths: list[Path], rooms: frozenset[str]) -> Iterator[str]:
    """One sentence for each import that the table does not allow."""
    if room not in DOORS:
        yield f"the room {room} has no line in DOORS: say there whom it may import"
        return
    allowed = DOORS[room]
    for path in paths:
        for line, name in imported(path, PACKAGE):
            parts = name.split(".")
            ours = parts[0] == PACKAGE
            target = (parts[1] if parts[1:] and parts[1] in rooms else "") if ours else parts[0]
            if room in PURE and target in IMPURE:
                yield f"{path.name}:{line}: {room} judges recordings and never imports {target}"
            elif target in ("", room) or (not ours and target in sys.stdlib_module_names) or allowed == EVERYTHING:
                continue
            elif target not in allowed and not (ours and allowed >= OURS and target not in UPPERMOST):
                yield f"{path.name}:{line}: {room} may not import {target}; it may: {', '.join(sorted(allowed))}"


def all_trespasses(package: Path, suites: Path) -> list[str]:
    found = {path.stem: [path] for path in package.glob("*.py")}
    found |= {path.name: sorted(path.rglob("*.py")) for path in package.iterdir() if (path / "__init__.py").exists()}
    rooms = frozenset(found)
    found["suites"] = sorted(suites.rglob("*.py"))
    return [said for room, paths in sorted(found.items()) for said in trespasses(room, paths, rooms)]


def test_every_room_keeps_to_its_doors() -> None:
    package = Path(__file__).parent.parent / "src" / PACKAGE
    assert all_trespasses(package, resources.path("suites")) == []


@pytest.mark.parametrize(
    ("file", "source", "said"),
    [
        ("wire.py", "import json\nimport socket\n", "wire.py:2: wire judges recordings and never imports socket"),
        ("rules/a.py", f"def f():\n    from {PACKAGE}.targets import x\n", "a.py:2: rules may not import targets"),
        ("reference/a.py", f"from {PACKAGE} import rules\n", "a.py:1: reference may not import rules"),
        ("report/a.py", "from time import monotonic\n", "report judges recordings and never imports time"),
        ("engine/a.py", "import httpx\n", "a.py:1: engine may not import httpx; it may: contract, exchange, targets"),
        ("run.py", f"import {PACKAGE}.plugin\n", "run.py:1: run may not import plugin"),
        ("cellar/__init__.py", "", "the room cellar has no line in DOORS: say there whom it may import"),
        ("attic.py", "", "the room attic has no line in DOORS"),
        ("../suites/test_a.py", "import httpx\n", "test_a.py:1: suites may not import httpx"),
        ("../suites/test_b.py", "import test_a\n", "test_b.py:1: suites may not import test_a"),
    ],
)
def test_a_trespass_is_told(tmp_path: Path, file: str, source: str, said: str) -> None:
    package = tmp_path / PACKAGE
    for name in ("wire.py", "targets/__init__.py", "rules/__init__.py", "reference/__init__.py", "engine/__init__.py"):
        _write(package / name, "import json\n")
    for name in ("report/__init__.py", "plugin.py", "run.py", "../suites/test_ok.py"):
        _write(package / name, "import dataclasses\n")
    assert all_trespasses(package, tmp_path / "suites") == []
    _write(package / file, source)
    told = all_trespasses(package, tmp_path / "suites")
    assert len(told) == 1
    assert said in told[0]


def _write(path: Path, source: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source, "utf-8")
