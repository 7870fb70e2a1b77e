"""What a command says when it can't do what was asked, and the code it exits with."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import TextIO

from andon.client import (
    AndonApiError,
    Conflict,
    InvalidRequest,
    NotAllowed,
    NotFound,
    RateLimited,
    Unavailable,
    Unreachable,
    WaitTimeout,
)
from andon.embedded import EmbeddedError
from andon.extras import MissingExtra
from andon.settings import SettingsError


class Exit(IntEnum):
    """Exit codes. They are a promise to scripts: docs/cli.md tells each."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    CONFLICT = 4
    UNREACHABLE = 5
    NOT_ALLOWED = 6
    TIMED_OUT = 7
    INTERRUPTED = 130


_REFUSALS: tuple[tuple[type[AndonApiError], Exit], ...] = (
    (InvalidRequest, Exit.USAGE),
    (NotFound, Exit.NOT_FOUND),
    (Conflict, Exit.CONFLICT),
    (NotAllowed, Exit.NOT_ALLOWED),
    (RateLimited, Exit.UNREACHABLE),
    (Unavailable, Exit.UNREACHABLE),
)


class CommandFailed(Exception):
    """The command can't do what was asked; the message is one sentence for the person at the terminal."""

    def __init__(self, message: str, exit: Exit = Exit.FAILED) -> None:
        self.exit = exit
        super().__init__(message)


def exit_of(error: AndonApiError) -> Exit:
    """The code for what the API refused."""
    return next((code for kind, code in _REFUSALS if isinstance(error, kind)), Exit.FAILED)


@contextmanager
def report_errors(out: TextIO) -> Iterator[None]:
    """Turn expected errors into a sentence on `out` and their exit code; any other keeps its traceback."""
    try:
        yield
    except SettingsError as error:
        _end(out, str(error), Exit.USAGE)
    except CommandFailed as error:
        _end(out, str(error), error.exit)
    except (EmbeddedError, MissingExtra) as error:
        _end(out, str(error), Exit.FAILED)
    except AndonApiError as error:
        _end(out, f"{error.detail or error.title}{_hint(error)}", exit_of(error))
    except WaitTimeout as error:
        _end(out, str(error), Exit.TIMED_OUT)
    except KeyboardInterrupt:
        raise SystemExit(int(Exit.INTERRUPTED)) from None


def _hint(error: AndonApiError) -> str:
    """The variable to set, where one is the way out."""
    if isinstance(error, Unreachable):
        return " Start it with `andon dev`, or set ANDON_URL to where it runs."
    if isinstance(error, NotAllowed):
        return " The key is what ANDON_API_KEY holds; `andon keys create` makes one."
    return ""


def _end(out: TextIO, message: str, code: Exit) -> None:
    out.write(f"andon: {message}\n")
    raise SystemExit(int(code)) from None
