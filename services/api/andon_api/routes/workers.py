"""Who works here."""

from andon.adapters.postgres import workers
from andon_api.database import Row, connection
from andon_api.http.rest import Blueprint
from andon_api.schemas import WorkerSchema, page_of

blueprint = Blueprint("workers", __name__, description="Who executes runs")


@blueprint.get("/workers")
@blueprint.answers(200, page_of(WorkerSchema))
def listed() -> Row:
    """The workers that are there, the oldest first: one that says nothing for a minute is not."""
    return {"items": [vars(each) for each in workers.listed(connection())], "next_cursor": None}
