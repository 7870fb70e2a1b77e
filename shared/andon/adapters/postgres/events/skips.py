"""Why an event started no run of a function that it could have started: the dispatcher records it, people read it.

A reason is a word and a sentence. Whoever leaves a run unmade for a reason that isn't here adds it.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from andon.adapters.postgres.connect import Connection, columns
from andon.engine.memos import plain

MOST_DETAIL = 2_000
"""Characters of each text in a detail."""


class Reason(StrEnum):
    """Why, as a word; `sentence` says it to people."""

    CONDITION_FAILED = "condition_failed"
    UNFIT = "unfit"
    IDEMPOTENT = "idempotent"
    RATE_LIMITED = "rate_limited"
    DEBOUNCED = "debounced"
    SINGLETON = "singleton"
    OVERLAP = "overlap"
    MISSED = "missed"
    PARENT_CANCELLED = "parent_cancelled"
    NO_SUBJECT = "no_subject"
    NO_ROW = "no_row"
    SUPERSEDED = "superseded"

    @property
    def sentence(self) -> str:
        """Without the run that was in the way, which is named beside it."""
        return _SENTENCES[self]


_SENTENCES = {
    Reason.CONDITION_FAILED: "the condition of its trigger has no value for this event",
    Reason.UNFIT: "the event's data are not what it expects",
    Reason.IDEMPOTENT: "its idempotency key was used before",
    Reason.RATE_LIMITED: "its rate limit was reached",
    Reason.DEBOUNCED: "a newer event took its place before the run began",
    Reason.SINGLETON: "a run of the same singleton key was open",
    Reason.OVERLAP: "the run of the schedule's tick before was open",
    Reason.MISSED: "the schedule's tick was missed",
    Reason.PARENT_CANCELLED: "the run that asked for it was cancelled before",
    Reason.NO_SUBJECT: "it doesn't name its subject",
    Reason.NO_ROW: "there is no such row in the table that follows its subject",
    Reason.SUPERSEDED: "a newer request of its subject took its place before the run was made",
}


@dataclass(frozen=True)
class Skip:
    """One event that started no run of one function. `by_run` was in the way; `detail` is JSON for people to read."""

    event_seq: int
    function_id: str
    reason: Reason
    by_run: uuid.UUID | None = None
    detail: Mapping[str, Any] | None = None


# In the order of the key, so that two who record meet in no deadlock.
_RECORD = """
INSERT INTO andon.skips (event_seq, function_id, reason, by_run, detail)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::uuid[], %s::jsonb[]) ORDER BY 1, 2
ON CONFLICT DO NOTHING
"""


def record(connection: Connection, skips: Sequence[Skip]) -> None:
    """Keep these, in the caller's transaction. Of one event and function the first reason stays."""
    if not skips:
        return
    rows = [(each.event_seq, each.function_id, str(each.reason), each.by_run, _json(each.detail)) for each in skips]
    connection.execute(_RECORD, columns(rows))


def sentence(reason: str, detail: Mapping[str, Any] | None = None) -> str:
    """What a reason says to people, with its detail; one that a newer release has recorded says itself."""
    words = Reason(reason).sentence if reason in set(Reason) else reason
    if not isinstance(detail, Mapping) or not detail:
        return words
    subject = " ".join(str(detail[key]) for key in ("kind", "id") if key in detail)
    rest = [str(value) for key, value in detail.items() if key not in ("kind", "id")]
    return ": ".join([words, *filter(None, [subject]), *rest])


def _json(detail: Mapping[str, Any] | None) -> str | None:
    if detail is None:
        return None
    short = {key: plain(each)[:MOST_DETAIL] if isinstance(each, str) else each for key, each in detail.items()}
    return json.dumps(short)
