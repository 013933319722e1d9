"""Writes the pages of the documentation site: README, docs/, and one page for each requirement of the catalogue.

    python tools/docs_site.py && mkdocs build --strict

The pages are in build/docs, in the form that mkdocs reads (`pip install mkdocs-material`). A page of a requirement has
its sentence, harm, sources as links, faults, measured effects on clients, and the same request answered rightly and
wrongly; it names the published reports in which it fails. The answers take minutes; `--no-examples` leaves them out.

"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PUBLISHED: Final = ROOT / "reports" / "published"
IMPLEMENTATIONS: Final = "implementations"
"""The folder of the site of the published runs, below the other pages."""

LINK: Final = re.compile(r"\[([^\]]*)\]\((?!https?:|#)([^)#\s]+)(#[\w-]+)?\)")
"""A link to a file; the groups are its text, the path, and the place in the file."""


FENCE: Final = re.compile(r"^```(\w+) [^\n`]*$", re.MULTILINE)
"""The first line of a code block with words for the tests of the pages, such as `title=FILE` or `exit=1`."""

SOURCE: Final = re.compile(r"\b(?:[a-z0-9-]+\.)+[a-z]{2,}/[^\s,;)]+")
"""The address of a source, which the catalogue has without its scheme."""

IMPLEMENTATIONS_PAGE: Final = f"""# Implementations

Published runs of known implementations, side by side: which requirements they violate, which features of requests work,
and which clients can use them. How each was run is in `reports/README.md` of the repository.

- [Overview]({IMPLEMENTATIONS}/index.html)
- [By requirements]({IMPLEMENTATIONS}/requirements.html)
- [By features]({IMPLEMENTATIONS}/features.html)
- [By clients]({IMPLEMENTATIONS}/clients.html)
"""


def pages(*, examples: bool) -> Iterator[tuple[str, str]]:
    """Yields (path below build/docs, text) of every page."""
    own = {path.name for path in (ROOT / "docs").glob("*.md")}
    yield "index.md", linked((ROOT / "README.md").read_text("utf-8").replace("](docs/", "]("), own)
    yield "implementations.md", IMPLEMENTATIONS_PAGE
    for path in sorted((ROOT / "docs").glob("*.md")):
        yield path.name, rendered(linked(path.read_text("utf-8"), own))
    yield from requirement_pages(examples=examples)


def requirement_pages(*, examples: bool) -> Iterator[tuple[str, str]]:
    """Yields the list of requirements and the page of each."""
    from messages_conformance.cli.explaining import example_lines, requirement_lines
    from messages_conformance.rules.requirement_list import listed

    failing = servers_that_fail()
    rows = sorted(listed(), key=lambda row: row.id)
    table = [f"| [`{row.id}`](requirements/{row.id}.md) | {row.level} | {_cell(row.sentence)} |" for row in rows]
    yield (
        "requirements.md",
        "\n".join(
            [
                "# All requirements",
                "",
                f"{len(rows)} requirements, by topic.",
                "",
                "| id | level | sentence |",
                "|---|---|---|",
                *table,
                "",
            ]
        ),
    )
    for row in rows:
        servers = failing.get(row.id, [])
        seen = f"Published reports in which it fails: {', '.join(servers)}." if servers else ""
        facts = "\n".join(requirement_lines(row)).partition("\n\n")[2]
        source = SOURCE.sub(lambda match: f"[{match[0]}](https://{match[0]})", row.source)
        shown = "\n".join(example_lines(row.id)).strip() if examples else ""
        example = f"\n## Right and wrong bytes\n\n```text\n{shown}\n```\n" if shown else ""
        text = (
            f"# {row.id}\n\n**{row.level}.** {row.sentence}\n\nSource: {source}.\n\n{seen}\n\n"
            f"```text\n{facts.rstrip()}\n```\n{example}"
        )
        yield f"requirements/{row.id}.md", text


def servers_that_fail() -> dict[str, list[str]]:
    """The published servers by the requirement that fails there."""
    found: dict[str, list[str]] = {}
    for path in sorted(PUBLISHED.glob("*/**/report.json")):
        name = str(path.parent.relative_to(PUBLISHED))
        for row in json.loads(path.read_text("utf-8"))["requirements"]:
            if row["verdict"] == "fail":
                found.setdefault(row["id"], []).append(name)
    return found


def linked(text: str, own: set[str]) -> str:
    """The text, whose links to files that are no page of the site become the names of these files."""
    return LINK.sub(lambda match: match[0] if match[2] in own else match[1], text)


def rendered(text: str) -> str:
    """The text without words for the tests beside the language of a code block, because mkdocs then shows no block."""

    def first_line(match: re.Match[str]) -> str:
        title = re.search(r"\btitle=(\S+)", match[0])
        return f"```{match[1]}" + (f' title="{title[1]}"' if title else "")

    return FENCE.sub(first_line, text)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="docs_site.py", description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "docs", help="folder of the pages")
    parser.add_argument("--no-examples", action="store_true", help="leave out the right and wrong answers")
    parsed = parser.parse_args(arguments)
    folder: Path = parsed.output
    if folder.exists() and not (folder / "requirements.md").exists():
        print(f"{folder} exists and holds no pages of an earlier run; name another folder", file=sys.stderr)
        return 4
    written = list(pages(examples=not parsed.no_examples))
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "requirements").mkdir(parents=True)
    for name, text in written:
        (folder / name).write_text(text, encoding="utf-8")
    write_implementations(folder / IMPLEMENTATIONS)
    return 0


def write_implementations(folder: Path) -> None:
    """Writes the site of the published runs."""
    from messages_conformance.fleet.collecting import collected
    from messages_conformance.site.writing import Time, write

    write(collected([PUBLISHED]), folder, title="Who speaks the Messages API?", time=Time())


if __name__ == "__main__":
    sys.exit(main())
