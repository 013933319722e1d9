"""How a secret is written backwards and in base 85, whose characters are not only letters and digits."""

from __future__ import annotations

import base64
import string
from functools import lru_cache
from typing import Final

_Z85: Final = bytes.maketrans(
    (string.digits + string.ascii_uppercase + string.ascii_lowercase + "!#$%&()*+-;<=>?@^_`{|}~").encode(),
    (string.digits + string.ascii_lowercase + string.ascii_uppercase + ".-:+=^!/*?&<>()[]{}@%$#").encode(),
)
"""From the alphabet of base64.b85encode to that of ZeroMQ."""

_GROUP_BYTES: Final = 4
"""Base 85 writes four bytes as five characters."""

MIN_GROUPS: Final = 3
"""A shorter secret is not looked for in base 85: twelve bytes that are the same by chance do not occur (our own)."""


@lru_cache(maxsize=256)
def rare_forms(secret: bytes) -> tuple[bytes, ...]:
    """The secret backwards, and in three kinds of base 85 at each alignment, without what its neighbours change."""
    forms = [secret[::-1]]
    for skipped in range(_GROUP_BYTES):
        inner = secret[skipped:]
        inner = inner[: len(inner) // _GROUP_BYTES * _GROUP_BYTES]
        if len(inner) >= MIN_GROUPS * _GROUP_BYTES:
            written = base64.b85encode(inner)
            forms += [written, written.translate(_Z85), base64.a85encode(inner)]
    return tuple(forms)
