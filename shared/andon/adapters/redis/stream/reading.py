"""Read entries of a stream for the group, so many and so much at a time: a producer may add any amount.

Redis counts entries, and an entry may have any size. So a script reads a few at once, and adds up what they weigh:
their bytes, and what each text costs beside them, as a million empty fields cost a second. It cuts what is larger
than any event may be, and says so in a field of its own: such an entry is dead, however much of it there is. What was
read before is read again without a script: of an entry that takes too long to be taken apart, its beginning is
enough.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from redis import Redis

from andon.adapters.redis.bounded import ReplyTooLarge
from andon.engine.events import DEFAULT_TENANT

Entry = tuple[str, Mapping[bytes, bytes]]
CUT = b"andon-cut"
"""The field of an entry that was cut: how many bytes it had, and how many fields. Of one that was not read to its end
it is empty.
"""
LARGEST = 1024 * 1024
MOST_FIELDS = 1_000
TEXT_BYTES = 100
"""What a text costs beside its own bytes where it is read, about: as so many more."""
AT_ONCE = 4
"""Entries that a script has Redis copy together, if the last ones weighed no more than `SMALL_BYTES`; else one."""
SMALL_BYTES = 64 * 1024
AWAITED = 8
"""Entries that a blocking read brings at most."""
WARY = 1_000
"""So many entries behind one that was cut are read one by one, each of which the connection may refuse to read on."""

CUTTING = f"""
-- `sized` adds up in `total` what entries weigh; the longest are cut.
local total = 0
local function weight(fields)
    local bytes = 0
    for i = 1, #fields do bytes = bytes + #fields[i] end
    return bytes + {TEXT_BYTES} * #fields, bytes
end
local function sized(entry)
    local fields = entry[2]
    local weighs, bytes = weight(fields)
    total = total + weighs
    if bytes <= {LARGEST} and #fields <= {2 * MOST_FIELDS} then return entry end
    local kept, room = {{}}, {LARGEST}
    for i = 1, #fields - 1, 2 do
        if #kept >= 64 or room <= 0 then break end
        local name, value = string.sub(fields[i], 1, 200), string.sub(fields[i + 1], 1, room)
        room = room - #name - #value
        kept[#kept + 1] = name
        kept[#kept + 1] = value
    end
    kept[#kept + 1] = '{CUT.decode()}'
    kept[#kept + 1] = bytes .. ' ' .. #fields / 2
    return {{entry[1], kept}}
end
local before, some = -{SMALL_BYTES}, 1
local function next_count()
    some = total - before < {SMALL_BYTES} and math.min({AT_ONCE}, some * 2) or 1
    before = total
    return some
end
"""
_READ_NEW = f"""{CUTTING}
local found, count, most = {{}}, tonumber(ARGV[1]), tonumber(ARGV[2])
while #found < count and total < most do
    local some = math.min(next_count(), count - #found)
    local read = redis.pcall('XREADGROUP', 'GROUP', ARGV[3], ARGV[4], 'COUNT', some, 'STREAMS', KEYS[1], '>')
    if read and read.err then return redis.error_reply(read.err) end
    if not read or #read == 0 then break end
    for _, entry in ipairs(read[1][2]) do found[#found + 1] = sized(entry) end
end
return found
"""


class BoundedReader:
    """Reads for one consumer of the group. `blocking` raises `ReplyTooLarge`."""

    def __init__(self, redis: Redis, blocking: Redis, stream: str, group: str) -> None:
        self._redis = redis
        self._blocking = blocking
        self._stream = stream
        self._group = group
        self._new = redis.register_script(_READ_NEW)
        self._more = False
        self._wary = 0

    def new(self, consumer: str, *, count: int, most_bytes: int, block_ms: int) -> list[Entry]:
        """At most `count` entries that nobody has read, and no more once they weigh `most_bytes`; waits for the first.

        With 0 `block_ms` it doesn't: Redis may see a tenth of a second late that a shorter wait is over.
        What has raised `ReplyTooLarge` is pending.
        """
        if self._wary:
            return self._singly(consumer, count, most_bytes, block_ms)
        first = [] if self._more else self._wait(consumer, min(count, AWAITED), block_ms)
        if not self._more and len(first) < AWAITED:
            return first
        left, room = count - len(first), most_bytes - sum(map(size, first))
        rest = entries_of(self._new(keys=[self._stream], args=[left, room, self._group, consumer]))
        self._more = bool(rest)
        found = [*first, *rest]
        self._look_out(found)
        return found

    def _singly(self, consumer: str, count: int, most_bytes: int, block_ms: int) -> list[Entry]:
        """Without the script, which takes apart what this connection doesn't."""
        found: list[Entry] = []
        while len(found) < count and most_bytes > 0:
            try:
                more = self._wait(consumer, 1, 0 if found else block_ms)
            except ReplyTooLarge as large:
                _stream, id, *texts = large.texts
                more = [(id.decode(), _beginning_of(texts))]
            if not more:
                break
            found += more
            most_bytes -= size(more[0])
        self._wary -= min(self._wary, len(found))
        self._look_out(found)
        return found

    def _wait(self, consumer: str, count: int, block_ms: int) -> list[Entry]:
        try:
            found: Any = self._blocking.xreadgroup(
                self._group, consumer, {self._stream: ">"}, count=count, block=block_ms or None
            )
        except ReplyTooLarge:
            self._wary = WARY
            raise
        return [(id.decode(), _cut(fields)) for _stream, entries in found or () for id, fields in entries]

    def _look_out(self, entries: Iterable[Entry]) -> None:
        """Where one was cut others like it may come."""
        if any(CUT in fields for _, fields in entries):
            self._wary, self._more = WARY, False

    def pending(self, after: str = "-", *, count: int, most_bytes: int) -> tuple[list[Entry], list[str]]:
        """The oldest entries, from `after` on, that somebody has read and nobody acknowledged; and the ids of those
        that are gone. `after` is as Redis takes the beginning of a range.
        """
        listed: Any = self._redis.xpending_range(self._stream, self._group, min=after, max="+", count=count)
        found: list[Entry] = []
        gone: list[str] = []
        ids = [row["message_id"].decode() for row in listed]
        left = most_bytes
        for start in range(0, len(ids), AT_ONCE):
            for id, fields in self._these(ids[start : start + AT_ONCE]):
                if fields is None:
                    gone.append(id)
                elif left > 0:
                    found.append((id, fields))
                    left -= size(found[-1])
            if left <= 0:
                break
        return found, gone

    def _these(self, ids: Sequence[str]) -> list[tuple[str, Mapping[bytes, bytes] | None]]:
        pipe = self._blocking.pipeline(transaction=False)
        for id in ids:
            pipe.xrange(self._stream, id, id)
        try:
            return [(id, _cut(found[0][1]) if found else None) for id, found in zip(ids, pipe.execute(), strict=True)]
        except ReplyTooLarge as large:
            if len(ids) > 1:
                return [each for id in ids for each in self._these([id])]
            _id, *texts = large.texts
            return [(ids[0], _beginning_of(texts))]


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
    """As the script cuts, for those that come whole."""
    total = size(("", fields))
    if total <= LARGEST and len(fields) <= MOST_FIELDS:
        return fields
    return {**_beginning(fields.items()), CUT: f"{total} {len(fields)}".encode()}


def _beginning_of(texts: Sequence[bytes]) -> dict[bytes, bytes]:
    """Of an entry that wasn't read to its end: names and values in turn."""
    return {**_beginning(zip(texts[::2], texts[1::2], strict=False)), CUT: b""}


def _beginning(fields: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    kept, room = {}, LARGEST
    for name, value in islice(fields, 32):
        kept[name[:200]] = value[: max(room, 0)]
        room -= len(name) + len(value)
    return kept


def entries_of(answer: Sequence[Any]) -> list[Entry]:
    """What a script has returned."""
    return [(id.decode(), dict(zip(fields[::2], fields[1::2], strict=True))) for id, fields in answer]
