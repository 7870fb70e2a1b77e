"""How long a tenant's things are kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from andon.adapters.postgres.upkeep.keeping import Keeping, forget_keeping, keeping_of, set_keeping
from andon_api.asks.auditing import note
from andon_api.database import Row, connection, db
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


def keep(changes: Mapping[str, dt.timedelta | None]) -> None:
    """Change some of the tenant's times, in the session's transaction."""
    tenant = principal().tenant
    before = keeping_of(connection(), tenant, lock=True)
    after = before._replace(**changes)
    if after == before:
        return
    if after == Keeping():
        forget_keeping(connection(), tenant)
        note("keeping.forgotten", tenant)
    else:
        set_keeping(connection(), tenant, after)
        note("keeping.set", tenant, **after.written())
