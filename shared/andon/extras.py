"""Which of the distribution's extras are installed: a missing one is told in a sentence, before anything starts."""

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, distribution, requires

_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+).*;\s*extra == ['\"](?P<extra>[\w-]+)['\"]\s*$")


class MissingExtra(ImportError):
    """An extra that is needed isn't installed; the message is a sentence that says what to install."""


def require_extra(extra: str, what: str, *, install: str | None = None, said: Iterable[str] | None = None) -> None:
    """Raise `MissingExtra` if a package of `extra` isn't there; `what` is what needs it, for the sentence, and
    `install` the extra to name in it, where that is another one.

    What an extra takes is read from the installed metadata (or is `said`), so that one place tells it, pyproject.toml.
    Requirements of some platforms only are passed over.
    """
    missing = [name for name in _packages(extra, _metadata() if said is None else said) if not _installed(name)]
    if missing:
        raise MissingExtra(f"{what} needs {', '.join(missing)}: pip install 'andon[{install or extra}]'")


def _metadata() -> Iterable[str]:
    try:
        return requires("andon") or []
    except PackageNotFoundError:  # run from its sources: whoever does that knows
        return []


def _packages(extra: str, said: Iterable[str]) -> list[str]:
    found = [match for match in map(_REQUIREMENT.match, said) if match]
    return [match["name"] for match in found if match["extra"] == extra]


def _installed(name: str) -> bool:
    try:
        distribution(name)
    except PackageNotFoundError:
        return False
    return True
