"""Removes content codings from a body as it arrives, in pieces of limited size.

A few kilobytes can decode to gigabytes. So a decoder yields pieces, and stops when the caller stops.

gzip and deflate are always decoded. br and zstd need the extra `codings`: pip install 'messages-conformance[codings]'.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

PIECE_BYTES: Final = 64 * 1024
"""About how much is decoded at once (origin: our own)."""

MAX_CODINGS: Final = 4
"""Bodies with more codings on top of each other are not decoded (origin: our own; no known server has three)."""

GZIP_MAGIC: Final = b"\x1f\x8b"
"""The first bytes of a gzip body (RFC 1952)."""

MAX_ZSTD_WINDOW_LOG: Final = 23
"""A decoder needs no window over 8 MiB (RFC 9659, 3)."""


_GZIP_WBITS: Final = zlib.MAX_WBITS | 16


class DecodingError(ValueError):
    """The bytes do not have the coding that their label names."""


class _Decoder(Protocol):
    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes of the body decode to. Raises DecodingError."""
        ...


def codings_of(label: str) -> tuple[str, ...]:
    """The codings in a Content-Encoding header, in the order in which they were applied; `identity` is none."""
    names = (name.strip().lower() for name in label.split(","))
    return tuple({"x-gzip": "gzip"}.get(name, name) for name in names if name not in ("", "identity"))


def can_decode(codings: tuple[str, ...]) -> bool:
    """Whether all these codings can be removed here."""
    return len(codings) <= MAX_CODINGS and all(
        coding in _DECODERS and (coding not in _LIBRARIES or _library(coding) is not None) for coding in codings
    )


class BodyDecoder:
    """Removes the codings of one body, for which `can_decode` is true."""

    def __init__(self, codings: tuple[str, ...]) -> None:
        self._decoders = tuple(_DECODERS[coding]() for coding in reversed(codings))

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What the next bytes of the body decode to, in pieces of about PIECE_BYTES at most. Raises DecodingError."""
        return _through(self._decoders, data)


def _through(decoders: tuple[_Decoder, ...], data: bytes) -> Iterator[bytes]:
    if not decoders:
        yield data
        return
    for piece in decoders[0].pieces(data):
        yield from _through(decoders[1:], piece)


class _Inflater:
    """Decodes zlib, raw deflate or gzip; several gzip members follow each other (RFC 1952, 2.2)."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._inflater = zlib.decompressobj(wbits)
        self._after_end = b""
        self._is_finished = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while not self._is_finished and (not self._inflater.eof or self._next_member(data)):
            try:
                piece = self._inflater.decompress(self._after_end + data, PIECE_BYTES)
            except zlib.error as error:
                raise DecodingError(str(error)) from None
            self._after_end = b""
            if piece:
                yield piece
            data = self._inflater.unused_data if self._inflater.eof else self._inflater.unconsumed_tail
            if not data and len(piece) < PIECE_BYTES:
                return

    def _next_member(self, data: bytes) -> bool:
        """Whether the bytes after the end of a member begin another one. Clients ignore any other bytes."""
        head = (self._after_end + data)[: len(GZIP_MAGIC)]
        if head == GZIP_MAGIC and self._wbits == _GZIP_WBITS:
            self._inflater = zlib.decompressobj(self._wbits)
            return True
        self._is_finished = not GZIP_MAGIC.startswith(head)
        self._after_end = head
        return False


class _Deflate:
    """Decodes deflate: zlib in RFC 9110, and raw deflate in some servers; the first two bytes show which."""

    def __init__(self) -> None:
        self._head = b""
        self._inflater: _Inflater | None = None

    def pieces(self, data: bytes) -> Iterator[bytes]:
        if self._inflater is None:
            data = self._head = self._head + data
            if len(data) < 2:
                return
            self._inflater = _Inflater(zlib.MAX_WBITS if is_zlib(data) else -zlib.MAX_WBITS)
        yield from self._inflater.pieces(data)


def is_zlib(head: bytes) -> bool:
    """Whether the first two bytes are a zlib header (RFC 1950, 2.2): method 8, and a checksum that divides by 31."""
    return len(head) >= 2 and head[0] & 0x0F == 8 and (head[0] << 8 | head[1]) % 31 == 0


class _Brotli:
    def __init__(self) -> None:
        self._library = _library("br")
        self._decompressor = self._library.Decompressor()

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while not self._decompressor.is_finished():
            try:
                piece = self._decompressor.process(data, output_buffer_limit=PIECE_BYTES)
            except self._library.error as error:
                raise DecodingError(str(error)) from None
            if piece:
                yield piece
            if self._decompressor.can_accept_more_data():
                return
            data = b""


class _Zstandard:
    def __init__(self) -> None:
        self._library = _library("zstd")
        self._decompressor = self._new()

    def _new(self) -> Any:
        return self._library.ZstdDecompressor(
            options={self._library.DecompressionParameter.window_log_max: MAX_ZSTD_WINDOW_LOG}
        )

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while True:
            if self._decompressor.eof:
                data = self._decompressor.unused_data + data
                if not data:
                    return
                self._decompressor = self._new()
            try:
                piece = self._decompressor.decompress(data, PIECE_BYTES)
            except self._library.ZstdError as error:
                raise DecodingError(str(error)) from None
            if piece:
                yield piece
            data = b""
            if self._decompressor.needs_input and not self._decompressor.eof:
                return


class BodyEncoder:
    """Applies codings again, for which `can_decode` is true. Each piece can be decoded as soon as it came."""

    def __init__(self, codings: tuple[str, ...]) -> None:
        self._encoders = tuple(_ENCODERS[coding]() for coding in codings)

    def encoded(self, data: bytes) -> bytes:
        """The next bytes of the body, encoded."""
        for encode, _ in self._encoders:
            data = encode(data)
        return data

    def end(self) -> bytes:
        """The last bytes of the encoded body."""
        data = b""
        for encode, finish in self._encoders:
            data = (encode(data) if data else b"") + finish()
        return data


_Encoder = tuple[Callable[[bytes], bytes], Callable[[], bytes]]
"""Encodes and flushes bytes; ends the encoding."""


def _deflater(wbits: int) -> _Encoder:
    packer = zlib.compressobj(wbits=wbits)
    return lambda data: packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH), packer.flush


def _brotli_encoder() -> _Encoder:
    packer = _library("br").Compressor()
    return lambda data: bytes(packer.process(data) + packer.flush()), packer.finish


def _zstd_encoder() -> _Encoder:
    packer = _library("zstd").ZstdCompressor()
    return lambda data: bytes(packer.compress(data, packer.FLUSH_BLOCK)), packer.flush


_ENCODERS: Final[dict[str, Callable[[], _Encoder]]] = {
    "gzip": lambda: _deflater(_GZIP_WBITS),
    "deflate": lambda: _deflater(zlib.MAX_WBITS),
    "br": _brotli_encoder,
    "zstd": _zstd_encoder,
}

_LIBRARIES: Final = {"br": ("brotli",), "zstd": ("compression.zstd", "backports.zstd")}
"""The libraries that decode a coding: the first one that is installed."""

_DECODERS: Final[dict[str, Callable[[], _Decoder]]] = {
    "gzip": lambda: _Inflater(_GZIP_WBITS),
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstandard,
}


def _library(coding: str) -> Any:
    """The library for a coding; None when it is not installed, or too old to limit what it decodes at once."""
    for name in _LIBRARIES[coding]:
        try:
            library = importlib.import_module(name)
        except ImportError:
            continue
        if coding != "br" or hasattr(library.Decompressor, "can_accept_more_data"):
            return library
    return None
