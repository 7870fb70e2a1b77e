"""What a tenant uses."""

from andon_api.database import Row
from andon_api.http.rest import Blueprint
from andon_api.principal import principal
from andon_api.reads import usage
from andon_api.schemas import UsageSchema
from andon_api.services import services

blueprint = Blueprint("usage", __name__, description="What you use")


@blueprint.get("/usage")
@blueprint.answers(200, UsageSchema)
def mine() -> Row:
    """What the key's tenant uses now, and used in the last day: runs, thread time, storage, refusals."""
    return usage.of(principal().tenant, services().redis)
