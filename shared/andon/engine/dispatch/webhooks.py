"""Where a webhook may go, as far as its URL alone can tell; the address behind the name is judged when it is sent."""

from __future__ import annotations

from urllib.parse import urlsplit

LONGEST = 2000


def url_fault(url: str, *, private: bool = True) -> str | None:
    """Why nothing can be sent to this URL; None if that isn't known. Without `private` it has to be https."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
    if not url.startswith(("https://", "http://")) or not named or not url.isprintable() or " " in url:
        return f"expected a URL such as https://app.example.com/andon, got {url[:80]!r}"
    if parts.username is not None or parts.fragment:
        return "expected a URL without a password and without a part behind #"
    if not private and parts.scheme != "https":
        return "expected a URL that begins with https:// (ANDON_WEBHOOKS_PRIVATE)"
    return None if len(url) <= LONGEST else f"expected at most {LONGEST} characters"
