"""What a step may return, as a type checker can tell: JSON, since that is what a replay gets back.

A tuple comes back as a list, a key that is no text as one, and a date not at all: these are refused. A dataclass's
or a TypedDict's fields aren't looked into.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, TypeVar, Union

Item = TypeVar("Item", covariant=True)


class JsonList(Protocol[Item]):
    """A list. As a protocol it may be a list of anything narrower, which `list[Json]` may not."""

    def __iter__(self) -> Iterator[Item]: ...

    def append(self, item: Any, /) -> None: ...


Json = Union[None, bool, int, float, str, "JsonList[Json]", Mapping[str, object]]
Result = TypeVar("Result", bound=Json)
