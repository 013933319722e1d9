"""The models that a target lists in GET /v1/models, page by page."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from messages_conformance.contract import Profile
from messages_conformance.engine import compose
from messages_conformance.exchange import Ask, Response
from messages_conformance.run.preflight import model_names
from messages_conformance.run.run_options import Options, opened_target
from messages_conformance.session import UsageError, checked_profile
from messages_conformance.targets import Target, Unreachable

PAGE_MODELS: Final = 1000
"""Models of one page: the maximum of the documented parameter `limit` (api/models-list)."""

MOST_PAGES: Final = 100
"""Pages that are asked for: a server that always has one more page must not keep us (our own)."""


def listed_models(options: Options, *, opened: Callable[[Options, Profile], Target] = opened_target) -> tuple[str, ...]:
    """All models that the target of these options lists; raises UsageError when it has no list."""
    profile = checked_profile(options.profile)
    return asyncio.run(_listed(opened(options, profile), profile, options))


async def _listed(target: Target, profile: Profile, options: Options) -> tuple[str, ...]:
    added = tuple(name for name, _ in options.connection.headers)
    found: dict[str, None] = {}
    query = f"?limit={PAGE_MODELS}"
    try:
        for _ in range(MOST_PAGES):
            asked = replace(_LISTING, path=f"/v1/models{query}")
            response = await target.send(compose(asked, profile=profile, model=None, added=added))
            if not found and response.status in (400, 404, 422) and query:
                query = ""  # a server without pages may refuse the parameter
                response = await target.send(compose(_LISTING, profile=profile, model=None, added=added))
            names = model_names(response)
            new = [name for name in names if name not in found]
            found |= dict.fromkeys(new)
            last = response.fields.get("last_id")
            if not new or not query or response.fields.get("has_more") is not True or not isinstance(last, str):
                break
            query = f"?limit={PAGE_MODELS}&after_id={quote(last, safe='')}"
    except Unreachable as error:
        raise UsageError(f"its models cannot be listed: {error.failure.message}") from error
    finally:
        await target.aclose()
    if not found:
        raise UsageError(f"its models cannot be listed: {_why(response)}; name them in the file, without * and ?")
    return tuple(found)


_LISTING: Final = Ask(situation="models", method="GET", path="/v1/models", expect="either")


def _why(response: Response) -> str:
    if response.status == 200:
        return "GET /v1/models answered 200 without a list of models"
    return f"GET /v1/models answered {response.status}"
