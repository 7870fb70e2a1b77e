"""The console's sessions: a signed cookie that names a key and when it ends. Nothing is stored of one.

A cookie is signed with what is stored of its key and with `ANDON_SECRET_KEY`. So it ends with its key, every process of
the API can read it, and whoever has read the table `api_keys` still can't make one where that secret is set.
"""

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from uuid import UUID

from andon.engine.ids import parse_id
from andon_api.access.keys import Keys, Known

COOKIE = "andon_session"
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"
LONGEST = 400


@dataclass(frozen=True)
class Session:
    """Somebody who is logged in: the key, and the token that their forms carry."""

    known: Known
    csrf: str


class Sessions:
    """Makes cookies and reads them."""

    def __init__(self, keys: Keys, secret: str, *, seconds: float) -> None:
        self._keys = keys
        self._secret = secret.encode()
        self.seconds = seconds

    def begin(self, known: Known) -> str:
        """The cookie of a new session."""
        said = f"{known.key.id}.{int(time.time() + self.seconds)}.{secrets.token_urlsafe(12)}"
        return f"{said}.{self._sign(known, 'session', said)}"

    def read(self, cookie: str) -> Session | None:
        """The session of a cookie, unless it was not made here, has run out, or its key is revoked."""
        said, _, signature = cookie.rpartition(".")
        id, until = _parts(said)
        if len(cookie) > LONGEST or id is None or until <= time.time():
            return None
        known = self._keys.by_id(id)
        if known is None or not hmac.compare_digest(signature.encode(), self._sign(known, "session", said).encode()):
            return None
        return Session(known, self._sign(known, "csrf", cookie))

    def _sign(self, known: Known, purpose: str, text: str) -> str:
        key = hmac.digest(known.sha256, b"andon " + purpose.encode() + b"\0" + self._secret, hashlib.sha256)
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _parts(said: str) -> tuple[UUID | None, int]:
    parts = said.split(".")
    if not said.isascii() or len(parts) != 3 or not parts[1].isdigit() or len(parts[1]) > 12:
        return None, 0
    return parse_id(parts[0]), int(parts[1])
