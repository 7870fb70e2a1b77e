"""A Python loop: nothing has to be done. It is interrupted at its next bytecode."""

from andon import CancelOn, Event, Step, function


@function(
    id="add-up",
    trigger="example/loop.requested",
    cancel_on=[CancelOn("example/work.cancelled", match="data.id")],
)
def add_up(event: Event, step: Step) -> dict[str, int]:
    """Add up the numbers below `data.count`."""
    return {"total": step.run("add", _add, event.data["count"], step)}


def _add(count: int, step: Step) -> int:
    total = 0
    for number in range(count):
        total += number
        if number % 100_000 == 0:
            step.progress(number / count, f"at {number:,}")
    return total
