"""Where an exception came from, so that its reader finds the line of his own: frames as data, and the usual text."""

import os
import re
import sys
import sysconfig
import threading
import traceback
from functools import cache
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

MAX_TRACEBACK = 8_000
MOST_FRAMES = 40
LONGEST_LINE = 200
MOST_CAUSES = 5
MOST_THREADS = 5
ENGINE = ("andon", "andon_worker.lane", "andon_worker.nursery", "andon_worker.supervisor")


def text_of(error: BaseException) -> str:
    """The traceback as Python prints it, its beginning cut off where it is long."""
    return "".join(traceback.format_exception(error))[-MAX_TRACEBACK:]


def frames_of(error: BaseException) -> list[dict[str, Any]]:
    """The newest calls, the oldest of them first: `file`, `line`, `function`, `source`, and whether it is the `own`
    code of whoever wrote the function, and not the engine's or a library's.
    """
    told = [_call(*each) for each in list(traceback.walk_tb(error.__traceback__))[-MOST_FRAMES:]]
    if not any(each["own"] for each in told):  # a library's function is the step: then it is called here
        callers = (_call(*each) for each in islice(traceback.walk_stack(None), MOST_FRAMES))
        told[:0] = [each for each in callers if each["own"]][:1]
    return told


def frames_of_crash(printed: str) -> list[dict[str, Any]]:
    """The same of a process that died in C, by what `faulthandler` has printed; empty if it hasn't."""
    _, fatal, dump = printed.rpartition("Fatal Python error: ")
    calls = re.findall(r'^  File "(.+)", line (\d+) in (.+)$', dump, re.MULTILINE) if fatal else []
    return [_told(file, int(line), name, own=_is_outside(file)) for file, line, name in reversed(calls)][-MOST_FRAMES:]


def causes_of(error: BaseException) -> list[dict[str, str]]:
    """What it came of, from the newest on: `type`, `message`, and `at`, the last call in one's own code. What only says
    again what the error says is left out.
    """
    found: list[dict[str, str]] = []
    told, seen, left = str(error), {id(error)}, _behind(error)
    while left and len(found) < MOST_CAUSES:
        cause = left.pop(0)
        if id(cause) in seen or not isinstance(cause, Exception):
            continue
        seen.add(id(cause))
        left = [*_behind(cause), *left]
        said = str(cause)
        if len(said) > 4 and said in told:  # a shorter one may be in any text
            continue
        own = [each for each in (_call(*call) for call in traceback.walk_tb(cause.__traceback__)) if each["own"]]
        told += said
        found.append({"type": type(cause).__name__, "message": said[:500], "at": _place(own[-1]) if own else ""})
    return found


def threads_at() -> list[dict[str, str]]:
    """Where the other threads of whoever wrote the function are now: `name`, and `at`, the last call in his code."""
    names = {each.ident: each.name for each in threading.enumerate() if each is not threading.current_thread()}
    found = []
    for ident, frame in sys._current_frames().items():
        own = next((each for each in traceback.walk_stack(frame) if is_own(each[0])), None)
        if ident in names and own is not None:
            found.append({"name": names[ident], "at": _place(_call(*own))})
    return sorted(found, key=lambda each: each["name"])[:MOST_THREADS]


def _place(call: dict[str, Any]) -> str:
    return f"{call['file']}:{call['line']} in {call['function']}: {call['source']}"


def _behind(error: BaseException) -> list[BaseException]:
    """A group's members, or what an error was raised from, or while."""
    if isinstance(error, BaseExceptionGroup):
        return list(error.exceptions)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return [] if cause is None else [cause]


def _call(frame: FrameType, number: int) -> dict[str, Any]:
    return _told(frame.f_code.co_filename, number, frame.f_code.co_name, own=is_own(frame))


def _told(file: str, line: int, function: str, *, own: bool) -> dict[str, Any]:
    [summary] = traceback.StackSummary.from_list([(file, line, function, None)])
    source = (summary.line or "")[:LONGEST_LINE]
    return {"file": _shown(file), "line": line, "function": function, "source": source, "own": own}


def is_own(frame: FrameType) -> bool:
    """Whether it is the code of whoever wrote the function."""
    module, file = str(frame.f_globals.get("__name__") or ""), frame.f_code.co_filename
    if module == "__main__" and "andon_worker" in Path(file).parent.parts[-2:]:  # a process of ours, not a module
        return False
    if any(module == each or module.startswith(each + ".") for each in ENGINE):
        return False
    return _is_no_library(file)


def _is_outside(file: str) -> bool:
    """The same of a file of which no more is known."""
    ours = str(Path(__file__).parents[1]) + os.sep
    return _is_no_library(file) and not file.startswith(ours) and f"{os.sep}andon_worker{os.sep}" not in file


def _is_no_library(file: str) -> bool:
    return not file.startswith(("<", *_libraries())) and f"{os.sep}site-packages{os.sep}" not in file


@cache
def _libraries() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple({paths[name] + os.sep for name in ("stdlib", "platstdlib", "purelib", "platlib")})


def _shown(file: str) -> str:
    """As it is imported: below the folder that it was found through."""
    roots = [each + os.sep for each in (*sys.path, os.getcwd()) if each and file.startswith(each + os.sep)]
    return file[len(max(roots, key=len)) :] if roots else file
