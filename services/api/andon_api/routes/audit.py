"""The audit: who has changed what."""

from andon_api.database import Row
from andon_api.http.rest import Blueprint
from andon_api.principal import principal
from andon_api.reads import audit
from andon_api.schemas import AuditQuery, AuditSchema, page_of

blueprint = Blueprint("audit", __name__, description="Who has changed what")


@blueprint.get("/audit")
@blueprint.query(AuditQuery)
@blueprint.answers(200, page_of(AuditSchema))
def listed(query: Row) -> Row:
    """Who has changed what, newest first. Requests and cancels of runs are events: the log has those."""
    return audit.listed(principal().tenant, **query)
