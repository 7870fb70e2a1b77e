"""Keys as requests present them."""

from dataclasses import dataclass
from uuid import UUID

from andon.adapters.postgres.access.keys import Key, digest, find_key, find_key_by_id
from andon_api.access.remembered import Remembered
from andon_api.database import connection

LONGEST = 200  # what is longer is no key: don't hash what a stranger sends


@dataclass(frozen=True)
class Known:
    """A key in force, and what is stored of its secret: a session's signature hangs on it."""

    key: Key
    sha256: bytes


class Keys:
    """Finds keys by secret or by id. Call within an app context; a miss commits the session, which notes the use."""

    def __init__(self) -> None:
        self._kept: Remembered[Known] = Remembered()

    def by_secret(self, secret: str) -> Known | None:
        """The key with this secret, unless there is none or it is revoked."""
        if len(secret) > LONGEST:
            return None
        sha256 = digest(secret)

        def find() -> Known | None:
            key = find_key(connection(), secret)
            return None if key is None else Known(key, sha256)

        return self._kept.get(sha256, find)

    def by_id(self, id: UUID) -> Known | None:
        """The key with this id, unless there is none or it is revoked."""

        def find() -> Known | None:
            found = find_key_by_id(connection(), id)
            return None if found is None else Known(*found)

        return self._kept.get(id, find)
