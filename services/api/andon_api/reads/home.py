"""What goes on: which runs go, what has failed lately, how long queues and cancels take."""

import datetime as dt

from sqlalchemy import func, select

from andon.adapters.postgres.models import Run
from andon.engine.ids import first_id
from andon_api.database import Row, now, rows
from andon_api.reads import runs

_RUN = Run.__table__
SHOWN = 8
LATELY = dt.timedelta(hours=24)
HOUR = dt.timedelta(hours=1)
SAMPLED = 3_000
CANCELS = 60
GOING = ("running", "cancelling")


def going(tenant: str) -> list[Row]:
    """The newest runs that a worker executes."""
    page = runs.listed(tenant, {"limit": SHOWN, "cursor": None, "status": list(GOING)})
    return list(page["items"])


def failed(tenant: str) -> list[Row]:
    """The newest runs that have failed in the last day, cleanup among them; that which failed last is the first."""
    asked = {"limit": SHOWN, "cursor": None, "status": ["failed"], "queued_after": now() - LATELY}
    return sorted(runs.listed(tenant, asked)["items"], key=lambda run: run["ended_at"], reverse=True)


def queued_times(tenant: str) -> list[Row]:
    """When the newest runs of the last hour were queued and taken."""
    taken = func.coalesce(_RUN.c.started_at, _RUN.c.ended_at).label("taken_at")
    query = select(_RUN.c.queued_at, taken).where(_RUN.c.tenant == tenant, _RUN.c.id >= first_id(now() - HOUR))
    return rows(query.order_by(_RUN.c.id.desc()).limit(SAMPLED))


def cancel_seconds(tenant: str) -> list[float]:
    """How long the code of the runs that were cancelled last took to stop, the newest last."""
    took = func.extract("epoch", _RUN.c.cancel_stopped_at - _RUN.c.cancel_requested_at).label("took")
    query = (
        select(took)
        .where(
            _RUN.c.tenant == tenant,
            _RUN.c.cancel_event_seq.is_not(None),
            _RUN.c.cancel_stopped_at.is_not(None),
            _RUN.c.started_at.is_not(None),
        )
        .order_by(_RUN.c.cancel_event_seq.desc())
        .limit(CANCELS)
    )
    return [float(each["took"]) for each in rows(query)][::-1]
