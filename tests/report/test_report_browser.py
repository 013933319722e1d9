"""report.html in a real browser, when one is installed: it fits, filters, runs no foreign code and loads nothing."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape

import pytest
from misbehaving import PATIENCE_S
from report_samples import CATALOGUE, FAILED, RUN, green, hostile, incomplete, red, report

from messages_conformance.report.page import to_html

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--allow-file-access-from-files",
)
EVIL = "<script>parent.ran=1</script><img src=x onerror=parent.ran=1><svg onload=parent.ran=1>"

WATCHER = """<!doctype html><body><script>
const narrowed = page => {
  const field = page.querySelector("form.filters input");
  if (!field) return null;
  const shown = () => [...page.querySelectorAll("[data-area]")].filter(item => !item.hidden).length;
  const before = shown();
  field.value = "many-120";
  field.dispatchEvent(new Event("input"));
  const after = shown();
  field.value = "";
  field.dispatchEvent(new Event("input"));
  return [before, after, shown()];
};
const clipped = page => [...page.querySelectorAll("td, th, dd, code, p, h1, h2, h3, h4")].filter(one =>
  one.getBoundingClientRect().right > page.documentElement.clientWidth + 1
    && !one.closest("details:not([open]), .scroll")
).length;
addEventListener("load", () => {
  const seen = {};
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, root = page.documentElement;
    const fetched = frame.contentWindow.performance.getEntriesByType("resource").length;
    seen[frame.id] = {wide: root.scrollWidth, title: page.title, fetched, ran: window.ran || 0,
      scripts: page.scripts.length, buttons: page.querySelectorAll("button.copy").length,
      narrowed: narrowed(page), clipped: clipped(page), background: getComputedStyle(root).backgroundColor,
      charts: [...page.querySelectorAll("figure svg")].filter(svg => svg.getBoundingClientRect().height > 20).length};
  }
  document.title = "done";
  document.body.append(Object.assign(document.createElement("output"), {textContent: JSON.stringify(seen)}));
});
</script>"""


def many():
    names = [f"stream.many-{number}" for number in range(300)]
    failed = (replace(FAILED, requirement=name) for name in names)
    return report(*failed, catalogue=dict.fromkeys(names, CATALOGUE["stream.order"]))


WIDTHS = (360, 1280)
PAGES = {
    "green": green,
    "red": red,
    "incomplete": incomplete,
    "hostile": hostile,
    "many": many,
    "evil": lambda: report(replace(FAILED, reason=EVIL), run=replace(RUN, target=EVIL, model=EVIL, notes=(EVIL,))),
    "wide": lambda: report(FAILED, run=replace(RUN, target="https://" + "a" * 300, model="m" * 300)),
}


@pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed: apt-get install chromium")
def test_every_page_fits_a_telephone_and_runs_nothing(tmp_path):
    frames = []
    for name, make in PAGES.items():
        (tmp_path / f"{name}.html").write_text(to_html(make()), encoding="utf-8")
        frames += [
            f'<iframe id="{name}-{width}" src="{name}.html" width="{width}" height="800"></iframe>' for width in WIDTHS
        ]
    (tmp_path / "all.html").write_text(WATCHER + "".join(frames), encoding="utf-8")
    command = [BROWSER, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", f"file://{tmp_path}/all.html"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    output = re.search(r"<output>(.*)</output>", ran.stdout, re.S)
    assert output, ran.stdout[-500:] + ran.stderr[-500:]
    seen = json.loads(unescape(output[1]))
    assert set(seen) == {f"{name}-{width}" for name in PAGES for width in WIDTHS}
    for name, page in seen.items():
        assert page["wide"] <= int(name.rpartition("-")[2]), name
        assert (page["ran"], page["scripts"], page["fetched"], page["clipped"]) == (0, 1, 0, 0), name
        assert page["title"].endswith("messages-conformance"), name
        assert page["background"] != "rgba(0, 0, 0, 0)", name
    assert seen["red-1280"]["charts"] > 2
    assert seen["red-360"]["buttons"] > 2
    assert seen["many-360"]["narrowed"] == [60, 1, 60]
    assert seen["green-360"]["narrowed"] is None
