"""How long a tenant's things are kept."""

from andon_api.asks.keeping import keep
from andon_api.database import Row, db
from andon_api.http.rest import Blueprint
from andon_api.principal import principal
from andon_api.reads import keeping
from andon_api.schemas import KeepingChange, KeepingSchema

blueprint = Blueprint("keeping", __name__, description="How long what you have is kept")


@blueprint.get("/keeping")
@blueprint.answers(200, KeepingSchema)
def mine() -> Row:
    """How long what the key's tenant has is kept: by its own wish, and everybody's where it has none."""
    return keeping.of(principal().tenant)


@blueprint.patch("/keeping")
@blueprint.body(KeepingChange)
@blueprint.answers(200, KeepingSchema)
def change(body: Row) -> Row:
    """Keep it longer or shorter from the next prune on. What isn't named stays as it is; null is as everybody's."""
    keep(body)
    db.session.commit()
    return keeping.of(principal().tenant)
