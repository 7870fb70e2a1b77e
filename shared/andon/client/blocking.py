"""The verbs of `AsyncAndon` as `Andon` has them: the same coroutines, over a wire that never hands back."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

Calls = TypeVar("Calls")
Given = ParamSpec("Given")
T = TypeVar("T")


class Blocking(Generic[Calls]):
    """Some calls of a client whose wire is a `BlockingWire`."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns that nothing makes wait, so that no event loop is needed, nor disturbed."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    coroutine.close()
    raise RuntimeError("a blocking call was handed to an event loop")


def blocking(
    call: Callable[Concatenate[Calls, Given], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Blocking[Calls], Given], T]:
    """The same call, which returns what the other is awaited for."""

    @wraps(call)
    def blocked(self: Blocking[Calls], /, *args: Given.args, **named: Given.kwargs) -> T:
        return run(call(self._calls, *args, **named))

    return blocked


def iterating(
    call: Callable[Concatenate[Calls, Given], AsyncIterator[T]],
) -> Callable[Concatenate[Blocking[Calls], Given], Iterator[T]]:
    """The same call, for `for` instead of `async for`."""

    @wraps(call)
    def iterated(self: Blocking[Calls], /, *args: Given.args, **named: Given.kwargs) -> Iterator[T]:
        return each(call(self._calls, *args, **named))

    signature = inspect.signature(call)
    returned = str(signature.return_annotation).removeprefix("Async")
    iterated.__signature__ = signature.replace(return_annotation=returned)  # type: ignore[attr-defined]
    return iterated


def each(found: AsyncIterator[T]) -> Iterator[T]:
    """What `found` yields. Who stops half-way closes what it has open."""
    try:
        while True:
            try:
                one = run(_next(found))
            except StopAsyncIteration:
                return
            yield one
    finally:
        if isinstance(found, AsyncGenerator):
            run(_close(found))


async def _next(found: AsyncIterator[T]) -> T:
    return await anext(found)


async def _close(found: AsyncGenerator[T]) -> None:
    await found.aclose()
