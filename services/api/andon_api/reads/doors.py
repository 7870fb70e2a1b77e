"""Why a queued run doesn't start: at which door it stands, at which place, and who holds what it waits for.

One whose function no module declares stands at none, and waits for a deploy.
"""

from uuid import UUID

from sqlalchemy import and_, func, select, tuple_

from andon.adapters.cel import value_of
from andon.adapters.postgres.doors import pauses
from andon.adapters.postgres.models import Run, Slot
from andon.engine.declared.declarations import from_json
from andon.engine.declared.gates import HEAD, Gate, gates_of, pause_key
from andon.engine.events import Event
from andon_api.database import Row, connection, db, rows
from andon_api.reads import registered

MOST_COUNTED = 10_000
MOST_HOLDERS = 20
_RUN = Run.__table__
_SLOT = Slot.__table__
_STANDING = and_(_RUN.c.status == "queued", _RUN.c.door.is_not(None))


def queued_for(run: Row) -> Row | None:
    """What a run stands for, with its place and the length of the line, each counted up to ten thousand."""
    door = run["door"]
    if run["status"] != "queued":
        return None
    if door is None:
        served = db.session.scalar(select(registered.is_served(run["function_id"])))
        return None if served else _unserved(run)
    line = and_(_STANDING, _RUN.c.door == door)
    before = and_(line, tuple_(_RUN.c.door_order, _RUN.c.id) < (run["door_order"], run["id"]))
    return {**_rule(run, door), "place": _count(before) + 1, "of": _count(line), "holders": _holders(run, door)}


def _unserved(run: Row) -> Row:
    same = (_RUN.c.tenant == run["tenant"], _RUN.c.function_id == run["function_id"])
    line = and_(_RUN.c.status == "queued", _RUN.c.door.is_(None), *same)
    place = _count(and_(line, _RUN.c.id < run["id"])) + 1
    return {"rule": "function", "key": None, "place": place, "of": _count(line), "holders": []}


def _rule(run: Row, door: UUID) -> Row:
    if door == run["subject_id"]:
        return {"rule": "subject", "key": None}
    if (gate := _gate(run, door)) is not None:
        event = Event(run["event"]["name"], run["event"]["data"] or {}, user=run["event"]["user"], tenant=run["tenant"])
        try:
            value = gate.value(event, value_of)
        except ValueError:
            value = "?"
        return {"rule": gate.kind, "key": gate.key and f"{gate.key} = {value[:200]}"}
    for each in pauses.listed(connection()):
        if pause_key(each.tenant, each.kind, each.name) == door:
            return {"rule": "pause", "key": f"{each.kind} {each.name}"}
    return {"rule": None, "key": None}


def gates(function: Row) -> tuple[Gate, ...]:
    """Those of a function that is registered; none of one that another release declares."""
    try:
        return gates_of(from_json(function["settings"]["declaration"]))
    except (TypeError, ValueError, KeyError, AttributeError):
        return ()


def _gate(run: Row, door: UUID) -> Gate | None:
    own = (gate for each in registered.listed() if each["id"] == run["function_id"] for gate in gates(each))
    return next((gate for gate in own if gate.head == door.bytes[:HEAD]), None)


def _count(condition: object) -> int:
    bounded = select(_RUN.c.id).where(condition).limit(MOST_COUNTED).subquery()  # type: ignore[arg-type]
    return int(db.session.execute(select(func.count()).select_from(bounded)).scalar_one())


def _holders(run: Row, door: UUID) -> list[str]:
    """The tenant's own runs that hold a slot of the door, or the subject."""
    if door == run["subject_id"]:
        held = and_(_RUN.c.subject_id == door, _RUN.c.id != run["id"], _RUN.c.ended_at.is_(None))
        return [str(row["id"]) for row in rows(select(_RUN.c.id).where(held).limit(MOST_HOLDERS))]
    open_ = and_(_RUN.c.ended_at.is_(None), _RUN.c.door.is_(None), _RUN.c.tenant == run["tenant"])
    query = select(_RUN.c.id).join(_SLOT, _SLOT.c.run_id == _RUN.c.id).where(_SLOT.c.key == door, open_)
    return [str(row["id"]) for row in rows(query.order_by(_RUN.c.id).limit(MOST_HOLDERS))]
