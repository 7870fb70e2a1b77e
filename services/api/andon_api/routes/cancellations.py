"""Bulk cancel: stop many runs of one function at once, or see first how many that would be."""

from andon.adapters.postgres.asks.requests import there
from andon_api.asks.cancellations import NO_CANCELLATION, ask
from andon_api.database import Row
from andon_api.http.effects import Outcome, effect
from andon_api.http.rest import Blueprint
from andon_api.principal import principal
from andon_api.reads import cancellations
from andon_api.schemas import BulkCancelBody, CancellationSchema, StartedCancellationSchema

blueprint = Blueprint("cancellations", __name__, description="Cancel many runs at once")


@blueprint.post("/cancellations")
@blueprint.body(BulkCancelBody)
@blueprint.answers(202, StartedCancellationSchema)
@blueprint.can_wait(
    StartedCancellationSchema, "With dryRun: how many runs would be cancelled now. With Prefer: wait, how many were"
)
@effect
def start(body: Row) -> Outcome:
    """Cancel the runs of a function, or with a tag, that are open, were queued in a time, and match an expression."""
    return ask(body)


@blueprint.get("/cancellations/<id>")
@blueprint.answers(200, CancellationSchema)
def one(id: str) -> Row:
    """How far a bulk cancel is, and how many runs it has matched."""
    return there(cancellations.find(principal().tenant, id), NO_CANCELLATION)
