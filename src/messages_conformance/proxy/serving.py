"""Serves the proxy until Ctrl-C, until a command ends, or until the first violation; then reports."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, Final

from messages_conformance import report
from messages_conformance.exchange import Exchange
from messages_conformance.live import LiveExchange, Observer
from messages_conformance.parent_process import end_with_parent
from messages_conformance.proxy.forwarding import Ended, Forwarder
from messages_conformance.proxy.lines import line
from messages_conformance.rules import Finding

HOST: Final = "127.0.0.1"
"""Only this machine: the proxy passes keys on, and asks nobody for one."""

BASE_URL: Final = "ANTHROPIC_BASE_URL"
"""The variable from which the official SDKs and Claude Code take the address."""

GRACE_S: Final = 2.0
"""An answer in progress may take this long after the end. Then the proxy stops waiting (our own)."""

VIOLATIONS: Final = 1
SIGNALS: Final = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@dataclass(frozen=True, kw_only=True)
class ProxyOptions:
    """The upstream, the command to run, and whether the first violation of a MUST ends everything.

    `command_output` is where the standard output of the command goes, if not to ours.
    """

    upstream: str
    command: tuple[str, ...] = ()
    fail_fast: bool = False
    command_output: IO[Any] | None = None


def bound_socket(port: int) -> socket.socket:
    """A socket on loopback; raises OSError when the port is in use."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
        bound.listen()
    except OSError:
        bound.close()
        raise
    return bound


def run_proxy(bound: socket.socket, options: ProxyOptions, observer: Observer, *, say: Callable[[str], None]) -> int:
    """Serves until the end and returns the exit code. `say` prints a line; it may be called from another thread.

    With a command: 1 for violations; else the exit code of the command, unless that is 0 and nothing could be judged.
    Raises FileNotFoundError and PermissionError for a command that cannot be started.
    """
    proxy = _Proxy(bound, options, observer, say)
    try:
        command_code = asyncio.run(proxy.serve())
    finally:
        proxy.stop_judging()
    if not observer.taken:
        message = "no request to /v1/messages passed; point the base URL of a client at the proxy"
        observer.session.state(message, kind=report.NOTHING_ASKED)
    code = observer.finish()
    if code == VIOLATIONS or not options.command:
        return code
    return command_code or code


class _Proxy:
    def __init__(
        self, bound: socket.socket, options: ProxyOptions, observer: Observer, say: Callable[[str], None]
    ) -> None:
        self._socket = bound
        self._options = options
        self._observer = observer
        self._say = say
        self._ended: queue.SimpleQueue[tuple[LiveExchange, Ended] | None] = queue.SimpleQueue()
        self._judging = threading.Thread(target=self._judge_all, name="judging", daemon=True)
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self) -> int:
        """Serves until something ends it; returns the exit code of the command, 0 without one."""
        self._loop = asyncio.get_running_loop()
        self._judging.start()
        forwarder = Forwarder(self._options.upstream, lambda live, ended: self._ended.put((live, ended)))
        server = quiet_server(forwarder)
        serving = asyncio.create_task(server.serve(sockets=[self._socket]))
        with self._signals():
            code = await self._until_end(serving)
            server.should_exit = True
            await serving
        await forwarder.aclose()
        return code

    async def _until_end(self, serving: asyncio.Task[None]) -> int:
        """Waits for a signal, the end of the command, or the first violation under --fail-fast."""
        stopping = asyncio.create_task(self._stopping.wait())
        if not self._options.command:
            await asyncio.wait({stopping, serving}, return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            return 0
        address = f"http://{HOST}:{self._socket.getsockname()[1]}"
        process = await asyncio.create_subprocess_exec(
            *self._options.command,
            env={**os.environ, BASE_URL: address},
            stdout=self._options.command_output,
            preexec_fn=end_with_parent if os.name == "posix" else None,
        )
        ending = asyncio.create_task(process.wait())
        await asyncio.wait({stopping, ending}, return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(ending), GRACE_S)
            if not ending.done():
                process.kill()
        stopping.cancel()
        code = await ending
        return code if code >= 0 else 128 - code  # as a shell reports a signal

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Ctrl-C, SIGTERM and SIGHUP end the proxy, and nothing else. One that is ignored stays so."""
        assert self._loop is not None
        installed = []
        for number in SIGNALS:
            if signal.getsignal(number) == signal.SIG_IGN:
                continue
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
                self._loop.add_signal_handler(number, self._stopping.set)
                installed.append(number)
        try:
            yield
        finally:
            for number in installed:
                self._loop.remove_signal_handler(number)

    # -- judging, in a thread of its own, so that no chunk waits for it ----------------------------------------------

    def stop_judging(self) -> None:
        """Waits until everything that ended is judged."""
        self._ended.put(None)
        if self._judging.is_alive():
            self._judging.join()

    def _judge_all(self) -> None:
        while (item := self._ended.get()) is not None:
            try:
                self._judge(*item)
            except Exception as error:  # our own: the next exchanges are judged all the same
                self._say(self._observer.fail(error))

    def _judge(self, live: LiveExchange, ended: Ended) -> None:
        if not live.judged:
            return
        exchange, findings = self._observer.took(partial(_made, live, ended))
        self._stop_at(findings)
        self._say(line(exchange, live, findings, violates=self._observer.violates(findings)))

    def _stop_at(self, findings: tuple[Finding, ...]) -> None:
        if self._options.fail_fast and self._observer.violates(findings) and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._stopping.set)


def _made(live: LiveExchange, ended: Ended, number: int) -> Exchange:
    if ended.failure:
        return live.failed("disconnected", ended.failure, number=number)
    return live.finished(number=number, ending=ended.ending, detail=ended.detail)


def quiet_server(application: Any) -> Any:
    """A uvicorn.Server for an ASGI application: it prints nothing, adds no headers, and leaves signals to us."""
    import uvicorn

    class QuietServer(uvicorn.Server):
        """A server that leaves signals to us."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    config = uvicorn.Config(
        application,
        http="h11",
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=int(GRACE_S),
    )
    return QuietServer(config)
