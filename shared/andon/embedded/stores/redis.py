"""A real Redis as a child process, its data kept by an append-only file."""

import signal
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from andon.embedded.stores.binaries import redis_programs
from andon.embedded.stores.server import Server


class RedisServer(Server):
    """Redis on its folder's append-only file, which loses at most a second when it is killed."""

    program = "redis-server"
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path, port: int | None = None) -> None:
        super().__init__(folder, port, redis_programs())

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder),
            "pidfile": str(self.pidfile()),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        return [str(self.programs / self.program), *words]

    def answers(self) -> bool:
        with Redis(port=self.port, socket_timeout=1, socket_connect_timeout=1) as client:
            try:
                return client.ping() is True
            except RedisError:
                return False  # not listening yet, or reading its file

    def working_folder(self) -> Path:
        return self.folder

    def pidfile(self) -> Path:
        return self.folder / "redis.pid"
