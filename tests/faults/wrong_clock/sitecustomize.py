"""A node whose clock is off by `CLOCK_OFFSET` seconds: Python imports this before anything else."""

# mypy: ignore-errors
import datetime
import os
import time

OFFSET = float(os.environ["CLOCK_OFFSET"])
right_time, right_time_ns, right_datetime = time.time, time.time_ns, datetime.datetime


class WrongDatetime(right_datetime):
    """`datetime.datetime` on the wrong clock."""

    @classmethod
    def now(cls, tz=None):
        """What the wrong clock shows."""
        return cls.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls):
        """What the wrong clock shows."""
        return cls.fromtimestamp(time.time(), datetime.UTC).replace(tzinfo=None)


time.time = lambda: right_time() + OFFSET
time.time_ns = lambda: right_time_ns() + int(OFFSET * 1e9)
datetime.datetime = WrongDatetime
