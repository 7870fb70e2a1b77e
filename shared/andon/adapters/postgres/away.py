"""When Postgres is away, and when it isn't: every process that must wait for it, rather than give up, asks here.

A list of what *is* away, by SQLSTATE and by psycopg's classes. What isn't on it is because of what was asked for: to
wait for that would be to wait for ever.
"""

from enum import StrEnum

import psycopg
from psycopg import errors


class Away(StrEnum):
    """In which way it is away, in words."""

    LOST = "it can't be reached"
    STOPPING = "it starts, stops or fails over"
    READ_ONLY = "it is read-only"
    CROWDED = "it takes no more connections"
    FULL = "its disk is full"
    FAULTY = "its machine fails"
    EXHAUSTED = "it has no memory left for this"
    LOCKED = "a lock was not given in time"
    SLOW = "a statement or transaction was not done in time"
    CONTENDED = "another transaction was in the way"

    @property
    def reconnects(self) -> bool:
        """Whether another connection may find it there, and this one can't be trusted any more."""
        return self in {Away.LOST, Away.STOPPING, Away.READ_ONLY}

    @property
    def eased(self) -> bool:
        """Whether asking for less at once may help: it may be that too much was asked, and not that it is away."""
        return self in {Away.EXHAUSTED, Away.LOCKED, Away.SLOW, Away.CONTENDED}


_BY_STATE = {
    "25006": Away.READ_ONLY,
    "25P03": Away.SLOW,  # idle in a transaction
    "25P04": Away.SLOW,  # the transaction's own time-out
    "40001": Away.CONTENDED,
    "40003": Away.LOST,  # nobody knows whether it has committed
    "40P01": Away.CONTENDED,
    "53100": Away.FULL,
    "53200": Away.EXHAUSTED,
    "53300": Away.CROWDED,
    "53400": Away.FULL,  # a limit of temporary files
    "55P03": Away.LOCKED,
    "57014": Away.SLOW,  # a statement's time-out, or somebody's pg_cancel_backend()
    "57P01": Away.STOPPING,
    "57P02": Away.STOPPING,
    "57P03": Away.STOPPING,
    "57P04": Away.STOPPING,
    "57P05": Away.STOPPING,
}
_BY_CLASS = {"08": Away.LOST, "58": Away.FAULTY}
_PROTOCOL = "08P01"  # a server says so of a message that it can't take, a pooler of a server that it can't reach
_MISFITS = ("26", "3D", "3F", "42", "0A")


def why_away(error: BaseException | None) -> Away | None:
    """Why the database is away, if that is what this error tells; None where waiting won't help.

    Takes psycopg's errors and SQLAlchemy's, which carry one of psycopg's.
    """
    found = getattr(error, "orig", None) or error
    if not isinstance(found, psycopg.Error):
        return None
    state = found.sqlstate
    if state is None:
        return _without_state(found)
    if state == _PROTOCOL and found.diag.severity_nonlocalized != "FATAL":
        return None
    return _away(state)


def passes(state: str | None) -> bool:
    """Whether a team's table that answered with this SQLSTATE may answer later: something is away, or the table, or
    what we may do in it, isn't as it was declared.
    """
    return state is not None and (_away(state) is not None or state.startswith(_MISFITS))


def is_misfit(error: BaseException | None) -> bool:
    """Whether tables, columns or rights aren't those that this release needs: no data can be the cause of that."""
    found = getattr(error, "orig", None) or error
    return isinstance(found, psycopg.Error) and (found.sqlstate or "").startswith(_MISFITS)


def _away(state: str) -> Away | None:
    return _BY_STATE.get(state) or _BY_CLASS.get(state[:2])


def first_line(error: BaseException) -> str:
    """What the error says, without the details, which may quote data."""
    return str(error).strip().split("\n")[0]


def _without_state(error: psycopg.Error) -> Away | None:
    """The driver's own complaints: no server has said anything."""
    if isinstance(error, errors.PipelineAborted):
        return None  # an earlier statement has failed, and its error tells why
    if isinstance(error, psycopg.OperationalError):
        return Away.LOST
    return Away.LOST if isinstance(error, psycopg.InterfaceError) and "connection" in str(error) else None
