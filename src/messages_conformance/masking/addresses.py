"""The secrets in an address that a user wrote: a user name and a password before @, and keys in the query.

No target is sent them. They must not be shown either, also in a message that refuses the address.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from messages_conformance.masking.known import remember_secret

_SECRET_NAME: Final = re.compile(r"key|token|secret|pass|sig|auth|cred|code", re.IGNORECASE)
_USER: Final = re.compile(r"//([^/@\s]+)@")
_PARAMETER: Final = re.compile(r"[?&#]([^=&#\s]*)=([^&#\s]*)")

MIN_SECRET_VALUE_CHARS: Final = 16
"""A value of at least this many letters and digits is a secret under any name (origin: our own)."""


def remember_address(text: str) -> None:
    """Masks the secrets of each address in the text in all later output of this process."""
    for secret in address_secrets(text):
        remember_secret(secret)


def address_secrets(text: str) -> tuple[str, ...]:
    """The secrets of each address in the text, as they are written and decoded."""
    written = [part for user in _USER.findall(text) for part in user.split(":", 1) if part]
    written += [value for name, value in _PARAMETER.findall(text) if _SECRET_NAME.search(name) or _is_random(value)]
    return (*written, *map(unquote, written))


def _is_random(value: str) -> bool:
    return len(value) >= MIN_SECRET_VALUE_CHARS and any(map(str.isdigit, value)) and any(map(str.isalpha, value))
