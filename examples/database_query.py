"""A database query: give the engine the driver's own way to end it."""

import duckdb

from andon import CancelOn, Event, Step, function


@function(
    id="count-pairs",
    trigger="example/query.requested",
    cancel_on=[CancelOn("example/work.cancelled", match="data.id")],
)
def count_pairs(event: Event, step: Step) -> dict[str, int]:
    """Count the pairs of numbers below `data.count` whose sum is divisible by seven."""
    return {"pairs": step.run("count", _count, event.data["count"], step)}


def _count(count: int, step: Step) -> int:
    query = "SELECT count(*) FROM range(?) a (x), range(?) b (y) WHERE (x + y) % 7 = 0"
    with duckdb.connect() as connection, step.interrupt_with(connection.interrupt):
        row = connection.execute(query, [count, count]).fetchone()
    return int(row[0]) if row else 0
