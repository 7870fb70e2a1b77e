"""Webhooks as they are signed, and how a receiver tells that one is Andon's."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterable

HEADER = "Andon-Signature"
TOLERANCE_SECONDS = 300


def verify_webhook(
    body: bytes, signature: str | None, secret: str, *, tolerance: float = TOLERANCE_SECONDS, now: float | None = None
) -> bool:
    """Whether a webhook is Andon's: its body as it came, byte for byte, and its header `Andon-Signature`.

    Refuses what was signed over `tolerance` seconds ago, so that nobody sends it again later. Its `id` stays the same
    when it is sent again: a receiver that remembers ids does each thing once.
    """
    parts = [part.strip().partition("=") for part in (signature or "").split(",")]
    at = next((value for name, _, value in parts if name == "t"), "")
    if not (at.isascii() and at.isdecimal()) or len(at) > 12:
        return False
    if abs((time.time() if now is None else now) - int(at)) > tolerance:
        return False
    wanted = _digest(secret, at, body)
    return any(name == "v1" and hmac.compare_digest(value.encode(), wanted.encode()) for name, _, value in parts)


def sign_webhook(body: bytes, secrets: Iterable[str], *, at: int) -> str:
    """The header `Andon-Signature`: a time stamp, and a signature by each secret."""
    return ",".join([f"t={at}", *(f"v1={_digest(secret, str(at), body)}" for secret in secrets)])


def _digest(secret: str, at: str, body: bytes) -> str:
    return hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
