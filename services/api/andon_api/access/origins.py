"""Requests that a browser was made to send by somebody else's page: refused before anything looks at them."""

from urllib.parse import SplitResult, urlsplit

from flask import Flask, current_app, request

from andon.settings import is_loopback
from andon_api.http.problems import Problem

EXTENSION = "andon-origins"
API = "/api/"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def parts_of(url: str) -> SplitResult:
    """The parts of a URL that somebody sent; one that is none has none."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")


def install(app: Flask, welcome: tuple[str, ...]) -> None:
    """Let pages of these origins use the API of `app`; those of no other one."""
    app.extensions[EXTENSION] = frozenset(welcome)
    app.before_request(refuse_other_sites)


def any_are_welcome() -> bool:
    """Whether pages of other sites may use what is asked for: the API, and nothing that is for people."""
    return bool(current_app.extensions[EXTENSION]) and request.path.startswith(API)


def is_welcome() -> bool:
    """Whether the request comes from a page of another site that may use the API."""
    return any_are_welcome() and request.headers.get("Origin") in current_app.extensions[EXTENSION]


def refuse_other_sites() -> None:
    """A page of another site may not act here with the rights of the browser that shows it."""
    if request.method in SAFE_METHODS or is_welcome():
        return
    if request.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"}:
        raise Problem(403, "Requests from pages of other sites are refused.")
    origin = request.headers.get("Origin")  # browsers send it over plain HTTP too, where Sec-Fetch-Site is missing
    if origin is not None and parts_of(origin).netloc != request.host:
        raise Problem(
            403,
            f"Requests from pages of other sites are refused: Origin is {origin[:200]!r}, and this is {request.host!r} "
            "(behind a proxy, set ANDON_PROXIES; for pages of that site, ANDON_ORIGINS).",
        )


def refuse_other_names() -> None:
    """Without keys, a name that a stranger's DNS points at this machine must not open its door to their page."""
    name = parts_of(f"//{request.host}").hostname or ""
    if not is_loopback(name) and not name.endswith(".localhost"):
        raise Problem(
            403, f"Without keys only loopback names are served, not {name[:200]!r}: set ANDON_AUTH=on, and make a key."
        )
