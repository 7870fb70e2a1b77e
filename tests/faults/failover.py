"""A second Redis, and a Sentinel that puts it in the place of the first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis import Redis
from redis.sentinel import Sentinel

from andon.embedded import RedisServer
from tests.support.polling import wait_until

NAME = "andon"


@contextmanager
def replica_of(primary: RedisServer, folder: Path) -> Iterator[RedisServer]:
    """A second Redis that has caught up with `primary`."""
    with RedisServer(folder) as second, Redis.from_url(second.url, decode_responses=True) as client:
        client.replicaof("127.0.0.1", primary.port)
        wait_until(lambda: client.info("replication")["master_link_status"] == "up", what="the replica")
        yield second


class SentinelServer(RedisServer):
    """A Sentinel that alone decides: it watches `primary`, and promotes its replica two seconds after its death."""

    def __init__(self, folder: Path, primary: RedisServer) -> None:
        super().__init__(folder)
        self._primary = primary

    def command(self) -> list[str]:
        lines = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f"dir {self.folder}",
            f"pidfile {self.pidfile()}",
            f"sentinel monitor {NAME} 127.0.0.1 {self._primary.port} 1",
            f"sentinel down-after-milliseconds {NAME} 2000",
            f"sentinel failover-timeout {NAME} 10000",
        ]
        file = self.folder / "sentinel.conf"
        file.write_text("\n".join(lines) + "\n")
        return [str(self.programs / self.program), str(file), "--sentinel"]

    def leader(self) -> int:
        """The port of the server that leads now."""
        return int(self._client().discover_master(NAME)[1])

    def replicas(self) -> int:
        """How many replicas it knows of."""
        return len(self._client().discover_slaves(NAME))

    def _client(self) -> Any:  # redis-py types none of it
        return Sentinel([("127.0.0.1", self.port)], socket_timeout=2)  # type: ignore[no-untyped-call]
