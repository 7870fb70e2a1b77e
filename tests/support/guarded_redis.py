"""A real Redis with the users of `deploy/redis/users.acl`, each of whom has their own name as the password."""

from __future__ import annotations

import hashlib
from pathlib import Path

from redis import Redis
from redis.exceptions import RedisError

from andon.embedded.stores.redis import RedisServer

FILE = Path("deploy/redis/users.acl")
USERS = ("admin", "andon", "producer")


class GuardedRedis(RedisServer):
    """Started with the shipped file, its passwords put in as the documentation says."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        text = FILE.read_text()
        for user in USERS:
            sha256 = hashlib.sha256(user.encode()).hexdigest()
            text = text.replace(f"user {user} on resetpass", f"user {user} on resetpass #{sha256}")
        (folder / "users.acl").write_text(text)
        super().__init__(folder)

    def command(self) -> list[str]:
        return [*super().command(), "--aclfile", str(self.folder / "users.acl")]

    def answers(self) -> bool:
        try:
            with self.connect("producer") as client:
                return client.ping() is True
        except RedisError:
            return False

    def connect(self, user: str, password: str | None = None) -> Redis:
        """A client of this user."""
        return Redis(port=self.port, username=user, password=password or user, socket_timeout=2)

    def url_of(self, user: str) -> str:
        """The URL by which this user logs in."""
        return f"redis://{user}:{user}@127.0.0.1:{self.port}/0"
