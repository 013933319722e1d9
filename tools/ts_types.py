"""The types of the official TypeScript SDK, for the comparison of tools/sdk_drift.py.

Each interface of its files `*.d.ts` becomes a TypedDict in one module, under the name of its file, its namespace and
its own name.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Union

import sdk_types
from sdk_types import SdkMissing
from ts_declarations import DeclarationError, Declared, Source, declarations, identifier, without_comments

MODULE: Final = "typescript_sdk_types"
FILES: Final = (
    *("messages/messages", "messages/batches", "beta/messages/messages", "beta/beta"),
    *("shared", "models", "beta/models", "files"),
)
"""The files of `resources/` that are read, with those that they import from."""

_KIND: Final = "/properties/error/properties/type"
_ROOTS: Final = {
    "response": ("Message",),
    "blocks/response": ("ContentBlock",),
    "usage": ("Usage",),
    "event": ("RawMessageStreamEvent",),
    "delta": ("RawContentBlockDelta",),
    "request": ("MessageCreateParamsNonStreaming", "MessageCreateParamsStreaming"),
    "blocks/request": ("ContentBlockParam",),
    "count_tokens": ("MessageTokensCount",),
    "count_tokens/request": ("MessageCountTokensParams",),
}
"""Schema -> the types of the SDK that describe the same thing; see `sdk_types`."""
_OBJECTS: Final = {
    "batches": (
        ("messages/batches", "MessageBatch"),
        ("messages/batches", "MessageBatchRequestCounts"),
        ("messages/batches", "MessageBatchIndividualResponse"),
        ("messages/batches", "DeletedMessageBatch"),
        ("messages/batches", "BatchCreateParams"),
    ),
    "files": (
        ("files", "FileMetadata"),
        ("files", "DeletedFile"),
        ("files", "FileUploadParams"),
        ("files", "FileListParams"),
    ),
}


class Sdk:
    """The types of an installed `@anthropic-ai/sdk`; `folder` is that of the package."""

    def __init__(self, folder: Path) -> None:
        package = folder / "package.json"
        if not package.is_file():
            raise SdkMissing(f"{folder} has no package.json: name the folder node_modules/@anthropic-ai/sdk")
        self.version: str = json.loads(package.read_text("utf-8"))["version"]
        self._resources = folder / "resources"
        self._declared: dict[str, Declared] = {}
        for name in FILES:
            for found in declarations(self._source(name)):
                self._declared[found.name] = found
        self._module = self._made()

    def type(self, file: str, name: str) -> Any:
        """The type of that name in a file such as `messages/messages`."""
        return getattr(self._module, identifier(file, name))

    def error_codes(self) -> set[str]:
        """The codes in the details of errors."""
        texts = (path.read_text("utf-8") for path in self._resources.rglob("*.d.ts"))
        return {code for text in texts for code in re.findall(r"^ +error_code: '(\w+)';", text, re.MULTILINE)}

    def _source(self, name: str) -> Source:
        path = self._resources / f"{name}.d.ts"
        text = without_comments(path.read_text("utf-8"))
        imports = re.findall(r'^import \* as (\w+) from "([^"]+)\.js";', text, re.MULTILINE)
        modules = {
            alias: (path.parent / target).resolve().relative_to(self._resources.resolve()).as_posix()
            for alias, target in imports
            if (path.parent / target).resolve().is_relative_to(self._resources.resolve())
        }
        return Source(name=name, text=text, modules=modules)

    def _made(self) -> ModuleType:
        """The module with all types. A name that no file declares is an object."""
        module = sys.modules[MODULE] = ModuleType(MODULE)
        exec("from typing import *", module.__dict__)
        missing: set[str] = set()
        for declared in self._declared.values():
            for text in (declared.alias, *(declared.members or {}).values()):
                missing |= {name for name in re.findall(r"\bT_\w+", text) if name not in self._declared}
        exec("\n".join(f"{name} = object" for name in missing), module.__dict__)
        for name, declared in self._declared.items():
            if declared.members is not None:
                fields = self._members(declared)
                exec(f"{name} = TypedDict({_title(name)!r}, {fields!r}, total=False)", module.__dict__)
                getattr(module, name).__module__ = MODULE
        waiting = {name: one.alias for name, one in self._declared.items() if one.members is None}
        while waiting:
            ready = [name for name, text in waiting.items() if not set(re.findall(r"\bT_\w+", text)) & set(waiting)]
            if not ready:
                raise DeclarationError(f"aliases of each other: {sorted(waiting)[:3]}")
            for name in ready:
                exec(f"{name} = {waiting.pop(name)}", module.__dict__)
        return module

    def _members(self, declared: Declared) -> dict[str, str]:
        found: dict[str, str] = {}
        for base in declared.bases:
            if base in self._declared:
                found |= self._members(self._declared[base])
        return found | (declared.members or {})


def _title(name: str) -> str:
    return name.rpartition("_")[2]


def roots(sdk: Sdk) -> Iterator[sdk_types.Root]:
    """Every type of the TypeScript SDK that the contract describes, in the order of `sdk_types.roots`."""
    yield from _message_roots(sdk, "messages/messages", "models", "", "")
    error = {"error": ("ErrorResponse", ""), "events/error": ("ErrorResponse", ""), "error type": ("ErrorType", _KIND)}
    for label, (name, pointer) in error.items():
        schema = label if not pointer else "error"
        yield sdk_types.Root(schema=schema, pointer=pointer, type=sdk.type("shared", name), label=label)
    yield from _message_roots(sdk, "beta/messages/messages", "beta/models", "Beta", "beta ")


def _message_roots(sdk: Sdk, file: str, models: str, prefix: str, label: str) -> Iterator[sdk_types.Root]:
    for schema, names in _ROOTS.items():
        found = [sdk.type(file, name if "Params" in name else f"{prefix}{name}") for name in names]
        annotation = found[0] if len(found) == 1 else Union[tuple(found)]  # noqa: UP007
        yield sdk_types.Root(schema=schema, type=annotation, label=f"{label}{schema}")
    yield sdk_types.Root(schema="model", type=sdk.type(models, f"{prefix}ModelInfo"), label=f"{label}model")


def names(sdk: Sdk) -> dict[str, set[str]]:
    """The names that `api_names.names` has, as far as the TypeScript SDK has them."""
    betas = {
        value for kind in sdk_types.alternatives(sdk.type("beta/beta", "AnthropicBeta"))
        for value in sdk_types.literals(kind)
    }  # fmt: skip
    members = {
        group: {f"{name}.{member}" for file, name in pairs for member in sdk_types.members(sdk.type(file, name))}
        for group, pairs in _OBJECTS.items()
    }
    return {"betas": betas, "error codes": sdk.error_codes(), **members}
