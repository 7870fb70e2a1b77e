"""Ids that sort by the time they were made (UUID version 7, RFC 9562)."""

import datetime as dt
import os
import time
import uuid


def new_id() -> uuid.UUID:
    """A UUID version 7: 48 bits of Unix milliseconds, then 74 random bits."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return uuid.UUID(int=value)


def first_id(moment: dt.datetime) -> uuid.UUID:
    """The smallest id that can be made then: ids sort by time, so that an index on them finds what is younger."""
    return uuid.UUID(int=max(int(moment.timestamp() * 1000), 0) << 80)


def parse_id(text: object) -> uuid.UUID | None:
    """`text` as a UUID, or None if it isn't one: no row can have it."""
    try:
        return uuid.UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None
