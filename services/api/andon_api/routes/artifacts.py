"""Files of runs and reports, as they were published."""

import re

from flask import request, send_file
from werkzeug import Response

from andon.adapters.postgres.asks.requests import there
from andon_api.database import Row
from andon_api.http.rest import FILES, Blueprint
from andon_api.principal import principal
from andon_api.reads import artifacts, runs
from andon_api.schemas import ArtifactQuery, ArtifactsSchema
from andon_api.services import services

blueprint = Blueprint("artifacts", __name__, description="The files that come out")

# A report's page is made from somebody's data: it runs no script, belongs to no origin, and reaches nothing.
SANDBOX = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)
_RANGE = re.compile(r"bytes=\s*(\d+-\d*|-\d+)\s*", re.IGNORECASE)


@blueprint.get("/reports/<id>/artifacts/<name>")
@blueprint.sends(200, *FILES)
@blueprint.partial
@blueprint.query(ArtifactQuery)
def download(query: Row, id: str, name: str) -> Response:
    """The file; `?inline=true` shows it instead of saving it. Ranges and If-None-Match work."""
    return _sent(artifacts.one_of_report(principal().tenant, id, name), query["inline"])


@blueprint.get("/runs/<id>/artifacts")
@blueprint.answers(200, ArtifactsSchema)
def listed(id: str) -> Row:
    """What the run has published: nothing, unless it has completed."""
    return {"items": artifacts.of_run(there(runs.own(principal().tenant, id), "Run not found"))}


@blueprint.get("/runs/<id>/artifacts/<name>")
@blueprint.sends(200, *FILES)
@blueprint.partial
@blueprint.query(ArtifactQuery)
def download_of_run(query: Row, id: str, name: str) -> Response:
    """A run's file; as a report's."""
    return _sent(artifacts.one_of_run(principal().tenant, id, name), query["inline"])


def _sent(artifact: Row | None, inline: bool) -> Response:
    found = there(artifact, "Artifact not found")
    response = send_file(
        services().storage.open(found["key"]),
        mimetype=found["media_type"],
        as_attachment=not inline,
        download_name=found["name"],
        conditional=False,
        etag=found["key"],
        last_modified=found["created_at"],
    )
    response.content_length = found["bytes"]
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Content-Security-Policy"] = SANDBOX
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response.make_conditional(_with_a_range(), accept_ranges=True, complete_length=found["bytes"])


def _with_a_range() -> Row:
    """What the answer is conditional on. Of ranges one of bytes is known, and any other is as none (RFC 9110, 14.2)."""
    environ = dict(request.environ)
    if not _RANGE.fullmatch(environ.get("HTTP_RANGE", "")):
        environ.pop("HTTP_RANGE", None)
    return environ
