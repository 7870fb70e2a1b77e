"""Which partition of the bus an event belongs to: a request and the cancel that matches it belong to the same.

Each partition has one dispatcher at a time, so the order of its entries holds. Where a pair is nevertheless split (a
producer that knows one stream only, a function whose rules match on several fields), its outcome is the same: the
seq decides, not the partition.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from andon.engine.declarations import Declaration
from andon.engine.events import MISSING, Event, lookup
from andon.engine.rules import typed_text


@dataclass(frozen=True)
class Partitions:
    """How many there are, and by which field an event's name says that it is placed (`name -> data.path`)."""

    count: int = 1
    fields: Mapping[str, str] = field(default_factory=dict)

    def place(self, event: Event) -> int:
        """The event's partition: CRC-32 of tenant and the field's value, or its id where it has no such field."""
        if self.count == 1:
            return 0
        return zlib.crc32(f"{event.tenant}\n{self._value(event)}".encode()) % self.count

    def _value(self, event: Event) -> str:
        path = self.fields.get(event.name)
        found = lookup(event.data, tuple(path.split(".")[1:])) if path else MISSING
        return event.id if found is MISSING else typed_text(found)


ONE = Partitions()


def matched_fields(functions: Iterable[Declaration]) -> dict[str, str]:
    """By which field events are placed, for each name of an event that can be half of a pair.

    One name has one field: that of the first rule (by function id, then as declared) in which it takes part.
    """
    fields: dict[str, str] = {}
    for each in sorted(functions, key=lambda each: each.id):
        for rule in each.cancel_on:
            if rule.match:
                fields.setdefault(each.trigger, rule.match)
                fields.setdefault(rule.event, rule.match)
    return fields
