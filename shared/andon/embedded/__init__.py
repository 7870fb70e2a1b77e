"""Real stores as children of this process, and all of Andon on them for one machine."""

from andon.embedded.errors import EmbeddedError
from andon.embedded.stores.postgres import PostgresServer
from andon.embedded.stores.redis import RedisServer

__all__ = ["EmbeddedError", "PostgresServer", "RedisServer"]
