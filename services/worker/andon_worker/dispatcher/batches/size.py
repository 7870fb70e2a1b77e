"""How many entries are taken at once: fewer after it was too much or took too long, more again while it goes well."""

MOST = 500
MOST_BYTES = 4 * 1024 * 1024
"""Of entries as they come. What they are as Python objects is up to thirty times as much."""
LONG_SECONDS = 0.5
"""Nobody else's entries are handled meanwhile."""
LONG_BESIDE_SECONDS = 0.05
"""While others send, too: so long they may have to wait for a batch that has begun."""
FEWEST_BESIDE = 10


class BatchSize:
    """The number, between 1 and `MOST`."""

    def __init__(self) -> None:
        self.now = MOST

    def was_too_much(self, entries: int) -> None:
        """So many were not handled, for their number, size or time."""
        self.now = max(1, entries // 2)

    def went_well(self, entries: int, seconds: float, *, beside: bool = False) -> None:
        """So many were handled in so many seconds, `beside` others who send."""
        if seconds > LONG_SECONDS and entries > 1:
            self.was_too_much(entries)
        elif beside and seconds > LONG_BESIDE_SECONDS and entries > FEWEST_BESIDE:
            self.now = max(FEWEST_BESIDE, entries // 2)
        elif entries >= self.now:
            self.now = min(MOST, self.now * 2)
