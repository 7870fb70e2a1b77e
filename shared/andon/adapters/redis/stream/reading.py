"""Read entries of a stream for the group, so many and so many bytes at a time: a producer may add any amount.

Redis counts entries, and an entry may have any size. So a script adds up what it has read. It cuts what is larger than
any event may be, and says so in a field of its own: such an entry is dead, however much of it there is.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from redis import Redis

from andon.engine.events import DEFAULT_TENANT

Entry = tuple[str, Mapping[bytes, bytes]]
CUT = b"andon-cut"
"""The field of an entry that was cut: how many bytes it had."""
LARGEST = 1024 * 1024
AT_ONCE = 8  # entries that one command inside the script reads, and that a blocking read brings
SMALL_BYTES = 64 * 1024
"""Whoever only looks at entries has Redis copy the next one alone, unless those before it were no more than so many."""

CUTTING = """
-- `sized` adds up in `total`; the longest entries are cut.
local largest, total = tonumber(ARGV[1]), 0
local function sized(entry)
    local fields, size = entry[2], 0
    for i = 1, #fields do size = size + #fields[i] end
    total = total + size
    if size <= largest then return entry end
    local kept, room = {}, largest
    for i = 1, #fields - 1, 2 do
        if #kept >= 64 or room <= 0 then break end
        local name, value = string.sub(fields[i], 1, 200), string.sub(fields[i + 1], 1, room)
        room = room - #name - #value
        kept[#kept + 1] = name
        kept[#kept + 1] = value
    end
    kept[#kept + 1] = 'andon-cut'
    kept[#kept + 1] = tostring(size)
    total = total - size + largest
    return {entry[1], kept}
end
"""
_READ_NEW = f"""{CUTTING}
local found, count, most = {{}}, tonumber(ARGV[2]), tonumber(ARGV[3])
while #found < count and total < most do
    local some = math.min({AT_ONCE}, count - #found)
    local read = redis.pcall('XREADGROUP', 'GROUP', ARGV[4], ARGV[5], 'COUNT', some, 'STREAMS', KEYS[1], '>')
    if not read then break end
    if read.err then return redis.error_reply(read.err) end
    local entries = read[1][2]
    for i = 1, #entries do found[#found + 1] = sized(entries[i]) end
    if #entries < some then break end
end
return found
"""
_READ_THESE = f"""{CUTTING}
local found, most = {{}}, tonumber(ARGV[2])
for i = 3, #ARGV do
    local entries = redis.call('XRANGE', KEYS[1], ARGV[i], ARGV[i])
    found[#found + 1] = entries[1] and sized(entries[1]) or {{ARGV[i], false}}
    if total >= most then break end
end
return found
"""


class BoundedReader:
    """Reads for one consumer of the group."""

    def __init__(self, redis: Redis, blocking: Redis, stream: str, group: str) -> None:
        self._redis = redis
        self._blocking = blocking
        self._stream = stream
        self._group = group
        self._new = redis.register_script(_READ_NEW)
        self._these = redis.register_script(_READ_THESE)
        self._more = False

    def new(self, consumer: str, *, count: int, most_bytes: int, block_ms: int) -> list[Entry]:
        """At most `count` entries that nobody has read, and no more once they are `most_bytes`; waits for the first.

        With 0 `block_ms` it doesn't: Redis may see a tenth of a second late that a shorter wait is over.
        """
        first = [] if self._more else self._wait(consumer, min(count, AT_ONCE), block_ms)
        if not self._more and len(first) < AT_ONCE:
            return first
        left, room = count - len(first), most_bytes - sum(map(size, first))
        rest = entries_of(self._new(keys=[self._stream], args=[LARGEST, left, room, self._group, consumer]))
        self._more = bool(rest)
        return [*first, *((id, fields) for id, fields in rest if fields is not None)]

    def _wait(self, consumer: str, count: int, block_ms: int) -> list[Entry]:
        found: Any = self._blocking.xreadgroup(
            self._group, consumer, {self._stream: ">"}, count=count, block=block_ms or None
        )
        return [(id.decode(), _cut(fields)) for _stream, entries in found or () for id, fields in entries]

    def pending(self, after: str = "-", *, count: int, most_bytes: int) -> tuple[list[Entry], list[str]]:
        """The oldest entries, from `after` on, that somebody has read and nobody acknowledged; and the ids of those
        that are gone. `after` is as Redis takes the beginning of a range.
        """
        listed: Any = self._redis.xpending_range(self._stream, self._group, min=after, max="+", count=count)
        ids = [row["message_id"] for row in listed]
        read = entries_of(self._these(keys=[self._stream], args=[LARGEST, most_bytes, *ids])) if ids else []
        return [(id, fields) for id, fields in read if fields is not None], [id for id, each in read if each is None]


def size(entry: Entry) -> int:
    """How many bytes its fields have."""
    return sum(len(key) + len(value) for key, value in entry[1].items())


def tenant_of(entry: Entry) -> str:
    """The tenant that an entry says it is of."""
    return entry[1].get(b"tenant", b"").decode(errors="replace") or DEFAULT_TENANT


def place_of(stream_id: str) -> tuple[int, int]:
    """Where it lies: what the entries of a stream are ordered by."""
    time, _, number = stream_id.partition("-")
    return int(time), int(number)


def _cut(fields: Mapping[bytes, bytes]) -> Mapping[bytes, bytes]:
    """As the script cuts: the few entries that a blocking read brings come whole."""
    total = size(("", fields))
    if total <= LARGEST:
        return fields
    kept, room = {}, LARGEST
    for name, value in list(fields.items())[:32]:
        kept[name[:200]] = value[: max(room, 0)]
        room -= len(name) + len(value)
    return {**kept, CUT: str(total).encode()}


def entries_of(answer: Sequence[Any]) -> list[tuple[str, dict[bytes, bytes] | None]]:
    """What a script has returned; None for one that isn't there any more."""
    return [
        (id.decode(), None if fields is None else dict(zip(fields[::2], fields[1::2], strict=True)))
        for id, fields in answer
    ]
