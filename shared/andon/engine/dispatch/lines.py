"""Lines of queued runs: a queue's ordinary runs, its cleanup runs, and those that are tried alone."""

from collections.abc import Iterable

URGENT = ".urgent"  # what the name of a line adds to that of its queue
ALONE = ".alone"


def lines_of(queues: Iterable[str]) -> list[str]:
    """All lines of these queues."""
    return [queue + suffix for queue in queues for suffix in ("", URGENT, ALONE)]
