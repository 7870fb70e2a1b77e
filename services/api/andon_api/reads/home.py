"""What goes on: which runs go, what the others wait for, what has failed lately, how long queues and cancels take."""

import datetime as dt
from uuid import UUID

from sqlalchemy import and_, case, exists, func, select

from andon.adapters.postgres.models import Run, StepRow
from andon_api.database import Row, now, rows
from andon_api.reads import runs
from andon_api.reads.events import is_served

_RUN = Run.__table__
_STEP = StepRow.__table__
SHOWN = 8
LATELY = dt.timedelta(hours=24)
HOUR = dt.timedelta(hours=1)
MOST = 10_000  # of what is counted
SAMPLED = 3_000
CANCELS = 60
GOING = ("running", "cancelling")
WAITING = ("queued", "waiting")
REASONS = {
    "worker": "for a free lane of a worker",
    "function": "for a worker with their function, which no module that is served declares",
    "limit": "for a limit, the end of a pause, or the run before them",
    "quiet": "for their events to stop coming",
    "event": "for an event, or for another run",
    "retry": "to try a step again",
    "sleep": "for a time that was set",
}


def going(tenant: str) -> list[Row]:
    """The newest runs that a worker executes."""
    page = runs.listed(tenant, {"limit": SHOWN, "cursor": None, "status": list(GOING)})
    return list(page["items"])


def failed(tenant: str) -> list[Row]:
    """The newest runs that have failed in the last day, cleanup among them; that which failed last is the first."""
    asked = {"limit": SHOWN, "cursor": None, "status": ["failed"], "queued_after": now() - LATELY}
    return sorted(runs.listed(tenant, asked)["items"], key=lambda run: run["ended_at"], reverse=True)


def waiting(tenant: str) -> list[Row]:
    """How many runs wait for what, and since when the one that has waited longest; of very many, the oldest."""
    tried = exists().where(_STEP.c.run_id == _RUN.c.id, _STEP.c.status == "retrying")
    why = case(
        (and_(_RUN.c.status == "queued", _RUN.c.door.is_not(None)), "limit"),
        (and_(_RUN.c.status == "queued", ~is_served(_RUN.c.function_id)), "function"),
        (_RUN.c.status == "queued", "worker"),
        (_RUN.c.debounce_key.is_not(None), "quiet"),
        (_RUN.c.wake_at.is_(None), "event"),
        (_RUN.c.error.is_not(None), "retry"),
        (tried, "retry"),
        else_="sleep",
    ).label("why")
    some = (
        select(why, _RUN.c.queued_at, _RUN.c.wake_at)
        .where(_RUN.c.tenant == tenant, _RUN.c.status.in_(WAITING))
        .order_by(_RUN.c.id)
        .limit(MOST)
        .subquery()
    )
    counted = select(
        some.c.why,
        func.count().label("count"),
        func.min(some.c.queued_at).label("since"),
        func.min(some.c.wake_at).label("next"),
    ).group_by(some.c.why)
    return [{**each, "words": REASONS[each["why"]]} for each in rows(counted.order_by(func.count().desc()))]


def queued_times(tenant: str) -> list[Row]:
    """When the newest runs of the last hour were queued and taken."""
    floor = UUID(int=int((now() - HOUR).timestamp() * 1000) << 80)
    taken = func.coalesce(_RUN.c.started_at, _RUN.c.ended_at).label("taken_at")
    query = select(_RUN.c.queued_at, taken).where(_RUN.c.tenant == tenant, _RUN.c.id >= floor)
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
