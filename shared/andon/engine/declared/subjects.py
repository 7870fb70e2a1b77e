"""Subjects: what a run is about, and the row of a team's own table that shows its state.

A function says of its trigger which field names the subject, and of which table a row follows it. Pure: whether there
is such a table, and what the role may do in it, `adapters.postgres.rows` finds out.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from andon.engine.declared.rules import LONGEST_PATH, PATH
from andon.engine.events import MISSING, lookup
from andon.engine.storable import text_fault

STATES = ("active", "completed", "failed", "cancelled")
"""What a followed row can say; `idle` is what it was before anybody asked."""
KIND = re.compile(r"[a-z][a-z0-9_-]{0,59}")
LONGEST_ID = 200
LONGEST_NAME = 63
"""Of identifiers, in bytes: PostgreSQL cuts off the rest."""

Value = str | int


@dataclass(frozen=True, kw_only=True)
class States:
    """The words (or numbers) by which a table says each state."""

    active: Value
    completed: Value
    failed: Value
    cancelled: Value


@dataclass(frozen=True, init=False)
class Row:
    """The row that follows a subject: `table` is `schema.table`, each other argument a column or a status' value.

    Names are taken as they are: nothing is folded to lower case. `at` names the column of the time at which it became
    `active`, `completed`, `failed` or `cancelled`. With `tenant` only rows whose column says the event's tenant are
    seen; without it, the tenant `default` alone may name a row. `version` is counted up, for an optimistic lock;
    `deleted` says of a row that it counts as not there: by a time, or by true.
    """

    table: str
    key: str
    status: str
    states: States
    error: str | None
    at: Mapping[str, str]
    tenant: str | None
    version: str | None
    deleted: str | None

    def __init__(
        self,
        table: str,
        *,
        key: str = "id",
        status: str = "status",
        active: Value,
        completed: Value,
        failed: Value,
        cancelled: Value,
        error: str | None = None,
        at: Mapping[str, str] | None = None,
        tenant: str | None = None,
        version: str | None = None,
        deleted: str | None = None,
    ) -> None:
        states = States(active=active, completed=completed, failed=failed, cancelled=cancelled)
        for name, value in (
            ("table", table),
            ("key", key),
            ("status", status),
            ("states", states),
            ("error", error),
            ("at", dict(at) if isinstance(at, Mapping) else {} if at is None else at),
            ("tenant", tenant),
            ("version", version),
            ("deleted", deleted),
        ):
            object.__setattr__(self, name, value)

    def value(self, state: str) -> Value:
        """How the table says this state."""
        found: Value = getattr(self.states, state)
        return found

    @property
    def place(self) -> tuple[str, str]:
        """Schema and table; a name without a schema is in `public`."""
        schema, dot, table = self.table.rpartition(".")
        return (schema if dot else "public"), table

    def written(self) -> Iterator[str]:
        """The columns that Andon writes, each once."""
        named = [self.status, self.error, *self.at.values(), self.version]
        yield from dict.fromkeys(column for column in named if column is not None)

    def read(self) -> Iterator[str]:
        """The columns that Andon reads besides."""
        written = set(self.written())
        for column in dict.fromkeys((self.key, self.tenant, self.deleted)):
            if column is not None and column not in written:
                yield column


@dataclass(frozen=True)
class Subject:
    """What a function's runs are about: `kind` names the sort, `id` the field of the trigger that says which one."""

    kind: str
    id: str = "data.id"
    row: Row | None = field(default=None, kw_only=True)

    @property
    def path(self) -> tuple[str, ...]:
        """Where the id is below an event's data."""
        return tuple(self.id.split(".")[1:])

    def named_in(self, data: Mapping[str, Any]) -> str | None:
        """The id as a text, or None where the data name none: `42` and `"42"` are one subject."""
        return id_text(lookup(data, self.path))


def id_text(value: object) -> str | None:
    """An id as a text; None for what can't be one."""
    if isinstance(value, bool) or value is None or value is MISSING:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value) if isinstance(value, (str, int)) else ""
    return text if 0 < len(text) <= LONGEST_ID and text_fault(text) is None else None


def placed(data: Mapping[str, Any], path: tuple[str, ...], id: Any) -> dict[str, Any]:
    """`data` with the id in its place."""
    [head, *rest] = path
    inner = data.get(head)
    return {**data, head: placed(inner if isinstance(inner, Mapping) else {}, tuple(rest), id) if rest else id}


def both_write(one: Subject, other: Subject | None) -> str | None:
    """A column that both kinds write, if they follow one table."""
    if one.row is None or other is None or other.row is None or one.row.place != other.row.place:
        return None
    return min(set(one.row.written()) & set(other.row.written()), default=None)


def subject_id(tenant: str, kind: str, id: str) -> uuid.UUID:
    """The key of the subject's row, by which it is locked and its runs name it: a digest of what it is."""
    text = json.dumps([tenant, "subject", kind, id])
    return uuid.UUID(bytes=hashlib.blake2b(text.encode(), digest_size=16).digest())


def subject_fault(value: Any) -> str | None:
    """What is wrong with a declared subject, or None."""
    if value is None:
        return None
    if not isinstance(value, Subject):
        return "expected Subject(...), or None"
    if not isinstance(value.kind, str) or not KIND.fullmatch(value.kind):
        return f"kind={value.kind!r:.80}: expected 1 to 60 of a-z, 0-9, '_', '-', a letter first"
    if not isinstance(value.id, str) or len(value.id) > LONGEST_PATH or not PATH.fullmatch(value.id):
        return f"id={value.id!r:.80} is not a path such as 'data.videoId', of at most {LONGEST_PATH} characters"
    return None if value.row is None else _row_fault(value.row)


def _row_fault(row: Any) -> str | None:
    if not isinstance(row, Row):
        return "row: expected Row(...), or None"
    parts = row.table.split(".") if isinstance(row.table, str) else []
    if not 1 <= len(parts) <= 2 or any(_name_fault(each) for each in parts):
        return f"row: table={row.table!r:.80}: expected the name of a table such as 'public.videos'"
    if not isinstance(row.at, Mapping) or any(state not in STATES for state in row.at):
        return f"row: at={row.at!r:.80}: expected columns by {', '.join(STATES)}"
    columns = {name: getattr(row, name) for name in ("key", "status", "error", "tenant", "version", "deleted")}
    for name, column in (*columns.items(), *((f"at[{state!r}]", each) for state, each in row.at.items())):
        if column is None and name not in ("key", "status"):
            continue
        if _name_fault(column):
            return f"row: {name}={column!r:.80}: expected the name of a column"
    return _words_fault(row) or _roles_fault(row)


def _words_fault(row: Row) -> str | None:
    values = [row.value(state) for state in STATES]
    for state, value in zip(STATES, values, strict=True):
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole and not (isinstance(value, str) and value and text_fault(value) is None):
            return f"row: {state}={value!r:.80}: expected a text or a whole number, as the status column has them"
    if twice := next((each for each in STATES[1:] if row.value(each) == row.value("active")), None):
        return f"row: {twice}={row.value(twice)!r:.80} is the same as active: nobody could tell that it has ended"
    return None


def _roles_fault(row: Row) -> str | None:
    """A column with two roles would be written twice."""
    single = [row.key, row.status, row.error, row.tenant, row.version, row.deleted, *dict.fromkeys(row.at.values())]
    named = [each for each in single if each is not None]
    twice = next((each for each in named if named.count(each) > 1), None)
    return f"row: the column {twice!r} is named for two things" if twice else None


def _name_fault(name: Any) -> bool:
    return not (
        isinstance(name, str)
        and 0 < len(name.encode("utf-8", "replace")) <= LONGEST_NAME
        and name.isprintable()
        and text_fault(name) is None
    )


def to_json(subject: Subject) -> dict[str, Any]:
    """The subject as a JSON object."""
    row = subject.row
    said = None if row is None else {**vars(row), "at": dict(row.at), "states": vars(row.states)}
    return {"kind": subject.kind, "id": subject.id, "row": said}


def from_json(said: Mapping[str, Any]) -> Subject:
    """The subject that `to_json` gave."""
    row = said["row"]
    if row is None:
        return Subject(said["kind"], said["id"])
    rest = {name: value for name, value in row.items() if name not in ("table", "states")}
    return Subject(said["kind"], said["id"], row=Row(row["table"], **row["states"], **rest))
