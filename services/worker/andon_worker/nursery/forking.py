"""Bring a lane into being."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from andon.engine.declared.functions import Function
from andon_worker.lane.serve import Ends, live
from andon_worker.nursery.importing import reseed

Births = Callable[[Sequence[int]], int]


def forked(functions: dict[str, Function], generators: Sequence[Any]) -> Births:
    """Lanes with the modules loaded: they share this process's memory until they change it."""

    def birth(descriptors: Sequence[int]) -> int:
        parent = os.getpid()
        if (pid := os.fork()) != 0:
            return pid
        _child(lambda: _live(functions, generators, descriptors, parent))

    return birth


def spawned(modules: Sequence[str]) -> Births:
    """Lanes that import the modules themselves."""

    def birth(descriptors: Sequence[int]) -> int:
        parent = os.getpid()
        if (pid := os.fork()) != 0:
            return pid
        _child(lambda: _become(modules, descriptors, parent))

    return birth


def _child(life: Callable[[], None]) -> NoReturn:
    """What a child does must never come back into the nursery's code."""
    code = 1
    try:
        life()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _live(functions: dict[str, Function], generators: Sequence[Any], descriptors: Sequence[int], parent: int) -> None:
    talk, orders, progress, out, err = descriptors
    _redirect(out, err)
    _disconnect(keep={0, 1, 2, talk, orders, progress})
    reseed(generators)
    live(Ends(talk, orders, progress), functions, parent)
    _run_exit_hooks()


def _become(modules: Sequence[str], descriptors: Sequence[int], parent: int) -> None:
    talk, orders, progress, out, err = descriptors
    _redirect(out, err)
    for each in (talk, orders, progress):
        os.set_inheritable(each, True)
    words = [str(each) for each in (talk, orders, progress, parent)]
    os.execv(sys.executable, [sys.executable, "-m", "andon_worker.lane", *words, *modules])


def _redirect(out: int, err: int) -> None:
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.close(out)
    os.close(err)


def _disconnect(keep: set[int]) -> None:
    """Put a closed connection in the place of each that the modules have opened: two processes must not share one.

    Their own use of it fails with a clear error, where a shared one would mix up what two tenants say.
    """
    dead = None
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor in keep:
            continue
        with suppress(OSError):
            kind = os.readlink(f"/proc/self/fd/{name}")
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode) or "eventpoll" in kind:
                dead = _closed() if dead is None else dead
                os.dup2(dead, descriptor, inheritable=False)
    if dead is not None:
        os.close(dead)


def _closed() -> int:
    import socket

    ours, theirs = socket.socketpair()
    theirs.close()
    return ours.detach()


def _run_exit_hooks() -> None:
    """A lane that is let go in peace says goodbye as a program does: coverage and the like are written."""
    import atexit

    atexit._run_exitfuncs()
