"""Streams that were partitions of the bus once: for one release the dispatcher still reads what comes there."""

from andon.adapters.postgres.connect import LOCKING, Connection, one

_NAMES = "SELECT stream FROM andon.former_streams ORDER BY stream"
_LOW_WATER = f"SELECT low_water, {LOCKING} FROM andon.former_streams WHERE stream = %s FOR SHARE"


def names(connection: Connection) -> list[str]:
    """Their keys in Redis; none where the bus has always been one stream."""
    return [name for (name,) in connection.execute(_NAMES).fetchall()]


def low_water(connection: Connection, stream: str) -> str:
    """Below which entry all were handled; it does not rise until the caller's transaction ends."""
    return str(one(connection, _LOW_WATER, [stream])[0])


def entry_name(stream: str, stream_id: str) -> str:
    """What names an entry among those of all streams, as it did when the stream was a partition."""
    return f"{stream.rpartition(':')[2]}:{stream_id}"
