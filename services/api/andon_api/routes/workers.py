"""Who works here."""

from andon.adapters.postgres import workers
from andon_api.database import Row, connection
from andon_api.http.rest import Blueprint
from andon_api.schemas import WorkerSchema

blueprint = Blueprint("workers", __name__, description="Who executes runs")


@blueprint.lists("/workers", WorkerSchema)
def listed() -> Row:
    """The workers that are there, the oldest first: one that says nothing for a minute is not."""
    return {"items": [vars(each) for each in workers.listed(connection())], "next_cursor": None}
