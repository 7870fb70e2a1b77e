"""Who sends a request, before anybody has looked: what was presented before, and found to be a tenant's."""

import hashlib
import re
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

CALLER = "andon.caller"  # in the environ: call it with the tenant whose request this is
MOST = 10_000
_SECRET = re.compile(rb"\r\nauthorization[ \t]*:([^\r\n]*)", re.IGNORECASE)
_SESSION = re.compile(rb"\r\ncookie[ \t]*:[^\r\n]*?andon_session=([^;\r\n]*)", re.IGNORECASE)


class Caller(NamedTuple):
    """A tenant that is known, or else the address that a connection comes from: a proxy's, for all strangers."""

    name: str
    known: bool


class Callers:
    """Remembers, by a digest of what requests present."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tenants: dict[bytes, str] = {}

    def of(self, head: bytes, address: Any) -> Caller:
        """Whose request this head begins."""
        tenant = self._tenants.get(_presented(head))
        if tenant is not None:
            return Caller(tenant, known=True)
        return Caller(str(address[0] if isinstance(address, tuple) else address), known=False)

    def learn(self, head: bytes) -> Callable[[str], None]:
        """Who sends what this head presents, once that is known."""
        presented = _presented(head)

        def tell(tenant: str) -> None:
            if presented and self._tenants.get(presented) != tenant:
                with self._lock:
                    if len(self._tenants) >= MOST:
                        self._tenants.clear()
                    self._tenants[presented] = tenant

        return tell


def _presented(head: bytes) -> bytes:
    """A digest of the key, or else of the session: of nothing else that a client could vary."""
    if secret := _SECRET.search(head):
        said = b"".join(secret[1].split()[-1:])
    else:
        session = _SESSION.search(head)
        said = session[1] if session else b""
    return hashlib.blake2b(said, digest_size=16).digest() if said else b""
