"""Cancels that name a subject: they stop the run of its newest request, made or not yet made."""

import uuid
from collections.abc import Mapping, Sequence

from andon.adapters.postgres.cancels import keyed
from andon.adapters.postgres.cancels.marks import Mark
from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.subjects import subjects
from andon.adapters.postgres.subjects.subjects import State
from andon.engine.declared.subjects import id_text, subject_id
from andon.engine.events import SUBJECT_CANCELLED, Event


def named_by(connection: Connection, events: Sequence[Event]) -> dict[uuid.UUID, Event]:
    """The subjects that these events cancel by name, each with the first that does.

    Raises `RowAway` where only a row says which is meant, and it can't be looked for now.
    """
    cancels = [each for each in events if each.name == SUBJECT_CANCELLED]
    named = [(each, str(each.data["kind"]), str(id_text(each.data["id"]))) for each in cancels]
    known = subjects.known(connection, (subject_id(each.tenant, kind, id) for each, kind, id in named))
    sought = [each for each in named if subject_id(each[0].tenant, each[1], each[2]) not in known]
    rows = subjects.find_named(connection, [(kind, each, id) for each, kind, id in sought])
    spelled = {(each.id, kind): row.key for (each, kind, _), row in zip(sought, rows, strict=True) if row.key}
    found: dict[uuid.UUID, Event] = {}
    for each, kind, id in named:
        found.setdefault(subject_id(each.tenant, kind, spelled.get((each.id, kind), id)), each)
    return found


def marks(connection: Connection, cancelled: Mapping[uuid.UUID, Event]) -> list[Mark]:
    """The marks of their current runs, where these were requested before. The run of a request that isn't made yet will
    be made as cancelled. The subjects are locked by the caller.
    """
    states = subjects.states(connection, cancelled)
    found = []
    for id, event in cancelled.items():
        state = states.get(id, State())
        if state.status != "active" or state.request_seq >= event.seq:
            continue
        if state.current_run_id is not None:
            found.append(Mark(state.current_run_id, event))
        elif not state.cancelling and state.request_event_id is not None:
            keyed.remember_request_cancel(connection, event, state.request_event_id)
            subjects.show_cancel(connection, id)
    return found
