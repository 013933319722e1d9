"""How requests travel to a target: added headers, a base path, certificates. The values of headers are secrets."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import unquote

import httpx

from messages_conformance.exchange import header_placeholder
from messages_conformance.masking import remember_secret
from messages_conformance.targets.target import TargetError

NO_CONNECTION_OPTION = "these options are for http and https targets; they have no effect here: "


@dataclass(frozen=True, kw_only=True)
class Connection:
    """What a user sets about the way to a target. `headers` are (name, value); the paths are files in PEM form.

    `base_path` follows the URL of the target. `insecure` accepts every certificate.
    """

    headers: tuple[tuple[str, str], ...] = ()
    base_path: str = ""
    ca_bundle: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    insecure: bool = False

    @cached_property
    def values(self) -> Mapping[str, str]:
        """The value of each added header by its placeholder."""
        return {header_placeholder(name): value for name, value in self.headers}

    @cached_property
    def secrets(self) -> tuple[tuple[str, str], ...]:
        """Each secret in the added headers with its placeholder, the longest first."""
        found = {part: header_placeholder(name) for name, value in self.headers for part in secret_parts(value)}
        return tuple(sorted(found.items(), key=lambda row: (-len(row[0]), row[0])))

    def remember(self) -> None:
        """Masks the values of the headers in all later output of this process."""
        for secret, placeholder in self.secrets:
            remember_secret(secret, placeholder=placeholder)

    @property
    def unused(self) -> tuple[str, ...]:
        """The options that only matter on a network, for a note about a target that has none."""
        set_ones = {
            "--base-path": self.base_path,
            "--ca-bundle": self.ca_bundle,
            "--client-cert": self.client_cert,
            "--client-key": self.client_key,
            "--insecure": self.insecure,
        }
        named = ", ".join(name for name, value in set_ones.items() if value)
        return (NO_CONNECTION_OPTION + named,) if named else ()

    def tls(self) -> ssl.SSLContext:
        """The TLS settings of a connection; raises TargetError when a file cannot be used."""
        context = self._trusting()
        if self.client_cert is not None:
            self._load_client_certificate(context)
        return context

    def _trusting(self) -> ssl.SSLContext:
        if self.insecure:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        if self.ca_bundle is None:
            return _default_context()
        try:
            return ssl.create_default_context(cafile=self.ca_bundle)
        except OSError as error:  # an SSLError is one
            raise TargetError(
                f"--ca-bundle: {self.ca_bundle!r} cannot be used ({_reason(error)}); "
                f"name a file of certificates in PEM form"
            ) from None

    def _load_client_certificate(self, context: ssl.SSLContext) -> None:
        # Without a password, OpenSSL would ask at the terminal for one.
        try:
            context.load_cert_chain(self.client_cert or "", self.client_key, password="")
        except (OSError, ValueError) as error:
            files = f"--client-cert: {self.client_cert!r}"
            files += (
                f" with --client-key {self.client_key!r}" if self.client_key else " (certificate and key in one file)"
            )
            raise TargetError(
                f"{files} cannot be used ({_reason(error)}); name a certificate and its key in PEM form, the key "
                f"without a passphrase"
            ) from None


def _default_context() -> ssl.SSLContext:
    """The certificates that SSL_CERT_FILE or SSL_CERT_DIR names, else those of certifi."""
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        named = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]
        shown = " and ".join(f"{name}={os.environ[name]}" for name in named) or "the certificates of this machine"
        raise TargetError(
            f"{shown} cannot be read ({_reason(error)}); name a file of certificates, or unset it"
        ) from None


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or "it is no certificate or key in PEM form"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def secret_parts(value: str) -> tuple[str, ...]:
    """What must not be shown of a header's value: all of it, its credential after a scheme, the values of cookies."""
    credential = re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*\s+(\S.*)", value)
    cookies = re.findall(r"=\s*([^;]+)", value) if ";" in value else []
    parts = (value, *([credential[1]] if credential else []), *(each.strip() for each in cookies))
    return tuple(dict.fromkeys((*parts, *map(unquote, parts))))
