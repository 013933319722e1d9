"""Whether a JSON value is valid, by compiled validators. The module `problems` says where it is not."""

from functools import cache
from typing import Any

import jsonschema_rs

from messages_conformance.contract.documents import API_VERSIONS, documents, uri
from messages_conformance.contract.problems import explain


def valid(name: str, instance: Any, *, api_version: str = API_VERSIONS[0]) -> bool:
    """Whether `instance`, as `json.loads` returns it, satisfies the schema called `name`.

    A ContractError lists the valid names and versions if one of the two is unknown.
    """
    try:
        return _compiled(uri(name, api_version)).is_valid(instance)
    except ValueError:
        # The compiled validator refuses lone surrogates, NaN and very deep nesting; json.loads accepts all of them.
        return not explain(name, instance, api_version=api_version)


@cache
def _compiled(location: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({"$ref": location}, registry=_registry(), validate_formats=False)


@cache
def _registry() -> jsonschema_rs.Registry:
    return jsonschema_rs.Registry([(location, dict(document)) for location, document in documents().items()])
