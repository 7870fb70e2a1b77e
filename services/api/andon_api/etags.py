"""ETags of what is read, so that a client that polls is sent only what changed; and `If-Match` for what is written."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from flask import Response, request

from andon_api.problems import Problem


def tagged(body: Any, *, version: int | None = None) -> Response:
    """The body as JSON with a weak ETag, or 304 for a client that has it. The tag tells the `version`, if there is one.

    A report's version moves when it is changed or its status does; progress changes the tag only.
    """
    text = json.dumps(body)
    response = Response(text, content_type="application/json")
    response.set_etag(digest(text) if version is None else f"{version}.{digest(text)}", weak=True)
    response.headers["Cache-Control"] = "private, no-cache"
    response.make_conditional(request)
    return response


def digest(text: str) -> str:
    """What tells two texts apart."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def check_version(version: int) -> None:
    """412 when the request names, by `If-Match`, versions of what it changes that are not this one."""
    given = request.if_match
    if not given or given.star_tag:
        return
    tags = [*given.as_set(include_weak=True)]
    if not any(tag.partition(".")[0] == str(version) for tag in tags):
        raise Problem(412, "It has changed since it was read: read it again, and If-Match with the new ETag.")
