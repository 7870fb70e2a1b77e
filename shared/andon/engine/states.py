"""The run's state machine, as data. `docs/state-machine.md` draws it; the guards in SQL take their sets from it."""

from enum import StrEnum


class Status(StrEnum):
    """A run's status."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
OPEN = frozenset(Status) - TERMINAL
HELD = frozenset({Status.RUNNING, Status.CANCELLING})
UNHELD = OPEN - HELD
CANCELLABLE = OPEN - {Status.CANCELLING}

MADE = frozenset({Status.QUEUED, Status.WAITING})
"""How runs are made: a cleanup whose code may still run waits, and one that is debounced."""

# A run makes these moves alone.
MOVES: dict[Status, frozenset[Status]] = {
    Status.QUEUED: frozenset(
        # To failed at once where a limit's key can't be evaluated; to cancelling where it ends after its children.
        {Status.RUNNING, Status.CANCELLING, Status.CANCELLED, Status.FAILED}
    ),
    Status.RUNNING: frozenset(
        # To cancelled at once where its holder heard of the cancel before the run was marked.
        {Status.QUEUED, Status.WAITING, Status.CANCELLING, Status.COMPLETED, Status.FAILED, Status.CANCELLED}
    ),
    Status.WAITING: frozenset({Status.QUEUED, Status.CANCELLING, Status.CANCELLED}),
    Status.CANCELLING: frozenset({Status.CANCELLED}),
    Status.COMPLETED: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
}
