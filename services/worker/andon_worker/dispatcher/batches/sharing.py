"""Whose entries come next, where more were read than are handled at once: a tenant's many keep nobody's few waiting.

Within a tenant the order of the bus holds; between tenants it means nothing. What is held here is pending in Redis.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from andon.adapters.redis.stream.reading import Entry, place_of, size, tenant_of

MOST_HELD = 50_000
MOST_HELD_BYTES = 16 * 1024 * 1024
MANY_HELD = 10_000
"""From so many on it is worth it to look what lies ahead."""
MANY_BESIDE_OTHERS = 50
"""Of tenants that send more than their share, so many entries at once while others send, too: they wait for these."""
MANY_BYTES_BESIDE_OTHERS = 1024 * 1024
BESIDE_SECONDS = 10.0

Batch = list[Entry]


class Sharing:
    """Holds entries by tenant, and gives them out in batches."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._held: dict[str, deque[Entry]] = {}
        self._bytes: Counter[str] = Counter()
        self._count = self._size = 0
        self._clock = clock
        self._newest: str | None = None
        self._beside_until = float("-inf")

    def __len__(self) -> int:
        return self._count

    @property
    def full(self) -> bool:
        """Whether so much is held that no more should be read."""
        return self._count >= MOST_HELD or self._size >= MOST_HELD_BYTES

    @property
    def long(self) -> bool:
        """Whether much is held, or as much as may be."""
        return self._count >= MANY_HELD or self.full

    @property
    def several(self) -> bool:
        """Whether several tenants have sent lately."""
        return self._clock() < self._beside_until

    @property
    def tenants(self) -> Collection[str]:
        """Of whom something is held."""
        return self._held.keys()

    def many(self) -> list[str]:
        """The tenants that have more than is handled of them at once."""
        return [
            tenant
            for tenant, entries in self._held.items()
            if len(entries) > MANY_BESIDE_OTHERS or self._bytes[tenant] > MANY_BYTES_BESIDE_OTHERS
        ]

    def oldest(self) -> dict[str, str]:
        """The id of the oldest entry that is held of each tenant."""
        return {tenant: entries[0][0] for tenant, entries in self._held.items()}

    def add(self, entries: Iterable[Entry]) -> None:
        """Hold these, which are newer than all that is held."""
        for entry in entries:
            tenant = tenant_of(entry)
            if self._newest not in {None, tenant}:
                self._beside_until = self._clock() + BESIDE_SECONDS
            self._newest = tenant
            self._counted(entry).append(entry)

    def give_back(self, entries: Sequence[Entry]) -> None:
        """Hold these again, which come before all that is held of their tenants."""
        for entry in reversed(entries):
            self._counted(entry).appendleft(entry)

    def _counted(self, entry: Entry) -> deque[Entry]:
        """Where it is to be held."""
        tenant = tenant_of(entry)
        self._bytes[tenant] += size(entry)
        self._count, self._size = self._count + 1, self._size + size(entry)
        return self._held.setdefault(tenant, deque())

    def clear(self) -> None:
        """Hold nothing."""
        self._held.clear()
        self._bytes.clear()
        self._count = self._size = 0

    def take_of(self, tenants: Collection[str]) -> Batch:
        """All that is held of these."""
        held = [self._next(tenant) for tenant in tenants for _ in range(len(self._held.get(tenant, ())))]
        return sorted(held, key=lambda entry: place_of(entry[0]))

    def take(self, most: int, most_bytes: int, *, apart: Collection[str] = ()) -> list[Batch]:
        """The next batches, each of at most `most` entries and not much more than `most_bytes`; none of `apart`.

        The entries of all tenants that have no more than their share come first, in a batch of their own; then as much
        as goes of the others', as many of each.
        """
        if self.several:
            most = min(most, MANY_BESIDE_OTHERS)
        few = self._few(most, most_bytes, apart)
        others = deque(tenant for tenant in self._held if tenant not in apart)
        batches = few, list(self._in_turns(others, most, most_bytes))
        return [sorted(each, key=lambda entry: place_of(entry[0])) for each in batches if each]

    def _few(self, most: int, most_bytes: int, apart: Collection[str]) -> Batch:
        """All of the tenants that have no more than their share."""
        tenants = [tenant for tenant in self._held if tenant not in apart]
        if not 0 < len(tenants) <= most:
            return []
        share, share_bytes = most / len(tenants), most_bytes / len(tenants)
        few = [each for each in tenants if len(self._held[each]) <= share and self._bytes[each] <= share_bytes]
        return [self._next(tenant) for tenant in few for _ in range(len(self._held[tenant]))]

    def take_of_one(self, tenant: str, most: int, most_bytes: int) -> Batch:
        """The next batch of this one."""
        return list(self._in_turns(deque([tenant]), most, most_bytes))

    def _in_turns(self, turns: deque[str], most: int, most_bytes: int) -> Iterator[Entry]:
        given = given_bytes = 0
        while turns and given < most and given_bytes < most_bytes:
            tenant = turns.popleft()
            entry = self._next(tenant)
            if tenant in self._held:
                self._held[tenant] = self._held.pop(tenant)  # behind all others
                turns.append(tenant)
            given, given_bytes = given + 1, given_bytes + size(entry)
            yield entry

    def _next(self, tenant: str) -> Entry:
        entry = self._held[tenant].popleft()
        self._bytes[tenant] -= size(entry)
        self._count, self._size = self._count - 1, self._size - size(entry)
        if not self._held[tenant]:
            del self._held[tenant], self._bytes[tenant]
        return entry
