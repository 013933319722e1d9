"""A thread that cannot start, or ends at once, is an error and no endless wait: a machine may have no memory for it."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from fake_target import PROFILE, FakeTarget

from messages_conformance.engine import Engine, EngineError
from messages_conformance.reference.background import Background


@pytest.mark.timeout(20)
def test_an_engine_without_a_thread_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    engine = Engine(FakeTarget(), profile=PROFILE, model="m")
    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        engine.start()
    with pytest.raises(RuntimeError, match="can't start new thread"):
        engine.stop()
    engine.stop()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("at", ["start", "stop"])
def test_an_engine_whose_thread_has_no_memory_ends(monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    async def main(engine: Engine) -> None:
        raise MemoryError

    engine = Engine(FakeTarget(), profile=PROFILE, model="m")
    monkeypatch.setattr(Engine, "_main", main)
    with pytest.raises(MemoryError):
        getattr(engine, at)()
    if at == "start":
        with pytest.raises((MemoryError, EngineError)):
            engine.stop()


def test_a_server_without_a_thread_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve(*_: Any) -> None:
        """Serves nothing."""

    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    server = Background(serve, 0, name="a server")
    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        server.start()
    server.stop()
