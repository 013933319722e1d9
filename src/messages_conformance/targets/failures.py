"""Describes why no response came, with the cure, from the error that httpx raised."""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Iterator

import httpx

from messages_conformance.exchange import Failure
from messages_conformance.targets.address import Address
from messages_conformance.targets.proxies import proxy_of

_STATUS_LINE = re.compile(r"illegal status line: bytearray\((b(['\"]).*\2)\)", re.DOTALL)
_SHOWN_CHARS = 80

_OTHER_NAME = ("is for another host", "correct the host name, or install a certificate that names it")
_UNTRUSTED = ("does not verify", "trust its issuer by --ca-bundle ca.pem or SSL_CERT_FILE=ca.pem")
_NOT_STRICT = (
    "does not follow RFC 5280",
    "Python 3.13 demands it: create the certificate and its issuer again with these extensions, or use 3.12",
)
_CERTIFICATES = {
    9: ("is not valid yet", "correct the clock of this machine, or wait"),
    10: ("has expired", "renew it on the server; or correct the clock of this machine"),
    62: _OTHER_NAME,
    64: _OTHER_NAME,
    **dict.fromkeys(range(80, 95), _NOT_STRICT),
}
"""What is wrong with a certificate, and the cure, by the number of OpenSSL (X509_V_ERR_... in x509_vfy.h)."""


def failure_of(error: BaseException, *, address: Address, timeout_s: float) -> Failure:
    """The Failure for an httpx error that was raised before any response came."""
    causes = tuple(_causes(error))
    if (proxy := proxy_of(address)) and isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)):
        reason = next((str(cause) for cause in reversed(causes) if str(cause)), type(error).__name__)
        cure = "correct the variable, or name the host in NO_PROXY"
        return _failure("refused", address, f"cannot be reached through {proxy} ({reason}); {cure}")
    for cause in causes:
        # SSLWantReadError only says that the handshake was waiting when the timeout ended it.
        if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLWantReadError):
            return _tls(cause, address)
        if isinstance(cause, socket.gaierror):
            return _dns(cause, address)
    if isinstance(error, httpx.ConnectTimeout):
        what = "completes no TLS handshake" if address.secure else "accepts no connection"
        return _failure("timeout", address, f"{what} within {timeout_s:g} s; are scheme, host and port right?")
    if isinstance(error, (httpx.TimeoutException, TimeoutError)):
        return no_answer(address, timeout_s)
    if isinstance(error, httpx.ConnectError):
        return _refused(causes, address)
    return _disconnected(error, address)


def no_answer(address: Address, waited_s: float) -> Failure:
    """The Failure of a peer that did not begin to answer in time."""
    return _failure("timeout", address, f"did not begin to answer within {waited_s:g} s; raise --timeout if it is slow")


def not_http(data: bytes, address: Address) -> Failure:
    """The Failure of a peer that answers with bytes that are not HTTP."""
    return _not_http(repr(data), address)


def certificate_problem(error: ssl.SSLCertVerificationError) -> str:
    """What is wrong with the certificate of a peer, and the cure: a sentence without its subject."""
    what, cure = _CERTIFICATES.get(error.verify_code, _UNTRUSTED)
    return f"has a certificate that {what} ({error.verify_message.rstrip('.')}); {cure}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and its causes, those of a group included."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _causes(part)
    origin = error.__cause__ or error.__context__
    if origin is not None:
        yield from _causes(origin)


def _failure(kind: str, address: Address, predicate: str) -> Failure:
    return Failure(kind=kind, message=f"{address.base_url} {predicate}")


def _tls(error: ssl.SSLError, address: Address) -> Failure:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _failure("tls", address, certificate_problem(error))
    reason = error.reason or str(error)
    if "CERTIFICATE_REQUIRED" in reason or "BAD_CERTIFICATE" in reason:
        cure = "name the certificate of this client by --client-cert FILE and --client-key FILE"
        return _failure("tls", address, f"requires another certificate of the client ({reason}); {cure}")
    cure = f"does it speak plain HTTP? then write {address.base_url.replace('https:', 'http:', 1)}"
    return _failure("tls", address, f"cannot agree on TLS ({reason}); {cure}")


def _dns(error: socket.gaierror, address: Address) -> Failure:
    reason = error.strerror or str(error)
    what = f"cannot be found: the name {address.host!r} does not resolve ({reason}); is it spelt right?"
    return _failure("dns", address, what)


def _refused(causes: tuple[BaseException, ...], address: Address) -> Failure:
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        what = f"refuses the connection; is the server running, and is {address.port} its port?"
        return _failure("refused", address, what)
    if any(isinstance(cause, OSError) and cause.errno in (errno.EMFILE, errno.ENFILE) for cause in causes):
        cure = "raise its limit (ulimit -n), or lower --concurrency"
        return _failure("refused", address, f"cannot be connected to: this process has too many open files; {cure}")
    origin = next((cause for cause in causes if isinstance(cause, OSError)), causes[-1])
    reason = str(origin) or type(origin).__name__
    return _failure("refused", address, f"cannot be connected to ({reason}); are host and port right?")


def _disconnected(error: BaseException, address: Address) -> Failure:
    text = str(error)
    line = _STATUS_LINE.search(text)
    if line:
        return _not_http(line.group(1), address)
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in text:
        return _failure("disconnected", address, f"does not speak HTTP: {text[:_SHOWN_CHARS]}")
    detail = "" if isinstance(error, httpx.RemoteProtocolError) else f" ({text or type(error).__name__})"
    return _failure("disconnected", address, f"closed the connection without an answer{detail}; see its log")


def _not_http(shown: str, address: Address) -> Failure:
    # A TLS alert or handshake record begins with 0x15 or 0x16 and version 3: https on the other side.
    speaks_tls = shown.startswith(("b'\\x15\\x03", "b'\\x16\\x03"))
    cure = f"write {address.base_url.replace('http:', 'https:', 1)}" if speaks_tls else "is this the right port?"
    return _failure("disconnected", address, f"does not speak HTTP: it answered {shown[:_SHOWN_CHARS]}; {cure}")
