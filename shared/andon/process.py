"""How each process of Andon starts and is stopped: it begins, or leaves with one sentence that says why it can't."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
from structlog.typing import Processor

from andon.engine.errors import RegistrationError
from andon.logs import configure_logging
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
