"""Recordings that real recorders make of the reference endpoint: vcrpy with the official SDK, curl, and Chromium."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import pytest
import vcr
from misbehaving import PATIENCE_S

from messages_conformance.cli import main
from messages_conformance.reference import API_KEY, Server, serve

FAULT = "drop_message_stop"
BROKEN = "stream.order.message-stop-once"
ASK: dict[str, Any] = {
    "model": "claude-opus-4-5",
    "max_tokens": 60,
    "messages": [{"role": "user", "content": "Hello é"}],
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")

FETCH = """async ([base, key, ask]) => {
  const headers = {'content-type': 'application/json', 'x-api-key': key, 'anthropic-version': '2023-06-01'};
  for (const stream of [false, true]) {
    const answer = await fetch(base + '/v1/messages',
      {method: 'POST', headers, body: JSON.stringify({...ask, stream})});
    const reader = answer.body.getReader();
    while (!(await reader.read()).done) { }
  }
}"""

Recorder = Callable[[Server, Path], Path]


def by_vcrpy(server: Server, folder: Path, *, suffix: str = "yaml", **options: Any) -> Path:
    path = folder / f"cassette.{suffix}"
    client = anthropic.Anthropic(api_key=API_KEY, base_url=server.base_url, max_retries=0)
    with vcr.VCR(**options).use_cassette(str(path)), client:
        client.messages.create(**ASK)
        with client.messages.stream(**ASK) as stream:
            for _ in stream:
                pass
    return path


def by_vcrpy_in_json(server: Server, folder: Path) -> Path:
    return by_vcrpy(server, folder, suffix="json", serializer="json", filter_headers=["x-api-key"])


def by_vcrpy_decoded(server: Server, folder: Path) -> Path:
    return by_vcrpy(server, folder, decode_compressed_response=True)


def by_curl(server: Server, folder: Path) -> Path:
    return _dump(server, folder, "-siN")


def by_verbose_curl(server: Server, folder: Path) -> Path:
    return _dump(server, folder, "-siNv")


def _dump(server: Server, folder: Path, *options: str) -> Path:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    path = folder / "dump.txt"
    words = ["curl", *options, f"{server.base_url}/v1/messages", "-H", f"x-api-key: {API_KEY}"]
    words += ["-H", "anthropic-version: 2023-06-01", "-H", "content-type: application/json"]
    words += ["-d", json.dumps({**ASK, "stream": True})]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE_S, check=True)
    path.write_bytes(done.stdout)
    return path


def by_chromium(server: Server, folder: Path) -> Path:
    driver = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        pytest.skip("no Chromium is installed")
    path = folder / "page.har"
    with driver.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        context = chromium.new_context(record_har_path=path, record_har_content="embed")
        page = context.new_page()
        page.route("**/page.html", lambda route: route.fulfill(content_type="text/html", body="<html></html>"))
        page.goto(f"{server.base_url}/page.html")
        page.evaluate(FETCH, [server.base_url, API_KEY, ASK])
        context.close()
        chromium.close()
    return path


RECORDERS: dict[str, tuple[Recorder, int]] = {
    "vcrpy": (by_vcrpy, 2),
    "vcrpy in JSON": (by_vcrpy_in_json, 2),
    "vcrpy, decoded": (by_vcrpy_decoded, 2),
    "curl -iN": (by_curl, 1),
    "curl -iNv": (by_verbose_curl, 1),
    "Chromium": (by_chromium, 2),
}
"""Each recorder with the number of exchanges that it records."""


@pytest.mark.parametrize("name", RECORDERS)
def test_a_recording_of_a_correct_endpoint_conforms(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder, number = RECORDERS[name]
    with serve() as server:
        path = recorder(server, tmp_path)
    code = main(["check", str(path), "--report", str(tmp_path / "report")])
    said = capsys.readouterr().out
    assert code == 0, said
    assert f"{number} exchange{'s' * (number > 1)} in 1 file" in said
    verified = re.search(r"CONFORMS to profile anthropic-2023-06-01: (\d+) requirements verified", said)
    assert verified is not None
    assert int(verified[1]) > 30
    for file in (tmp_path / "report").iterdir():
        assert API_KEY not in file.read_text(), file


@pytest.mark.parametrize("name", RECORDERS)
def test_a_recording_of_a_fault_shows_it_and_nothing_else(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(fault=FAULT) as server:
        path = RECORDERS[name][0](server, tmp_path)
    code = main(["check", str(path)])
    said = capsys.readouterr().out
    assert code == 1, said
    assert re.findall(r"^(\S+)  MUST$", said, re.MULTILINE) == [BROKEN]
