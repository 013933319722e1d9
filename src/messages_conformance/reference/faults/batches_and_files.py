"""Batches and files are described, processed or deleted wrongly. Other faults of these routes are rows of the table."""

from __future__ import annotations

from dataclasses import replace

from messages_conformance.reference import batches
from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Json
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpRequest, HttpResponse


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


BATCHES, FILES = "/v1/messages/batches", "/v1/files"
LIFE = "adjacent.batches.life"
RESULTS = "adjacent.batches.results"


def is_batch(value: Json) -> bool:
    """Whether an answer describes one batch."""
    return value.get("type") == "message_batch"


def is_results(context: RequestContext) -> bool:
    """Whether a request asks for the results of a batch."""
    return context.request.path.endswith("/results")


@fault("adjacent", trips={LIFE}, at=Stage.OBJECTS)
def rename_batches_when_they_end(value: Json) -> Json:
    """A batch has another id once it has ended."""
    ended = is_batch(value) and value["processing_status"] == "ended"
    return {**value, "id": f"{value['id']}X"} if ended else value


@fault("adjacent", trips={LIFE}, at=Stage.OBJECTS)
def restamp_batches(value: Json) -> Json:
    """A batch that has ended has another time of creation."""
    if not (is_batch(value) and value["processing_status"] == "ended"):
        return value
    return {**value, "created_at": "2026-11-01T08:00:00Z", "expires_at": "2026-11-02T08:00:00Z"}


@fault("adjacent", trips={LIFE, RESULTS}, at=Stage.OBJECTS)
def count_one_request_of_a_batch(value: Json) -> Json:
    """A batch counts a single request, however many it has."""
    if not is_batch(value):
        return value
    name = "succeeded" if value["processing_status"] == "ended" else "processing"
    return {**value, "request_counts": {**dict.fromkeys(value["request_counts"], 0), name: 1}}


@fault("adjacent", trips={LIFE, "adjacent.files.life"}, at=Stage.OBJECTS)
def delete_like_openai(value: Json) -> Json:
    """The deletion of a batch or a file is answered with deleted: true."""
    deleted = str(value.get("type")).endswith("_deleted")
    return {"id": value["id"], "object": "file", "deleted": True} if deleted else value


@fault("adjacent", trips={LIFE, "adjacent.files.life"}, at=Stage.REQUEST)
def keep_deleted_objects(request: HttpRequest) -> HttpRequest:
    """A batch or a file that was deleted is still there."""
    is_object = request.path.startswith((f"{BATCHES}/", f"{FILES}/")) and "AAAA" not in request.path
    return replace(request, method="DELETED") if request.method == "DELETE" and is_object else request


@fault("adjacent", trips={RESULTS}, at=Stage.RESPONSE)
def lose_results(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """The last result of a batch is missing."""
    if not is_results(context) or response.status != 200:
        return response
    return response.with_body(b"".join(response.body().splitlines(keepends=True)[:-1]))


@fault("adjacent", trips={RESULTS}, at=Stage.RESPONSE)
def return_results_as_a_list(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """The results of a batch are one JSON list."""
    if not is_results(context) or response.status != 200:
        return response
    return response.with_body(b"[" + b",".join(response.body().splitlines()) + b"]")


@fault("adjacent", trips={RESULTS}, at=Stage.RESPONSE)
def number_results(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """The results of a batch have numbers in place of the custom ids of their requests."""
    if not is_results(context):
        return response
    return response.with_body(response.body().replace(b'"custom_id": "request-', b'"custom_id": "'))


@fault("adjacent", trips={RESULTS}, at=Stage.RESPONSE)
def return_bare_errors_of_batches(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A result that is an error has a text in place of the envelope."""
    if not is_results(context):
        return response
    return response.with_body(
        response.body().replace(b'"error": {"type": "error"', b'"error": "failed", "was": {"type": ""')
    )


@fault("adjacent", trips={RESULTS}, at=Stage.RESPONSE)
def return_results_too_early(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """The results of a batch in progress are an empty body with 200."""
    if (context.request.method, context.request.path) == ("POST", BATCHES):
        context.memory[batches.LOOKS] = 1
    early = is_results(context) and response.status == 404 and b"has not ended" in response.body()
    return replace(response.with_body(b""), status=200) if early else response


@fault("adjacent", trips={"adjacent.batches.cancel"}, at=Stage.OBJECTS)
def forget_when_a_batch_was_canceled(value: Json) -> Json:
    """A batch that is canceled has no time at which that began."""
    return {**value, "cancel_initiated_at": None} if is_batch(value) else value


@fault("adjacent", trips={"adjacent.batches.cancel"}, at=Stage.OBJECTS)
def ignore_cancel(value: Json) -> Json:
    """A batch that is canceled is described as in progress."""
    canceling = is_batch(value) and value["processing_status"] == "canceling"
    return {**value, "processing_status": "in_progress"} if canceling else value


@fault("adjacent", trips={"adjacent.files.life"}, at=Stage.OBJECTS)
def rename_uploads(value: Json) -> Json:
    """An uploaded file has its id as its name."""
    return {**value, "filename": f"{value['id']}.bin"} if value.get("type") == "file" else value


@fault("adjacent", trips={"adjacent.files.life"}, at=Stage.OBJECTS)
def measure_uploads_wrongly(value: Json) -> Json:
    """The size of a file is that of its base64 form."""
    if value.get("type") != "file":
        return value
    return {**value, "size_bytes": value["size_bytes"] * 4 // 3 + 1}


@fault("adjacent", trips={"adjacent.files.life"}, at=Stage.OBJECTS)
def hide_new_files(value: Json) -> Json:
    """The list of files has the oldest two first, and no new ones."""
    if "next_page" not in value:
        return value
    return {**value, "data": [item for item in value["data"] if "Older" in item["id"]] * 2}


@fault("adjacent", trips={"adjacent.files.expiry"}, at=Stage.OBJECTS)
def keep_files_forever(value: Json) -> Json:
    """A file that should expire has no expires_at."""
    return {**value, "expires_at": None} if value.get("type") == "file" else value


@fault("adjacent", trips={"adjacent.files.used"}, at=Stage.BODY)
def ignore_documents_of_files(body: Json, context: RequestContext) -> Json:
    """The text of a document that is named by the id of its file does not reach the model."""
    if b'"file_id"' not in context.request.body:
        return body
    turns = [
        {**turn, "content": [block for block in turn["content"] if block.get("type") != "document"]}
        for turn in body["messages"]
    ]
    return {**body, "messages": turns}
