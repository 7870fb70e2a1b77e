"""Change how long a tenant's things are kept, in the session's transaction."""

import datetime as dt
from collections.abc import Mapping

from andon.adapters.postgres.upkeep.keeping import Keeping, forget_keeping, keeping_of, set_keeping
from andon_api.access.auditing import note
from andon_api.database import connection
from andon_api.principal import principal


def keep(changes: Mapping[str, dt.timedelta | None]) -> None:
    """Change some of the tenant's times."""
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
