"""What the API refused, or that it didn't answer: one hierarchy, made from its problem documents (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx


class AndonApiError(Exception):
    """The API refused, or did not answer.

    `code` is the kind of problem, which stays; `status` is None when there was no answer. `errors` names the fields
    that are wrong, each `{"pointer", "detail"}` for a field of the body and `{"parameter", "detail"}` for one of the
    query.
    """

    def __init__(
        self,
        status: int | None,
        title: str,
        detail: str = "",
        errors: Sequence[Mapping[str, str]] = (),
        code: str | None = None,
    ) -> None:
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.code = code
        super().__init__(detail if not detail or detail.startswith(title) else f"{title}: {detail}")

    def __str__(self) -> str:
        return super().__str__() or self.title


class InvalidRequest(AndonApiError):
    """What was sent is wrong: 400, 405, 413, 414, 415, 416 or 422."""


class BadRequest(InvalidRequest):
    """`bad-request`: it can't be read as a request."""


class InvalidFields(InvalidRequest):
    """`invalid`: fields are wrong; `errors` names each."""


class TooLarge(InvalidRequest):
    """`too-large`: the body is larger than is taken."""


class TooLong(InvalidRequest):
    """`too-long`: the address is longer than is taken."""


class WrongMediaType(InvalidRequest):
    """`media-type`: the body is of another kind than is read there."""


class WrongMethod(InvalidRequest):
    """`method`: the path takes another method."""


class WrongRange(InvalidRequest):
    """`range`: the file doesn't have the bytes that were asked for."""


class NotAllowed(AndonApiError):
    """`not-allowed`: the key lacks the scope (403). Also the base of `KeyNeeded` and `TokenEnded` (401)."""


class KeyNeeded(NotAllowed):
    """`key-needed`: no key, or one that isn't in force."""


class TokenEnded(NotAllowed):
    """`token-ended`: the token is unknown, has run out or was revoked."""


class NotFound(AndonApiError):
    """`not-found`: there is no such thing in the key's tenant (404)."""


class Conflict(AndonApiError):
    """`conflict`: the thing is not in a state in which this can be asked (409). Also the base of `AnotherRun` and
    `Changed`."""


class AnotherRun(Conflict):
    """`another-run`: another run goes on than the one that was named; nothing was cancelled."""


class Changed(Conflict):
    """`changed`: it is no longer what `if_match` names; nothing was done (412)."""


class RateLimited(AndonApiError):
    """`too-many`: 429, still after all retries."""


class Unavailable(AndonApiError):
    """`unavailable`: 5xx, the API can't do it now, still after all retries."""


class InternalError(Unavailable):
    """`internal`: something went wrong on the API's side, and it has logged it."""


class Unreachable(Unavailable):
    """Nothing answers at the URL, still after all retries. `status` is None."""


class WaitTimeout(TimeoutError):
    """What was waited for has not ended in time; it goes on."""


BY_CODE: Mapping[str, type[AndonApiError]] = {
    "another-run": AnotherRun,
    "bad-request": BadRequest,
    "changed": Changed,
    "conflict": Conflict,
    "internal": InternalError,
    "invalid": InvalidFields,
    "key-needed": KeyNeeded,
    "media-type": WrongMediaType,
    "method": WrongMethod,
    "not-allowed": NotAllowed,
    "not-found": NotFound,
    "range": WrongRange,
    "token-ended": TokenEnded,
    "too-large": TooLarge,
    "too-long": TooLong,
    "too-many": RateLimited,
    "unavailable": Unavailable,
}
# What has no code that this version knows: a newer API, or a proxy.
_BY_STATUS: Mapping[int, type[AndonApiError]] = {
    **dict.fromkeys((400, 405, 413, 414, 415, 416, 422), InvalidRequest),
    **dict.fromkeys((401, 403), NotAllowed),
    **dict.fromkeys((409, 412), Conflict),
    404: NotFound,
    429: RateLimited,
}


def error_of(response: httpx.Response) -> AndonApiError:
    """The response, whose body was read, as an exception; also where it isn't a problem document (a proxy's page)."""
    title = f"{response.status_code} {response.reason_phrase}".strip()
    return error_from({"title": title, **_problem(response), "status": response.status_code})


def error_from(problem: Mapping[str, Any]) -> AndonApiError:
    """A problem document, which a stream sends too, as an exception."""
    status = int(problem["status"])
    code = str(problem["code"]) if problem.get("code") else None
    kind = BY_CODE.get(code or "") or _BY_STATUS.get(status, Unavailable if status >= 500 else AndonApiError)
    errors = [each for each in problem.get("errors") or () if isinstance(each, Mapping)]
    return kind(status, str(problem.get("title") or status), str(problem.get("detail") or ""), errors, code)


def _problem(response: httpx.Response) -> Mapping[str, Any]:
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}
