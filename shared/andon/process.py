"""How each process of Andon starts, is stopped and ends: it begins, or leaves with one sentence that says why not."""

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

import psycopg
from structlog.typing import Processor

from andon.engine.errors import RegistrationError
from andon.logs import configure_logging, flush_output
from andon.migrations import UnknownRevision
from andon.settings import Settings, SettingsError


@contextmanager
def starting(name: str, *keys: Processor) -> Iterator[Settings]:
    """The settings of the environment, its log begun under `name`. What keeps the block from its end, but for what is
    a fault of ours, ends the process with a sentence.
    """
    try:
        settings = Settings.from_env(os.environ)
        configure_logging(name, settings.log_level, *keys)
        yield settings
    except (SettingsError, UnknownRevision, RegistrationError) as error:
        sys.exit(str(error))
    except psycopg.OperationalError as error:
        sys.exit(f"The database that ANDON_DATABASE_URL names does not answer: {str(error).strip()}")


def on_stop(ask: Callable[[], None]) -> None:
    """Let SIGTERM and SIGINT ask for the end."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ask())


def collect_garbage_seldom() -> None:
    """Once a process has started: look for garbage in cycles after many objects, and never among those that are there.

    To read a large JSON of many lists makes a collection after each few hundred of them, which takes nine tenths of
    the time, with the interpreter held.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    gc.enable()


def leave(code: int | str | None = 0) -> NoReturn:
    """As `sys.exit(code)`, but at once: the interpreter's own end takes long with so many modules. What is registered
    with `atexit` isn't called, and no thread is waited for.
    """
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    flush_output()
    os._exit((code or 0) & 0xFF)
