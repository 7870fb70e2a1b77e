"""What the worker and a child say to each other: a pickled call one way, JSON or a pickled error the other.

Results cross as the JSON they are kept as, so that a huge or foreign one ends in the child.
"""

from __future__ import annotations

import json
import pickle
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from andon.engine.errors import NonRetriable, StepError
from andon.engine.memos import encode_result

MAX_TRACEBACK = 8_000


@dataclass(frozen=True)
class Call:
    """A step's function and its arguments; the keys of its log lines, and the span that it is part of."""

    step: str
    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    log_keys: Mapping[str, str] = field(default_factory=dict)
    traceparent: str | None = None


def encode_call(call: Call) -> bytes:
    """The call as bytes; raises `NonRetriable`, naming the step and what can't leave this process."""
    if getattr(call.fn, "__module__", None) == "__main__":
        raise NonRetriable(
            f"step {call.step!r}: isolate=True needs a function of an importable module, not of __main__"
        )
    try:
        return pickle.dumps(call, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        culprit = _unpicklable(call.fn, call.args, call.kwargs)
        raise NonRetriable(
            f"step {call.step!r}: isolate=True runs in a process of its own, and {culprit} can't be sent there: {error}"
        ) from error


def _unpicklable(fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """Which part of a call can't be pickled, in words."""
    parts = [("the function (it must stand at the top of a module)", fn)]
    parts += [(f"argument {number} ({type(value).__name__})", value) for number, value in enumerate(args, 1)]
    parts += [(f"argument {name!r} ({type(value).__name__})", value) for name, value in kwargs.items()]
    for words, value in parts:
        try:
            pickle.dumps(value)
        except Exception:
            return words
    return "the call"


def decode_call(message: bytes) -> Call:
    """In the child: the call. Raises `NonRetriable` when its modules don't load here."""
    try:
        call: Call = pickle.loads(message)
    except Exception as error:
        raise NonRetriable(f"isolate=True: the call can't be loaded in its process: {error!r}") from error
    return call


def encode_value(step: str, value: Any) -> bytes:
    """In the child: a result, which has to be JSON. Raises `InvalidResult` as for a step that runs in the worker."""
    return pickle.dumps((encode_result(step, value), None, "", ""))


def encode_error(error: BaseException) -> bytes:
    """In the child: an error, as itself if that works, with its traceback as text."""
    text = "".join(traceback.format_exception(error))[-MAX_TRACEBACK:]
    words = f"{type(error).__name__}: {error}"
    for parts in (error, (type(error), error.args, vars(error))):
        try:
            pickled = pickle.dumps(parts)
            rebuilt = _rebuild(pickled)
            if type(rebuilt) is type(error) and str(rebuilt) == str(error):
                return pickle.dumps((None, pickled, words, text))
        except Exception:
            continue
    return pickle.dumps((None, None, words, text))


def decode_reply(step: str, message: bytes) -> Any:
    """The value; or raise the error, with the child's traceback as its note."""
    value, pickled, words, text = pickle.loads(message)
    if value is not None:
        return json.loads(value)
    error: BaseException = StepError(words, step=step)
    if pickled is not None:
        try:
            error = _rebuild(pickled)
        except Exception as reason:
            error.add_note(f"Its type can't be loaded here: {reason!r}")
    error.add_note(f"In the process of step {step!r}:\n{text}")
    raise error


def _rebuild(pickled: bytes) -> BaseException:
    """An error as pickled whole; or from its parts, for a class whose `__init__` doesn't take its `args`."""
    found = pickle.loads(pickled)
    if isinstance(found, BaseException):
        return found
    kind, args, attributes = found
    error: BaseException = kind.__new__(kind, *args)
    vars(error).update(attributes)
    return error


__all__ = ["Call", "decode_call", "decode_reply", "encode_call", "encode_error", "encode_value"]
