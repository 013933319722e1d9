"""A loopback server that runs a script for each connection. It uses bare sockets, so that it can send anything."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


class Connection:
    """One accepted connection. Sending and reading after the peer has left ends the script without an error."""

    def __init__(self, sock: socket.socket, stopping: threading.Event, silent: threading.Event) -> None:
        self.sock = sock
        self.stopping = stopping
        self.silent = silent
        self._rest = b""

    def request(self) -> bytes:
        """Head and body of the next request; raises ConnectionError at the end of the connection."""
        while b"\r\n\r\n" not in self._rest:
            self._receive()
        head, _, body = self._rest.partition(b"\r\n\r\n")
        fields = [line.partition(b":") for line in head.lower().split(b"\r\n")]
        lengths = [value for name, _, value in fields if name == b"content-length"]
        length = int(lengths[0]) if lengths else 0
        while len(body) < length:
            self._receive()
            body = self._rest.partition(b"\r\n\r\n")[2]
        self._rest = body[length:]
        return head + b"\r\n\r\n" + body[:length]

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%b\r\n" % (len(data), data))

    def hold(self) -> None:
        """Keeps silent until the server stops."""
        self.silent.set()
        self.stopping.wait()

    def reset(self) -> None:
        """Breaks the connection so that the peer reads an error."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.sock.close()

    def _receive(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError
        self._rest += data


Script = Callable[[Connection], None]


@dataclass
class ScriptedServer:
    """A running server. `silent` is set once a connection keeps silent."""

    port: int
    silent: threading.Event = field(default_factory=threading.Event)
    connections: list[Connection] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def scripted(script: Script, *, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """Runs the script on each connection, in a thread of its own, for the length of the block."""
    stopping = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    server = ScriptedServer(port=listener.getsockname()[1])
    threads: list[threading.Thread] = []

    def serve(sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if tls is not None:
                sock = tls.wrap_socket(sock, server_side=True)
            connection = Connection(sock, stopping, server.silent)
            server.connections.append(connection)
            script(connection)
        sock.close()

    def accept() -> None:
        with contextlib.suppress(OSError):
            while not stopping.is_set():
                sock, _ = listener.accept()
                threads.append(threading.Thread(target=serve, args=(sock,)))
                threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield server
    finally:
        stopping.set()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", server.port)).close()  # wakes accept()
        acceptor.join()
        listener.close()
        for connection in server.connections:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()


def answering(response: bytes) -> Script:
    """A script that sends the same bytes after every request and keeps the connection."""

    def script(connection: Connection) -> None:
        while True:
            connection.request()
            connection.send(response)

    return script


def whole(body: bytes, *, headers: bytes = b"content-type: application/json\r\n") -> bytes:
    """A complete 200 response."""
    return b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n\r\n%b" % (headers, len(body), body)


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
