"""The reason to refuse a request, as a value: status, type, message, and the requirement that demands it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
"""Status -> `error.type`. Any other status has the type `invalid_request_error`."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why a request is refused. A fault removes the failures of the `requirement` that it breaks."""

    message: str
    status: int = 400
    requirement: str | None = None
    retry_after_s: int | None = None
    details: Mapping[str, Any] | None = None
    """The `details` of the error: an `error_code` and the fields that belong to it."""

    @property
    def type(self) -> str:
        """The `error.type` of the status."""
        return TYPES.get(self.status, "invalid_request_error")
