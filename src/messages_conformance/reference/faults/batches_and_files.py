"""The items in the lists of batches and files are malformed. Other faults of these routes are rows of the table."""

from __future__ import annotations

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.edits import Json
from messages_conformance.reference.fault_registry import fault


@fault("adjacent", trips={"adjacent.batches.object"}, at=Stage.OBJECTS)
def count_batches_like_openai(value: Json) -> Json:
    """The counts of a batch are total, completed and failed."""
    counts = {"total": 1, "completed": 1, "failed": 0}
    if "has_more" not in value:
        return value
    return {**value, "data": [{**item, "request_counts": counts} for item in value["data"]]}


@fault("adjacent", trips={"tokmodel.models.list-shape"}, at=Stage.OBJECTS)
def list_models_of_vendors_by_name(value: Json) -> Json:
    """The models at /v1beta/models have a name, and no id."""
    if value.get("object") != "list":
        return value
    return {**value, "data": [{"name": item["id"], "object": "model"} for item in value["data"]]}


@fault("adjacent", trips={"adjacent.files.metadata"}, at=Stage.OBJECTS)
def count_bytes_in_bytes(value: Json) -> Json:
    """The size of a file is called bytes."""
    if "next_page" not in value:
        return value
    return {**value, "data": [{**item, "bytes": item["size_bytes"], "size_bytes": None} for item in value["data"]]}


@fault("adjacent", trips={"adjacent.files.list-shape"}, at=Stage.OBJECTS)
def list_files_without_data(value: Json) -> Json:
    """The list of files has its items under the key files."""
    return {"files": value["data"], "next_page": None} if "next_page" in value else value
