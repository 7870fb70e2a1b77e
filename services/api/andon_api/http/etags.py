"""ETags of what is read, and the preconditions of RFC 9110 that stand on them, for every method.

A tag names the thing and its version, and ends in what tells its whole text apart: `"<id>.<version>.<digest>"`. A
reader is spared what it has when all of it is the same. Who changes something has read it in time when the version is
the same: progress alone doesn't make a change stale.
"""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from flask import Response, current_app, request

from andon_api.http.problems import Problem

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')
# Nothing of it is ever read twice: a header of commas and blanks would take for ever else.
_ELEMENT = rf"[ \t]*+(?:{_TAG.pattern}[ \t]*+)?+"
_TAGS = re.compile(rf"{_ELEMENT}(?:,{_ELEMENT})*+")
ANY = "* "  # no tag has a blank, and `"*"` is a tag as any other
READS = frozenset({"GET", "HEAD"})


def tagged(body: Any, *, of: object, version: object) -> Response:
    """The body as JSON with its ETag; to a reader 304 for what it has, and 412 if it wanted another.

    Who has just changed it set conditions on what it was before.
    """
    text = json.dumps(body)
    tag = f"{of}.{version}.{digest(text)}"
    known = request.method in READS and _is_known(tag)
    response = Response("" if known else text, status=304 if known else 200, content_type="application/json")
    response.set_etag(tag)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _is_known(tag: str) -> bool:
    unlike, had = _given("If-Match"), _given("If-None-Match", weak=True)
    if unlike is not None and ANY not in unlike and tag not in unlike:
        raise _stale()
    return had is not None and (ANY in had or tag in had)


def digest(text: str) -> str:
    """What tells two texts apart."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def precondition(of: object) -> Callable[[object], None] | None:
    """What checks, under the lock of the thing that is changed, that its version is one the request allows.

    None for a request that sets no condition. The check raises a 412 `Problem`.
    """
    unlike, like = _given("If-Match"), _given("If-None-Match", weak=True)
    if unlike is None and like is None:
        return None

    def check(version: object) -> None:
        start = f"{of}.{version}."
        if unlike is not None and not any(tag == ANY or tag.startswith(start) for tag in unlike):
            raise _stale()
        if like is not None and any(tag == ANY or tag.startswith(start) for tag in like):
            raise Problem(412, "It is what If-None-Match says that it must not be.")

    return check


def guarded(view: Any) -> Any:
    """Mark a view as one that checks `precondition` by itself."""
    view.guarded = True
    return view


def refuse_unguarded() -> None:
    """412 for a change that is to happen only to a version of something, where nothing has versions."""
    if request.method in READS or request.endpoint is None:
        return
    unlike = _given("If-Match")
    if unlike is None or ANY in unlike or getattr(current_app.view_functions[request.endpoint], "guarded", False):
        return
    raise Problem(412, "This is done to no version of anything that If-Match could name: send it without.")


def _given(header: str, *, weak: bool = False) -> list[str] | None:
    """The header's tags, or `*`; None without the header. A weak tag is no strong one, and what is no tag is none."""
    said = request.headers.get(header)
    if said is None:
        return None
    if said.strip() == "*":
        return [ANY]
    if len(said) > 8000 or not _TAGS.fullmatch(said):
        return []
    return [tag for mark, tag in _TAG.findall(said) if weak or not mark]


def _stale() -> Problem:
    return Problem(412, "It has changed since it was read: read it again, and send If-Match with the new ETag.")
