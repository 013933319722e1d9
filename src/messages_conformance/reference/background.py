"""A server on a loopback socket: an event loop in a background thread, and a task for each connection."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable

HOST = "127.0.0.1"
STARTUP_TIMEOUT_S = 10.0
TURNS_TO_ACCEPT = 8
"""Turns of the event loop after which every accepted connection has its task (asyncio takes three or four)."""

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Serves one connection until either side closes it. It may be cancelled."""


class Background:
    """An event loop in its own thread. `stop` returns when every socket is closed."""

    def __init__(self, serve: Serve, port: int, *, name: str) -> None:
        self._serve = serve
        self._port = port
        self._name = name
        self._thread = threading.Thread(target=self._run, name=name.replace(" ", "-"), daemon=True)
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._address = ""

    def start(self) -> str:
        """The address after `http://` once connections are accepted. Raises OSError when the port cannot be used."""
        self._thread.start()
        if not self._ready.wait(STARTUP_TIMEOUT_S) or not self._address:
            raise self._error or RuntimeError(f"{self._name} did not start")
        return self._address

    def call(self, function: Callable[[], object]) -> None:
        """Calls the function in the thread of the loop, soon; never once the loop has ended."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(function)

    def stop(self) -> None:
        """Ends every connection and the thread."""
        if self._stopping is not None:
            self.call(self._stopping.set)
        if self._thread.ident is not None:  # there may have been no memory for it
            self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # `start` raises it in the caller's thread
            self._error = error
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()

        def ready(address: str) -> None:
            self._address = address
            self._ready.set()

        await _listen(self._serve, self._port, ready, self._stopping)


async def _listen(serve: Serve, port: int, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    tasks: set[asyncio.Task[None]] = set()

    async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except asyncio.CancelledError:
            # The server is stopping; this is no error.
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(serve_connection(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        # A task that is cancelled before it starts runs no `finally`: this closes its connection.
        task.add_done_callback(lambda _: writer.close())

    listener = await asyncio.start_server(connected, HOST, port, backlog=512)
    address = listener.sockets[0].getsockname()
    try:
        ready(f"{HOST}:{address[1]}")
        await stop.wait()
    finally:
        await _stop_accepting(listener)
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
        await listener.wait_closed()


async def _stop_accepting(listener: asyncio.Server) -> None:
    """Closes the listener once every accepted connection has its task.

    asyncio fails on a connection that it has accepted just before the listener is closed, and leaves its socket open.
    """
    with contextlib.suppress(NotImplementedError):  # not on Windows
        for sock in listener.sockets:
            asyncio.get_running_loop().remove_reader(sock)
    for _ in range(TURNS_TO_ACCEPT):
        await asyncio.sleep(0)
    listener.close()
