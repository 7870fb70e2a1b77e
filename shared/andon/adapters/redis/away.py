"""When Redis is away, and when it isn't: a list of what *is*, for every process that must go on without it.

What isn't on it is because of what was asked for: a key of another type, a broken script.
"""

import re
from enum import StrEnum

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,
    MasterDownError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    ResponseError,
    TimeoutError,
    TryAgainError,
)


class Away(StrEnum):
    """In which way it is away, in words."""

    LOST = "it can't be reached"
    LOADING = "it is loading its data"
    READ_ONLY = "it is read-only"
    FULL = "its memory is full"
    FAULTY = "it can't write to its disk, or not to its replicas, and refuses to be written to"
    BUSY = "a script keeps it busy"
    REFUSED = "it refuses this user or password, or gives it too few rights"


# As an answer begins, or, where a script asked, somewhere in it: Redis 6.2 puts the script's name in front.
_SAID = {
    "OOM": Away.FULL,
    "READONLY": Away.READ_ONLY,
    "MISCONF": Away.FAULTY,
    "NOREPLICAS": Away.FAULTY,
    "LOADING": Away.LOADING,
    "MASTERDOWN": Away.LOST,
    "CLUSTERDOWN": Away.LOST,
    "TRYAGAIN": Away.BUSY,
    "BUSY": Away.BUSY,
    "NOAUTH": Away.REFUSED,
    "NOPERM": Away.REFUSED,
    "WRONGPASS": Away.REFUSED,
}
_FIRST = re.compile(rf"-?({'|'.join(_SAID)})\b")
_IN_A_SCRIPT = re.compile(rf"@user_script.*?-({'|'.join(_SAID)})\b")
# redis-py takes the first word off the answers that it has classes for.
_BY_CLASS: dict[type[Exception], Away] = {
    BusyLoadingError: Away.LOADING,
    AuthenticationError: Away.REFUSED,
    NoPermissionError: Away.REFUSED,
    OutOfMemoryError: Away.FULL,
    ReadOnlyError: Away.READ_ONLY,
    MasterDownError: Away.LOST,
    ClusterDownError: Away.LOST,
    TryAgainError: Away.BUSY,
    ConnectionError: Away.LOST,
    TimeoutError: Away.LOST,
}


def why_away(error: BaseException) -> Away | None:
    """Why Redis is away, if that is what this error tells; None where waiting won't help."""
    for kind, why in _BY_CLASS.items():
        if isinstance(error, kind):
            return why
    if isinstance(error, ResponseError):
        return _said(answer(error))
    return Away.LOST if isinstance(error, OSError) else None


def answer(error: BaseException) -> str:
    """What Redis said, without the command that a pipeline's error quotes, and with it data."""
    return str(error).rpartition("of pipeline caused error: ")[2]


def _said(text: str) -> Away | None:
    found = _FIRST.match(text) or _IN_A_SCRIPT.search(text)
    return _SAID[found[1]] if found else None
