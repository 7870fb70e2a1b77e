"""A report's files, as they were published."""

from __future__ import annotations

from flask import request, send_file
from werkzeug import Response

from andon.adapters.postgres.requests import NotFound
from andon_api.database import Row
from andon_api.principal import principal
from andon_api.reads import reports
from andon_api.rest import Blueprint
from andon_api.schemas import ArtifactQuery
from andon_api.services import services

blueprint = Blueprint("artifacts", __name__, description="The files that come out")

# A report's page is made from somebody's data: it runs no script, belongs to no origin, and reaches nothing.
SANDBOX = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)


@blueprint.get("/reports/<id>/artifacts/<name>")
@blueprint.answers(200, content_type="application/octet-stream")
@blueprint.query(ArtifactQuery)
@blueprint.may_answer(404, 416)
def download(query: Row, id: str, name: str) -> Response:
    """The file; `?inline=true` shows it instead of saving it. Ranges and If-None-Match work."""
    found = reports.artifact(principal().tenant, id, name)
    if found is None:
        raise NotFound("Artifact not found")
    response = send_file(
        services().storage.open(found["key"]),
        mimetype=found["media_type"],
        as_attachment=not query["inline"],
        download_name=found["name"],
        conditional=False,
        etag=found["key"],
        last_modified=found["created_at"],
    )
    response.content_length = found["bytes"]
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Content-Security-Policy"] = SANDBOX
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response.make_conditional(request, accept_ranges=True, complete_length=found["bytes"])
