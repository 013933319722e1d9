"""The verdict on one JSON value: valid or not, by compiled validators. Where it fails is `problems`' answer."""

from functools import cache
from typing import Any

import jsonschema_rs

from messages_conformance.contract.documents import API_VERSIONS, documents, uri
from messages_conformance.contract.problems import explain


def valid(name: str, instance: Any, *, api_version: str = API_VERSIONS[0]) -> bool:
    """Whether `instance`, as `json.loads` returns it, satisfies the schema called `name`.

    A ContractError names the valid schemas and API versions if one of the two is unknown.
    """
    try:
        return _compiled(uri(name, api_version)).is_valid(instance)
    except ValueError:
        # The compiled validator refuses lone surrogates, NaN and extreme nesting, all of which json.loads lets through.
        return not explain(name, instance, api_version=api_version)


@cache
def _compiled(location: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({"$ref": location}, registry=_registry(), validate_formats=False)


@cache
def _registry() -> jsonschema_rs.Registry:
    return jsonschema_rs.Registry([(location, dict(document)) for location, document in documents().items()])
