"""The log of events, with what each one started and cancelled."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import exists, func, select

from andon.adapters.postgres.events import skips
from andon.adapters.postgres.models import DeadEvent, EventRow, OutboxRow, Run, Skip
from andon.engine.dispatch.hearing import unheard
from andon.engine.events import OWN, why_only_ours
from andon_api.database import Row, rows
from andon_api.http import paging
from andon_api.http.paging import Listing
from andon_api.reads import registered
from andon_api.reads.room import fitting
from andon_api.reads.unmatched import why_nothing

_EVENT = EventRow.__table__
_RUN = Run.__table__
_OUTBOX = OutboxRow.__table__
_DEAD = DeadEvent.__table__
_SKIP = Skip.__table__


def find(tenant: str, id: str) -> Row | None:
    """One event. One that has done nothing says why in `note`, if that is known: no cancel, or nobody's."""
    if "\x00" in id:
        return None
    found = _with_effects(rows(select(_EVENT).where(_EVENT.c.tenant == tenant, _EVENT.c.id == id)))
    if not found:
        return None
    event = found[0]
    known = registered.listed()
    event["note"] = None if event["effects"]["cancelled"] else why_nothing(event, known)
    if not any(event["effects"].values()) and event["note"] is None and why_only_ours(event["name"]) is None:
        event["note"] = unheard(event["name"], names_heard(known))
    return event


def names_heard(functions: Sequence[Row]) -> set[str]:
    """The names of events that these start, or are cancelled, on."""
    return {on["event"] for each in functions for on in (*each["triggers"], *each["cancel_on"]) if "event" in on}


def listed(tenant: str, *, limit: int, cursor: str | None, name: str | None = None, own: bool = True) -> Row:
    """A page of events, newest first; without `own`, none of those that Andon itself sends."""
    query = select(_EVENT).where(_EVENT.c.tenant == tenant)
    listing = Listing("events", {"name": name, **({} if own else {"own": False})})
    if not own:
        query = query.where(~func.starts_with(_EVENT.c.name, OWN))
    if name is not None:
        query = query.where(_EVENT.c.name == name)
    if after := listing.decode(cursor, paging.seq):
        query = query.where(_EVENT.c.seq < after[0])
    query = query.order_by(_EVENT.c.seq.desc())
    made = listing.page(*fitting(query, limit, "data"), lambda row: [row["seq"]])
    return {**made, "items": _with_effects(made["items"])}


def effects_once_dispatched(tenant: str, ids: Sequence[str]) -> list[Row] | None:
    """What these events did, in this order; None while one of them waits for the dispatcher."""
    waits = exists().where(_OUTBOX.c.event_seq == _EVENT.c.seq)
    query = select(_EVENT.c.id, _EVENT.c.seq, waits.label("waits")).where(_EVENT.c.tenant == tenant)
    found = rows(query.where(_EVENT.c.id.in_(ids)))
    if any(each["waits"] for each in found):
        return None
    effects = {each["id"]: each["effects"] for each in _with_effects(found)}
    return [effects[id] for id in ids]


def dead(tenant: str, *, limit: int, cursor: str | None) -> Row:
    """A page of dead events, newest first."""
    query = select(_DEAD).where(_DEAD.c.tenant == tenant)
    listing = Listing("dead-events")
    if after := listing.decode(cursor, paging.seq):
        query = query.where(_DEAD.c.id < after[0])
    query = query.order_by(_DEAD.c.id.desc())
    found, limit = fitting(query, limit, "fields")
    return listing.page([{**row, "fields_": row["fields"]} for row in found], limit, lambda row: [row["id"]])


def dead_one(tenant: str, id: int) -> Row | None:
    """One dead event, locked."""
    query = select(_DEAD).where(_DEAD.c.tenant == tenant, _DEAD.c.id == id).with_for_update()
    found = rows(query)
    return {**found[0], "fields_": found[0]["fields"]} if found else None


def _with_effects(events: list[Row]) -> list[Row]:
    seqs = [event["seq"] for event in events]
    started = _runs_by(_RUN.c.event_seq, seqs, _RUN.c.kind == "function")
    cancelled = _runs_by(_RUN.c.cancel_event_seq, seqs)
    skipped = _skipped(seqs)
    for event in events:
        seq = event["seq"]
        event["effects"] = {"started": started[seq], "cancelled": cancelled[seq], "skipped": skipped[seq]}
    return events


def _skipped(seqs: list[int]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    if seqs:
        for row in rows(select(_SKIP).where(_SKIP.c.event_seq.in_(seqs)).order_by(_SKIP.c.function_id)):
            found[row["event_seq"]].append({**row, "why": skips.sentence(row["reason"], row["detail"])})
    return found


def _runs_by(column: Any, seqs: list[int], *conditions: Any) -> dict[int, list[UUID]]:
    found: dict[int, list[UUID]] = defaultdict(list)
    if seqs:
        query = select(_RUN.c.id, column.label("seq")).where(column.in_(seqs), *conditions).order_by(_RUN.c.id)
        for row in rows(query):
            found[row["seq"]].append(row["id"])
    return found
