"""The site: every link leads somewhere, foreign text stays text, and an older site is replaced."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from msgspec import structs

from messages_conformance.fleet.collecting import SavedRun, collected
from messages_conformance.history.standing import Night, Standing
from messages_conformance.site.writing import SiteError, Time, write

PUBLISHED = Path(__file__).parents[2] / "reports" / "published"
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>\x1b[31m\u202e</td>"


@pytest.fixture(scope="module")
def published() -> tuple[SavedRun, ...]:
    return collected([PUBLISHED])


def hostile(run: SavedRun) -> SavedRun:
    """The run with foreign text that tries to be HTML in every place where foreign text can be."""
    assert run.summary is not None
    rows = tuple(
        structs.replace(
            row,
            sentence=HOSTILE,
            reason=HOSTILE,
            source=HOSTILE,
            harm=HOSTILE,
            findings=tuple(structs.replace(finding, found=HOSTILE, wanted=HOSTILE) for finding in row.findings),
        )
        for row in run.summary.requirements
    )
    about = structs.replace(run.summary.run, target=HOSTILE, model=HOSTILE, started_at=HOSTILE, warning=HOSTILE)
    summary = structs.replace(
        run.summary,
        requirements=rows,
        run=about,
        verdict_sentence=HOSTILE,
        clients=tuple(structs.replace(one, client=HOSTILE) for one in run.summary.clients),
        features=tuple(structs.replace(one, title=HOSTILE, area=HOSTILE) for one in run.summary.features),
        causes=tuple(structs.replace(one, sentence=HOSTILE) for one in run.summary.causes),
    )
    return replace(run, id=HOSTILE, name=HOSTILE, model=HOSTILE, profile=HOSTILE, depth=HOSTILE, summary=summary)


class Links(HTMLParser):
    """The links of a page, and its tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


def pages(folder: Path) -> dict[Path, Links]:
    own = (path for path in folder.rglob("*.html") if not path.name.endswith(".report.html"))
    return {path: Links(path.read_text("utf-8")) for path in own}


def test_every_link_of_every_page_leads_to_a_file(tmp_path: Path, published: Sequence[SavedRun]) -> None:
    without = SavedRun(id="gone", name="gone", model="", profile="", depth="", exit_code=4, reason="a wrong option")
    time = Time(
        nights=(Night(day="2026-11-29", passes=1, violations=2, not_judged=0, releases=("v1",)),),
        standings=(standing("aimock-1.43.0"),),
    )
    assert write([*published, without], tmp_path, title="Site", time=time) == len(pages(tmp_path))
    for path, page in pages(tmp_path).items():
        for href in page.links:
            if not href.startswith("#"):
                assert (path.parent / href).is_file(), (path, href)
        assert not page.tags & {"script", "img", "iframe", "link", "form", "style src"}
        assert "style" not in page.attributes
    assert "a wrong option" in (tmp_path / "index.html").read_text()
    assert "2026-11-02" in (tmp_path / "runs" / "aimock-1.43.0.html").read_text()
    for badge in (tmp_path / "badges").glob("*.svg"):
        ElementTree.parse(badge)


def standing(cell: str) -> Standing:
    return Standing(
        cell=cell,
        requirement="adjacent.count_tokens.shape",
        outcome="fail",
        since="2026-11-02T00:00:00",
        since_release="v2",
        since_version="1",
        before="2026-11-01T00:00:00",
        before_release="v1",
        runs=3,
        changes=1,
    )


def test_foreign_text_stays_text(tmp_path: Path, published: Sequence[SavedRun]) -> None:
    run = hostile(next(run for run in published if run.id == "aimock-1.43.0"))
    time = Time(
        nights=(Night(day=HOSTILE, passes=1, violations=0, not_judged=0, releases=(HOSTILE,)),),
        standings=(replace(standing(HOSTILE), requirement=HOSTILE, since_release=HOSTILE),),
    )
    write([run], tmp_path / "site", title=HOSTILE, time=time)
    found = pages(tmp_path / "site")
    assert len(found) > 10
    for path, page in found.items():
        assert path.is_relative_to(tmp_path / "site")
        assert not page.tags & {"script", "img"}, path
        assert not {name for name in page.attributes if name.startswith("on")}
        text = path.read_text("utf-8")
        assert "\x1b" not in text
        assert "\u202e" not in text
    for badge in (tmp_path / "site" / "badges").glob("*.svg"):
        assert {each.tag.rpartition("}")[2] for each in ElementTree.parse(badge).iter()} <= {
            *("svg", "title", "rect", "g", "text")
        }


def test_the_policy_allows_the_one_style_and_nothing_else(tmp_path: Path, published: Sequence[SavedRun]) -> None:
    import base64
    import hashlib

    write(published[:1], tmp_path, title="Site", time=Time())
    text = (tmp_path / "index.html").read_text("utf-8")
    [style] = re.findall(r"<style>(.*?)</style>", text, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src &#x27;none&#x27;; style-src &#x27;sha256-{digest}&#x27;;" in text


def test_a_new_site_replaces_the_old_one_and_nothing_else(tmp_path: Path, published: Sequence[SavedRun]) -> None:
    folder = tmp_path / "site"
    write(published, folder, title="Site", time=Time())
    (folder / "mine.txt").write_text("mine")
    write(published[:1], folder, title="Site", time=Time())
    assert {path.name for path in (folder / "targets").iterdir()} == {f"{published[0].id}.html"}
    assert (folder / "mine.txt").read_text() == "mine"


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, published: Sequence[SavedRun]) -> None:
    (tmp_path / "index.html").write_text("mine")
    with pytest.raises(SiteError, match="--output"):
        write(published[:1], tmp_path, title="Site", time=Time())
    (tmp_path / "site.json").write_text(json.dumps({"schema": "messages-conformance/site/1", "files": ["../x", 3]}))
    with pytest.raises(SiteError):
        write(published[:1], tmp_path, title="Site", time=Time())
    assert (tmp_path / "index.html").read_text() == "mine"


def test_a_manifest_cannot_name_files_outside_its_folder(tmp_path: Path, published: Sequence[SavedRun]) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (tmp_path / "precious").write_text("x")
    names = ["../precious", str(tmp_path / "precious")]
    (folder / "site.json").write_text(json.dumps({"schema": "messages-conformance/site/1", "files": names}))
    write(published[:1], folder, title="Site", time=Time())
    assert (tmp_path / "precious").is_file()


def test_the_numbers_of_the_first_page_are_those_of_the_runs(tmp_path: Path, published: Sequence[SavedRun]) -> None:
    write(published, tmp_path, title="Site", time=Time(), with_reports=False)
    text = (tmp_path / "index.html").read_text()
    failing = sum(run.exit_code == 1 for run in published)
    assert f'<strong class="bad">{failing}</strong><span>violations</span>' in text
    assert not list(tmp_path.rglob("*.report.html"))
    runs = json.loads((tmp_path / "site.json").read_text())["runs"]
    assert len(runs) == len(published)


def test_more_implementations_than_columns_are_summed_up(tmp_path: Path, published: Sequence[SavedRun]) -> None:
    run = next(run for run in published if run.id == "aimock-1.43.0")
    many = [replace(run, id=f"a{number}", name=f"a{number}") for number in range(31)]
    write(many, tmp_path, title="Site", time=Time(), with_reports=False)
    text = (tmp_path / "requirements.html").read_text()
    assert "fails 31 of 31" in text
    assert '<th scope="col">all runs</th>' in text
