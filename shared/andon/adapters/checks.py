"""What a check of a running system found, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How a part is: `warning` works but wants a look, `problem` doesn't work."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Check:
    """One finding: what was looked at, how it is, what was seen, and what to do where it isn't ok."""

    name: str
    health: Health
    found: str
    remedy: str | None = None


def ok(name: str, found: str) -> Check:
    """All is well."""
    return Check(name, Health.OK, found)


def warning(name: str, found: str, remedy: str) -> Check:
    """It works, and somebody should look."""
    return Check(name, Health.WARNING, found, remedy)


def problem(name: str, found: str, remedy: str) -> Check:
    """It doesn't work."""
    return Check(name, Health.PROBLEM, found, remedy)


def judge(name: str, found: str, *, bad: bool, remedy: str, fatal: bool = False) -> Check:
    """Ok unless `bad`; then a warning, or a problem if `fatal`."""
    if not bad:
        return ok(name, found)
    return problem(name, found, remedy) if fatal else warning(name, found, remedy)
