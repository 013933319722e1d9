"""Waits for the engine's thread: an interruption ends them, and nothing waits for a thread for ever."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import Future
from types import FrameType

import pytest

from messages_conformance.engine import waits
from messages_conformance.engine.waits import Waits, wait_for_end


def test_an_interrupted_wait_raises_by_itself() -> None:
    found = Waits()
    pieces = iter([False, False, True])
    waiting = found.until(lambda seconds: next(pieces))
    next(waiting)
    found.interrupt()
    with pytest.raises(KeyboardInterrupt):
        next(waiting)


def test_what_is_there_is_returned_after_an_interruption_too() -> None:
    found = Waits()
    found.interrupt()
    assert list(found.until(lambda seconds: True)) == []


def test_a_wait_for_a_future_ends_with_what_would_set_it() -> None:
    future: Future[None] = Future()
    Waits().until_done(future, lambda: False)
    assert not future.done()
    future.set_result(None)
    Waits().until_done(future, lambda: True)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that sends signals")
def test_many_signals_leave_the_lock_of_an_event_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waits, "POLL_S", 0.001)
    found, event, signals = Waits(), threading.Event(), 0

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal signals
        signals += 1
        if signals > 200:
            found.interrupt()

    before = signal.signal(signal.SIGALRM, handle)
    timer = signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(found.until(event.wait))
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, before)
    setter = threading.Thread(target=event.set, daemon=True)
    setter.start()
    setter.join(60)
    assert event.is_set()


def test_a_thread_that_does_not_end_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    endless = threading.Thread(target=over.wait, daemon=True)
    endless.start()
    monkeypatch.setattr(waits, "END_S", 0.05)
    began_s = time.monotonic()
    wait_for_end(endless)
    assert endless.is_alive()
    assert time.monotonic() - began_s >= 0.05
    over.set()
    endless.join()
    wait_for_end(endless)
