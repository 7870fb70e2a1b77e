"""What a command says when it can't do what was asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from andon.embedded import EmbeddedError
from andon.settings import SettingsError


class CommandFailed(Exception):
    """The command can't do what was asked; the message is one sentence for the person at the terminal."""


@contextmanager
def report_errors(out: TextIO) -> Iterator[None]:
    """Turn expected errors into a sentence on `out`: exit 2 for what was asked wrongly, 1 for what failed."""
    try:
        yield
    except SettingsError as error:
        out.write(f"andon: {error}\n")
        raise SystemExit(2) from None
    except (CommandFailed, EmbeddedError) as error:
        out.write(f"andon: {error}\n")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
