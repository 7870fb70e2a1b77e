"""Find some tenants' entries on a bus that is longer than anybody reads at once, past the many of others.

Of each tenant all that lies ahead of what the group has read is found, in its order. Whoever is looked for anew is
found from there on, up to where the others have been.
"""

import time
from collections import Counter
from collections.abc import Set
from typing import Any

from redis import Redis

from andon.adapters.redis.stream.reading import CUTTING, MOST_FIELDS, Entry, entries_of, place_of, tenant_of
from andon.engine.events import DEFAULT_TENANT

AT_ONCE = 5_000
"""Entries that Redis looks at without doing anything else: some milliseconds."""
MOST_BYTES = 4 * 1024 * 1024
MOST_FOUND = 100
MOST_EACH = 1_000
"""Of a tenant, in one look through the bus; one that has more ahead is one of those that others are looked for past."""
AGAIN_SECONDS = 5.0
"""After so long the bus is looked through for further tenants."""

_LOOK = f"""{CUTTING}
local wanted, found, seen, last = {{}}, {{}}, 0, ARGV[1]
for i = 5, #ARGV do wanted[ARGV[i]] = true end
while seen < tonumber(ARGV[2]) and total < tonumber(ARGV[3]) and #found < tonumber(ARGV[4]) do
    local entries = redis.pcall('XRANGE', KEYS[1], '(' .. last, '+', 'COUNT', next_count())
    if entries.err or #entries == 0 then return {{last, found, 0}} end
    for _, entry in ipairs(entries) do
        local fields, tenant = entry[2], ''
        for i = 1, math.min(#fields - 1, {2 * MOST_FIELDS}), 2 do
            if fields[i] == 'tenant' then tenant = fields[i + 1] end
        end
        if wanted[tenant] then found[#found + 1] = sized(entry) else total = total + weight(fields) end
    end
    seen, last = seen + #entries, entries[#entries][1]
end
return {{last, found, 1}}
"""
Place = tuple[int, int]
START, END = (0, 0), (2**64, 0)


class Ahead:
    """Looks through one stream, a part at a time."""

    def __init__(self, redis: Redis, stream: str, group: str) -> None:
        self._redis = redis
        self._stream = stream
        self._group = group
        self._look = redis.register_script(_LOOK)
        self.forget()

    def forget(self) -> None:
        """Know nothing of what lies ahead."""
        self._found: set[str] = set()
        self._wanted: set[str] = set()
        self._reached = START
        self._many: set[str] = set()
        self._count: Counter[str] = Counter()
        self._looked_at = float("-inf")
        self._end()

    def next(self, tenants: Set[str]) -> list[Entry] | None:
        """The next entries of those, in the order of the bus, perhaps none; None when all was looked at."""
        if not self._wanted:
            self._begin(tenants - self._many)
        self._wanted &= tenants
        self._found &= tenants
        if not self._wanted:
            return None
        last, found, more = self._part()
        self._at = place_of(last)
        if not more or self._at >= self._until:
            self._found |= self._wanted
            self._reached = max(self._reached, self._at)
            self._end()
        return found or (found if more else None)

    def _part(self) -> tuple[str, list[Entry], bool]:
        wanted = [*self._wanted, ""] if DEFAULT_TENANT in self._wanted else self._wanted
        at = "{}-{}".format(*self._at)
        last, said, more = self._look(keys=[self._stream], args=[at, AT_ONCE, MOST_BYTES, MOST_FOUND, *wanted])
        found = entries_of(said)
        self._count.update(map(tenant_of, found))
        self._many |= {tenant for tenant, count in self._count.items() if count > MOST_EACH}
        self._wanted -= self._many
        self._found -= self._many
        return last.decode(), [each for each in found if tenant_of(each) not in self._many], bool(more)

    def _begin(self, tenants: Set[str]) -> None:
        """Look for those who are new, or else go on for all."""
        groups: Any = self._redis.xinfo_groups(self._stream)
        read = [place_of(each["last-delivered-id"].decode()) for each in groups if each["name"] == self._group.encode()]
        new = tenants - self._found
        if not read:
            return
        self._count.clear()
        if new and time.monotonic() >= self._looked_at + AGAIN_SECONDS:
            self._looked_at = time.monotonic()
            self._wanted, self._at = set(new), read[0]
            self._until = self._reached if self._found else END
        else:
            self._wanted, self._at, self._until = set(self._found), max(read[0], self._reached), END

    def _end(self) -> None:
        self._wanted = set()
        self._at, self._until = START, END
