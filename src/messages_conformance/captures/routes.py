"""The route of a recorded request, whatever the address in front of it is, and the names of other APIs."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import urlsplit

MESSAGES_ROUTE: Final = re.compile(r"(?:.*?)(/v1/messages(?:/[^?]*)?)/?", re.DOTALL)
"""The routes that are judged, behind any base path. `/v1/models` and `/v1/files` are routes of other APIs as well."""

_ROUTES_OF_OTHERS: Final = (
    (re.compile(r".*/chat/completions"), "OpenAI chat completions"),
    (re.compile(r".*/v1/responses(/.*)?"), "OpenAI responses"),
    (re.compile(r".*/(v1/)?(completions|embeddings|audio/.+|images/.+|moderations|threads.*|assistants.*)"), "OpenAI"),
    (re.compile(r".*/v1/complete"), "Anthropic text completions (the older API)"),
    (re.compile(r".*:(streamG|g)enerateContent"), "Google Gemini"),
    (re.compile(r".*:(streamR|r)awPredict"), "Anthropic on Vertex AI"),
    (re.compile(r".*/model/[^/]+/(invoke|converse).*"), "AWS Bedrock"),
    (re.compile(r".*/api/(chat|generate)"), "Ollama"),
)


def messages_path(url: str) -> str | None:
    """The path and query from /v1/messages on; None for an address of another route."""
    path, query = _path_and_query(url)
    match = MESSAGES_ROUTE.fullmatch(path)
    if match is None:
        return None
    route = match[1].rstrip("/")
    return f"{route}?{query}" if query else route


def base_url(url: str) -> str:
    """The address before /v1/messages, without a user name or a password; empty if the text is only a path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    match = MESSAGES_ROUTE.fullmatch(parts.path)
    host = parts.netloc.rpartition("@")[2]
    if match is None or not host or parts.scheme.lower() not in ("http", "https"):
        return ""
    return f"{parts.scheme.lower()}://{host}{parts.path[: match.start(1)]}"


def _path_and_query(url: str) -> tuple[str, str]:
    """The path and the query of an address or a path; empty for an address that is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.path, parts.query


def other_api(url: str) -> str:
    """The name of the API that a route belongs to; empty for an unknown one."""
    path, _ = _path_and_query(url)
    return next((name for route, name in _ROUTES_OF_OTHERS if route.fullmatch(path)), "")


def other_api_of_body(value: Any) -> str:
    """The name of the API whose answer, or event of a stream, this JSON value is; empty for an unknown one."""
    if not isinstance(value, dict):
        return ""
    kind = value.get("object")
    if isinstance(kind, str) and (kind.startswith(("chat.completion", "text_completion", "response", "list"))):
        return "OpenAI responses" if kind == "response" else "OpenAI chat completions"
    if isinstance(value.get("choices"), list):
        return "OpenAI chat completions"
    if str(value.get("type", "")).startswith("response."):
        return "OpenAI responses"
    if isinstance(value.get("candidates"), list):
        return "Google Gemini"
    return ""
