"""The kinds of subjects: who moves them, and how their rows are followed; written down at registration."""

import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg

from andon.adapters.postgres.connect import Connection
from andon.adapters.postgres.subjects import former_kinds
from andon.adapters.postgres.subjects.rows import Followed, resolve
from andon.engine.declared.declarations import Declaration
from andon.engine.declared.functions import Registry
from andon.engine.declared.subjects import Row, Subject, from_json, to_json
from andon.engine.errors import RegistrationError

log = logging.getLogger(__name__)

_WHOLE = re.compile(r"-?[0-9]{1,19}")
_STORED = "SELECT kind, row, find, write, restore, states, numeric, deferred FROM andon.subject_kinds"
_REGISTER = """
INSERT INTO andon.subject_kinds
    (kind, function_id, trigger, path, row, find, write, restore, states, numeric, deferred, refused)
SELECT kind, function_id, trigger, path, row, find, write, restore, states, numeric, deferred, refused
FROM json_to_record(%s::json) AS k (kind text, function_id text, trigger text, path text, row jsonb, find text,
    write text, restore text, states jsonb, numeric boolean, deferred boolean, refused text)
ON CONFLICT (kind) DO UPDATE SET function_id = excluded.function_id, trigger = excluded.trigger, path = excluded.path,
    row = excluded.row, find = excluded.find, write = excluded.write, restore = excluded.restore,
    states = excluded.states, numeric = excluded.numeric, deferred = excluded.deferred, refused = excluded.refused,
    registered_at = clock_timestamp()
"""
_KIND = """
SELECT kind, function_id, trigger, path, numeric, row IS NOT NULL, refused FROM andon.subject_kinds WHERE kind = %s
"""
_ROWS = """
SELECT k.kind, k.function_id, coalesce(f.module, ''), k.trigger, k.row, k.refused, k.write IS NOT NULL
FROM andon.subject_kinds k LEFT JOIN andon.functions f ON f.id = k.function_id WHERE k.row IS NOT NULL ORDER BY 1
"""
_ALL = (
    "SELECT kind, function_id, trigger, path, numeric, row IS NOT NULL, refused FROM andon.subject_kinds ORDER BY kind"
)
# What a rule of the function may refuse replaces nothing before that is known.
_ASKED = """
SELECT k.kind, k.function_id, k.trigger, k.path, k.numeric, k.row IS NOT NULL, k.refused
FROM andon.subject_kinds k LEFT JOIN andon.functions f ON f.id = k.function_id
WHERE k.trigger = ANY(%s) AND f.settings->'declaration' @? '$ ? (
    @.idempotency != null || @.rate_limit != null || @.singleton != null || exists(@.triggers[*].if_ ? (@ != null)))'
    IS NOT TRUE
ORDER BY k.kind
"""


@dataclass(frozen=True)
class Kind:
    """What is stored of a kind."""

    kind: str
    function_id: str
    trigger: str
    id_path: str
    numeric: bool
    followed: bool
    refused: str | None

    @property
    def path(self) -> tuple[str, ...]:
        """Where the id is below the trigger's data."""
        return Subject(self.kind, self.id_path).path

    def named_in(self, data: Mapping[str, Any]) -> str | None:
        """The id that a trigger with these data names, as a text."""
        return Subject(self.kind, self.id_path).named_in(data)

    def shown(self, key: str) -> Any:
        """The id as the row's key has it in JSON."""
        return shown(key, numeric=self.numeric)


def shown(key: str, *, numeric: bool) -> Any:
    """An id as its row's key has it in JSON; one that can be no such key as it was written."""
    return int(key) if numeric and _WHOLE.fullmatch(key) else key


def find(connection: Connection, kind: str) -> Kind | None:
    """The kind, if a function has ever moved it."""
    row = connection.execute(_KIND, [kind]).fetchone()
    return Kind(*row) if row else None


def listed(connection: Connection) -> list[Kind]:
    """All of them, by name."""
    return [Kind(*row) for row in connection.execute(_ALL).fetchall()]


def asked_by(connection: Connection, names: Iterable[str]) -> list[Kind]:
    """Those of whose subjects a run is sure to start when an event of one of these names comes and names one."""
    return [Kind(*row) for row in connection.execute(_ASKED, [list(set(names))]).fetchall()]


def check(connection: Connection, registry: Registry) -> None:
    """Raise `RegistrationError` where a function's row can't be followed.

    What was registered before goes on, and is told loudly: its rows are owed until somebody mends the table or the
    role, and nothing else waits for that.
    """
    stored = _stored(connection)
    for each in registry:
        if each.subject is not None and each.subject.row is not None:
            try:
                resolve(connection, each, each.subject.row)
            except RegistrationError:
                if _former(stored, each.subject) is None:
                    raise


def looked_at(connection: Connection) -> Iterator[tuple[str, str | None]]:
    """Each kind that a row follows, with why that can't be followed as it is now; for who only looks."""
    for kind, function_id, module, trigger, said, refused, written in connection.execute(_ROWS).fetchall():
        try:
            row = from_json({"kind": kind, "id": "data.id", "row": said}).row
            assert row is not None  # it was there
            resolve(connection, Declaration(id=function_id, trigger=trigger, module=module), row, looks=True)
        except RegistrationError as error:
            yield kind, str(error)
        except (psycopg.Error, TypeError, KeyError):  # nothing can be tried, or another release has told it
            yield kind, refused
        else:
            yield kind, None if written else f"{refused}; mended since, as it seems: start the dispatcher again"


def register(connection: Connection, registry: Registry) -> None:
    """Write the kinds down, carry over those that have another name now, and tell the registry of those that nobody
    moves. In the caller's transaction.
    """
    stored = _stored(connection)
    unmoved = former_kinds.carry_over(connection, registry)
    for each in registry:
        if each.subject is not None:
            connection.execute(_REGISTER, [json.dumps(_record(connection, each, each.subject, stored))])
    registry.keep_former_kinds(unmoved)


def _record(
    connection: Connection, declared: Declaration, subject: Subject, stored: Mapping[str, tuple[Any, ...]]
) -> dict[str, Any]:
    followed, refused = None, None
    if subject.row is not None:
        followed, refused = _resolved(connection, declared, subject, subject.row, stored)
    return {
        "kind": subject.kind,
        "function_id": declared.id,
        "trigger": declared.events[0].event,
        "path": subject.id,
        "row": to_json(subject)["row"],
        "find": followed and followed.find,
        "write": followed and followed.write,
        "restore": followed and followed.restore,
        "states": followed and followed.states,
        "numeric": bool(followed and followed.numeric),
        "deferred": bool(followed and followed.deferred),
        "refused": refused,
    }


def _resolved(
    connection: Connection, declared: Declaration, subject: Subject, row: Row, stored: Mapping[str, tuple[Any, ...]]
) -> tuple[Followed | None, str | None]:
    """How it is followed, and why it can't be at present; then it is tried as it was before."""
    try:
        return resolve(connection, declared, row), None
    except RegistrationError as error:
        log.error("%s", error)
        return _former(stored, subject), str(error)


def _former(stored: Mapping[str, tuple[Any, ...]], subject: Subject) -> Followed | None:
    """How the same row was followed before."""
    said = stored.get(subject.kind)
    if said is None or said[0] != to_json(subject)["row"] or said[1] is None:
        return None
    _, find, write, restore, states, numeric, deferred = said
    return Followed(find, write, restore, states, numeric, deferred)


def _stored(connection: Connection) -> dict[str, tuple[Any, ...]]:
    return {kind: tuple(rest) for kind, *rest in connection.execute(_STORED).fetchall()}
