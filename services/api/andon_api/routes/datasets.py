"""Datasets: upload a file, see what there is."""

from flask import Response, request

from andon.adapters.postgres.asks.requests import there
from andon.engine.ids import parse_id
from andon_api.asks import uploads
from andon_api.database import Row
from andon_api.http.effects import Outcome, perform, performs
from andon_api.http.etags import precondition, tagged
from andon_api.http.rest import PREFIX, Blueprint
from andon_api.principal import principal
from andon_api.reads import datasets
from andon_api.schemas import DatasetSchema, PageQuery

blueprint = Blueprint("datasets", __name__, description="Files that reports are made from")

_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {
                        "type": "string",
                        "format": "binary",
                        "contentMediaType": "application/octet-stream",
                    },
                    "reading": {
                        "type": "string",
                        "contentMediaType": "application/json",
                        "description": "an object of what is known of how the file is written: "
                        "encoding, delimiter, quote, header, sheet",
                    },
                },
            }
        }
    },
}


@blueprint.post("/datasets")
@blueprint.documented(requestBody=_BODY)
@blueprint.answers(201, DatasetSchema)
@performs
def upload() -> object:
    """Upload a CSV, TSV, JSON, JSON Lines or Parquet file, which may be gzipped, or an Excel workbook."""
    with uploads.received(request) as file:

        def keep() -> Outcome:
            dataset_id = uploads.keep(principal(), file)
            shown = DatasetSchema().dump(datasets.find(principal().tenant, dataset_id))
            return Outcome(shown, 201, {"Location": f"{PREFIX}/datasets/{dataset_id}"})

        return perform(keep, lambda: f"{file.name}\n{file.sha256}\n{request.form.get('reading', '')}".encode())


@blueprint.lists("/datasets", DatasetSchema, PageQuery)
def listed(query: Row) -> Row:
    """Datasets, newest first."""
    return datasets.listed(principal().tenant, **query)


@blueprint.get("/datasets/<id>")
@blueprint.answers(200, DatasetSchema)
@blueprint.conditional
def one(id: str) -> Response:
    """A dataset with its columns."""
    found = there(datasets.find(principal().tenant, id), "Dataset not found")
    return tagged(DatasetSchema().dump(found), of=found["id"], version=uploads.VERSION)


@blueprint.delete("/datasets/<id>")
@blueprint.answers(204)
@blueprint.may_answer(409)
@blueprint.guarded
def delete(id: str) -> Response:
    """Delete a dataset that no report uses, and its file."""
    dataset_id = there(parse_id(id), "Dataset not found")
    uploads.delete(principal().tenant, dataset_id, precondition(dataset_id))
    return Response(status=204)
