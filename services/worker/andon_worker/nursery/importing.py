"""Import the functions' modules and say what is declared in them; and whether the image can be forked."""

from __future__ import annotations

import gc
import linecache
import os
import random
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from traceback import walk_stack
from types import FrameType
from typing import Any

from andon.adapters.cel import check_expression
from andon.adapters.cron import check_schedule
from andon.engine.declared.declarations import to_json
from andon.engine.declared.functions import Function, Registry, functions_in
from andon.engine.errors import RegistrationError
from andon.engine.tracebacks import is_own
from andon.extras import MissingExtra

Tell = Callable[[dict[str, Any]], None]
SLOW_SECONDS = 5.0


def load(modules: Sequence[str], tell: Tell) -> dict[str, Function]:
    """Import them in order and tell what each declares. The first that fails is told, and ends it: its import may have
    left anything behind, so that the rest needs another process.
    """
    registry = Registry(check_expression=check_expression, check_schedule=check_schedule)
    found: dict[str, Function] = {}
    for name in modules:
        tell({"say": "importing", "module": name})
        try:
            with _told_when_slow(name, tell):
                functions = functions_in(name)
            declared = [each for each in functions if found.get(each.id) is not each]
            for each in declared:
                registry.add(each)
                found[each.id] = each
            declarations = [to_json(each) for each in declared]
        except BaseException as error:
            tell({"say": "failed", "module": name, "why": _why(name, error)})
            sys.exit(1)
        for said in declarations:
            tell({"say": "declared", "module": name, "function": said})
    return found


@contextmanager
def _told_when_slow(module: str, tell: Tell) -> Iterator[None]:
    """Tell every so often where the module's import is. Not while it is in C."""

    def late(_: int, frame: FrameType | None) -> None:
        at = next((each for each in walk_stack(frame) if is_own(each[0])), None)
        tell({"say": "slow", "module": module, "where": at and _place(at[0].f_code.co_filename, at[1], None)})

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, SLOW_SECONDS, SLOW_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _why(module: str, error: BaseException) -> str:
    if isinstance(error, (RegistrationError, MissingExtra)):
        return str(error)
    if isinstance(error, SystemExit):
        return f"module {module!r} can't be imported: it calls sys.exit({error.code!r})"
    if isinstance(error, SyntaxError):
        where = _place(error.filename, error.lineno, error.text)
        return f"module {module!r} can't be imported: SyntaxError: {error.msg} ({where})"
    with suppress(Exception):
        where = f" ({_where(error)})" if error.__traceback__ else ""
        return f"module {module!r} can't be imported: {type(error).__name__}: {error}{where}"[:2_000]
    return f"module {module!r} can't be imported: {type(error).__name__}"


def _where(error: BaseException) -> str:
    """The last call in the code of whoever wrote the module; where there is none, the last of all."""
    calls = list(traceback.walk_tb(error.__traceback__))
    frame, number = next((each for each in reversed(calls) if is_own(each[0])), calls[-1])
    return _place(frame.f_code.co_filename, number, linecache.getline(frame.f_code.co_filename, number))


def _place(file: str | None, line: int | None, text: str | None) -> str:
    return f"{file}, line {line}" + (f": {text.strip()[:200]}" if text and text.strip() else "")


def why_not_fork() -> str | None:
    """What in this image would not survive a fork: threads, whose locks would stay taken for ever. None: nothing.

    OpenBLAS ends its threads before a fork and starts them again after it; others that do the same aren't known.
    """
    if sys.platform != "linux":
        return "the system can't fork a process that has libraries of its own running"
    others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if others:
        return f"a module has started the thread {others[0]!r}"
    native = len(os.listdir("/proc/self/task")) - 1
    if native > _openblas_threads():
        return f"a module has started {native} threads of its own"
    return None


def _openblas_threads() -> int:
    maps = Path("/proc/self/maps").read_text()
    return len(set(re.findall(r"\S*openblas\S*", maps))) * max(len(os.sched_getaffinity(0)) - 1, 0)


def generators() -> list[Any]:
    """Random generators that the modules hold: each lane must draw numbers of its own."""
    numpy = sys.modules.get("numpy.random")
    kinds = (random.Random,) if numpy is None else (random.Random, numpy.Generator, numpy.RandomState)
    found = [each for each in gc.get_objects() if isinstance(each, kinds)]
    return found if numpy is None else [*found, numpy.mtrand._rand]


def reseed(found: Sequence[Any]) -> None:
    """Give each of them a state of its own."""
    for each in found:
        with suppress(Exception):  # a generator of somebody's own making
            if isinstance(each, random.Random):
                each.seed()
            elif hasattr(each, "bit_generator"):
                each.bit_generator.state = type(each.bit_generator)().state
            else:
                each.seed()
