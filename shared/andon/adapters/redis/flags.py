"""Cancel flags: the map `reportId -> seq of the newest cancel event` that each step checks, and its push.

A flag's key is readable: `andon:flag:<tenant>:<function>:<rule>:<typed value>`; one for a single run is
`andon:flag:run:<id>`. A smaller seq never replaces a larger. `andon:epoch` says that the flags are complete: while
it is missing (Redis was restarted empty), a check reads Postgres instead.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence

from redis import Redis
from redis.exceptions import RedisError

from andon.adapters.redis.sending import Command, OwnConnections

CHANNEL = "andon:cancel"
PREFIX = "andon:flag:"
EPOCH = "andon:epoch"
TTL_SECONDS = 7 * 24 * 3600

_RAISE = """
for i, key in ipairs(KEYS) do
    local old = redis.pcall('GET', key)  -- somebody else may have put anything there
    old = type(old) == 'string' and tonumber(old)
    if not old or old < tonumber(ARGV[i + 1]) then
        redis.call('SET', key, ARGV[i + 1], 'EX', ARGV[1])
    end
    redis.call('PUBLISH', 'andon:cancel', string.sub(key, #'andon:flag:' + 1) .. '|' .. ARGV[i + 1])
end
"""


def raise_flags(redis: Redis, flags: Mapping[str, int]) -> None:
    """Set these flags (name -> seq of the cancel event) and push them to every worker's watcher, in one round trip."""
    if flags:
        redis.execute_command(*raising(flags))  # type: ignore[no-untyped-call]


def raising(flags: Mapping[str, int]) -> Command:
    """The command that does so."""
    keys = [PREFIX + name for name in flags]
    return ("EVAL", _RAISE, len(keys), *keys, TTL_SECONDS, *flags.values())


def watch(
    redis: Redis, on_flag: Callable[[str, int], None], on_lost: Callable[[], None], closed: Callable[[], bool]
) -> None:
    """Call `on_flag(name, seq)` for each flag pushed, until `closed()`; `on_lost()` after each (re)connection."""
    while not closed():
        pubsub = redis.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        try:
            pubsub.subscribe(CHANNEL)
            on_lost()
            while not closed():
                message = pubsub.get_message(timeout=1.0)
                if message is not None and (flag := _pushed(message["data"])):
                    on_flag(*flag)
        except RedisError:
            on_lost()
            time.sleep(random.uniform(0.2, 1.0))
        finally:
            pubsub.close()


def _pushed(data: bytes) -> tuple[str, int] | None:
    """The flag that a message names, and its seq; None for what somebody else has published."""
    name, _, seq = data.decode(errors="replace").rpartition("|")
    return (name, int(seq)) if seq.isascii() and seq.isdigit() and len(seq) < 20 else None


class FlagReader:
    """Reads flags on a connection of the calling thread's own.

    A step's check is on the hot path: it skips what a general client does around each command.
    """

    def __init__(self, redis: Redis) -> None:
        self._connections = OwnConnections(redis)

    def read(self, keys: Sequence[str]) -> list[bytes | None]:
        """The values of these keys; raises `RedisError` or `OSError` when Redis is away."""
        connection = self._connections.get()
        try:
            connection.send_command("MGET", *keys, check_health=False)
            values: list[bytes | None] = connection.read_response()
        except BaseException:
            connection.disconnect()  # what is left of an answer must not be read as the next one's
            raise
        return values
