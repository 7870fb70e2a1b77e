"""One at a time of each tenant: for what keeps the interpreter to itself."""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import request

from andon_api.http.problems import Problem
from andon_api.principal import principal
from andon_api.services import services
from andon_api.share import Share

LARGE_BYTES = 1 << 20
"""Of a body of JSON. What it is as Python objects is up to thirty times as much."""
P = ParamSpec("P")
T = TypeVar("T")


class OneEach:
    """The places of one process, `most` in all."""

    def __init__(self, *, most: float = math.inf, patience: float = 3.0) -> None:
        self._patience = patience
        self._changed = threading.Condition()
        self._share = Share(most, 1)

    @contextmanager
    def place(self, tenant: str) -> Iterator[None]:
        """The tenant's; a 503 `Problem` where there is none in some seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._share.take(tenant), self._patience):
                raise Problem(503, "Other large requests are at work; try again.", headers={"Retry-After": "2"})
        try:
            yield
        finally:
            with self._changed:
                self._share.give(tenant)
                self._changed.notify_all()


def one_large_each(view: Callable[P, T]) -> Callable[P, T]:
    """Make a view that is at work on one large body at a time of each tenant, and on few of all."""

    @wraps(view)
    def within(*args: P.args, **kwargs: P.kwargs) -> T:
        size = request.content_length  # a body that is refused by its headers is never asked for
        if (len(request.get_data()) if size is None else size) <= LARGE_BYTES:
            return view(*args, **kwargs)
        with services().large.place(principal().tenant):
            return view(*args, **kwargs)

    return within
