"""What lies on a stream behind a place, but not what is in it, which may be of any size: Redis tells no ids alone."""

from typing import Any

from redis import Redis

from andon.adapters.redis.stream.reading import CUTTING

MOST = 10_000
MOST_BYTES = 16 * 1024 * 1024
"""Beyond so much Redis looks at no more: everybody else waits meanwhile, and it needs as much memory."""

_LOOK = f"""{CUTTING}
local count, last, first, most = 0, ARGV[1], false, tonumber(ARGV[2])
while count < most and total < tonumber(ARGV[3]) do
    local entries = redis.pcall('XRANGE', KEYS[1], last, '+', 'COUNT', math.min(next_count(), most - count))
    if entries.err or #entries == 0 then break end -- behind the last id that there can be is no range
    for _, entry in ipairs(entries) do total = total + weight(entry[2]) end
    first = first or entries[1][1]
    count, last = count + #entries, '(' .. entries[#entries][1]
end
return {{count, first}}
"""


def unread(redis: Redis, stream: str, after: str, *, most: int = MOST) -> tuple[int, str | None]:
    """How many entries lie behind this id (all of them: `-`), and the id of the first.

    Counted up to `most`, or until they hold 16 MiB.
    """
    said: Any = redis.eval(_LOOK, 1, stream, after if after == "-" else f"({after}", most, MOST_BYTES)
    count, first = said
    return int(count), None if first is None else first.decode()
