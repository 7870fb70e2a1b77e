"""What runs that don't go wait for: how many for what, since when, and which."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, and_, case, cast, exists, func, select, true

from andon.adapters.postgres.models import FunctionRow, Run, StepRow, Wait
from andon.client.waiting_for import FORMER, WAITING_FOR, said
from andon.engine.declared.gates import HEAD, pause_key
from andon.engine.steps.waiting import CHILD_ENDED
from andon_api.database import Row, rows
from andon_api.reads import doors, registered

_RUN = Run.__table__
_STEP = StepRow.__table__
_WAIT = Wait.__table__
_FUNCTION = FunctionRow.__table__
MOST = 2_000
"""Of very many of a function that wait the oldest are looked at."""


def counted(tenant: str) -> list[Row]:
    """How many wait for what, most first; since when the oldest, and when the first of them goes on by the clock."""
    kinds, looked_at, found = _kinds(), _looked_at(tenant).subquery(), dict[str, Row]()
    what = looked_at.c.what
    query = select(
        what,
        func.count().label("count"),
        func.min(looked_at.c.queued_at).label("since"),
        func.min(looked_at.c.wake_at).label("next"),
    ).group_by(what)
    for each in rows(query):
        kind = kinds.get(each["what"], FORMER)
        known = found.setdefault(kind, {**each, "what": kind, "words": said(kind), "count": 0})
        known["count"] += each["count"]
        known["since"] = min(known["since"], each["since"])
    return sorted(found.values(), key=lambda each: -each["count"])


def ids(tenant: str, kind: str) -> Select[Any]:
    """Of the runs that wait for this."""
    kinds, looked_at = _kinds(), _looked_at(tenant).subquery()
    what = looked_at.c.what
    if kind == FORMER:
        return select(looked_at.c.id).where(what.not_in(list(kinds)))
    return select(looked_at.c.id).where(what.in_([each for each, named in kinds.items() if named == kind]))


def _looked_at(tenant: str) -> Select[Any]:
    """`what` they wait for: a key of `_kinds`."""
    waits = exists().where(_WAIT.c.run_id == _RUN.c.id)
    tried = exists().where(_STEP.c.run_id == _RUN.c.id, _STEP.c.status == "retrying")
    queued = _RUN.c.status == "queued"
    what = case(
        (and_(queued, _RUN.c.door == _RUN.c.subject_id), "subject"),
        (and_(queued, _RUN.c.door.is_not(None)), func.left(cast(_RUN.c.door, Text), len(_text(b"")))),
        (and_(queued, ~registered.is_served(_RUN.c.function_id)), "function"),
        (queued, "worker"),
        (_RUN.c.debounce_key.is_not(None), "quiet"),
        (waits.where(_WAIT.c.event == CHILD_ENDED), "child"),
        (waits, "event"),
        (_RUN.c.error.is_not(None), "retry"),
        (tried, "retry"),
        else_="sleep",
    ).label("what")
    waiting = and_(_RUN.c.tenant == tenant, _RUN.c.status.in_(("queued", "waiting")))
    of_one = select(_RUN.c.id, _RUN.c.queued_at, _RUN.c.wake_at, what)
    of_one = of_one.where(waiting, _RUN.c.function_id == _FUNCTION.c.id).order_by(_RUN.c.id).limit(MOST)
    oldest = of_one.correlate(_FUNCTION).lateral()
    return select(oldest).select_from(_FUNCTION.join(oldest, true()))


def _kinds() -> dict[str, str]:
    """The keys of `WAITING_FOR` by what SQL can tell: they themselves, and the beginnings of doors."""
    declared = {_text(gate.head): gate.kind for each in registered.listed() for gate in doors.gates(each)}
    return {**{kind: kind for kind in WAITING_FOR}, _text(pause_key("", "", "").bytes): "pause", **declared}


def _text(door: bytes) -> str:
    """What of a door's text names its limit."""
    return str(UUID(bytes=door[:HEAD].ljust(16, b"\0")))[: HEAD * 2 + 1]
