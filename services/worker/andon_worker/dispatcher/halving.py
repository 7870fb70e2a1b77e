"""Find the one item whose fault it is, where many are dealt with together and something fails because of the data."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from andon.adapters.cel import TooLong
from andon.adapters.postgres import away as postgres
from andon.adapters.postgres.leadership import NotLeader
from andon.adapters.redis import away as redis

T = TypeVar("T")


def is_nobodys_fault(error: BaseException) -> bool:
    """Whether no item can have caused it: a store is away or not as it must be, or somebody else leads."""
    if isinstance(error, NotLeader) or redis.why_away(error):
        return True
    return postgres.why_away(error) is not None or postgres.is_misfit(error)


def is_too_much(error: BaseException) -> bool:
    """Whether it may help to ask for less at once."""
    why = postgres.why_away(error)
    return isinstance(error, (MemoryError, TooLong)) or (why is not None and why.eased)


def halving(items: Sequence[T], act: Callable[[Sequence[T]], None], alone: Callable[[T, Exception], None]) -> None:
    """`act` on all of them; if that fails because of one, on halves, in order, until `alone` is told which and why.

    `act` must leave nothing behind when it fails. What is nobody's fault, and what was too much, is raised.
    """
    if not items:
        return
    try:
        act(items)
    except Exception as error:
        if is_nobodys_fault(error) or is_too_much(error):
            raise
        if len(items) == 1:
            alone(items[0], error)
            return
        middle = len(items) // 2
        halving(items[:middle], act, alone)
        halving(items[middle:], act, alone)
