"""`AsyncStep`: what a handler that is an `async def` is given."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVarTuple, overload

from andon.engine.artifacts import Artifact
from andon.engine.declared.functions import Function
from andon.engine.declared.waits import Wait
from andon.engine.errors import NonRetriable
from andon.engine.events import Event
from andon.engine.steps.invoking import ABANDON, CANCEL, Child
from andon.engine.steps.results import Result
from andon.engine.steps.sleeps import bounded, in_utc
from andon.engine.steps.step import AsyncBody, Step
from andon.engine.steps.waiting import RUN
from andon.engine.stops import Place

P = ParamSpec("P")
Args = TypeVarTuple("Args")


class AsyncStep(Step):
    """`Step` for a handler that is an `async def`: its durable calls are awaited."""

    @overload  # type: ignore[override]
    async def run(self, id: str, fn: AsyncBody[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> Result: ...

    @overload
    async def run(self, id: str, fn: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> Result: ...

    @overload
    async def run(
        self,
        id: str,
        fn: Callable[[*Args], Coroutine[Any, Any, Result]],
        /,
        *args: *Args,
        retries: int | None = None,
        timeout: float | None = None,
        grace: float | None = None,
    ) -> Result: ...

    @overload
    async def run(
        self,
        id: str,
        fn: Callable[[*Args], Result],
        /,
        *args: *Args,
        retries: int | None = None,
        timeout: float | None = None,
        grace: float | None = None,
    ) -> Result: ...

    async def run(  # type: ignore[misc]
        self,
        id: str,
        fn: Callable[..., Any],
        /,
        *args: Any,
        retries: int | None = None,
        timeout: float | None = None,
        grace: float | None = None,
        **kwargs: Any,
    ) -> Any:
        """As `Step.run`."""
        return await self._run(id, partial(fn, *args, **kwargs), fn, retries, timeout, grace)

    async def transaction(  # type: ignore[override]
        self, id: str, fn: Callable[Concatenate[Any, P], Result], /, *args: P.args, **kwargs: P.kwargs
    ) -> Result:
        """As `Step.transaction`; `fn` is a plain function."""
        return await self._transact(id, fn, partial(fn, *args, **kwargs))  # type: ignore[no-any-return]

    def artifact(  # type: ignore[override]
        self, path: str | os.PathLike[str], name: str | None = None, media_type: str | None = None
    ) -> Awaitable[Artifact]:
        """As `Step.artifact`; in a step's function there is nothing left to await."""
        if self._storing is not None:
            return super().artifact(path, name, media_type)
        return self._awaited_artifact(path, name, media_type)

    async def _awaited_artifact(self, path: object, name: object, media_type: object) -> Artifact:
        return Artifact(await self._artifact(path, name, media_type))

    async def sleep(self, id: str, seconds: float) -> None:  # type: ignore[override]
        """As `Step.sleep`."""
        await self._sleep(id, seconds=bounded(f"step {id!r} sleeps for", seconds), until=None)

    async def sleep_until(self, id: str, when: dt.datetime) -> None:  # type: ignore[override]
        """As `Step.sleep_until`."""
        await self._sleep(id, seconds=None, until=in_utc(id, when))

    async def send_event(self, id: str, /, *events: Event) -> list[str]:  # type: ignore[override]
        """As `Step.send_event`."""
        return await self._send(id, events)  # type: ignore[no-any-return]

    def parallel(self, id: str, *branches: Any, **options: Any) -> NoReturn:
        """Not here: an `async def` handler awaits several things in one step, by `asyncio.gather`."""
        raise NonRetriable(f"step {id!r}: step.parallel and step.map are for handlers that aren't async")

    map = parallel

    async def wait_for_event(  # type: ignore[override]
        self,
        id: str,
        event: str,
        /,
        *,
        match: str | None = None,
        if_: str | None = None,
        timeout: float | None = None,
        since: str = RUN,
    ) -> Event | None:
        """As `Step.wait_for_event`."""
        return (await self._wait(id, [Wait(event, match, if_)], timeout, since))[1]

    async def wait_for_any(  # type: ignore[override]
        self, id: str, waits: Sequence[Wait], /, *, timeout: float | None = None, since: str = RUN
    ) -> tuple[int | None, Event | None]:
        """As `Step.wait_for_any`."""
        return await self._wait(id, waits, timeout, since)

    async def invoke(
        self,
        id: str,
        function: Function | str,
        data: Mapping[str, Any] | None = None,
        /,
        *,
        timeout: float | None = None,
        on_cancel: str = CANCEL,
        on_failure: str = ABANDON,
        on_timeout: str = CANCEL,
    ) -> Any:
        """As `Step.invoke`."""
        options = {"on_cancel": on_cancel, "on_failure": on_failure}
        return await self._invoke(id, function, data, timeout, on_timeout, options)

    async def start(  # type: ignore[override]
        self,
        id: str,
        function: Function | str,
        data: Mapping[str, Any] | None = None,
        /,
        *,
        on_cancel: str = CANCEL,
        on_failure: str = ABANDON,
    ) -> Child:
        """As `Step.start`."""
        return await self._start(id, function, data, {"on_cancel": on_cancel, "on_failure": on_failure})

    async def result(self, child: Child, /, *, timeout: float | None = None, on_timeout: str = CANCEL) -> Any:
        """As `Step.result`."""
        return await self._result(child, timeout, on_timeout)

    async def _awaited(self, call: Callable[[], Awaitable[Any]]) -> Any:
        with self._stop.user_code(Place.BODY, asyncio.current_task()):
            return await call()
