"""One capture file: exchanges that were recorded together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from messages_conformance.exchange import Exchange, Request

API_ROUTES: Final = re.compile(r"/v1/(messages|models|files)(/.*)?")
"""The routes of the Messages API and of what belongs to it. A capture may hold requests to other APIs as well."""


def is_of_the_api(request: Request) -> bool:
    """Returns True for a request to a route of the Messages API."""
    return bool(API_ROUTES.fullmatch(request.route))


class CaptureError(Exception):
    """A capture cannot be read. The message names the file, the place in it, and what is valid."""


@dataclass(frozen=True, kw_only=True)
class Capture:
    """The exchanges of one file, numbered from 1. Rules over several exchanges hold within one capture only.

    `skipped` counts the exchanges of other APIs in the same file; they are not judged. `origin` is what the file says
    about itself, such as a repository and a path; it is shown, never interpreted.
    """

    name: str
    exchanges: tuple[Exchange, ...]
    skipped: int = 0
    origin: Mapping[str, str] = field(default_factory=dict)
