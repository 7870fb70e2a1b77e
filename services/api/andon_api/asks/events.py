"""Record events, and replay those that were dead."""

import base64
import math
import time
from collections.abc import Sequence
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert

from andon.adapters.cel import TooLong
from andon.adapters.postgres.asks.accepting import Accepted, accept_effects, concerned
from andon.adapters.postgres.asks.requests import Conflict, there
from andon.adapters.postgres.events.inbox import accept
from andon.adapters.postgres.models import DeadEvent, OutboxRow
from andon.adapters.redis.bus import STREAM, digest
from andon.adapters.redis.stream.reading import CUT
from andon.engine.events import Event
from andon_api.access.admission import admit, check_data
from andon_api.access.auditing import note
from andon_api.database import Row, connection, db
from andon_api.http.effects import Outcome, at_once
from andon_api.http.prefer_wait import Known
from andon_api.http.problems import FieldErrors, Problem
from andon_api.principal import principal
from andon_api.reads import events
from andon_api.schemas import EffectsSchema
from andon_api.services import services

CUT_AT = 1024 * 1024  # longer values were not kept whole
LARGEST_ID = 2**63
LONGEST_SECONDS = 2.0  # that the expressions of a request's events may take together; one's are bounded


def replay(tenant: str, id: int) -> Row:
    """Put it on the bus again, in the session's transaction; replayed twice, it has no second effect.

    An event that was accepted goes back to the outbox, whence the dispatcher publishes it. If it still can't be
    an event, or can't take effect, it is buried anew, with the reason of now. Raises `NotFound`, or `Conflict`.
    """
    found = there(events.dead_one(tenant, id) if 0 < id < LARGEST_ID else None, "Dead event not found")
    if found["event_seq"] is None:
        _add(found)
    elif found["replayed_at"] is None:
        db.session.execute(insert(OutboxRow).values(event_seq=found["event_seq"]).on_conflict_do_nothing())
    note("dead-event.replayed", id)
    table = DeadEvent.__table__
    db.session.execute(update(DeadEvent).where(table.c.id == id).values(replayed_at=func.clock_timestamp()))
    return events.dead_one(tenant, id) or found


def _add(found: Row) -> None:
    try:
        services().redis.xadd(STREAM, _entry(found["stream_id"], found["fields"]))  # type: ignore[arg-type]
    except RedisError:
        raise Problem(503, "Redis doesn't answer at the moment; try again.", headers={"Retry-After": "2"}) from None


def _entry(stream_id: str, kept: Sequence[Sequence[str]]) -> dict[bytes, bytes]:
    """The entry's fields. Without an id of its own, it gets the one that the dispatcher would have given it."""
    fields = {base64.b64decode(key): base64.b64decode(value) for key, value in kept}
    if CUT in fields or any(len(value) >= CUT_AT for value in fields.values()):
        raise Conflict("The entry was too large to be kept whole: it can't be replayed")
    return fields if fields.get(b"id") else {**fields, b"id": f"{stream_id}-{digest(fields)}".encode()}


def record(given: list[Event]) -> Outcome:
    """Record the events; one whose id is known has no second effect."""
    admit(given)
    check_data(given)
    accepted = _accept(given)
    answer: Row = {"ids": [event.id for event in given]}
    if accepted.stopped != []:
        answer["stops"] = {"runs": list(map(str, accepted.stopped or [])), "many": accepted.stopped is None}
    tenant = principal().tenant

    def dispatched() -> Row | None:
        found = events.effects_once_dispatched(tenant, answer["ids"])
        return None if found is None else {**answer, "effects": [EffectsSchema().dump(each) for each in found]}

    told: dict[str, Any] = {"events": accepted.events, "flags": accepted.flags}
    told |= {"ended": accepted.over, "subjects": accepted.subjects}
    return Outcome(answer, known=Known(dispatched), **told)


def _accept(given: list[Event]) -> Accepted:
    """Events that cancel nothing and move no subject are one statement; others do it in their transaction."""
    with at_once() as own:
        rules = concerned(own, given)
        if rules is None:
            return Accepted(accept(own, given), {}, [])
    until = time.monotonic() + LONGEST_SECONDS if len(given) > 1 else math.inf
    try:
        return accept_effects(connection(), given, rules, until=until)
    except TooLong:
        raise FieldErrors(
            [("", "the expressions that so many events meet take too long: send fewer at once")]
        ) from None
