"""The audit: who has changed what."""

from andon_api.database import Row
from andon_api.http.rest import Blueprint
from andon_api.principal import principal
from andon_api.reads import audit
from andon_api.schemas import AuditQuery, AuditSchema

blueprint = Blueprint("audit", __name__, description="Who has changed what")


@blueprint.lists("/audit", AuditSchema, AuditQuery)
def listed(query: Row) -> Row:
    """Who has changed what, newest first. Requests and cancels of runs are events: the log has those."""
    return audit.listed(principal().tenant, **query)
