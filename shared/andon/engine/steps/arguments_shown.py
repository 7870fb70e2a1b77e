"""A step's arguments as a short text, to be seen later. No code of theirs is run, however large they are."""

import datetime as dt
import decimal
import enum
import pathlib
import reprlib
import uuid
from functools import partial
from typing import Any

from andon.engine.memos import plain

MOST = 1_000
_PLAIN = (bool, int, float, complex, type(None), dt.date, dt.time, dt.timedelta, uuid.UUID, decimal.Decimal)


class _Short(reprlib.Repr):
    """Values of Python's own as they are written, cut; of any other, its class."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 4
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = 12
        self.maxstring = self.maxother = 200

    def repr_instance(self, x: Any, level: int) -> str:
        if isinstance(x, enum.Enum):
            return f"{type(x).__name__}.{x.name}"
        if isinstance(x, pathlib.PurePath):
            return self.repr1(str(x), level)
        if type(x) in _PLAIN:
            return repr(x)
        if callable(x) and hasattr(x, "__qualname__"):
            return f"<{x.__qualname__}>"
        return f"<{type(x).__module__}.{type(x).__qualname__}>".replace("<builtins.", "<")


_SHORT = _Short()


def shown(call: partial[Any]) -> str:
    """What the call is given, as one writes it: `"r1", pages=3`."""
    given = [_SHORT.repr(each) for each in call.args]
    given += [f"{name}={_SHORT.repr(value)}" for name, value in call.keywords.items()]
    return plain(", ".join(given))[:MOST]
